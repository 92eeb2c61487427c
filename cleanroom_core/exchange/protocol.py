"""What a home must be able to do so that another can exchange logs with it, whoever carries the bytes.

One direction of a conversation, in the words of C2SP tlog-witness: the giver learns how much the taker holds (`held`), sends
what is missing (`update`), the taker verifies, keeps and countersigns it (`receive`), and the giver keeps the cosignature
(`acknowledge`). All messages are plain bytes, and every step may be repeated: a lost or doubled message changes nothing.
"""

from __future__ import annotations

from typing import Protocol


class Home(Protocol):
    @property
    def alias(self) -> str: ...

    @property
    def origin(self) -> str: ...

    def held(self, origin: str) -> bytes | None:
        """The newest checkpoint note kept of another's log, None if there is none."""
        ...

    def acknowledge(self, sender: str, note: bytes | None) -> int:
        """Keep the cosignature of the collaborator `sender` on an own checkpoint; returns how many entries the sender holds."""
        ...

    def update(self, receiver: str, since: int) -> bytes | None:
        """The own log from entry `since` on; None while the receiver has all of it."""
        ...

    def receive(self, update: bytes) -> bytes:
        """Take over an update of another's log; returns the newest checkpoint kept, with this home's cosignature."""
        ...
