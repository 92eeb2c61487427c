"""Letters as people carry them in the wizard: one downloaded for the other side, one of theirs uploaded. The command line does
the same with files (`exchange.file`)."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.errors import InputError, IntegrityError
from cleanroom_core.exchange.letter import Letter
from cleanroom_core.exchange.letters import Taken, take_letter, wants_whole, write_letter
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.stories.collaborator import Collaborator


@dataclass(frozen=True)
class Reach:
    """How far this side and another have each other's logs. `unread`: own entries the other has not acknowledged."""

    peer: str
    held: int
    unread: int


def reach(side: Collaborator, user: User) -> tuple[Reach, ...]:
    """Per other side; cheap, and changes nothing."""
    user.require(Permission.ROOM_READ, side.organisation)
    size, cosigned = side.log.size(), side.log.cosigned()
    sizes = {alias: side.log.size(origin) for origin, alias in side.origins.items()}
    return tuple(Reach(peer, sizes[peer], size - cosigned.get(peer, 0)) for peer in side.collaborators if peer != side.alias)


def write_for(side: Collaborator, user: User, peer: str, *, whole: bool = False) -> bytes:
    """What `peer` has not acknowledged, and this side's acknowledgement of theirs; `whole`: everything, when they ask for it.

    Raises InputError for somebody who is no other side, IntegrityError when this home holds less than it once sent."""
    user.require(Permission.ROOM_CONNECT, side.organisation)
    if peer == side.alias or peer not in side.collaborators:
        raise InputError(f"{peer!r} is no other side of this room.", hint="Choose one of the others.", code="COLLABORATOR")
    return write_letter(side.log, peer, 0 if whole else side.log.cosigned()[peer]).encode()


def take_from(side: Collaborator, user: User, name: str, data: bytes) -> Taken:
    """Verify a letter of the other side and take over what it brings. Twice does nothing.

    Raises ExchangeError for what is no whole letter for this home, IntegrityError and EquivocationError for one that does not
    hold; nothing of it was kept then."""
    user.require(Permission.ROOM_CONNECT, side.organisation)
    letter = Letter.parse(data, name)
    try:
        return take_letter(side.log, letter)
    except IntegrityError as refused:
        if not wants_whole(refused, letter):
            raise
        raise IntegrityError(
            refused.message, hint=f"Ask {letter.sender} for a letter with its whole log.", code=refused.code
        ) from None
