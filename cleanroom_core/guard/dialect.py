"""The SQL an analyst writes: Databricks SQL, read so that both back ticks and double quotes name things.

Text in double quotes is a string in Databricks and a name in the SQL standard. Reading it as a name is the safe side: a text
that meant a string then names a column nobody has, and the finding says to use single quotes.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.dialects.databricks import Databricks
from sqlglot.errors import ParseError, SqlglotError, TokenError
from sqlglot.tokenizer_core import TokenType

from cleanroom_core.guard.finding import Refusal

LONGEST = 20_000  # characters; a longer text is not a question somebody will read before signing it
DEEPEST = 60  # parentheses within parentheses


class RoomSql(Databricks):
    """Databricks SQL with names in double quotes as well."""

    class Tokenizer(Databricks.Tokenizer):
        QUOTES = ["'"]  # noqa: RUF012  sqlglot's own way to say it
        IDENTIFIERS = ["`", '"']  # noqa: RUF012


def parse(text: str) -> exp.Select:
    """The one SELECT of the text; raises Refusal for anything else. Comments and hints are gone from the tree."""
    if len(text) > LONGEST:
        raise _statement("This text is too long.", f"A template has at most {LONGEST} characters.", "TOO_LONG")
    try:
        tokens = RoomSql().tokenize(text)
        _first_is_select([token.token_type for token in tokens])
        trees = [tree for tree in RoomSql().parser().parse(tokens, text) if tree is not None]
    except ParseError as error:
        raise _unreadable(error) from None
    except (TokenError, SqlglotError, RecursionError):
        raise _statement("This is not SQL the guard can read.", "Look for an open quote or parenthesis.", "SYNTAX") from None
    if len(trees) != 1:
        raise _statement("A template is one statement.", "Remove everything after the first semicolon.", "SEVERAL_STATEMENTS")
    if not isinstance(trees[0], exp.Select):
        raise _statement(
            "A template is exactly one SELECT.", "Ask the parts as templates of their own.", "NOT_ONE_SELECT", trees[0]
        )
    select = trees[0]
    select.set("hint", None)
    return select


def _first_is_select(types: list[TokenType]) -> None:
    if not types:
        raise _statement("There is no SQL here.", "Write one SELECT.", "EMPTY")
    if types[0] is TokenType.L_PAREN:
        raise _statement("A template is exactly one SELECT.", "Remove the parentheses around it.", "NOT_ONE_SELECT")
    if types[0] not in (TokenType.SELECT, TokenType.WITH):
        raise _statement("A template is exactly one SELECT.", "Begin with SELECT.", "NOT_ONE_SELECT")
    depth = 0
    for type_ in types:
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(type_, 0)
        if depth > DEEPEST:
            raise _statement("This text is nested too deeply.", "Remove parentheses that change nothing.", "TOO_COMPLEX")


def _statement(message: str, hint: str, code: str, at: exp.Expr | None = None) -> Refusal:
    return Refusal(code, message, hint, clause="grammar.statement", at=at)


def _unreadable(error: ParseError) -> Refusal:
    """sqlglot's message quotes the text around the place; a place is enough, and no data value gets into a message."""
    first = error.errors[0] if error.errors else {}
    line = first.get("line")
    return Refusal(
        "SYNTAX",
        "This is not SQL the guard can read.",
        "Something is missing or too much at this place.",
        clause="grammar.statement",
        where=(line if isinstance(line, int) else None, _column(first)),
    )


def _column(error: dict[str, object]) -> int | None:
    """sqlglot names the last column of the token it stopped at."""
    col, token = error.get("col"), error.get("highlight")
    return max(1, col - len(token) + 1) if isinstance(col, int) and isinstance(token, str) else None
