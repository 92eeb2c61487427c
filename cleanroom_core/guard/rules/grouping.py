"""GROUP BY names dimensions, and dates on their agreed calendar grid."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom_core.guard.finding import Finding, Refusal
from cleanroom_core.guard.reading.keys import group_items, key
from cleanroom_core.guard.reading.scope import Reading


def grouping(reading: Reading) -> Iterator[Finding]:
    try:
        items = group_items(reading)
    except Refusal as refusal:
        yield refusal.finding(reading.text)
        return
    for item in items:
        try:
            key(item, reading)
        except Refusal as refusal:
            yield refusal.finding(reading.text)
