"""How `cleanroom guard replay` writes a step: one JSON line, or a few lines for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from cleanroom_core.guard.answer import Shown
from cleanroom_core.stories.replay import Outcome, Played


def json_line(number: int, played: Played) -> str:
    """One line of ASCII; whole and decimal numbers keep exactly their digits, dates are ISO text."""
    head: dict[str, object] = {"step": number} | ({"event": played.event} if played.event is not None else {})
    head |= {"outcome": str(played.outcome), "codes": list(played.codes), "columns": list(played.columns)}
    rows = ", ".join(f"[{', '.join(map(_json, row))}]" for row in played.rows)
    tail: dict[str, object] = {"withheld": played.withheld}
    tail |= {"findings": [finding.as_json() for finding in played.findings]} if played.findings else {}
    return f'{json.dumps(head)[:-1]}, "rows": [{rows}], {json.dumps(tail)[1:]}'


def _json(value: Shown) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return json.dumps(value.isoformat() if isinstance(value, date) else value)


def words(number: int, played: Played) -> str:
    """The same for people: the outcome, then findings or a small table."""
    lines = [f"{number}. {played.event or ''}{': ' if played.event else ''}{played.outcome}"]
    if played.withheld and played.outcome != Outcome.SUPPRESSED:
        lines[0] += ", some label combination has no figure"
    if played.findings:
        lines += [f"   {finding}" for finding in played.findings]
    elif played.codes:
        lines.append(f"   {', '.join(played.codes)}")
    if played.outcome in (Outcome.ANSWERED, Outcome.STORED):
        lines += _table(played.columns, played.rows)
    return "\n".join(lines)


def _table(columns: Sequence[str], rows: Sequence[Sequence[Shown]]) -> list[str]:
    texts = [list(columns), *([_text(value) for value in row] for row in rows)]
    widths = [max(len(line[place]) for line in texts) for place in range(len(columns))]
    return ["   " + "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in texts]


def _text(value: Shown) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return "NULL" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
