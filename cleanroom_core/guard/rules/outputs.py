"""SELECT, HAVING, ORDER BY and LIMIT speak of keys and aggregates only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from cleanroom_core.guard.finding import Finding, Refusal
from cleanroom_core.guard.reading.projection import (
    check_aggregated,
    frame_of,
    having_of,
    limit_of,
    order_of,
    outputs_of,
    with_aliases,
)
from cleanroom_core.guard.reading.scope import Reading
from cleanroom_core.guard.sheet import Output
from cleanroom_core.guard.template import choices_of


def outputs(reading: Reading) -> Iterator[Finding]:
    for choice in choices_of(reading.parameters):
        findings = [refusal.finding(reading.text) for refusal in _refusals(replace(reading, choice=choice))]
        yield from findings
        if findings:
            return


def _refusals(reading: Reading) -> Iterator[Refusal]:
    yield from _tried(lambda: check_aggregated(reading))
    frame = frame_of(reading)
    shown: list[Output] = []
    for found in outputs_of(frame):
        if isinstance(found, Refusal):
            yield found
        else:
            shown.append(found)
    if len(shown) < len(reading.select.expressions):
        return  # HAVING and ORDER BY may name what could not be read
    yield from _tried(lambda: having_of(with_aliases(frame, shown, hide_keys=True)))
    yield from (found for found in order_of(with_aliases(frame, shown, hide_keys=False), shown) if isinstance(found, Refusal))
    yield from _tried(lambda: limit_of(reading))


def _tried(read: Callable[[], Any]) -> Iterator[Refusal]:
    try:
        read()
    except Refusal as refusal:
        yield refusal
