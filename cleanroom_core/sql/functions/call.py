"""One call of a listed function: its arguments, compiled as they are asked for, and its errors with their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from sqlglot import exp

from cleanroom_core.sql.typed import Typed
from cleanroom_core.sql.types import Kind

if TYPE_CHECKING:
    from cleanroom_core.sql.compiler import Compiler

LONGEST = 1_000  # characters a literal may ask for


@dataclass(frozen=True)
class Call:
    """`node` is the whole call, `arguments` are its parsed arguments in the order written."""

    compiler: Compiler
    name: str
    node: exp.Expr
    arguments: Sequence[exp.Expr]

    def compiled(self) -> list[Typed]:
        return [self.compiler.compile(argument) for argument in self.arguments]

    def of_kind(self, index: int, *kinds: Kind) -> Typed:
        return self.compiler.of_kind(self.arguments[index], f"{self.name}()", *kinds)

    def text(self, index: int) -> exp.Expr:
        """A STRING argument's tree."""
        return self.of_kind(index, Kind.STRING).tree

    def fixed_text(self, index: int, what: str, *, empty: bool = False) -> str:
        """A text literal, not empty unless allowed."""
        found = self.compiler.compile(self.arguments[index]).text
        if found is None or (not found and not empty):
            self.fail(f"{what} of {self.name}() is not a fixed text.", "Write it in quotes, such as '-'.", index)
        return found

    def fixed_number(self, index: int, what: str, *, at_least: int) -> int:
        """A whole number written as such, between `at_least` and 1000."""
        found = self.compiler.compile(self.arguments[index]).integer
        if found is None or not at_least <= found <= LONGEST:
            self.fail(
                f"{what} of {self.name}() is not a whole number from {at_least} to {LONGEST}.",
                "Write the number itself.",
                index,
            )
        return found

    def fail(self, message: str, hint: str, index: int | None = None, code: str = "ARGUMENT") -> NoReturn:
        self.compiler.fail(self.node if index is None else self.arguments[index], message, hint, code)


@dataclass(frozen=True)
class Function:
    """A function of the grammar. `signature` shows how it is written; `least` to `most` arguments (None: any number)."""

    names: tuple[str, ...]
    signature: str
    least: int
    most: int | None
    compile: Callable[[Call], Typed]
