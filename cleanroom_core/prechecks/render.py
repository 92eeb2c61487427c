"""Results as lines of text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from cleanroom_core.prechecks.check import Checked, Status

_MARK = {Status.PASS: "pass       ", Status.FAIL: "FAIL       ", Status.CANNOT_TELL: "cannot tell"}
_INDENT = " " * 13


def render(checked: Iterable[Checked]) -> str:
    """One line per check; below it, unless it passed, why it matters, what to do, the command and who can do it."""
    lines = []
    for item in checked:
        result = item.result
        lines.append(f"{_MARK[result.status]}  {item.check.title}: {_printable(result.found)}")
        if result.status is not Status.PASS:
            lines.append(f"{_INDENT}why: {result.why}")
            lines.append(f"{_INDENT}do:  {result.fix}")
            for command in result.command.splitlines():
                lines.append(f"{_INDENT}     {_printable(command)}")
            lines.append(f"{_INDENT}who: {result.who}")
    return "\n".join(lines)


def _printable(text: str) -> str:
    """What a platform or a file said, without what a terminal would obey."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def summary(checked: Iterable[Checked]) -> dict[Status, int]:
    """How many ended how; every status is a key."""
    counts = dict.fromkeys(Status, 0)
    for item in checked:
        counts[item.result.status] += 1
    return counts
