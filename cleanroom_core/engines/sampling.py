"""Which rows of a pool a preview shows."""

from __future__ import annotations

from collections.abc import Sequence


def chosen(kept: Sequence[bool], sample: int) -> list[int]:
    """Numbers of the rows to show, in the order of the pool: up to a third dropped ones, as long as there are others."""
    dropped = [number for number, is_kept in enumerate(kept) if not is_kept]
    shown = [number for number, is_kept in enumerate(kept) if is_kept]
    drops = max(sample // 3, sample - len(shown))
    first = dropped[:drops]
    return sorted(first + shown[: sample - len(first)])
