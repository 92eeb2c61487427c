"""Parameters are enumerated, used, and of a number that people can sign."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from sqlglot import exp

from cleanroom_core.guard.finding import Finding, Refusal
from cleanroom_core.guard.reading.scope import Reading

MOST_SHEETS = 1000


def parameters(reading: Reading) -> Iterator[Finding]:
    used = set()
    for node in reading.select.find_all(exp.Placeholder):
        used.add(node.name)
        if node.name not in reading.parameters:
            yield Refusal(
                "PARAMETER",
                f":{node.name} is not enumerated." if node.name else "A parameter needs a name.",
                "List its values under parameters: {flag: {type: choice, of: [0, 1]}}.",
                clause="template.parameters",
                owner="both",
                at=node,
            ).finding(reading.text)
    for name in reading.parameters:
        if name not in used:
            yield Finding("PARAMETER", f"The parameter {name!r} does not occur in the text.",
                          f"Remove it, or write :{name} where it belongs.", "template.parameters", "both")  # fmt: skip
    sheets = prod(len(parameter.of) for parameter in reading.parameters.values())
    if sheets > MOST_SHEETS:
        yield Finding("TOO_MANY_SHEETS", f"The parameters make {sheets} sheets.",
                      f"A template has at most {MOST_SHEETS}; group by a dimension instead.", "template.parameters",
                      "both")  # fmt: skip
