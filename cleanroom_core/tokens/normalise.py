"""Normalisation of identifiers, twice: in Python and as an SQL tree. Tests hold the two to the same answers.

Each step is a plain function over characters, so that nothing depends on a library's idea of white space, case or width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from string import ascii_lowercase, ascii_uppercase, digits
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

# What `strip` takes off both ends: blanks, tabs, line ends, no-break and zero-width characters, the byte order mark, the
# ideographic space (Unicode's White_Space property, and the zero-width characters that are none by that property).
STRIPPED = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
    "\u200b\u200c\u200d\u2060\ufeff"
)
FULLWIDTH_DIGITS = "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19"
_TO_ASCII = str.maketrans(FULLWIDTH_DIGITS, digits)
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_UPPER = str.maketrans(ascii_lowercase, ascii_uppercase)

_IN_PYTHON: Mapping[str, Callable[[str], str]] = {
    "strip": lambda text: text.strip(STRIPPED),
    "fullwidth_digits": lambda text: text.translate(_TO_ASCII),
    "digits_only": lambda text: "".join(character for character in text if character in digits),
    "lower": lambda text: text.translate(_LOWER),
    "upper": lambda text: text.translate(_UPPER),
}


def normalise(text: str, steps: Sequence[str]) -> str:
    """The identifier after the spec's steps, in their order. KeyError for a step that is not one of `spec.STEPS`."""
    for step in steps:
        text = _IN_PYTHON[step](text)
    return text


def normalised_tree(tree: exp.Expr, steps: Sequence[str]) -> exp.Expr:
    """The same over an SQL tree of type STRING; NULL stays NULL. Render it with `sql.portable.render`."""
    from sqlglot import exp

    from cleanroom_core.sql.functions.texts import lowered, raised, translate
    from cleanroom_core.sql.portable import portable

    in_sql: Mapping[str, Callable[[exp.Expr], exp.Expr]] = {
        "strip": lambda inner: portable("strip", inner, exp.Literal.string(STRIPPED)),
        "fullwidth_digits": lambda inner: translate(inner, FULLWIDTH_DIGITS, digits),
        "digits_only": lambda inner: portable("digits_of", inner),
        "lower": lowered,
        "upper": raised,
    }
    for step in steps:
        tree = in_sql[step](tree)
    return tree
