"""The conditions of `validity` as SQL trees, made only of functions that mean the same on every engine.

No CAST stands here: a digit's value is the place at which it is found in a fixed text, which no character can make fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from string import digits

from sqlglot import exp

from cleanroom_core.sql.functions.texts import cut, translate
from cleanroom_core.sql.portable import call
from cleanroom_core.tokens.normalise import STRIPPED
from cleanroom_core.tokens.validity import EMAIL_LENGTH, NATIONAL_ID_CHARACTERS, NATIONAL_ID_LENGTH, PAN_DIGITS, PHONE_DIGITS

_SINGLE = "123456789"  # the place of a digit is its value; 0 is not found and counts 0
_DOUBLED = "516273849"  # the place of a digit is the digit sum of its double


def _pan(text: exp.Expr) -> Iterator[exp.Expr]:
    low, high = PAN_DIGITS
    yield _length_between(text, low, high)
    yield _only(text, digits)
    yield exp.NEQ(this=translate(text.copy(), "0", ""), expression=exp.Literal.string(""))
    padded = call("LPAD", text.copy(), exp.Literal.number(high), exp.Literal.string("0"))
    total: exp.Expr | None = None
    for position in range(high, 0, -1):
        values = _DOUBLED if (high - position) % 2 else _SINGLE
        value = call("INSTR", exp.Literal.string(values), cut(padded.copy(), position, 1))
        total = value if total is None else exp.Add(this=total, expression=value)
    yield exp.EQ(this=exp.Mod(this=exp.Paren(this=total), expression=exp.Literal.number(10)), expression=exp.Literal.number(0))


def _email(text: exp.Expr) -> Iterator[exp.Expr]:
    yield _length_between(text, 1, EMAIL_LENGTH)
    yield exp.EQ(this=_length(translate(text.copy(), "@", "")), expression=_minus(_length(text), 1))
    yield exp.Like(this=text.copy(), expression=exp.Literal.string("_%@_%._%"))
    yield exp.EQ(this=translate(text.copy(), STRIPPED, ""), expression=text.copy())


def _phone(text: exp.Expr) -> Iterator[exp.Expr]:
    plus = exp.EQ(this=cut(text.copy(), 1, 1), expression=exp.Literal.string("+"))
    number = exp.Case(ifs=[exp.If(this=plus, true=cut(text.copy(), 2))], default=text.copy())
    yield _length_between(number, *PHONE_DIGITS)
    yield _only(number, digits)
    yield exp.NEQ(this=translate(number.copy(), "0", ""), expression=exp.Literal.string(""))


def _national_id(text: exp.Expr) -> Iterator[exp.Expr]:
    yield _length_between(text, *NATIONAL_ID_LENGTH)
    yield _only(text, NATIONAL_ID_CHARACTERS)
    yield exp.NEQ(this=translate(text.copy(), digits, ""), expression=text.copy())


def _text(text: exp.Expr) -> Iterator[exp.Expr]:
    yield exp.NEQ(this=text.copy(), expression=exp.Literal.string(""))


CONDITIONS: Mapping[str, Callable[[exp.Expr], Iterator[exp.Expr]]] = {
    "pan": _pan,
    "email": _email,
    "phone": _phone,
    "national_id": _national_id,
    "text": _text,
}


def all_of(*conditions: exp.Expr) -> exp.Expr:
    """All conditions, and FALSE where they are NULL."""
    found = conditions[0]
    for condition in conditions[1:]:
        found = exp.And(this=found, expression=condition)
    return call("COALESCE", found, exp.false())


def _length(tree: exp.Expr) -> exp.Expr:
    return call("LENGTH", tree.copy())


def _minus(tree: exp.Expr, number: int) -> exp.Expr:
    return exp.Sub(this=tree, expression=exp.Literal.number(number))


def _length_between(tree: exp.Expr, low: int, high: int) -> exp.Expr:
    return exp.Between(this=_length(tree), low=exp.Literal.number(low), high=exp.Literal.number(high))


def _only(tree: exp.Expr, characters: str) -> exp.Expr:
    return exp.EQ(this=translate(tree.copy(), characters, ""), expression=exp.Literal.string(""))
