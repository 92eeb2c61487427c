"""Rules of a room file about questions: templates with their parameters, and the requests to play."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cleanroom_core.errors import Problem
from cleanroom_core.rooms.roomfile_schema import did_you_mean, place, shown
from cleanroom_core.rooms.roomfile_view import RoomData
from cleanroom_core.rooms.roomfile_yaml import Path

# Everything in SQL in which a colon means nothing (texts, quoted names, comments, a cast), or a parameter. What is opened and
# never closed runs to the end, and nothing is tried twice, so that a hostile text takes no longer than an honest one.
_PARAMETER = re.compile(
    r"""'(?:[^'\\]|\\.?)*+(?:'|\Z) | "(?:[^"\\]|\\.?)*+(?:"|\Z) | `[^`]*+(?:`|\Z) | --[^\n]*+ | /\*.*?(?:\*/|\Z) | ::
      | (?<![\w\])`]):(?P<name>[A-Za-z_]\w*+)""",
    re.DOTALL | re.VERBOSE,
)


def templates_fit(room: RoomData) -> Iterator[Problem]:
    purposes = (room.data.get("agreement") or {}).get("purposes")
    for name, template in room.section("templates"):
        path: Path = ("templates", name)
        if "receiver" in template:
            yield from room.unknown((*path, "receiver"), template["receiver"], room.names("collaborators"), "the collaborator")
        if "purpose" in template and purposes and None not in purposes and template["purpose"] not in purposes:
            message = f"{place((*path, 'purpose'))}: {shown(template['purpose'])} is not a purpose of the agreement."
            yield room.text.problem((*path, "purpose"), message, did_you_mean(template["purpose"], purposes))
        for parameter, spec in (template.get("parameters") or {}).items():
            if spec.get("type", "choice") != "choice":
                message = f"Parameters of type {shown(spec['type'])} are not built yet."
                hint = "Use {type: choice, of: [...]}."
                yield room.text.problem((*path, "parameters", parameter, "type"), message, hint, code="NOT_BUILT")
            elif "of" not in room.written["templates"][name]["parameters"][parameter]:
                hint = "List its values, as {type: choice, of: [0, 1]}."
                yield room.text.problem((*path, "parameters", parameter), f"{place(path)}: {parameter} lists no values.", hint)


def parameters_are_used(room: RoomData) -> Iterator[Problem]:
    """`:name` in the SQL and the declared parameters are the same names."""
    for name, template in room.section("templates"):
        declared = room.names("templates", name, "parameters") or set()
        if "sql" not in template:
            continue
        used = sql_parameters(template["sql"])
        for parameter, (line, column) in used.items():
            if parameter not in declared:
                hint = (
                    did_you_mean(parameter, sorted(declared))
                    if declared
                    else f"Add parameters: {{{parameter}: {{type: choice, of: [...]}}}}."
                )
                message = f"templates.{name}: the SQL uses :{parameter}, which is not declared under parameters."
                yield room.text.problem(("templates", name, "sql"), message, hint, inner_line=line, inner_column=column)
        for parameter in template.get("parameters") or {}:
            if parameter.strip().lower() not in used:
                message = (
                    f"templates.{name}: the parameter {shown(parameter)} is declared, but the SQL never uses :{parameter}."
                )
                yield room.text.problem(
                    ("templates", name, "parameters", parameter),
                    message,
                    f"Write :{parameter} in the SQL, without quotes, or take it out.",
                )


def requests_fit(room: RoomData) -> Iterator[Problem]:
    """A request asks one thing. One that expects to be refused may ask for what does not exist: that is what it is for."""
    for at, request in enumerate(room.data.get("requests") or ()):
        if request is None:
            continue
        path: Path = ("requests", at)
        written = room.written["requests"][at]
        if "by" in request:
            yield from room.unknown((*path, "by"), request["by"], room.names("collaborators"), "the collaborator")
        if ("sql" in written) == ("template" in written):
            hint = "Keep one of the two." if "sql" in written else "Add template: NAME, or sql: SELECT ..."
            yield room.text.problem(path, f"{place(path)} needs either a template or sql.", hint)
        elif "sql" in written and request.get("parameters"):
            message = f"{place(path)}: parameters belong to a template, not to sql."
            yield room.text.problem((*path, "parameters"), message, "Write the value into the SQL, or name a template.")
        elif "template" in request and request.get("expect") in ("released", "suppressed"):
            yield from _answerable(room, path, request)


def _answerable(room: RoomData, path: Path, request: Mapping[str, Any]) -> Iterator[Problem]:
    """A template of this name is there, each of its parameters has a value, and the value is one of those listed."""
    word = request["template"].strip().lower()
    yield from room.unknown((*path, "template"), request["template"], room.names("templates") or set(), "the template")
    written = next((name for name in room.written.get("templates") or {} if name.strip().lower() == word), None)
    if written is None or not isinstance(room.written["templates"][written], Mapping):
        return
    declared = room.names("templates", written, "parameters") or set()
    given = room.names("requests", path[1], "parameters") or set()
    for name in sorted(declared - given):
        hint = "Name a value for each parameter of the template."
        yield room.text.problem(path, f"{place(path)}: a value for the parameter {name!r} is missing.", hint)
    specs = (room.data["templates"].get(written) or {}).get("parameters") or {}
    values = {
        name.strip().lower(): spec.get("of") or [] for name, spec in specs.items() if spec.get("type", "choice") == "choice"
    }
    for name, value in (request.get("parameters") or {}).items():
        inner: Path = (*path, "parameters", name)
        allowed = values.get(name.strip().lower(), [])
        if name.strip().lower() not in declared:
            hint = did_you_mean(name, sorted(declared)) if declared else "Leave it out."
            yield room.text.problem(inner, f"{place(path)}: the template has no parameter {name!r}.", hint)
        elif allowed and None not in allowed and not any(type(value) is type(each) and value == each for each in allowed):
            hint = f"Choose one of {', '.join(shown(each) for each in allowed[:12])}."
            yield room.text.problem(inner, f"{place(inner)}: {shown(value)} is not among the parameter's values.", hint)


def sql_parameters(sql: str) -> dict[str, tuple[int, int]]:
    """The named parameters of a text (`:flag`), in lower case, each with line and column of its first use, from 1."""
    found: dict[str, tuple[int, int]] = {}
    for match in _PARAMETER.finditer(sql):
        if (name := match.group("name")) is not None:
            line = sql.count("\n", 0, match.start()) + 1
            found.setdefault(name.lower(), (line, match.start() - sql.rfind("\n", 0, match.start())))
    return found
