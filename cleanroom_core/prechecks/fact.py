"""A fact about something outside this machine, in one of three states: known, absent, or it cannot be told, with the reason.

A call that is refused (403), answered late or not at all makes one fact `Unknown` and leaves all others as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

T_co = TypeVar("T_co", covariant=True)
A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class Known(Generic[T_co]):
    value: T_co


@dataclass(frozen=True)
class Absent:
    """Looked for and not there. `said`: in whose words."""

    said: str


@dataclass(frozen=True)
class Unknown:
    """`reason`: why nobody can tell from here, without a credential in it."""

    reason: str


Fact: TypeAlias = Known[T_co] | Absent | Unknown


def reason(fact: Absent | Unknown) -> str:
    return fact.said if isinstance(fact, Absent) else fact.reason


def mapped(fact: Fact[A], change: Callable[[A], B]) -> Fact[B]:
    """The same state, of what `change` makes of a known value."""
    return Known(change(fact.value)) if isinstance(fact, Known) else fact
