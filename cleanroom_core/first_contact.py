"""First contact from the wizard: what `party` does, for a person of this home's party who may; files come and go as bytes.

No path is taken from anybody: a directory for the exchange is chosen on the command line (`cleanroom exchange folder`), and a
room file that was uploaded names no data of this machine.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cleanroom_core import party
from cleanroom_core.audit.genesis import Genesis
from cleanroom_core.context import Context
from cleanroom_core.errors import ConflictError, InputError, NotPermittedError, NotReadyError
from cleanroom_core.exchange.introduction import fingerprint
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.rooms.definition import RoomDefinition
from cleanroom_core.rooms.roomfile import check_room_text, read_room_file
from cleanroom_core.rooms.roomfile_write import write_room_file
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.drafts import read_draft

_SPOKEN_GROUPS = 10


@dataclass(frozen=True)
class Fingerprint:
    """`spoken`: the ten groups that are read aloud. `rest`: the six others, for the contract. `compared`: per alias."""

    spoken: str
    rest: str
    compared: Mapping[str, bool]


def is_begun(context: Context, room: str) -> bool:
    return room in context.rooms()


def introduced(context: Context) -> tuple[str, ...]:
    """Rooms this party has introduced itself to, and not met anybody in yet."""
    if context.party is None:
        return ()
    notes = (context.home / "rooms").glob(f"*/{context.party.alias}/introduction.note")
    return tuple(sorted(name for note in notes if not is_begun(context, name := note.parents[1].name)))


def introduce(context: Context, user: User, room: str, *, creates: bool, contract: str = "") -> bytes:
    """This side's introduction to a room, as a file for the other side; public keys only. Saying it again gives the same."""
    _require(context, user)
    return party.introduce(context, room, creates=creates, contract=contract)[1]


def introduction(context: Context, user: User, room: str) -> bytes:
    """The introduction that was made, to be carried once more. Raises NotReadyError when none was."""
    _require(context, user)
    assert context.party is not None  # noqa: S101  `_require` has looked
    path = context.room_home(room) / context.party.alias / "introduction.note"
    if not path.is_file():
        raise NotReadyError(f"This side has not introduced itself to {room}.", hint="Make the introduction first.")
    return path.read_bytes()


def meet(context: Context, user: User, room: str, others: Mapping[str, bytes]) -> Genesis:
    """Begin the room with the introductions of all others; it is there when this returns, and exchanged by hand until a
    directory is chosen."""
    _require(context, user)
    return party.meet(context, room, others)


def fingerprint_of(context: Context, user: User, room: str) -> Fingerprint:
    """What both sides read to each other, and which of them say they have."""
    side = context.reader(room, user)
    groups = fingerprint(side.log.genesis).split()
    compared = party.compared(context, room)
    return Fingerprint(" ".join(groups[:_SPOKEN_GROUPS]), " ".join(groups[_SPOKEN_GROUPS:]), compared)


def confirm(context: Context, user: User, room: str, heard: str) -> None:
    """Record that this person heard the same fingerprint from the other side. Raises IntegrityError when it differs."""
    _require(context, user)
    party.confirm(context, room, heard, user.username)


def room_file_of(side: Collaborator, user: User) -> str:
    """What this side knows of the room, as a room file for the other: the agreement, tokens, templates, its own policies and
    those on record. Names no data. Raises NotReadyError while there is not enough for one."""
    user.require(Permission.ROOM_CONNECT, side.organisation)
    draft, state = read_draft(side), side.state()
    agreed = state.agreement_in_force or state.agreement
    terms = agreed.terms if agreed is not None else draft.agreement
    if terms is None:
        raise NotReadyError("Nothing is agreed or drafted yet.", hint="Draft the agreement first.", code="NO_AGREEMENT")
    plan = state.plan_in_force
    definition = RoomDefinition(
        name=side.room,
        collaborators=side.collaborators,
        agreement=terms,
        tokens={**draft.tokens, **{name: token.spec for name, token in state.tokens.items()}},
        policies={**{known.policy.asset: known.policy for known in state.policies.values()}, **draft.policies},
        templates={**draft.templates, **({} if plan is None else {n: one.template for n, one in plan.text.templates.items()})},
    )
    text = write_room_file(definition)
    if check_room_text(text, Path("/nonexistent"))[0] is None:
        raise NotReadyError(
            "What is drafted does not make a whole room file yet.",
            hint="Draft a policy and a template first.",
            code="ROOM_FILE",
        )
    return text


def take_room_file(context: Context, user: User, name: str, data: bytes, now: datetime) -> str:
    """Take this party's drafts from a room file that the other side sent; returns the room's name. Nothing is signed by it.

    Tables it names are looked for in this side's own inbox under their file names. Raises RoomFileError with every mistake,
    ConflictError when it is about others than were met, or another room than one that has begun here."""
    _require(context, user)
    with tempfile.TemporaryDirectory(prefix="cleanroom-room-file-") as folder:
        path = Path(folder) / "room.yaml"
        path.write_bytes(data)
        found = read_room_file(path, today=now.date(), need_data=False)
        if not is_begun(context, found.name):
            raise ConflictError(
                f"{name} is about the room {found.name}, which has not begun here.",
                hint="Both sides meet in it first; or write the name of a room that has.",
                code="OTHER_ROOM",
            )
        nowhere = Path(folder) / "absent"
        party.prepare_room(context, replace(found, data={asset: nowhere / path.name for asset, path in found.data.items()}))
    return found.name


def _require(context: Context, user: User) -> None:
    """An engineer of the party whose home this is."""
    if context.party is None:
        raise NotPermittedError(
            "This home holds every side of its rooms, and they exchange by themselves.",
            hint="For a home of one party: CLEANROOM_HOME=DIR cleanroom home create --party ALIAS --organisation NAME",
            code="NO_PARTY",
        )
    if not user.organisation:
        raise InputError(f"{user.username} acts for no side.", hint="Ask an engineer of this side.")
    user.require(Permission.ROOM_CONNECT, context.party.organisation)
