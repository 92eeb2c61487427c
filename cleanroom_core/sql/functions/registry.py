"""The list of functions: what is not on it is refused. One function is one entry in a file beside this one, and its cases in
tests/sql/cases."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from sqlglot import exp

from cleanroom_core.sql.compiler import Compiler
from cleanroom_core.sql.functions import choices, dates, numbers, texts
from cleanroom_core.sql.functions.call import Call, Function
from cleanroom_core.sql.typed import Typed

ENTRIES: tuple[Function, ...] = (*texts.FUNCTIONS, *numbers.FUNCTIONS, *dates.FUNCTIONS, *choices.FUNCTIONS)
REGISTRY: dict[str, Function] = {name: entry for entry in ENTRIES for name in entry.names}

_TOKENS = "Hashes and keys are not for expressions."
_TODAY = "The value would change from one run to the next."
_PATTERN = "Regular expressions differ between engines."
_ROWS = "An expression sees one row of one table."
# Functions people reach for, with a better hint than the list
_REFUSED: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("sha", "sha1", "sha2", "md5", "hash", "xxhash64", "crc32", "hmac", "secret", "try_secret", "mask"),
        (_TOKENS, "Make a tokenised column: {token: card, from: card_number}."),
    ),
    **dict.fromkeys(
        ("current_date", "current_timestamp", "now", "curdate", "rand", "random", "randn", "uuid", "unix_timestamp"),
        (_TODAY, "Write a date literal such as DATE '2026-01-31'."),
    ),
    **dict.fromkeys(
        ("current_user", "session_user", "user", "is_member", "is_account_group_member", "current_recipient"),
        ("Who asks must not change what is shared.", "Filter on columns of the table."),
    ),
    **dict.fromkeys(
        ("regexp", "regexp_like", "regexp_replace", "regexp_extract", "rlike", "regexp_count", "regexp_substr"),
        (_PATTERN, "Use LIKE, replace(), translate(), split_part() or contains()."),
    ),
    **dict.fromkeys(
        ("count", "sum", "avg", "min", "max", "mean", "median", "stddev", "any_value", "first", "last", "collect_list"),
        (_ROWS, "Aggregates belong into a template."),
    ),
    **dict.fromkeys(
        ("date_add", "date_sub", "dateadd", "add_months", "make_date", "last_day"),
        ("Shifting a date can leave the calendar.", "Compare with datediff(a, b), or with date literals."),
    ),
}  # fmt: skip


def call_function(compiler: Compiler, node: exp.Expr, name: str, arguments: Sequence[exp.Expr]) -> Typed:
    """Compile one call; refused when the name is not on the list or the number of arguments does not fit."""
    entry = REGISTRY.get(name.lower())
    if entry is None:
        message, hint = _REFUSED.get(name.lower()) or ("", "")
        compiler.fail(node, f"{name}() cannot be used. {message}".rstrip(), hint or _suggestion(name), "UNKNOWN_FUNCTION")
    if len(arguments) < entry.least or (entry.most is not None and len(arguments) > entry.most):
        compiler.fail(node, f"{name}() does not take {len(arguments)} arguments.", f"Write {entry.signature}.", "ARGUMENT")
    return entry.compile(Call(compiler, name.lower(), node, arguments))


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), REGISTRY, n=1, cutoff=0.75)
    start = f"Did you mean {REGISTRY[near[0]].signature}? " if near else ""
    return f"{start}Functions are: {', '.join(entry.names[0] for entry in ENTRIES)}."
