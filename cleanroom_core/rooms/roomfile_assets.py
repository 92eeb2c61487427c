"""Rules of a room file about assets: owners, shared columns, analysis rules, bounds and labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from cleanroom_core.errors import InputError, Problem
from cleanroom_core.rooms.roomfile_schema import place, shown
from cleanroom_core.rooms.roomfile_view import RoomData
from cleanroom_core.rooms.roomfile_yaml import Path
from cleanroom_core.sql.types import SqlType

_KIND = {bool: "true/false", int: "whole number", str: "text"}


def owners_exist(room: RoomData) -> Iterator[Problem]:
    for name, asset in room.section("assets"):
        if "owner" in asset:
            yield from room.unknown(("assets", name, "owner"), asset["owner"], room.names("collaborators"), "the collaborator")


def columns_fit(room: RoomData) -> Iterator[Problem]:
    """Each column is plain, an expression or a token of an identifier; its token spec is in the file; its types are types."""
    for name, asset in room.section("assets"):
        if "columns" not in room.written["assets"][name] and not room.replay:
            message = f"assets.{name} has no columns: that is for share-safe data, which only cleanroom guard replay accepts."
            yield room.text.problem(("assets", name), message, "Name the columns to share under columns.")
        for column, written in (asset.get("columns") or {}).items():
            path: Path = ("assets", name, "columns", column)
            spec = written or {}
            if "expression" in spec and ("token" in spec or "from" in spec):
                yield room.text.problem(path, f"{place(path)} is an expression or a token, not both.", "Keep one of the two.")
            elif ("token" in spec) != ("from" in spec):
                hint = "Write {token: NAME, from: COLUMN}."
                yield room.text.problem(path, f"{place(path)}: a token needs both token and from.", hint)
            if "token" in spec:
                yield from room.unknown((*path, "token"), spec["token"], room.names("tokens"), "the token spec")
        for column, type_ in (asset.get("types") or {}).items():
            try:
                SqlType.parse(type_)
            except InputError as error:
                yield room.text.problem(("assets", name, "types", column), error.message, error.hint, code=error.code)


def people_are_tokens(room: RoomData) -> Iterator[Problem]:
    """The privacy unit and the join key are shared columns that are tokens: anything else would share an identifier."""
    for name, asset in room.section("assets"):
        for key in ("privacy_unit", "join_key"):
            if (column := (asset.get("rule") or {}).get(key)) is None:
                continue
            path: Path = ("assets", name, "rule", key)
            yield from room.unknown(path, column, room.names("assets", name, "columns"), "the shared column")
            spec = _shared(asset).get(column.strip().lower())
            if spec is not None and "token" not in spec:
                message = f"{place(path)}: the column {shown(column)} is not a token."
                yield room.text.problem(path, message, "Make it one: {token: NAME, from: COLUMN}.")


def rules_fit(room: RoomData) -> Iterator[Problem]:
    """Dimensions, measures, counted columns and the period column are shared columns, and none of them stands for people."""
    for name, asset in room.section("assets"):
        path: Path = ("assets", name, "rule")
        rule, shared = asset.get("rule") or {}, _shared(asset)
        people = {rule[key].strip().lower() for key in ("privacy_unit", "join_key") if key in rule}
        tokens = people | {column for column, spec in shared.items() if "token" in spec}
        used: list[tuple[Path, str, set[str]]] = []
        used += [((*path, "dimensions", column), column, tokens) for column in rule.get("dimensions") or {}]
        used += [((*path, "measures", column), column, tokens) for column in rule.get("measures") or {}]
        used += [((*path, "counted", at), column, people) for at, column in enumerate(rule.get("counted") or ()) if column]
        if "period_column" in rule:
            used.append(((*path, "period_column"), rule["period_column"], tokens))
        dimensions = {column.strip().lower() for column in rule.get("dimensions") or {}}
        for at, column, forbidden in used:
            word = column.strip().lower()
            yield from room.unknown(at, column, room.names("assets", name, "columns"), "the shared column")
            if word in forbidden:
                message = f"{place(at)}: {shown(column)} stands for people and cannot be used like this."
                yield room.text.problem(at, message, "Take it out; the guard counts people itself.")
            elif "measures" in at and word in dimensions:
                message = f"assets.{name}: {shown(column)} is a dimension and a measure at once."
                yield room.text.problem(at, message, "Group by a banded copy of the column instead.")


def _shared(asset: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {column.strip().lower(): spec or {} for column, spec in (asset.get("columns") or {}).items()}


def bounds_fit(room: RoomData) -> Iterator[Problem]:
    for name, asset in room.section("assets"):
        for column, measure in ((asset.get("rule") or {}).get("measures") or {}).items():
            path: Path = ("assets", name, "rule", "measures", column)
            low, high, bands = measure.get("min"), measure.get("max"), measure.get("bands") or []
            if low is not None and high is not None and not low < high:
                yield room.text.problem((*path, "min"), f"{place(path)}: min is not less than max.", "Write min: 0, max: 50.")
            cuts = [cut for cut in bands if cut is not None]
            if [Decimal(cut) for cut in cuts] != sorted({Decimal(cut) for cut in cuts}):
                hint = "Write bands: [0.01, 0.05]."
                yield room.text.problem((*path, "bands"), f"{place(path)}: bands are not in ascending order.", hint)
            elif low is not None and high is not None and any(not low <= cut <= high for cut in cuts):
                hint = "Keep the cut points between min and max."
                yield room.text.problem((*path, "bands"), f"{place(path)}: a band lies outside min and max.", hint)


def labels_are_alike(room: RoomData) -> Iterator[Problem]:
    """Labels of one list are of one type: 5411 and "5411" would be two labels that look like one."""
    lists: list[tuple[Path, Any]] = []
    for name, asset in room.section("assets"):
        for column, spec in ((asset.get("rule") or {}).get("dimensions") or {}).items():
            lists.append((("assets", name, "rule", "dimensions", column, "domain"), (spec or {}).get("domain")))
    for name, template in room.section("templates"):
        for parameter, spec in (template.get("parameters") or {}).items():
            lists.append((("templates", name, "parameters", parameter, "of"), (spec or {}).get("of")))
    for path, labels in lists:
        kinds = {_KIND[type(label)] for label in labels or () if type(label) in _KIND}
        if len(kinds) > 1:
            message = f"{place(path)} mixes {' and '.join(sorted(kinds))}."
            yield room.text.problem(path, message, 'Write all of them alike, as in ["5411", "5812"].')
