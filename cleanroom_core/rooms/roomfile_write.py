"""A room definition as the text of a room file, so that a room made in the wizard can be kept, compared and played elsewhere.

Written is the part of YAML that `roomfile_yaml` reads, laid out as a person would: sections as blocks, small things in one
line, SQL as a literal block. Reading the text gives the same definition again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from cleanroom_core.guard.template import Template
from cleanroom_core.policies.policy import Policy
from cleanroom_core.rooms.definition import Request, RoomDefinition

WIDTH = 120
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:[ ./-][A-Za-z0-9_]+)*")
# Words that this or another YAML reader takes for something else than text.
_TAKEN = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


class _AsIs(str):
    """Text that stands in the file without quotes: a number, a date."""


def write_room_file(definition: RoomDefinition, base: Path | None = None) -> str:
    """The text of a room file. Data under `base` is named relative to it, other data by its whole path."""
    agreement = {key: value for key, value in definition.agreement.as_json().items() if value != {}}
    room: dict[str, Any] = {"room": definition.name}
    if definition.engine != "duckdb":
        room["engine"] = definition.engine
    room |= {
        "collaborators": {alias: {"organisation": name} for alias, name in definition.collaborators.items()},
        "agreement": {**agreement, "ends_on": _AsIs(definition.agreement.ends_on.isoformat())},
        "tokens": {name: spec.as_json() for name, spec in definition.tokens.items()},
        "assets": {name: _asset(policy, definition.data.get(name), base) for name, policy in definition.policies.items()},
        "templates": {name: _template(template) for name, template in definition.templates.items()},
        "requests": [_request(request) for request in definition.requests],
    }
    sections = ("\n".join(_entries({key: value}, 0)) for key, value in room.items() if value not in ({}, []))
    return "\n\n".join(sections) + "\n"


def _asset(policy: Policy, data: Path | None, base: Path | None) -> dict[str, Any]:
    found: dict[str, Any] = {"owner": policy.owner}
    if data is not None:
        inside = base is not None and data.is_relative_to(base.absolute())
        found["data"] = (data.relative_to(base.absolute()) if inside and base is not None else data).as_posix()
    if policy.types:
        found["types"] = {name: str(type_).lower() for name, type_ in policy.types.items()}
    if policy.row_filter is not None:
        found["row_filter"] = policy.row_filter
    rule = policy.rule.as_json()
    for measure in rule["measures"].values():
        measure |= {key: _AsIs(Decimal(measure[key])) for key in ("min", "max")}
        if "bands" in measure:
            measure["bands"] = [_AsIs(Decimal(cut)) for cut in measure["bands"]]
    found["columns"] = {name: column.as_json() for name, column in policy.columns.items()}
    found["rule"] = {key: value for key, value in rule.items() if value not in ({}, [])}
    return found


def _template(template: Template) -> dict[str, Any]:
    found = {key: value for key, value in template.as_json().items() if key != "name"}
    return {key: value for key, value in found.items() if value != {}}


def _request(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {} if request.template is None else {"template": request.template}
    if request.parameters:
        found["parameters"] = dict(request.parameters)
    if request.sql is not None:
        found["sql"] = request.sql
    return {**found, "by": request.by, "expect": request.expect}


def _entries(mapping: Mapping[str, Any], depth: int) -> Iterator[str]:
    """The lines of a block mapping; what fits on one line and is not a section stands on one line."""
    pad = "  " * depth
    for key, value in mapping.items():
        line = f"{pad}{_scalar(key)}: {_flow(value)}"
        if isinstance(value, str) and _is_block(value):
            yield f"{pad}{_scalar(key)}: {'|' if value.endswith(chr(10)) else '|-'}"
            yield from (f"{pad}  {row}" if row else "" for row in value.removesuffix("\n").split("\n"))
        elif (_is_small(value, depth) and len(line) <= WIDTH) or not isinstance(value, (Mapping, list)):
            yield line
        elif isinstance(value, Mapping):
            yield f"{pad}{_scalar(key)}:"
            yield from _entries(value, depth + 1)
        else:
            yield f"{pad}{_scalar(key)}:"
            yield from _items(value, depth + 1)


def _items(items: Sequence[Any], depth: int) -> Iterator[str]:
    pad = "  " * depth
    for item in items:
        line = f"{pad}- {_flow(item)}"
        if isinstance(item, Mapping) and (
            len(line) > WIDTH or any(isinstance(part, str) and _is_block(part) for part in item.values())
        ):
            first, *rest = _entries(item, depth + 1)
            yield f"{pad}- {first.lstrip(' ')}"
            yield from rest
        else:
            yield line


def _is_small(value: Any, depth: int) -> bool:
    """Whether a mapping or list reads well in one line: members of a section do, sections and SQL do not."""
    if isinstance(value, Mapping):
        plain = not any(isinstance(part, Mapping) and part for part in value.values())
        return not value or (
            depth > 0 and (plain or depth > 2) and not any(isinstance(x, str) and _is_block(x) for x in value.values())
        )
    return not (isinstance(value, list) and any(isinstance(item, Mapping) for item in value))


def _is_block(text: str) -> bool:
    """Whether a text of several lines can stand as a literal block and be read back as it is."""
    lines = text.removesuffix("\n").split("\n")
    return (
        "\n" in text.strip()
        and not isinstance(text, _AsIs)
        and lines[0][:1] not in ("", " ", "\t")
        and lines[-1].strip() != ""
        and all(line.strip() != "" or line == "" for line in lines)
        and all(line.isprintable() for line in lines)
    )


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(part)}" for key, part in value.items()) + "}"
    return "[" + ", ".join(_flow(item) for item in value) + "]" if isinstance(value, list) else _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, _AsIs) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if _PLAIN.fullmatch(text) and text.lower() not in _TAKEN else json.dumps(text, ensure_ascii=False)
