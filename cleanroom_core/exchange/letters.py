"""Write a letter to another home, take one of its letters. Who carries them is `folder`'s and `file`'s affair."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from cleanroom_core.audit.checkpoint import open_checkpoint
from cleanroom_core.audit.genesis import Genesis
from cleanroom_core.audit.update import Update
from cleanroom_core.errors import ExchangeError, IntegrityError
from cleanroom_core.exchange.letter import Letter
from cleanroom_core.exchange.protocol import Home


class Correspondent(Home, Protocol):
    """A home that knows who is in its room, and how much of which log it holds."""

    @property
    def genesis(self) -> Genesis: ...

    def size(self, origin: str | None = None) -> int: ...

    def cosigned(self, origin: str | None = None) -> dict[str, int]: ...


@dataclass(frozen=True)
class Taken:
    """`entries`: how many were new here. `holds`: how many of ours the sender holds. `whole`: it asks for all of them.
    `behind`: the letter ends before what is held here already: an old one, or its sender went back to an old copy.
    `lost`: the sender once countersigned more of our log than it holds now."""

    sender: str
    entries: int
    holds: int
    whole: bool
    behind: bool
    lost: bool


def write_letter(home: Correspondent, receiver: str, since: int, *, whole: bool = False) -> Letter:
    """What `receiver`, who holds `since` entries of this log, is to know. Signs the newest tree where it is not yet signed.

    Raises IntegrityError (LOG_BEHIND) when the receiver holds more of this log than there is here.
    """
    to = home.genesis.by_alias(receiver)
    update = home.update(receiver, since)
    size, passed_on = since, ""
    if update is not None:
        parsed = Update.parse(update)
        size += len(parsed.entries)
        passed_on = sha256(b"".join(parsed.cosigned)).hexdigest() if parsed.cosigned else ""
    return Letter(
        room=home.genesis.room,
        genesis=home.genesis.digest(),
        sender=home.alias,
        receiver=receiver,
        since=since,
        size=size,
        held=home.held(to.origin),
        update=update,
        passed_on=passed_on,
        whole=whole,
    )


def says_the_same(before: Letter | None, now: Letter) -> bool:
    """Whether a receiver who has taken `before`, or will, learns nothing from `now`."""
    if before is None:
        return False
    known = now.update is None or (
        before.update is not None and before.since <= now.since and (before.size, before.passed_on) == (now.size, now.passed_on)
    )
    return known and (before.held, before.whole) == (now.held, now.whole)


def take_letter(home: Correspondent, letter: Letter) -> Taken:
    """Verify a letter and keep what it brings; taking it again changes nothing.

    Raises ExchangeError when it is for another room or home; IntegrityError and EquivocationError as `Home.receive` and
    `Home.acknowledge` do, code NOT_CONSISTENT with a hint to ask for the whole log where that would settle it.
    """
    if letter.genesis != home.genesis.digest():
        raise ExchangeError(
            f"The letter belongs to another room ({letter.room}) than {home.genesis.room} as it was begun here.",
            hint="Choose the file of this room. If the names are the same, compare the rooms' fingerprints aloud.",
            code="OTHER_ROOM",
        )
    sender = home.genesis.by_alias(letter.sender)
    if sender.alias == home.alias:
        raise ExchangeError("The letter is this home's own.", hint="Import the other side's.", code="OWN_LETTER")
    if letter.receiver != home.alias:
        raise ExchangeError(
            f"The letter is for {letter.receiver}, and this is the home of {home.alias}. Nothing of it was taken over.",
            hint=f"Hand it to {letter.receiver}, and ask {letter.sender} for the one that is for {home.alias}.",
            code="OTHER_RECEIVER",
        )
    holds = home.acknowledge(sender.alias, letter.held)
    before = home.size(sender.origin)
    behind = letter.size < before
    if letter.update is not None:
        home.receive(letter.update)
    lost = holds < home.cosigned()[sender.alias]
    return Taken(sender.alias, home.size(sender.origin) - before, holds, letter.whole, behind, lost)


def signed_size(home: Correspondent, letter: Letter) -> int:
    """How many entries of its own log this home has signed for, going by a letter that claims to be its own; 0 without an
    update. Raises IntegrityError when this home's key did not sign it."""
    if letter.update is None:
        return 0
    own = home.genesis.by_alias(home.alias)
    return open_checkpoint(Update.parse(letter.update).checkpoint, own.log_key).checkpoint.size


def wants_whole(refused: IntegrityError, letter: Letter) -> bool:
    """Whether the whole log would settle it: it either proves a fork, or the update was damaged on its way."""
    return refused.code == "NOT_CONSISTENT" and letter.since > 0
