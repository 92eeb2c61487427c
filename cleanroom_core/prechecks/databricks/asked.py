"""What the checks are asked about: the room that is to be made or is there, its tables, and who acts."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.prechecks.databricks.region import Place


@dataclass(frozen=True)
class Asked:
    """All of it may be left out; what is left out cannot be told.

    `creator`: this side makes the room. `place`: agreed for it. `tables`: full names of future assets. `principals`: user names
    or application ids that own the room and add assets; empty: whoever is connected. `runners`: those that run notebooks and
    do nothing else; empty: the principals do that too. `clusters`: ids of those that prepare tables. `standards`: compliance
    standards agreed. `partner_identifier`: as the partner sent it. `room_limit`: rooms allowed. `warehouse`: one that may be
    started to look into system tables.
    """

    room: str | None = None
    creator: bool = True
    place: Place | None = None
    tables: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    runners: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    standards: frozenset[str] = frozenset()
    partner_identifier: str | None = None
    room_limit: int | None = None
    collaborators: int = 2
    warehouse: str | None = None
