"""First contact: what two homes must know of each other before they can believe anything, in one signed file each.

An introduction is a note signed by the log key it names, so its writer has that key and a torn or altered file is noticed. Who
the writer is, it cannot prove. Both sides therefore read the fingerprint of the genesis document to each other: it covers all
keys of all, so it is the same on both sides only if nobody stood between them. Trust begins there, and both logs begin with it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from cleanroom_core.audit import canonical
from cleanroom_core.audit.checkpoint import is_origin
from cleanroom_core.audit.genesis import Collaborator, Genesis
from cleanroom_core.audit.note import Note, SigningKey, VerificationKey
from cleanroom_core.errors import CleanRoomError, ExchangeError, InputError
from cleanroom_core.sql.names import checked_name

VERSION = "cleanroom-introduction/1"
INTRODUCTION_LIMIT = 64 * 1024
SPOKEN = 40
"""Hex digits to be read aloud, ten groups of four (160 bits); all 64 belong into the contract's annex."""


@dataclass(frozen=True)
class Introduction:
    """`creates`: this side creates the room, and its `cosign_hours`, `retention_years` and `contract` hold for it."""

    room: str
    organisation: str
    collaborator: Collaborator
    creates: bool = False
    cosign_hours: int = 24
    retention_years: int = 7
    contract: str = ""

    def __post_init__(self) -> None:
        name, alias = self.organisation, self.collaborator.alias
        plain = isinstance(name, str) and 0 < len(name.strip()) == len(name) <= 200 and name.isprintable()
        if not plain or unicodedata.normalize("NFC", name) != name:
            raise InputError("The organisation's name is not 1 to 200 plain letters.", hint="Give it as people write it.")
        if checked_name(self.room, "a room") != self.room or checked_name(alias, "a collaborator") != alias:
            raise InputError(f"{self.room} or {alias} is not in lower case.", hint="Write names in lower case.", code="NAME")
        if not is_origin(self.collaborator.origin) or not isinstance(self.creates, bool) or not isinstance(self.contract, str):
            raise InputError("The introduction does not name a log.", hint="Have it made again.", code="INTRODUCTION")
        if not all(type(number) is int and 0 < number < 10_000 for number in (self.cosign_hours, self.retention_years)):
            raise InputError("Hours and years are whole numbers.", hint="Have it made again.", code="INTRODUCTION")

    def sign(self, key: SigningKey) -> bytes:
        one = self.collaborator
        text = canonical.encode(
            {
                "v": VERSION,
                "room": self.room,
                "organisation": self.organisation,
                "alias": one.alias,
                "log_key": str(one.log_key),
                "cosigner_key": str(one.cosigner_key),
                "next_log_key": one.next_log_key,
                "next_cosigner_key": one.next_cosigner_key,
                "creates": self.creates,
                "cosign_hours": self.cosign_hours,
                "retention_years": self.retention_years,
                "contract": self.contract,
            }
        ).decode()
        return Note(text + "\n", (key.sign(text + "\n"),)).encode()

    @classmethod
    def parse(cls, data: bytes, name: str) -> Introduction:
        """Raises ExchangeError (INTRODUCTION) for a file that is no whole, unaltered introduction; `name` is said."""
        try:
            note = Note.parse(data)
            found = canonical.decode(note.text.removesuffix("\n").encode())
            if found.pop("v") != VERSION:
                raise ValueError("another version")
            one = Collaborator(
                alias=found.pop("alias"),
                log_key=VerificationKey.parse(found.pop("log_key")),
                cosigner_key=VerificationKey.parse(found.pop("cosigner_key")),
                next_log_key=found.pop("next_log_key"),
                next_cosigner_key=found.pop("next_cosigner_key"),
            )
            note.verified((one.log_key,))
            return cls(collaborator=one, **found)
        except (CleanRoomError, ValueError, KeyError, TypeError, AttributeError):
            pass
        raise ExchangeError(
            f"{name} is no introduction, or not as it was written. Nothing was taken over.",
            hint="Ask the other side for the file that `cleanroom exchange introduce` made, and copy it again.",
            code="INTRODUCTION",
        )


def genesis_of(introductions: Iterable[Introduction]) -> Genesis:
    """The one document that follows from these introductions, whoever puts them together. Raises InputError."""
    ordered = sorted(introductions, key=lambda one: (not one.creates, one.collaborator.alias))
    if len({one.room for one in ordered}) > 1:
        names = ", ".join(sorted({one.room for one in ordered}))
        raise InputError(
            f"The introductions are for different rooms: {names}.", hint="Use those of one room.", code="OTHER_ROOM"
        )
    if [one.creates for one in ordered] != [True] + [False] * (len(ordered) - 1):
        raise InputError(
            "Exactly one side creates the room.",
            hint="Agree who does; that one makes its introduction with --creates, the others without.",
            code="INTRODUCTION",
        )
    if len({one.organisation for one in ordered}) != len(ordered):
        raise InputError("Two sides give the same organisation.", hint="Did a file come back to you?", code="INTRODUCTION")
    first = ordered[0]
    return Genesis(
        room=first.room,
        collaborators=tuple(one.collaborator for one in ordered),
        cosign_hours=first.cosign_hours,
        retention_years=first.retention_years,
        contract=first.contract,
    )


def fingerprint(genesis: Genesis) -> str:
    """All 64 digits in groups of four; the first ten groups are read aloud."""
    digest = genesis.digest()
    return " ".join(digest[at : at + 4] for at in range(0, len(digest), 4))


def is_spoken(genesis: Genesis, heard: str) -> bool:
    """Whether what the other side read aloud is this room's fingerprint: the first ten groups at least."""
    digits = "".join(heard.split()).lower()
    return len(digits) >= SPOKEN and genesis.digest().startswith(digits)
