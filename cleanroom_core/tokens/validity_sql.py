"""The conditions of `validity` as SQL trees, made only of functions that mean the same on every engine.

No CAST stands here: a digit's value is the place at which it is found in a fixed text, which no character can make fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from sqlglot import exp

from cleanroom_core.sql.functions.texts import cut
from cleanroom_core.sql.portable import call
from cleanroom_core.tokens.normalise import STRIPPED
from cleanroom_core.tokens.validity import EMAIL_LENGTH, NATIONAL_ID_LENGTH, PAN_DIGITS, PHONE_DIGITS

_SINGLE = "123456789"  # the place of a digit is its value; 0 is not found and counts 0
_DOUBLED = "516273849"  # the place of a digit is the digit sum of its double


def _pan(text: exp.Expr) -> Iterator[exp.Expr]:
    low, high = PAN_DIGITS
    yield _length_between(text, low, high)
    yield _only(text, "0-9")
    yield _some(text, "1-9")
    total = _value(text, 1)
    for place in range(2, high + 1):
        value = _value(text, place)
        if place > low:
            there = exp.GTE(this=_length(text), expression=exp.Literal.number(place))
            value = exp.Case(ifs=[exp.If(this=there, true=value)], default=exp.Literal.number(0))
        total = exp.Add(this=total, expression=value)
    yield exp.EQ(this=exp.Mod(this=exp.Paren(this=total), expression=exp.Literal.number(10)), expression=exp.Literal.number(0))


def _value(text: exp.Expr, place: int) -> exp.Expr:
    """What the digit at a place, counted from the right, adds to the sum of ISO/IEC 7812-1 Annex B."""
    start = exp.Add(this=_minus(_length(text), place), expression=exp.Literal.number(1))
    digit = call("SUBSTRING", text.copy(), start, exp.Literal.number(1))
    return call("INSTR", exp.Literal.string(_SINGLE if place % 2 else _DOUBLED), digit)


def _email(text: exp.Expr) -> Iterator[exp.Expr]:
    yield _length_between(text, 1, EMAIL_LENGTH)
    yield exp.EQ(
        this=_length(call("REPLACE", text.copy(), exp.Literal.string("@"), exp.Literal.string(""))),
        expression=_minus(_length(text), 1),
    )
    yield exp.Like(this=text.copy(), expression=exp.Literal.string("_%@_%._%"))
    yield exp.Not(this=_some(text, STRIPPED))


def _phone(text: exp.Expr) -> Iterator[exp.Expr]:
    plus = exp.EQ(this=cut(text.copy(), 1, 1), expression=exp.Literal.string("+"))
    number = exp.Case(ifs=[exp.If(this=plus, true=cut(text.copy(), 2))], default=text.copy())
    yield _length_between(number, *PHONE_DIGITS)
    yield _only(number, "0-9")
    yield _some(number, "1-9")


def _national_id(text: exp.Expr) -> Iterator[exp.Expr]:
    yield _length_between(text, *NATIONAL_ID_LENGTH)
    yield _only(text, "A-Za-z0-9/. -")
    yield _some(text, "0-9")


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
    """No character but these; `characters` as inside the brackets of a regular expression, without anchors or backslashes."""
    return exp.Not(this=_some(tree, f"^{characters}"))


def _some(tree: exp.Expr, characters: str) -> exp.Expr:
    return exp.RegexpLike(this=tree.copy(), expression=exp.Literal.string(f"[{characters}]"))
