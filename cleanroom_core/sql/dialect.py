"""Reading SQL: Databricks' syntax with every function left as it was written.

sqlglot's own dialects turn a function call into a node of their liking (`datediff`, `date_format` and `trunc` come out as
something else, arguments change places). A closed grammar wants the opposite: the name and the arguments as the person wrote
them, to be looked up in our own list. So this dialect knows no function at all; each call is an `exp.Anonymous` with its place.
The guard reads whole queries with the same dialect.
"""

from __future__ import annotations

from typing import Any, ClassVar

import sqlglot.errors
from sqlglot import exp
from sqlglot.dialects.databricks import Databricks
from sqlglot.parsers.databricks import DatabricksParser

from cleanroom_core.errors import ExpressionError

MAX_TEXT = 20_000  # characters of one expression or query
_QUOTES = "'\"`"


class ClosedSql(Databricks):
    """Databricks' tokens, operators, CASE, CAST, EXTRACT and TRIM; no function has a meaning here."""

    class Parser(DatabricksParser):
        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}
        NO_PAREN_FUNCTION_PARSERS = {  # noqa: RUF012
            name: parse for name, parse in DatabricksParser.NO_PAREN_FUNCTION_PARSERS.items() if name in ("CASE", "IF")
        }
        FUNCTION_PARSERS = {  # noqa: RUF012
            name: parse
            for name, parse in DatabricksParser.FUNCTION_PARSERS.items()
            if name in ("CAST", "TRY_CAST", "EXTRACT", "TRIM")
        }


def parse_scalar(text: str) -> exp.Expr:
    """Parse one scalar expression (nothing is checked but the syntax). Raises ExpressionError with the place."""
    return _parse(text, exp.Condition, "an expression such as amount >= 50 AND country = 'DE'")


def parse_query(text: str) -> exp.Expr:
    """Parse one statement; functions stay `exp.Anonymous` (`count(*)`: Anonymous("count", [Star])). Raises ExpressionError."""
    return _parse(text, None, "one SELECT")


def place_of(node: exp.Expr, text: str) -> tuple[int, int]:
    """Line and column (from 1) at which the node starts in the text it was parsed from.

    Only identifiers, literals and calls remember where they stood; any other node starts at its first such descendant, or
    else where the nearest enclosing node starts.
    """
    current: exp.Expr | None = node
    while current is not None:
        starts = [found.meta["start"] for found in current.walk() if found.meta and "start" in found.meta]
        if starts:
            return _line_and_column(text, min(starts))
        current = current.parent
    return 1, 1


def _parse(text: str, into: type[exp.Expr] | None, wanted: str) -> exp.Expr:
    if len(text) > MAX_TEXT:
        raise ExpressionError(
            f"The SQL is longer than {MAX_TEXT} characters.",
            hint="Write it shorter, or prepare the column in the source table.",
            code="TOO_LARGE", line=1, column=1,
        )  # fmt: skip
    dialect = ClosedSql()
    try:
        tokens = dialect.tokenize(text)
        parser = dialect.parser()
        found = parser.parse_into(into, tokens, text) if into is not None else parser.parse(tokens, text)
    except sqlglot.errors.TokenError:
        line, column = _open_quote(text)
        raise ExpressionError(
            "A quote or comment that opens here is not closed.", hint="Close it; inside a text write \\' for a quote.",
            code="SYNTAX", line=line, column=column,
        ) from None  # fmt: skip
    except sqlglot.errors.ParseError as error:
        raise _syntax_error(error, wanted) from None
    except RecursionError:
        raise _too_deep() from None
    statements = [statement for statement in found if statement is not None]
    if not statements:
        raise ExpressionError("There is no SQL here.", hint=f"Write {wanted}.", code="SYNTAX", line=1, column=1)
    if len(statements) > 1:
        line, column = place_of(statements[1], text)
        raise ExpressionError(
            "A second statement follows a semicolon.",
            hint=f"Write {wanted} and no semicolon.",
            code="SYNTAX",
            line=line,
            column=column,
        )
    return statements[0]


def _too_deep() -> ExpressionError:
    return ExpressionError(
        "The SQL is nested too deeply.", hint="Write it with fewer parentheses.", code="TOO_LARGE", line=1, column=1
    )


def _syntax_error(error: sqlglot.errors.ParseError, wanted: str) -> ExpressionError:
    details = error.errors[0] if error.errors else {}
    word = str(details.get("highlight") or "")
    line, end = details.get("line"), details.get("col")
    column = max(1, end - len(word) + 1) if end is not None else None
    near = f" at {word!r}" if word and word[0] not in _QUOTES else ""
    return ExpressionError(
        f"This cannot be read as SQL{near}.", hint=f"Write {wanted}; check commas, parentheses and quotes before it.",
        code="SYNTAX", line=line, column=column,
    )  # fmt: skip


def _open_quote(text: str) -> tuple[int, int]:
    opened: int | None = None
    quote = ""
    position = 0
    while position < len(text):
        character = text[position]
        if opened is None and character in _QUOTES:
            opened, quote = position, character
        elif opened is not None and character == "\\" and quote != "`":
            position += 1
        elif opened is not None and character == quote:
            opened = None
        position += 1
    return _line_and_column(text, opened or 0)


def _line_and_column(text: str, start: int) -> tuple[int, int]:
    return text.count("\n", 0, start) + 1, start - (text.rfind("\n", 0, start) + 1) + 1
