"""A room as one file: read it, name every mistake with its line, and make a `RoomDefinition` of it.

    text = room_text(path)
    definition, problems = check_room_text(text, path.parent, today=today)

The definition is there whenever the text is right. Two findings speak of the world and not of the text, and stand beside a
definition: data that is not where the file says (`DATA`), an agreement that is over (`AGREEMENT_ENDED`); an import needs
neither, a rehearsal needs both. What only the data or the guard can tell (types, expressions, verdicts on templates) is found
later, by a story; `problem_at` gives such an error its line in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from cleanroom_core.agreements.terms import AgreementTerms
from cleanroom_core.errors import CleanRoomError, InputError, Problem, RoomFileError
from cleanroom_core.guard.template import Template
from cleanroom_core.policies.policy import Policy
from cleanroom_core.rooms import roomfile_yaml
from cleanroom_core.rooms.definition import Request, RoomDefinition
from cleanroom_core.rooms.roomfile_checks import CHECKS
from cleanroom_core.rooms.roomfile_replay import columns_of_rule, fill_unsigned
from cleanroom_core.rooms.roomfile_schema import structure_problems
from cleanroom_core.rooms.roomfile_view import RoomData
from cleanroom_core.rooms.roomfile_yaml import RoomText, pruned
from cleanroom_core.tokens.spec import TokenSpec

DATA = "DATA"
AGREEMENT_ENDED = "AGREEMENT_ENDED"
MAX_PROBLEMS = 100  # nobody reads more of one file at once
BESIDE_THE_TEXT = frozenset({DATA, AGREEMENT_ENDED})

# Other spellings of the normalisation steps people write; the definition holds ours.
STEP_SPELLINGS = {"trim": "strip", "full_width_digits": "fullwidth_digits", "lowercase": "lower", "ascii_lower": "lower",
                  "uppercase": "upper", "ascii_upper": "upper"}  # fmt: skip


def read_room_file(path: Path, *, today: date | None = None, need_data: bool = True) -> RoomDefinition:
    """Read and check a room file. `today` also refuses an agreement that is over; `need_data=False` is for an import, where
    the other side's data is on another machine.

    Raises RoomFileError with every problem, each with its line.
    """
    definition, problems = check_room_text(room_text(path), path.parent, today=today)
    if not need_data:
        problems = tuple(problem for problem in problems if problem.code != DATA)
    if definition is None or problems:
        raise RoomFileError(problems)
    return definition


def read_replay_room(path: Path) -> RoomDefinition:
    """Read and check a room file that is only played against in memory; an agreement that is over is none's mistake then.

    Raises RoomFileError with every problem, each with its line.
    """
    definition, problems = check_room_text(room_text(path), path.parent, replay=True)
    if definition is None or problems:
        raise RoomFileError(problems)
    return definition


def room_text(path: Path) -> str:
    """The text of a room file. Raises RoomFileError when it cannot be read as UTF-8 text of a sensible size."""
    try:
        if not path.is_file():
            raise RoomFileError(
                [Problem(f"There is no file {(path.name or str(path))!r}.", "Name a room file, such as room.yaml.")]
            )
        with path.open("rb") as file:
            raw = file.read(roomfile_yaml.MAX_BYTES + 1)
    except (OSError, ValueError):
        raise RoomFileError([Problem(f"The file {path.name!r} cannot be read.", "Check its permissions.")]) from None
    if len(raw) > roomfile_yaml.MAX_BYTES:
        raise RoomFileError([Problem("The file is larger than a room file ever is.", "Keep it under 1 MB.", line=1)])
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise RoomFileError([Problem("The file is not UTF-8 text.", "Save it as UTF-8.", line=line)]) from None


def check_room_text(
    text: str, base: Path, *, today: date | None = None, replay: bool = False
) -> tuple[RoomDefinition | None, tuple[Problem, ...]]:
    """Check the text of a room file; `base` is the folder its data paths are relative to. Never raises.

    `replay`: the file is only played against in memory, so that assets may be share-safe data (no columns), each needs its
    data, and what nobody signs may be left out.
    Returns the definition (None when the text has mistakes) and all problems, sorted by line.
    """
    found = roomfile_yaml.read_text(text)
    problems = list(found.problems)
    if found.data is None:
        return None, _sorted(problems)
    if replay:
        fill_unsigned(found.data)
    structural = list(structure_problems(found))
    room = RoomData(found, pruned(found.data, [problem.path for problem in structural]), found.data, replay)
    problems += structural
    for check in CHECKS:
        problems += check(room)
    definition = None
    if not problems:
        definition, problems = _definition(room, base)
    problems += _data_problems(room, base)
    problems += _ended(room, today)
    return definition, _sorted(problems)


def problem_at(text: str, path: tuple[str | int, ...], error: CleanRoomError) -> Problem:
    """An error found later about the thing at `path` (say, `("templates", "segments", "sql")`), with its line in the file.

    `error.line` and `error.column`, where it has them, count within the thing's own text.
    """
    return roomfile_yaml.read_text(text).problem(
        path,
        error.message,
        error.hint,
        code=error.code,
        inner_line=getattr(error, "line", None),
        inner_column=getattr(error, "column", None),
    )


def locate(text: str, path: tuple[str | int, ...], inner_line: int | None = None) -> int:
    """The line of the key at `path` in the text of a room file, or of a line inside its multi-line SQL block."""
    return roomfile_yaml.read_text(text).locate(path, inner_line)


def _sorted(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    found = sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0, problem.message))
    if len(found) > MAX_PROBLEMS:
        last = found[MAX_PROBLEMS]
        more = Problem(f"From here on there are {len(found) - MAX_PROBLEMS} more.", "Correct those above first.", (), last.line)
        found = [*found[:MAX_PROBLEMS], more]
    return tuple(found)


class _Builder:
    """Makes the parts of a definition and turns what their constructors refuse into problems with a line."""

    def __init__(self, text: RoomText) -> None:
        self.text = text
        self.problems: list[Problem] = []

    def make(self, path: tuple[str | int, ...], build: Any, *arguments: Any) -> Any:
        try:
            return build(*arguments)
        except InputError as error:
            self.problems.append(self.text.problem(path, error.message, error.hint, code=error.code))
            return None


def _definition(room: RoomData, base: Path) -> tuple[RoomDefinition | None, list[Problem]]:
    data, builder = room.data, _Builder(room.text)
    terms = {**data["agreement"], "output_owner": _name(data["agreement"].get("output_owner", "both"))}
    terms["contacts"] = {_name(alias): who for alias, who in (terms.get("contacts") or {}).items()}
    agreement = builder.make(("agreement",), AgreementTerms.from_json, terms)
    tokens = {
        _name(name): builder.make(("tokens", name), TokenSpec.from_json, _name(name), _steps(spec))
        for name, spec in data["tokens"].items()
    }
    policies = {
        _name(name): builder.make(("assets", name), Policy.from_json, _policy(name, asset))
        for name, asset in data["assets"].items()
    }
    templates = {
        _name(name): builder.make(("templates", name), Template.from_json, _template(name, template))
        for name, template in (data.get("templates") or {}).items()
    }
    requests = tuple(
        Request(
            by=_name(request["by"]),
            expect=request["expect"],
            template=_name(request["template"]) if "template" in request else None,
            parameters={_name(name): value for name, value in (request.get("parameters") or {}).items()},
            sql=request.get("sql"),
        )
        for request in data.get("requests") or ()
    )
    if builder.problems:
        return None, builder.problems
    return RoomDefinition(
        name=_name(data["room"]),
        collaborators={_name(alias): member["organisation"].strip() for alias, member in data["collaborators"].items()},
        agreement=agreement,
        tokens=tokens,
        policies=policies,
        templates=templates,
        requests=requests,
        data={_name(name): (base / asset["data"]).absolute() for name, asset in data["assets"].items() if "data" in asset},
        engine=data.get("engine", "duckdb"),
        share_safe=frozenset(_name(name) for name, asset in data["assets"].items() if "columns" not in asset),
    ), []


def _name(text: str) -> str:
    """A name as it is compared everywhere; the structure has been checked, so this is all `checked_name` would do."""
    return text.strip().lower()


def _steps(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {**spec, "normalise": [STEP_SPELLINGS.get(step, step) for step in spec.get("normalise") or ()]}


def _policy(name: str, asset: Mapping[str, Any]) -> dict[str, Any]:
    rule = dict(asset["rule"])
    for key in ("privacy_unit", "join_key", "period_column"):
        if key in rule:
            rule[key] = _name(rule[key])
    for key in ("dimensions", "measures"):
        rule[key] = {_name(column): spec for column, spec in (rule.get(key) or {}).items()}
    rule["counted"] = [_name(column) for column in rule.get("counted") or ()]
    columns = {
        _name(column): {**(spec or {}), **({"token": _name(spec["token"])} if spec and "token" in spec else {})}
        for column, spec in (asset.get("columns") or dict.fromkeys(columns_of_rule(rule))).items()
    }
    return {**asset, "asset": _name(name), "owner": _name(asset["owner"]), "columns": columns, "rule": rule}


def _template(name: str, template: Mapping[str, Any]) -> dict[str, Any]:
    parameters = {_name(parameter): spec for parameter, spec in (template.get("parameters") or {}).items()}
    return {**template, "name": _name(name), "receiver": _name(template["receiver"]), "parameters": parameters}


def _data_problems(room: RoomData, base: Path) -> Iterator[Problem]:
    for name, asset in room.section("assets"):
        if "data" in asset and (found := _data_words(base / asset["data"])) is not None:
            message, hint = found
            yield room.text.problem(("assets", name, "data"), f"assets.{name}.data: {message}", hint, code=DATA)


def _data_words(path: Path) -> tuple[str, str] | None:
    """What is wrong with a data path, and what to do; None when there is a table file or a Delta folder."""
    try:
        if path.is_dir():
            if (path / "_delta_log").is_dir():
                return None
            return "this folder is not a Delta table.", "Name the folder that holds _delta_log, or a CSV or Parquet file."
        if path.is_file():
            if path.suffix.lower() in (".csv", ".parquet"):
                return None
            return "this is neither CSV nor Parquet.", "Name a .csv or .parquet file, or the folder of a Delta table."
    except (OSError, ValueError):
        return "this path cannot be looked at.", "Check the path and its permissions."
    return "there is no such file or folder.", "Paths are relative to the room file; put the data there or correct the path."


def _ended(room: RoomData, today: date | None) -> Iterator[Problem]:
    terms = room.data.get("agreement") or {}
    try:
        over = today is not None and "ends_on" in terms and date.fromisoformat(terms["ends_on"]) < today
    except ValueError:  # no day of the calendar, reported already
        over = False
    if over:
        message = "agreement.ends_on is in the past: nothing may run under this agreement."
        yield room.text.problem(("agreement", "ends_on"), message, "Agree on a later end.", code=AGREEMENT_ENDED)
