"""A room file under check, as the rules see it: what is well-formed, what may be referred to, where everything stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cleanroom_core.errors import Problem
from cleanroom_core.rooms.roomfile_schema import did_you_mean, place, shown
from cleanroom_core.rooms.roomfile_yaml import Path, RoomText, has_part


@dataclass(frozen=True)
class RoomData:
    """A room file under check: `data` without its ill-formed values, `written` as it stands (for what may be referred to).
    `replay`: it is only going to be played against in memory."""

    text: RoomText
    data: Mapping[str, Any]
    written: Mapping[str, Any]
    replay: bool = False

    def section(self, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The well-formed members of a top-level mapping, such as every asset by name."""
        for key, value in (self.data.get(name) or {}).items():
            if isinstance(value, Mapping):
                yield key, value

    def names(self, *path: str | int) -> set[str] | None:
        """The names under `path` as written, in lower case; None when the file does not say (then nothing can be checked)."""
        found: Any = self.written
        for part in path:
            found = found[part] if has_part(found, part) else None
        return {name.strip().lower() for name in found} if isinstance(found, Mapping) else None

    def unknown(self, path: Path, word: str, known: Iterable[str] | None, what: str) -> Iterator[Problem]:
        """A problem when `word` is not among the known names; none when those cannot be told."""
        words = None if known is None else list(known)
        if words is not None and word.strip().lower() not in {each.lower() for each in words}:
            yield self.text.problem(
                path, f"{place(path)}: {what} {shown(word)} is not in this room file.", did_you_mean(word, words)
            )


Check = Callable[[RoomData], Iterator[Problem]]
