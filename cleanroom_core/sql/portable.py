"""What no two engines spell alike: operations with one meaning and a form per dialect, and rendering itself.

A compiled tree holds a `Portable` node where the engines' functions differ in name or arguments; `render` puts this dialect's
form in its place. Everything else is spelled and meant alike in DuckDB and Spark (tests/sql/cases says so row by row).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from cleanroom_core.errors import InputError

DIALECTS = {"duckdb": "duckdb", "spark": "spark", "databricks": "spark"}
Arguments = Sequence[exp.Expr]


class Portable(exp.Anonymous):
    """A call of an operation in `FORMS`; shows its own name if ever rendered by another way than `render`."""


def portable(name: str, *arguments: exp.Expr) -> Portable:
    if name not in FORMS:
        raise KeyError(name)
    return Portable(this=name, expressions=list(arguments))


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A function that has the same name and meaning on every engine for the arguments our grammar lets through."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def render(tree: exp.Expr, dialect: str, *, pretty: bool = False) -> str:
    """SQL text for `duckdb`, `spark` or `databricks`. Raises InputError for a dialect without forms."""
    if dialect not in DIALECTS:
        raise InputError(f"There is no SQL dialect {dialect!r} here.", hint=f"Known are {', '.join(DIALECTS)}.", code="DIALECT")
    forms = DIALECTS[dialect]

    def lower(node: exp.Expr) -> exp.Expr:
        # from the leaves up: an argument of a Portable may be a Portable
        return FORMS[node.this][forms](node.expressions) if isinstance(node, Portable) else node

    lowered = _rebuild(tree.copy(), lower)
    return lowered.sql(dialect=dialect, comments=False, pretty=pretty, normalize_functions=False)


def _rebuild(tree: exp.Expr, change: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    holder = exp.Paren(this=tree)
    for node in list(tree.walk(bfs=False))[::-1]:
        changed = change(node)
        if changed is not node:
            node.replace(changed)
    found: exp.Expr = holder.this
    found.pop()
    return found


FORMS: dict[str, dict[str, Callable[[Arguments], exp.Expr]]] = {
    # whole days from the second date to the first
    "days_between": {
        "duckdb": lambda given: call("DATE_DIFF", exp.Literal.string("day"), given[1], given[0]),
        "spark": lambda given: call("DATEDIFF", given[0], given[1]),
    },
    # 1 Monday .. 7 Sunday
    "iso_weekday": {
        "duckdb": lambda given: call("ISODOW", given[0]),
        "spark": lambda given: exp.Paren(this=exp.Add(this=call("WEEKDAY", given[0]), expression=exp.Literal.number(1))),
    },
    # UTF-8 bytes of a text
    "utf8": {
        "duckdb": lambda given: call("ENCODE", given[0]),
        "spark": lambda given: call("ENCODE", given[0], exp.Literal.string("UTF-8")),
    },
    # SHA-256 of bytes, as lower-case hex text
    "sha256_hex": {
        "duckdb": lambda given: call("SHA256", given[0]),
        "spark": lambda given: call("SHA2", given[0], exp.Literal.number(256)),
    },
    # a text without the characters of the second (no brackets, carets or backslashes among them) at both its ends
    "strip": {
        "duckdb": lambda given: call(  # DuckDB's TRIM takes six times as long when there are many characters
            "REGEXP_REPLACE",
            given[0],
            exp.Literal.string("^[{0}]+|[{0}]+$".format(given[1].name)),
            exp.Literal.string(""),
            exp.Literal.string("g"),
        ),
        "spark": lambda given: exp.Trim(this=given[0], expression=given[1], position="BOTH"),
    },
    # the ASCII digits of a text, everything else left out
    "digits_of": {
        "duckdb": lambda given: call(
            "REGEXP_REPLACE", given[0], exp.Literal.string("[^0-9]"), exp.Literal.string(""), exp.Literal.string("g")
        ),
        "spark": lambda given: call("REGEXP_REPLACE", given[0], exp.Literal.string("[^0-9]"), exp.Literal.string("")),
    },
    "bytes_of_hex": {
        "duckdb": lambda given: call("UNHEX", given[0]),
        "spark": lambda given: call("UNHEX", given[0]),
    },
    "join_bytes": {
        "duckdb": lambda given: exp.DPipe(this=given[0], expression=given[1]),
        "spark": lambda given: call("CONCAT", given[0], given[1]),
    },
}
