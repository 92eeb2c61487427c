"""A letter: everything one home has to tell another, in one piece of bytes that a folder, a file or a wire can carry.

    cleanroom-letter/1\\n
    <length of the rest in decimal> <SHA-256 of the rest in hex>\\n
    <header: canonical JSON>\\n
    <update: the bytes of `audit.update`, or nothing>

The header names room, sender and receiver and brings the newest checkpoint the sender keeps of the receiver's log, with the
sender's cosignature; the update brings what the receiver does not yet hold of the sender's. The digest tells a torn file from a
whole one. It proves nothing: what is believed is signed inside and verified by the home that takes the letter. One letter is
enough by itself, so a lost, doubled or overtaken one changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from cleanroom_core.audit import canonical
from cleanroom_core.audit.update import UPDATE_LIMIT
from cleanroom_core.errors import CleanRoomError, ExchangeError

MAGIC = b"cleanroom-letter/1\n"
HEADER_LIMIT = 1024 * 1024
LETTER_LIMIT = UPDATE_LIMIT + 2 * HEADER_LIMIT

_SECOND = re.compile(rb"(0|[1-9][0-9]{0,11}) ([0-9a-f]{64})\n")
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:-]{0,99}")
_HEX = re.compile(r"[0-9a-f]{64}")
_FIELDS = frozenset({"room", "genesis", "sender", "receiver", "since", "size", "passed_on", "whole", "held"})


@dataclass(frozen=True)
class Letter:
    """`genesis`: digest of the room's genesis document. `held`: the newest checkpoint note the sender keeps of the receiver's
    log. `update` covers the entries since..size of the sender's log; None when the receiver has them all. `passed_on`: digest
    of cosignatures of third homes within the update, empty for none. `whole`: the sender asks for the receiver's whole log."""

    room: str
    genesis: str
    sender: str
    receiver: str
    since: int
    size: int
    held: bytes | None = None
    update: bytes | None = None
    passed_on: str = ""
    whole: bool = False

    def __post_init__(self) -> None:
        if not (
            _is(_ALIAS, self.room)  # it is shown, so it may not steer a terminal
            and _is(_HEX, self.genesis)
            and _is(_ALIAS, self.sender)
            and _is(_ALIAS, self.receiver)
            and type(self.since) is type(self.size) is int
            and 0 <= self.since <= self.size
            and isinstance(self.passed_on, str)
            and isinstance(self.whole, bool)
        ):
            raise ValueError("not a letter")

    def encode(self) -> bytes:
        """Raises ExchangeError (TOO_LARGE) beyond the limit."""
        header = canonical.encode(
            {
                "room": self.room,
                "genesis": self.genesis,
                "sender": self.sender,
                "receiver": self.receiver,
                "since": self.since,
                "size": self.size,
                "passed_on": self.passed_on,
                "whole": self.whole,
                "held": None if self.held is None else self.held.decode(),
            },
            text="any",
        )
        rest = header + b"\n" + (self.update or b"")
        if len(rest) > UPDATE_LIMIT + HEADER_LIMIT:
            raise ExchangeError(
                "What the other side has not yet taken over is too much for one letter.",
                hint="Bring the two homes together on one machine once, and exchange more often afterwards.",
                code="TOO_LARGE",
            )
        return MAGIC + f"{len(rest)} {sha256(rest).hexdigest()}\n".encode() + rest

    @classmethod
    def parse(cls, data: bytes, name: str) -> Letter:
        """Read a letter whole or not at all; `name` is said in the message.

        Raises ExchangeError: FOREIGN (no letter), TORN (its end is missing), ALTERED (other bytes than were written).
        """
        if not data.startswith(MAGIC):
            if MAGIC.startswith(data):
                raise torn(name)
            raise _foreign(name)
        second = _SECOND.match(data, len(MAGIC))
        if second is None:
            raise torn(name) if b"\n" not in data[len(MAGIC) :] and len(data) < len(MAGIC) + 80 else _foreign(name)
        rest = data[second.end() :]
        if len(rest) < int(second[1]):
            raise torn(name)
        if len(rest) > int(second[1]) or sha256(rest).hexdigest() != second[2].decode():
            raise altered(name)
        header, _, update = rest.partition(b"\n")
        try:
            if len(header) > HEADER_LIMIT:
                raise ValueError("too long")
            found = canonical.decode(header, text="any")
            if found.keys() != _FIELDS:
                raise ValueError("other fields")
            held = found.pop("held")
            return cls(**found, held=None if held is None else held.encode(), update=update or None)
        except (CleanRoomError, ValueError, TypeError, AttributeError):
            pass
        raise _foreign(name)


def torn(name: str) -> ExchangeError:
    return ExchangeError(
        f"{name} is not whole: its end is missing. Nothing of it was taken over.",
        hint="It may still be on its way: try again in a minute. Otherwise have the sender send again; it notices by itself.",
        code="TORN",
    )


def altered(name: str) -> ExchangeError:
    return ExchangeError(
        f"{name} is not as it was written. Nothing of it was taken over.",
        hint="Have the sender send it again; if it happens again, look at who else may write there.",
        code="ALTERED",
    )


def _foreign(name: str) -> ExchangeError:
    return ExchangeError(
        f"{name} is no letter of a clean room. Nothing of it was taken over.",
        hint="Take it away from there, or name the file that the other side exported.",
        code="FOREIGN",
    )


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
