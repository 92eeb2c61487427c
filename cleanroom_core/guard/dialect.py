"""The SQL an analyst writes: Databricks SQL, read so that both back ticks and double quotes name things.

Text in double quotes is a string in Databricks and a name in the SQL standard. Reading it as a name is the safe side: a text
that meant a string then names a column nobody has, and the finding says to use single quotes.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.dialects.databricks import Databricks
from sqlglot.errors import ParseError
from sqlglot.tokenizer_core import Token, TokenType

from cleanroom_core.guard.finding import Refusal, place, place_of
from cleanroom_core.guard.spellings import respelled

LONGEST = 20_000  # characters; a longer text is not a question somebody will read before signing it
DEEPEST = 25  # parentheses within parentheses


_BEGINS_A_LIST = frozenset(
    {None, TokenType.COMMA, TokenType.L_PAREN, TokenType.WITH, TokenType.SELECT, TokenType.GROUP_BY, TokenType.ORDER_BY}
)
_ENDS_A_LIST = frozenset(
    {
        None,
        TokenType.COMMA,
        TokenType.R_PAREN,
        TokenType.SELECT,
        TokenType.FROM,
        TokenType.WHERE,
        TokenType.GROUP_BY,
        TokenType.HAVING,
    }
    | {TokenType.ORDER_BY, TokenType.LIMIT, TokenType.SEMICOLON}
)


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
        _check(tokens, text)
        trees = [
            tree for tree in RoomSql().parser().parse(tokens, text) if tree is not None and not isinstance(tree, exp.Semicolon)
        ]
    except Refusal:
        raise
    except ParseError as error:
        raise _unreadable(error) from None
    except RecursionError:
        raise _statement("This text is nested too deeply.", "Write it with fewer parts.", "TOO_COMPLEX") from None
    except Exception:  # a parser of this size fails in more ways than it documents; none of them may let a text through
        raise _statement("This is not SQL the guard can read.", "Look for an open quote or parenthesis.", "SYNTAX") from None
    select = trees[0] if len(trees) == 1 else None
    if not isinstance(select, exp.Select):
        hint = "Ask the parts as templates of their own."
        where = place(text, select) if select is not None else None
        raise _statement("A template is exactly one SELECT.", hint, "NOT_ONE_SELECT", where)
    for query in select.find_all(exp.Select):
        query.set("hint", None)
    return respelled(select)


def _check(tokens: list[Token], text: str) -> None:
    """What tokens alone can tell, before a parser that falls back to "some command" for what it does not know."""
    if not tokens or all(token.token_type is TokenType.SEMICOLON for token in tokens):
        raise _statement("There is no SQL here.", "Write one SELECT.", "EMPTY")
    first = tokens[0]
    if first.token_type not in (TokenType.SELECT, TokenType.WITH):
        hint = "Remove the parentheses around it." if first.token_type is TokenType.L_PAREN else "Begin with SELECT."
        raise _statement("A template is exactly one SELECT.", hint, "NOT_ONE_SELECT", place_of(text, first.start))
    kinds = [None, *(token.token_type for token in tokens), None]
    for token, before, after in zip(tokens, kinds, kinds[2:], strict=False):
        # The parser skips what is missing between commas; another engine would not.
        if token.token_type is TokenType.COMMA and (before in _BEGINS_A_LIST or after in _ENDS_A_LIST):
            where = place_of(text, token.start)
            raise _statement("Something is missing beside this comma.", "Write it, or remove the comma.", "SYNTAX", where)
    depth, ended = 0, False
    for token in tokens:
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        if depth > DEEPEST:
            where = place_of(text, token.start)
            raise _statement("This text is nested too deeply.", "Remove parentheses that change nothing.", "TOO_COMPLEX", where)
        if ended and token.token_type is not TokenType.SEMICOLON:
            where = place_of(text, token.start)
            raise _statement("A template is one statement.", "Remove what follows the semicolon.", "SEVERAL_STATEMENTS", where)
        ended = ended or token.token_type is TokenType.SEMICOLON


def _statement(message: str, hint: str, code: str, where: tuple[int | None, int | None] | None = None) -> Refusal:
    return Refusal(code, message, hint, clause="grammar.statement", where=where)


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
