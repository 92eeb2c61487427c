"""Do both sides make the same tokens of the same identifiers? Asked of test vectors, never of people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cleanroom_core.prechecks.check import ENGINEER, Check, Result, Status

WHY = "One difference in key or normalisation and nothing joins; the vectors show it in a second, the joined tables in days."

Vectors = Mapping[str, str | None]  # case -> token, None for "no token"


@dataclass(frozen=True)
class VectorFacts:
    """`vectors`: token spec -> side (alias) -> the vectors it ran, empty while it has not. `sides`: all of them."""

    sides: tuple[str, ...]
    vectors: Mapping[str, Mapping[str, Vectors]]


def judge(facts: VectorFacts) -> Result:
    if not facts.vectors:
        return Result(
            Status.CANNOT_TELL, "No token spec is on record yet", WHY, "Agree on one on the page Tokens.", who=ENGINEER
        )
    different = {name: _different(by_side, facts.sides) for name, by_side in facts.vectors.items()}
    if any(different.values()):
        return Result(
            Status.FAIL,
            "; ".join(
                f"{name}: {len(cases)} cases differ ({', '.join(cases[:3])})" for name, cases in different.items() if cases
            ),
            WHY,
            "Open the page Tokens: it compares case by case and names the likely cause.",
            who=f"{ENGINEER} together with the partner's",
        )
    waiting = {name: [side for side in facts.sides if not by_side.get(side)] for name, by_side in facts.vectors.items()}
    if any(waiting.values()):
        return Result(
            Status.CANNOT_TELL,
            "; ".join(f"{name}: not yet run by {', '.join(sides)}" for name, sides in waiting.items() if sides),
            WHY,
            "Run the vectors on the page Tokens, each side for itself.",
            who=f"an engineer of {', '.join(dict.fromkeys(side for sides in waiting.values() for side in sides))}",
        )
    return Result(Status.PASS, f"Equal on all sides: {', '.join(sorted(facts.vectors))}", WHY)


def _different(by_side: Mapping[str, Vectors], sides: tuple[str, ...]) -> list[str]:
    """Cases on which two sides that ran the vectors disagree, or that only one of them has."""
    ran = [by_side[side] for side in sides if by_side.get(side)]
    cases = {case for vectors in ran for case in vectors}
    absent = object()
    return sorted(case for case in cases if len({vectors.get(case, absent) for vectors in ran}) > 1)


CHECK = Check("token_vectors", "Token vectors", WHY, VectorFacts, judge)
