"""The rules a room file keeps beyond its structure; one function per rule, all of them in `CHECKS`.

A rule takes the file and yields problems. It sees well-formed values only (ill-formed ones have been reported and taken out),
so that it reads like what it says. Names compare without case, as Unity Catalog does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from cleanroom_core.errors import Problem
from cleanroom_core.rooms.roomfile_assets import (
    bounds_fit,
    columns_fit,
    labels_are_alike,
    owners_exist,
    people_are_tokens,
    rules_fit,
)
from cleanroom_core.rooms.roomfile_questions import parameters_are_used, requests_fit, templates_fit
from cleanroom_core.rooms.roomfile_schema import place, shown
from cleanroom_core.rooms.roomfile_view import Check, RoomData
from cleanroom_core.rooms.roomfile_yaml import Path


def two_collaborators(room: RoomData) -> Iterator[Problem]:
    """A room needs two; more need further logs, which are not built yet. `both` is a word of output_owner."""
    named = room.written.get("collaborators")
    if not isinstance(named, Mapping):
        return
    path: Path = ("collaborators",)
    if len(named) < 2:
        hint = "Add the other side, as consumer: {organisation: Harbour Bank}."
        yield room.text.problem(path, "A room has two collaborators; here is only one." if named else "No collaborator.", hint)
    elif len(named) > 2:
        hint = "Keep two collaborators."
        yield room.text.problem(path, "Rooms of more than two collaborators are not built yet.", hint, code="NOT_BUILT")
    for alias in named:
        if alias.strip().lower() == "both":
            yield room.text.problem((*path, alias), "No collaborator can be called 'both'.", "Choose another alias.")
    seen: set[str] = set()
    for alias, member in room.section("collaborators"):
        organisation = str(member.get("organisation", "")).strip().casefold()
        if organisation and organisation in seen:
            hint = "Give each side the name of its own organisation."
            yield room.text.problem((*path, alias, "organisation"), "Both collaborators are the same organisation.", hint)
        seen.add(organisation)


def names_differ(room: RoomData) -> Iterator[Problem]:
    """Names that differ by case only are one name everywhere else."""
    paths: list[Path] = [("collaborators",), ("tokens",), ("assets",), ("templates",)]
    paths += [("assets", name, "columns") for name in room.data.get("assets") or {}]
    paths += [("assets", name, "rule", part) for name in room.data.get("assets") or {} for part in ("dimensions", "measures")]
    paths += [("templates", name, "parameters") for name in room.data.get("templates") or {}]
    for path in paths:
        found: Any = room.written
        for part in path:
            found = found.get(part) if isinstance(found, Mapping) else None
        first: dict[str, str] = {}
        for name in found if isinstance(found, Mapping) else ():
            other = first.setdefault(name.strip().lower(), name)
            if other != name:
                message = f"{place(path)}: {shown(other)} and {shown(name)} differ only by case."
                yield room.text.problem((*path, name), message, "Rename one of them.", code="NAME")


def agreement_fits(room: RoomData) -> Iterator[Problem]:
    terms = room.data.get("agreement") or {}
    if terms.get("release_mode") == "private":
        yield room.text.problem(
            ("agreement", "release_mode"),
            "release_mode: private (differential privacy) is not built yet.",
            "Use release_mode: template, which releases exact figures of signed templates.",
            code="NOT_BUILT",
        )
    aliases = room.names("collaborators")
    if aliases is not None and "output_owner" in terms:
        yield from room.unknown(("agreement", "output_owner"), terms["output_owner"], [*sorted(aliases), "both"], "the owner")
    for alias in terms.get("contacts") or {}:
        yield from room.unknown(("agreement", "contacts", alias), alias, aliases, "the collaborator")
    if "ends_on" in terms and _day(terms["ends_on"]) is None:
        yield room.text.problem(
            ("agreement", "ends_on"), "agreement.ends_on is not a day of the calendar.", "Correct the date."
        )


def data_is_named(room: RoomData) -> Iterator[Problem]:
    """A replay has nothing but the file to take tables from; share-safe data is shared as it is, without a row filter."""
    for name, asset in room.section("assets"):
        written = room.written["assets"][name]
        if room.replay and "data" not in written:
            message = f"assets.{name} names no data, and a replay reads nothing else."
            yield room.text.problem(("assets", name), message, "Add data: a CSV or Parquet file, or a Delta folder.")
        if "row_filter" in asset and "columns" not in written and room.replay:
            message = f"assets.{name} has a row filter and no columns: share-safe data is filtered already."
            yield room.text.problem(("assets", name, "row_filter"), message, "Name the columns, or take the filter out.")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


CHECKS: tuple[Check, ...] = (
    two_collaborators,
    names_differ,
    agreement_fits,
    data_is_named,
    owners_exist,
    columns_fit,
    people_are_tokens,
    rules_fit,
    bounds_fit,
    labels_are_alike,
    templates_fit,
    parameters_are_used,
    requests_fit,
)
