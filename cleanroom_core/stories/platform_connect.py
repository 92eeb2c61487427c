"""Where a side's room really is: try both identities, keep their names in this side's own home, take them away again.

Kept are names of profiles and objects (`backends.placed`), never a credential: those are found by the SDK where every tool of
Databricks finds them, in the environment or in ~/.databrickscfg of whoever runs this process. Nothing of it goes into the log,
because it is nobody's affair but this side's.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cleanroom_core.backends.placed import FILE, Placed
from cleanroom_core.errors import CleanRoomError, ConflictError
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.prechecks.databricks import remembered
from cleanroom_core.prechecks.databricks.asked import Asked
from cleanroom_core.prechecks.databricks.remembered import Remembered
from cleanroom_core.stories.collaborator import Collaborator

if TYPE_CHECKING:
    from cleanroom_core.backends.databricks.report import ConnectionReport
    from cleanroom_core.backends.databricks.report_checks import Tried

_OPEN_EFFECTS = ("platform_", "publish")  # a publish too: its table may be there


def connection_of(side: Collaborator) -> Placed | None:
    """What this side's home says; None for a room that is its logs. Signs in nowhere. Raises InputError for a file that is
    none of ours."""
    try:
        return Placed.from_text((side.home / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def try_connection(side: Collaborator, user: User, placed: Placed) -> Tried:
    """Sign in as both identities and ask who they are and what they may do. Changes nothing.

    Raises NotPermittedError where no usable credential is found, UnansweredError where nobody answers."""
    from cleanroom_core.backends.databricks.report_checks import tried

    user.require(Permission.ROOM_CONNECT, side.organisation)
    owner = _report(placed.owner)
    runner = owner if placed.runner == placed.owner else _report(placed.runner)
    return tried(owner, runner, creates=_creates(side))


def connect_there(side: Collaborator, user: User, placed: Placed) -> Tried:
    """Try both identities; when a room can be worked with them, keep `placed` and let the prechecks look at the workspace too.

    Raises InputError (RUN_AS_PERSON, TWO_METASTORES) for identities that cannot be used, ConflictError while something that was
    begun at the platform has no outcome, or once the room was made there under another name."""
    found = try_connection(side, user, placed)
    found.require_usable()
    before = connection_of(side)
    if before is not None and before.room != placed.room and side.state().created is not None:
        raise ConflictError(
            f"This side works in the room {before.room} there already.",
            hint="A room keeps its name. Begin a new room here for another one there.",
            code="ROOM_NAME",
        )
    _require_nothing_open(side)
    _write(side.home / FILE, json.dumps(placed.as_json(), indent=1))
    _write(side.home / remembered.FILE, _looked_at(side, placed).to_text())
    side.platform = None  # opened anew, as the file says, by whoever acts next
    return found


def disconnect(side: Collaborator, user: User) -> None:
    """Forget where the room is: it is its logs again. The platform keeps what is there.

    Raises ConflictError while something that was begun at the platform has no outcome."""
    user.require(Permission.ROOM_CONNECT, side.organisation)
    _require_nothing_open(side)
    for name in (FILE, remembered.FILE):
        (side.home / name).unlink(missing_ok=True)
    side.platform = None


def _report(profile: str) -> ConnectionReport:
    from cleanroom_core.backends.databricks.connection import Connection, open_client
    from cleanroom_core.backends.databricks.report import connection_report

    return connection_report(open_client(Connection(profile=profile, http_seconds=30, retry_seconds=20)))


def _creates(side: Collaborator) -> bool:
    return side.alias == next(iter(side.collaborators))


def _looked_at(side: Collaborator, placed: Placed) -> Remembered:
    """What the prechecks ask, with what else was remembered for them kept as it is."""
    try:
        known = Remembered.from_text((side.home / remembered.FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, CleanRoomError):
        known = Remembered("", "", Asked())
    asked = replace(known.asked, room=placed.room, creator=_creates(side), warehouse=placed.warehouse or None)
    return Remembered(placed.owner, known.account_profile, asked)


def _require_nothing_open(side: Collaborator) -> None:
    if any(intent.action.startswith(_OPEN_EFFECTS) for intent in side.state().open_intents(side.alias)):
        raise ConflictError(
            "Something begun at the platform has no outcome yet, and only this connection can look what became of it.",
            hint="Wait for it; if the wizard was stopped meanwhile, start it again: it looks by itself.",
            code="PLATFORM_OPEN",
        )


def _write(path: Path, text: str) -> None:
    """Whole or not at all, for this user's eyes."""
    temporary = path.with_suffix(".tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
