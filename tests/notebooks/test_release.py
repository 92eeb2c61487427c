"""The notebook of a release plan as text: the same bytes everywhere, its own modules whole, nothing shown, nothing forged."""

from __future__ import annotations

import ast
import base64
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlfluff.core import Linter

from cleanroom_core.backends.asked import NewNotebook
from cleanroom_core.backends.cells import cells_in, cells_of
from cleanroom_core.backends.seen import OutputTable
from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
from cleanroom_core.engines.duckdb.room import DuckDBRoomEngine
from cleanroom_core.engines.in_room import output_of
from cleanroom_core.engines.protocol import Computed
from cleanroom_core.engines.run_output import RunOutput, Tables, output_columns, read_output
from cleanroom_core.engines.spark.sessions import MEANING
from cleanroom_core.errors import InputError, IntegrityError
from cleanroom_core.guard import judge
from cleanroom_core.guard.world import Period
from cleanroom_core.notebooks.lint import lint
from cleanroom_core.notebooks.release.modules import module_texts
from cleanroom_core.notebooks.release.verify import ReleaseNotebook, verified
from cleanroom_core.notebooks.release.write import BORDER, content_hash, notebook_text, query_hash
from cleanroom_core.notebooks.settings import Settings
from cleanroom_core.simulator.notebook import from_source, to_html
from cleanroom_core.stories.certified import compute_parts
from cleanroom_core.stories.platform_plan import figures_of
from cleanroom_core.stories.release_notebook import release_notebook, runs_once
from tests.engines.awkward_tables import published
from tests.engines.release_notebooks import ACCOUNTS, SALES, TABLES, notebook, parts, plan, world

ROOT = Path(__file__).parents[2]
SEED = bytes(range(32))
FOUR = Settings(minimum=4)


@pytest.fixture(scope="module")
def text() -> str:
    return notebook()


@pytest.fixture(scope="module")
def release(text: str) -> ReleaseNotebook:
    return verified(text)


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Computed:
    folder, judged = tmp_path_factory.mktemp("room"), world()
    tables = published(judged, DuckDBOwnerEngine(folder / "owner"), folder / "share")
    return compute_parts(DuckDBRoomEngine(folder / "room"), parts(judged), [], judged.thresholds, tables, seed=SEED)[0]


@pytest.fixture(scope="module")
def output(computed: Computed, release: ReleaseNotebook) -> Tables:
    told = {"query_hash": release.query_hash, "content_hash": release.content_hash, "modules": {}}
    found = output_of(computed, release.plan, told)
    return {
        "cells": found["cells"],
        "certificate": [(found["certificate"],)],
        "manifest": [(found["manifest"], SEED.hex())],
    }


def test_another_process_writes_the_same_bytes(text: str) -> None:
    asked = "import sys; from tests.engines.release_notebooks import notebook; sys.stdout.buffer.write(notebook().encode())"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert done.stdout == text.encode()


def test_header_names_what_is_below_it(text: str, release: ReleaseNotebook) -> None:
    header, body = text.split(BORDER, 1)
    names: dict[str, object] = {}
    exec(compile(header, "<header>", "exec"), names)  # noqa: S102  constants
    assert text.startswith("# Databricks notebook source\n")
    assert names["CONTENT_HASH"] == content_hash(body) == release.content_hash
    assert names["QUERY_HASH"] == query_hash(release.statements)
    assert names["PLAN_HASH"] == release.plan["plan"]
    assert list(names["MODULES"]) == list(module_texts())  # type: ignore[call-overload]
    assert release.plan["once"] is True, "the sheet of accounts counts people of all times"


def test_modules_are_whole_and_need_what_a_runtime_has() -> None:
    known = set(sys.stdlib_module_names) | {"numpy", "pyarrow", "cleanroom_core", "pyspark"}
    for name, content in module_texts().items():
        assert content == (ROOT / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(content)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            assert {each.split(".")[0] for each in names} <= known, name
    assert "pyspark" not in [each.split(".")[0] for each in module_texts()]


def test_nothing_is_shown_and_no_row_code_is_run(text: str) -> None:
    code = [*text.split(BORDER), *module_texts().values()]
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for cell in code
        for node in ast.walk(ast.parse(cell))
        if isinstance(node, ast.Call)
    }
    assert called.isdisjoint({"print", "display", "show", "toPandas", "collect", "udf", "pandas_udf", "mapInPandas", "foreach"})
    assert "rdd" not in {node.attr for cell in code for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.Attribute)}


def test_modules_load_from_the_notebook_alone(text: str, tmp_path: Path) -> None:
    """In a folder where this package cannot be found, as in a room."""
    cells = text.split(BORDER)
    script = tmp_path / "loaded.py"
    script.write_text("\n".join(cells[:-1]) + "\nprint(sys.modules['cleanroom_core.engines.in_room'].release.__module__)\n")
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    environment = {"PYTHONPATH": packages, "PYTHONSAFEPATH": "1"}
    asked = [sys.executable, "-S", str(script)]  # -S: no .pth files, which would find this very checkout
    done = subprocess.run(asked, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.stderr, done.stdout) == ("", "cleanroom_core.engines.in_room\n")


@pytest.mark.parametrize("name", ["view provider.transaction_signals", "part 2", "classes 0"])
def test_sqlfluff_takes_the_statements(release: ReleaseNotebook, name: str) -> None:
    parsed = Linter(dialect="databricks").parse_string(release.statements[name])
    assert not parsed.violations
    assert parsed.tree is not None
    assert "unparsable" not in parsed.tree.type_set()


def test_cells_are_those_of_an_export(text: str) -> None:
    exported = base64.b64encode(to_html("plan", from_source(text, "PYTHON"), "PYTHON").encode()).decode()
    assert cells_in(exported) == cells_of(text, "PYTHON")
    assert len(cells_of(text, "PYTHON")) == len(text.split(BORDER))


def test_lint_finds_nothing(text: str) -> None:
    assert lint("plan.py", text, FOUR) == ()


def test_lint_compares_the_thresholds_with_the_minimum(text: str) -> None:
    assert {finding.code for finding in lint("plan.py", text, Settings(minimum=5))} == {"COHORT_SMALL"}


@pytest.mark.parametrize(
    ("old", "new"),
    [("count < minimum", "count < 1"), ("PLAN_HASH = ", "PLAN_HASH  = "), ("    spark,\n", "    spark,  # all is well\n")],
    ids=["module", "header", "code"],
)
def test_lint_does_not_believe_a_changed_notebook(text: str, old: str, new: str) -> None:
    assert text.count(old) >= 1
    found = lint("plan.py", text.replace(old, new, 1), FOUR)
    assert [finding.code for finding in found][:1] == ["NOT_READ"]
    assert found[0].message.startswith("This says that it is a release notebook")
    assert sum(finding.code == "NOT_READ" for finding in found) == 3, "nor the code that loads modules"


def test_lint_follows_the_statements(release: ReleaseNotebook) -> None:
    asked = dict(release.statements)
    asked["part 0"] = "SELECT card_token AS k0, COUNT(*) AS n FROM cleanroom_asset_1 GROUP BY card_token"
    asked["part 1"] = "SELECT k0 FROM creator.other.people"
    asked["view more"] = "CREATE VIEW creator.other.v AS SELECT 1 AS x"
    forged = notebook_text(release.plan, asked)
    found = [(finding.code, forged.splitlines()[finding.line - 1][:20]) for finding in lint("plan.py", forged, FOUR)]
    assert ("RAW_IDENTIFIER", '    "part 0": "SELEC') in found
    assert ("NOT_READ", '    "part 1": "SELEC') in found
    assert ("NOT_READ", '    "view more": "CR') in found


@pytest.mark.parametrize(
    "nasty",
    [
        "'''",
        "a\n'''\nb",
        "line\n# COMMAND ----------\n",
        "a\n# MAGIC %sh",
        "end\n\\",
        'end\n"',
        "\u202eright to left\n",
        "\r\n\x00",
    ],
)
def test_texts_of_a_room_are_never_code(release: ReleaseNotebook, nasty: str) -> None:
    asked = {**release.statements, f"part {nasty}": nasty}
    said = {**release.plan, "room": nasty}
    found = notebook_text(said, asked)
    assert len(found.split(BORDER)) == len(release.text.split(BORDER))
    assert "\u202e" not in found
    assert verified(found).statements == asked


def test_what_cannot_be_put_into_a_notebook() -> None:
    with pytest.raises(InputError, match=f"{ACCOUNTS} has no name in the room"):
        release_notebook("room", plan(), world(), {SALES: TABLES[SALES]})
    asset = world().assets[SALES]
    dimension = replace(asset.rule.dimensions["merchant_category_code"], domain=("a", "${env:HOME}"))
    rule = replace(asset.rule, dimensions={**asset.rule.dimensions, "merchant_category_code": dimension})
    odd = replace(world(), assets={**world().assets, SALES: replace(asset, rule=rule)})
    with pytest.raises(InputError, match="a label has"):
        release_notebook("room", plan(), odd, TABLES)


def test_a_plan_of_dated_rows_may_run_in_every_period() -> None:
    dated = replace(world().assets[SALES], rule=replace(world().assets[SALES].rule, period_column="booked_on"))
    judged = replace(world(), assets={**world().assets, SALES: dated}, period=Period(date(2026, 1, 1), date(2026, 2, 1)))
    sheets = {name: judge(each.template, judged).sheets for name, each in plan().templates.items()}
    both, alone = sheets["segments"], sheets["known"]
    assert not runs_once(both, judged)
    assert runs_once([*both, *alone], judged)
    assert runs_once(both, replace(judged, period=None))
    assert runs_once(both, replace(judged, period=Period(None, None)))


def test_output_is_read_as_it_was_computed(computed: Computed, release: ReleaseNotebook, output: Tables) -> None:
    found: RunOutput = read_output(release, {name: [tuple(map(str, row)) for row in rows] for name, rows in output.items()})
    assert [sheet.cells for sheet in found.sheets] == list(computed.cells)
    assert [sheet.withheld for sheet in found.sheets] == [len(part) for part in computed.withheld]
    assert (found.certificate, found.seed) == (computed.certificate, SEED)
    assert [(sheet.template, sheet.part) for sheet in found.sheets][:3] == [("bands", 0), ("known", 0), ("months", 0)]


def test_output_lies_in_quarantine_as_text_in_any_order_of_columns(computed: Computed, text: str, output: Tables) -> None:
    def table(name: str) -> OutputTable:
        columns, rows = output_columns()[name][::-1], output[name]
        return OutputTable(name, tuple((each, "string") for each in columns), tuple(tuple(map(str, row[::-1])) for row in rows))

    book, kept = NewNotebook("plan", text, ("provider",)), [table(name) for name in output]
    assert [sheet.cells for sheet in figures_of(book, kept).sheets] == list(computed.cells)
    with pytest.raises(IntegrityError, match="other tables"):
        figures_of(book, kept[1:])
    with pytest.raises(IntegrityError, match="other columns"):
        figures_of(book, [replace(kept[0], columns=(("x", "string"),) * 3), *kept[1:]])


def test_sheets_of_another_custodian_are_taken_to_be_out() -> None:
    asked = plan()
    templates = {**asked.templates, "months": replace(asked.templates["months"], custodian="consumer")}
    found = verified(release_notebook("two banks", replace(asked, templates=templates), world(), TABLES, "consumer"))
    assert {sheet["template"] for sheet in found.plan["sheets"]} == {"months"}
    assert [name for name in found.statements if name.startswith("assumed")] == ["assumed 0", "assumed 1", "assumed 2"]
    assert [each["sql"] for each in found.plan["job"]["assumed"]] == ["assumed 0", "assumed 1", "assumed 2"]
    assert lint("plan.py", found.text, FOUR) == ()


@pytest.mark.parametrize("what", ["row gone", "row changed", "row twice", "certificate", "nothing", "other notebook"])
def test_output_that_was_changed_is_refused(release: ReleaseNotebook, output: Tables, what: str) -> None:
    cells = [tuple(row) for row in output["cells"]]
    changed: dict[str, object] = {
        "row gone": {**output, "cells": cells[1:]},
        "row changed": {**output, "cells": [(0, 0, cells[0][2].replace('"rows":', '"rows":1')), *cells[1:]]},
        "row twice": {**output, "cells": [*cells, cells[0]]},
        "certificate": {**output, "certificate": [('{"certified":true}',)]},
        "nothing": {"cells": [], "certificate": [], "manifest": []},
        "other notebook": output,
    }
    asked = {**release.statements, "part 0": "SELECT 1 AS n"}
    other = verified(notebook_text(release.plan, asked)) if what == "other notebook" else release
    with pytest.raises(IntegrityError) as refused:
        read_output(other, changed[what])  # type: ignore[arg-type]
    assert refused.value.code == "RUN_OUTPUT"


def test_settings_are_those_of_every_session_of_ours() -> None:
    from cleanroom_core.engines import in_room

    assert in_room._SETTINGS == MEANING
