"""What happens in a notebook, in the order it happens: the facts the rules judge."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from cleanroom_core.notebooks.cell import Place
from cleanroom_core.notebooks.relation import Meaning, Relation


@dataclass(frozen=True)
class Written:
    """A table or file is written. `target`: its full name, with `:name` for a parameter and `?` for what cannot be told."""

    place: Place
    relation: Relation
    target: str


@dataclass(frozen=True)
class Guarded:
    """A filter on a count of distinct people was put on `relation`."""

    place: Place
    relation: Relation


@dataclass(frozen=True)
class Shown:
    """Something reaches the notebook's own output. `what`: print, display, show ..."""

    place: Place
    what: str


@dataclass(frozen=True)
class Collected:
    """Rows or values leave Spark for the Python process. `what`: the method."""

    place: Place
    what: str


@dataclass(frozen=True)
class Matched:
    """Two sides of a join, an IN or a WHERE are compared: what each side's value tells, and the tables it came from."""

    place: Place
    left: Meaning
    right: Meaning


@dataclass(frozen=True)
class Hashed:
    """A value is hashed. `tells`: what the hashed value tells; `key`: secret, text, user or none (what is mixed in)."""

    place: Place
    what: str
    tells: Meaning
    key: str


@dataclass(frozen=True)
class Called:
    """A function, module, SQL function, file format or path with this name is used; `text`: its first argument, where known."""

    place: Place
    name: str
    text: str = ""


@dataclass(frozen=True)
class Named:
    """A text was written down where a name says what it is: an assignment, a keyword, an option."""

    place: Place
    name: str
    text: str


@dataclass(frozen=True)
class Defined:
    """A function of the notebook's own that Spark would run row by row."""

    place: Place
    what: str


@dataclass(frozen=True)
class Unread:
    """Code that nobody here could follow. `reason` ends a sentence that begins with 'This'."""

    place: Place
    reason: str


Fact = Written | Guarded | Shown | Collected | Matched | Hashed | Called | Named | Defined | Unread


@dataclass
class Facts:
    """Collects facts; the same code met twice (a function called twice) says the same thing at the same place."""

    found: list[Fact] = field(default_factory=list)

    def add(self, fact: Fact) -> None:
        self.found.append(fact)


def function_name(node: exp.Expr) -> str:
    """The lower-case name of a function call in SQL, or an empty text."""
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower()
    return "trim" if isinstance(node, exp.Trim) else ""
