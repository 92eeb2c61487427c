"""A release plan as a Databricks source notebook. Pure: the same plan and statements give the same bytes.

A *plan* is JSON without any statement (`stories.release_notebook` writes it), *statements* are SELECTs and views by name. Both
stand in the notebook as text that a reviewer can read: statements one below the other, modules whole. Nothing of the room ever
becomes code: names, labels and SQL are in string literals.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cleanroom_core.notebooks.release.modules import ENTRY, digest, module_texts

FORMAT: Final = 1
FIRST_LINES: Final = "# Databricks notebook source\n# Release plan notebook\n"
BORDER: Final = "\n# COMMAND ----------\n\n"
_NOT_RAW: Final = re.compile(r"'''|^# (?:COMMAND|MAGIC|DBTITLE)", re.MULTILINE)

_ABOUT: Final = """#
# It computes every sheet of one signed release plan, protects the cells, certifies them together, and writes cells, certificate
# and manifest to the output schema of the run. It shows nothing, and no row leaves Spark but as a class without a name.
# Do not edit it: a notebook that was changed is another one. Whoever approves it makes it again from the own copy of the plan
# and compares the bytes (cleanroom notebook release --check), which `cleanroom notebook lint` does for all but the statements.
# CONTENT_HASH: SHA-256 of all below the first COMMAND line. QUERY_HASH: of the statements. PLAN_HASH: of the signed text.
# MODULES: SHA-256 of each module it carries. Needs Python 3.11, numpy 1.25 and Spark 4 (environment_version 4 or newer).

"""
_LOAD: Final = """# The modules, loaded from their texts above and from nowhere else.
import hashlib
import sys
import types

for name, text in TEXTS.items():
    if hashlib.sha256(text.encode()).hexdigest() != MODULES[name]:
        raise RuntimeError(f"The text of {name} is not the one named in the header.")
    for at, character in enumerate(name):
        if character == "." and name[:at] not in sys.modules:
            sys.modules[name[:at]] = types.ModuleType(name[:at])
    sys.modules[name] = types.ModuleType(name)
    exec(compile(text, f"<{name}>", "exec", dont_inherit=True), sys.modules[name].__dict__)
"""
_RUN: Final = f"""# The one step that reads tables. Its parameters are two texts, which the clean room gives to every run.
import json

sys.modules[{ENTRY!r}].release(
    spark,
    str(dbutils.widgets.get("cr_output_catalog")),
    str(dbutils.widgets.get("cr_output_schema")),
    json.loads(PLAN),
    STATEMENTS,
    {{"query_hash": QUERY_HASH, "content_hash": CONTENT_HASH, "modules": MODULES}},
)
"""


def notebook_text(plan: Mapping[str, Any], statements: Mapping[str, str]) -> str:
    """The notebook's source text. `plan["plan"]`: the hash of the signed text."""
    body = BORDER.join(_cells(plan, statements))
    header = [
        f"PLAN_HASH = {_literal(plan['plan'])}\n",
        f"QUERY_HASH = {_literal(query_hash(statements))}\n",
        f"CONTENT_HASH = {_literal(content_hash(body))}\n",
        _mapping("MODULES", {name: digest(text) for name, text in module_texts().items()}, raw=False),
    ]
    return f"{FIRST_LINES}{_ABOUT}{''.join(header)}{BORDER}{body}"


def query_hash(statements: Mapping[str, str]) -> str:
    """SHA-256 over name and text of every statement, in the order in which they run."""
    return hashlib.sha256("".join(f"{name}\0{text}\0" for name, text in statements.items()).encode()).hexdigest()


def content_hash(body: str) -> str:
    """SHA-256 over all below the first COMMAND line and the empty line after it."""
    return hashlib.sha256(body.encode()).hexdigest()


def _cells(plan: Mapping[str, Any], statements: Mapping[str, str]) -> Sequence[str]:
    return [
        "# What is asked, as the guard wrote it: views of the tables, cells, and classes of rows for the certification.\n"
        + _mapping("STATEMENTS", statements),
        "# The shape of what comes back, the thresholds, and how classes are read.\n"
        f"PLAN = {_literal(json.dumps(plan, ensure_ascii=False, indent=1, sort_keys=True))}\n",
        "# The modules that protect and certify.\nTEXTS = {}\n",
        *(f"TEXTS[{_literal(name)}] = {_literal(text)}\n" for name, text in module_texts().items()),
        _LOAD,
        _RUN,
    ]


def _mapping(name: str, content: Mapping[str, str], *, raw: bool = True) -> str:
    lines = "".join(f"    {_literal(key)}: {_literal(value, raw=raw)},\n" for key, value in content.items())
    return f"{name} = {{\n{lines}}}\n"


def _literal(text: str, *, raw: bool = True) -> str:
    """A string literal whose value is the text: over several lines where a reader sees it as it is, else with escapes."""
    if not all(
        line.isprintable() for line in text.split("\n")
    ):  # control characters, and those that turn the reading direction
        return ascii(text)
    if raw and "\n" in text and not _NOT_RAW.search(text) and text[-1] not in "'\\":
        return f"r'''{text}'''"
    return json.dumps(text, ensure_ascii=False)
