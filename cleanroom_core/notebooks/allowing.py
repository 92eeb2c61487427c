"""`# cleanroom: allow CODE because ...`: a finding on that line or the next one is taken on by somebody, with a reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cleanroom_core.notebooks.cell import Notebook, Place
from cleanroom_core.notebooks.finding import Finding, Judged

_COMMENT = re.compile(r"(?:#|--)\s*cleanroom:\s*allow\s+([A-Za-z_]+)(?:\s+because\b)?[ \t]*(.*)")
_REASON = 10  # characters; "ok" is none
ALLOW = "ALLOW"
WHY = "A reviewer must be able to read why a finding was set aside; a comment that hides nothing hides the next one."
FIX = "Write # cleanroom: allow CODE because <the reason in a sentence>, on the line of the finding or the one before it."


@dataclass(frozen=True)
class Allowed:
    """`lines`: the lines of the file it speaks about."""

    place: Place
    code: str
    reason: str
    lines: frozenset[int]


def allowances(notebook: Notebook) -> Iterator[Allowed]:
    for cell in notebook.cells:
        for number, line in enumerate(cell.lines):
            found = _COMMENT.search(line.text)
            if found is None:
                continue
            alone = not line.text[: found.start()].strip()
            following = (later.number for later in cell.lines[number + 1 :] if later.text.strip())
            lines = {line.number, *([next(following, line.number)] if alone else [])}
            yield Allowed(Place(line.number, line.columns[found.start()]), found[1].upper(), found[2].strip(), frozenset(lines))


def set_aside(
    findings: Sequence[Finding], allowed: Iterable[Allowed], codes: frozenset[str]
) -> tuple[list[Finding], list[Judged]]:
    """The findings that remain, and what is wrong with the comments themselves."""
    remaining = list(findings)
    problems: list[Judged] = []
    for comment in allowed:
        hidden = [finding for finding in remaining if finding.code == comment.code and finding.line in comment.lines]
        if comment.code not in codes:
            problems.append((comment.place, f"There is no finding called {comment.code}."))
        elif len(comment.reason) < _REASON:
            problems.append((comment.place, f"{comment.code} is set aside here without a reason."))
        elif not hidden:
            problems.append((comment.place, f"There is no {comment.code} here to be set aside."))
        else:
            remaining = [finding for finding in remaining if finding not in hidden]
    return remaining, problems
