"""The purpose is one the agreement permits, and the receiver is in the room."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.guard.finding import Finding
from cleanroom_core.guard.reading.scope import Reading


def purpose(reading: Reading) -> Iterator[Finding]:
    permitted = reading.world.purposes
    if reading.purpose is not None and reading.purpose not in permitted:
        yield Finding("PURPOSE", f"The agreement does not permit the purpose {reading.purpose!r}.",
                      f"Permitted: {', '.join(permitted) or 'none'}.", "agreement.purposes", "both")  # fmt: skip
    inside = reading.world.collaborators
    if inside and reading.receiver not in inside:
        yield Finding("RECEIVER", f"{reading.receiver!r} is no collaborator of this room.",
                      f"Use one of {', '.join(inside)}.", "template.receiver", "both")  # fmt: skip
