"""Facts in; pass, fail or cannot tell out. One module per check; a new check is one file and one line in a list here."""

from __future__ import annotations

from typing import Any

from cleanroom_core.prechecks import (
    acknowledgement,
    agreement,
    clock,
    disk,
    home_folder,
    java,
    keys,
    memory,
    packages,
    python_version,
    tables,
    token_keys,
    token_vectors,
)
from cleanroom_core.prechecks.check import Check

MACHINE: tuple[Check[Any], ...] = (
    python_version.CHECK,
    packages.CHECK,
    memory.CHECK,
    disk.CHECK,
    clock.CHECK,
    home_folder.CHECK,
    keys.CHECK,
    java.CHECK,
)
ROOM: tuple[Check[Any], ...] = (
    tables.CHECK,
    token_keys.CHECK,
    token_vectors.CHECK,
    agreement.CHECK,
    acknowledgement.CHECK,
)
REHEARSAL = MACHINE + ROOM
