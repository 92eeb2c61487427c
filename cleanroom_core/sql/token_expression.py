"""How a token is computed from an identifier column, as three trees: what `policies` takes from `tokens` without knowing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

Tree = Callable[[exp.Expr], exp.Expr]


@dataclass(frozen=True)
class TokenExpression:
    """`normalised(raw text)` is the identifier in its agreed form; `valid(normalised)` is TRUE or FALSE, never NULL;
    `digest(normalised)` is the token as lower-case hex and reads the binary `parameters`, which are bound at run time."""

    name: str
    parameters: tuple[str, ...]
    normalised: Tree
    valid: Tree
    digest: Tree
