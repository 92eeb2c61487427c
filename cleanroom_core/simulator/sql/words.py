"""A reader of statements that only Unity Catalog knows, word by word."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot.tokenizer_core import Token, TokenType

from cleanroom_core.simulator.sql.failure import SqlFailure
from cleanroom_core.simulator.sql.identifier import tokens_of


class Words:
    """A position in a statement's tokens; every reading moves it on, or raises SqlFailure."""

    def __init__(self, statement: str) -> None:
        self._statement = statement
        self._tokens = [each for each in tokens_of(statement) if each.token_type is not TokenType.SEMICOLON]
        self._at = 0

    def begins(self, *words: str) -> bool:
        """Take these words when they come next."""
        ahead = [each.text.upper() for each in self._tokens[self._at : self._at + len(words)]]
        if ahead != list(words):
            return False
        self._at += len(words)
        return True

    def expect(self, *words: str) -> None:
        if not self.begins(*words):
            raise SqlFailure("PARSE_SYNTAX_ERROR", f"Expected {' '.join(words)} at or near '{self._near()}'.", "42601")

    def name(self) -> str:
        """A name of one or more parts, in lower case."""
        return ".".join(self._parts()).lower()

    def principal(self) -> str:
        return ".".join(self._parts())

    def _parts(self) -> list[str]:
        parts = [self._take().text]
        while self._ahead(TokenType.DOT):
            self._at += 1
            parts.append(self._take().text)
        return parts

    def names(self) -> list[str]:
        """`(a, b)`, `()` included."""
        self.expect("(")
        found: list[str] = []
        while not self.begins(")"):
            found.append(self.name())
            if not self.begins(","):
                self.expect(")")
                break
        return found

    def listed(self) -> list[str]:
        """`a, b`: principals, as they are written."""
        found = [self.principal()]
        while self.begins(","):
            found.append(self.principal())
        return found

    def slice(self, *words: str) -> str:
        """The statement's own text up to one of these words, brackets skipped."""
        first, depth = self._at, 0
        while self._at < len(self._tokens):
            word = self._tokens[self._at].text.upper()
            if depth == 0 and word in words:
                break
            depth += {"(": 1, ")": -1}.get(word, 0)
            self._at += 1
        if self._at == first:
            raise SqlFailure("PARSE_SYNTAX_ERROR", f"Expected a condition at or near '{self._near()}'.", "42601")
        return self._statement[self._tokens[first].start : self._tokens[self._at - 1].end + 1]

    def text(self) -> str:
        token = self._take()
        if token.token_type is not TokenType.STRING:
            raise SqlFailure("PARSE_SYNTAX_ERROR", f"Expected a text at or near '{token.text}'.", "42601")
        return token.text

    def number(self) -> str:
        token = self._take()
        if token.token_type is not TokenType.NUMBER:
            raise SqlFailure("PARSE_SYNTAX_ERROR", f"Expected a number at or near '{token.text}'.", "42601")
        return token.text

    def until(self, *words: str) -> list[str]:
        """The words before one of these."""
        found = []
        while self._at < len(self._tokens) and self._tokens[self._at].text.upper() not in words:
            found.append(self._take().text)
        return found

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise SqlFailure("PARSE_SYNTAX_ERROR", f"Syntax error at or near '{self._near()}'.", "42601")

    def _take(self) -> Token:
        if self._at >= len(self._tokens):
            raise SqlFailure("PARSE_SYNTAX_ERROR", "Syntax error at or near end of input.", "42601")
        self._at += 1
        return self._tokens[self._at - 1]

    def _ahead(self, kind: TokenType) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at].token_type is kind

    def _near(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else "end of input"


def upper_snake(words: Sequence[str]) -> list[str]:
    """Privileges of a GRANT as the API writes them: `USE CATALOG, SELECT` is USE_CATALOG and SELECT."""
    return [part.strip().replace(" ", "_").upper() for part in " ".join(words).split(",") if part.strip()]
