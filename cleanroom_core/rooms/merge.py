"""One order for the entries of several logs: what a writer had verified of another's log comes before what it then wrote.

Each entry names the newest peer checkpoint its writer had seen (`peer`), which gives a partial order between the logs (timeline
entanglement, Maniatis & Baker 2002). Ties are broken by time, then origin, so that every reader of the same entries sees the
same order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from cleanroom_core.audit.entry import Entry


class Logged(Protocol):
    """An entry as read from a log: its leaf hash beside it, and the payload where this reader holds it."""

    @property
    def entry(self) -> Entry: ...

    @property
    def leaf_hash(self) -> bytes: ...

    @property
    def payload(self) -> object | None: ...


def merge(logs: Mapping[str, Sequence[Logged]]) -> list[Logged]:
    """Merge whole logs (origin -> entries from 0) into one deterministic order."""
    position = dict.fromkeys(logs, 0)
    merged: list[Logged] = []
    total = sum(len(entries) for entries in logs.values())

    def ready(head: Logged) -> bool:
        peer = head.entry.peer
        if peer is None or peer.origin not in logs:
            return True
        return position[peer.origin] >= min(peer.size, len(logs[peer.origin]))

    while len(merged) < total:
        heads = [entries[position[origin]] for origin, entries in logs.items() if position[origin] < len(entries)]
        # Entries that claim to have seen each other's future cannot both be ready; then time alone decides.
        candidates = [head for head in heads if ready(head)] or heads
        chosen = min(candidates, key=lambda head: (head.entry.time, head.entry.origin))
        position[chosen.entry.origin] += 1
        merged.append(chosen)
    return merged
