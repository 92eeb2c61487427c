"""Python's own parser, quiet: a notebook's odd escapes are no warnings of ours."""

from __future__ import annotations

import ast
import warnings


class NotPython(ValueError):  # noqa: N818  an answer to a question, caught where it was asked
    """`line`: where it stops being Python, from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


def parse_python(text: str) -> ast.Module:
    """Raises NotPython, also for code that is too deep or too long for the parser."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotPython(getattr(error, "lineno", None) or 1) from None
