"""The facts of a side whose home remembers what to look at on Databricks (`prechecks.databricks.remembered`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from cleanroom_core.backends.databricks.facts import connect, gatherers
from cleanroom_core.errors import CleanRoomError, InputError
from cleanroom_core.prechecks import agreement
from cleanroom_core.prechecks.check import Gatherers
from cleanroom_core.prechecks.databricks import OWN, handover
from cleanroom_core.prechecks.databricks.remembered import FILE, PARTNER_FILE, Remembered


def remembered_gatherers(home: Path, clock: Callable[[], datetime]) -> Gatherers:
    """For the checks `OWN` but the agreement's. Connects once, when the first fact is asked for; where that fails, every check
    says so. Looks anew at each call."""

    def look() -> Gatherers:
        now = clock()
        found = Remembered.from_text(_text(home / FILE))
        given = home / PARTNER_FILE
        partner = handover.read(_text(given), now) if given.is_file() else handover.nobody(now)
        return gatherers(connect(found.profile, found.account_profile), found.asked, partner, now)

    made = _once(look)
    return {check.facts: _later(made, check.facts) for check in OWN if check is not agreement.CHECK}


def _later(made: Callable[[], Gatherers], kind: type[Any]) -> Callable[[], Any]:
    def gather() -> Any:
        return made()[kind]()

    return gather


def _once(look: Callable[[], Gatherers]) -> Callable[[], Gatherers]:
    had: list[Gatherers | CleanRoomError] = []

    def made() -> Gatherers:
        if not had:
            try:
                had.append(look())
            except CleanRoomError as error:
                had.append(error)
        if isinstance(had[0], CleanRoomError):
            raise had[0]
        return had[0]

    return made


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(handover.LONGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(f"{path.name} cannot be read: {said}.", hint="Write it anew.", code="REMEMBERED") from None
