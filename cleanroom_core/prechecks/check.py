"""What a precheck is: facts in, pass, fail or cannot tell out, with what was found, why it matters, what to do and who can.

A check is one module: a frozen dataclass of the facts it looks at, a pure function that judges them, and a `CHECK`. How facts
are gathered is handed in (`Gatherers`: facts class -> callable), so that one check can be made again alone, on its facts only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from cleanroom_core.errors import CleanRoomError

ADMINISTRATOR = "whoever runs this machine"
ENGINEER = "an engineer of your side"
STEWARD = "a steward of your side"

F = TypeVar("F")


class Status(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Result:
    """`found`: what is there. `why`: why it matters. `fix`: what to do, in a sentence. `command`: what of it can be copied into
    a terminal, if anything can. `who`: who can do it. All but `command` are given unless the check passed."""

    status: Status
    found: str
    why: str
    fix: str = ""
    command: str = ""
    who: str = ""

    def __post_init__(self) -> None:
        if not (self.found and self.why) or (self.status is not Status.PASS and not (self.fix and self.who)):
            raise ValueError(
                "A check says what it found and why it matters, and unless it passed, what to do and who can do it."
            )

    def as_json(self) -> dict[str, str]:
        return {
            "status": self.status.value,
            "found": self.found,
            "why": self.why,
            "fix": self.fix,
            "command": self.command,
            "who": self.who,
        }


@dataclass(frozen=True)
class Check(Generic[F]):
    """`name`: stable, for logs and `--only`. `title`: for people. `facts`: the class the gatherer is looked up by."""

    name: str
    title: str
    why: str
    facts: type[F]
    judge: Callable[[F], Result]


@dataclass(frozen=True)
class Checked:
    """A check with its result."""

    check: Check[Any]
    result: Result


Gatherers = Mapping[type[Any], Callable[[], Any]]


def run(checks: Iterable[Check[Any]], gatherers: Gatherers) -> tuple[Checked, ...]:
    """Make the checks in order. Facts that several checks look at are gathered once; facts that cannot be had: cannot tell."""
    had: dict[type[Any], Any] = {}
    results = []
    for check in checks:
        try:
            if check.facts not in had:
                gather = gatherers.get(check.facts)
                had[check.facts] = gather() if gather else None
            facts = had[check.facts]
            result = _not_looked_at(check, "This was not looked at from here.") if facts is None else check.judge(facts)
        except CleanRoomError as error:
            result = _not_looked_at(check, error.message, error.hint)
        except OSError as error:
            result = _not_looked_at(check, f"Looking failed: {error.strerror or type(error).__name__}.")
        results.append(Checked(check, result))
    return tuple(results)


def _not_looked_at(check: Check[Any], found: str, fix: str = "Check again from the wizard's page Prechecks.") -> Result:
    return Result(Status.CANNOT_TELL, found, check.why, fix, who=ENGINEER)
