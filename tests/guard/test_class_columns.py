"""Which classes of a column a person who is in no table could have, as far as everybody may know."""

from __future__ import annotations

from datetime import date

from cleanroom_core.guard.class_columns import KeyUse, Stretch, Uses
from cleanroom_core.sql.types import DATE, Column

MONTHS = (date(2026, 1, 1), date(2026, 2, 1))


def phantoms(known: dict[str, list[date]]) -> list[Stretch]:
    uses = Uses(Column("day", DATE))
    uses.uses[KeyUse("month", MONTHS)] = None
    uses.known = {(start, grid): None for grid, starts in known.items() for start in starts}
    found = uses.classified()
    return [atom for atom, number in found.classes.items() if number in found.phantoms and isinstance(atom, Stretch)]


def test_every_published_month_is_possible() -> None:
    assert [atom.start for atom in phantoms({"month": list(MONTHS)})] == [(MONTHS[0], 0), (MONTHS[1], 0)]


def test_a_month_that_is_not_published_between_two_that_are_is_possible() -> None:
    found = phantoms({"month": [MONTHS[0], date(2026, 4, 1)]})
    assert (date(2026, 3, 1), 0) in [atom.start for atom in found]


def test_a_week_that_begins_in_december_does_not_make_december_possible() -> None:
    found = phantoms({"month": list(MONTHS), "week": [date(2025, 12, 29), date(2026, 1, 5), date(2026, 2, 23)]})
    assert None not in [atom.start for atom in found]
    assert [atom.start for atom in found] == [(MONTHS[0], 0), (MONTHS[1], 0)]


def test_where_nothing_is_published_every_day_is_possible() -> None:
    assert None in [atom.start for atom in phantoms({})]
