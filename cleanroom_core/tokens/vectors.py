"""Test vectors of a token spec: fixed, public identifiers that each side turns into tokens with its own key, before any join.

The identifiers are test numbers of the card schemes and made-up names, nobody's; the tokens may be published, because from them
no key can be found. Where two sides differ, the case says in which way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cleanroom_core.tokens.hmac_expression import token_of
from cleanroom_core.tokens.normalise import normalise
from cleanroom_core.tokens.spec import TokenSpec

_AWKWARD = {"empty": "", "only blanks": " \t ", "zero-width only": "\u200b\ufeff"}
_PAN = {
    "Visa": "4111111111111111",
    "Visa, 13 digits": "4222222222222",
    "Mastercard": "5555555555554444",
    "Mastercard, 2-series": "2223003122003222",
    "American Express, 15 digits": "378282246310005",
    "Diners Club, 14 digits": "30569309025904",
    "Discover": "6011111111111117",
    "JCB": "3530111333300000",
    "UnionPay, 19 digits": "6205500000000000004",
    "Maestro, 12 digits": "500000000009",
    "leading zeros": "0004111111111111111",
    "trailing space": "4111111111111111 ",
    "line feed at the end": "4111111111111111\n",
    "no-break space before": "\xa04111111111111111",
    "dashes": "4111-1111-1111-1111",
    "groups": "4111 1111 1111 1111",
    "full-width digits": "４１１１１１１１１１１１１１１１",
    "Arabic digits": "٤١١١١١١١١١١١١١١١",
    "wrong check digit": "4111111111111112",
    "too short": "41111111",
    "too long": "41111111111111111111",
    "all zeros": "0000000000000000",
    "scientific notation": "4.11111111111111E+15",
    "decimal point": "4111111111111111.0",
    "letters": "4111ABCD11111111",
}
_EMAIL = {
    "plain": "ada@example.org",
    "capitals": "Ada@Example.ORG",
    "trailing space": "ada@example.org ",
    "zero-width space": "ada@example.org\u200b",
    "plus tag": "ada+news@example.org",
    "dots": "a.d.a@example.org",
    "sub-domain": "ada@mail.example.co.uk",
    "umlaut": "jürgen@example.org",
    "capital umlaut": "JÜRGEN@example.org",
    "dotted capital I": "\u0130da@example.org",
    "no at sign": "ada.example.org",
    "two at signs": "ada@@example.org",
    "no dot": "ada@example",
    "blank inside": "ada lovelace@example.org",
    "display name": "Ada <ada@example.org>",
}
_PHONE = {
    "international": "+442079460000",
    "without plus": "442079460000",
    "double zero": "00442079460000",
    "blanks": "+44 20 7946 0000",
    "brackets": "+44 (0)20 7946 0000",
    "dashes": "+1-202-555-0143",
    "trailing space": "+442079460000 ",
    "full-width digits": "＋４４２０７９４６００００",
    "short": "12345",
    "too long": "+1234567890123456",
    "zeros": "0000000000",
    "letters": "1-800-FLOWERS",
}
_NATIONAL_ID = {
    "digits": "078051120",
    "dashes": "078-05-1120",
    "blanks": "078 05 1120",
    "trailing space": "078051120 ",
    "leading zeros": "000078051",
    "letters": "QQ123456C",
    "small letters": "qq123456c",
    "full-width digits": "０７８０５１１２０",
    "short": "123",
    "without digits": "ABCDEF",
    "slash": "850101/1234",
}
_TEXT = {
    "plain": "customer-0001",
    "capitals": "CUSTOMER-0001",
    "trailing space": "customer-0001 ",
    "leading zeros": "0001",
    "no leading zeros": "1",
    "no-break space": "customer\xa00001",
    "full-width digits": "customer-０００１",
    "combined accent": "jose\u0301",
    "single accent": "jos\u00e9",
    "emoji": "\U0001f600",
}
IDENTIFIERS: Mapping[str, Mapping[str, str]] = {
    "pan": _PAN | _AWKWARD,
    "email": _EMAIL | _AWKWARD,
    "phone": _PHONE | _AWKWARD,
    "national_id": _NATIONAL_ID | _AWKWARD,
    "text": _TEXT | _AWKWARD,
}


@dataclass(frozen=True)
class Vector:
    """`case` names the input; `normalised` is public test data; `token` None: no token, because empty or invalid."""

    case: str
    normalised: str
    token: str | None


@dataclass(frozen=True)
class Comparison:
    """One case on both sides. `why`: for a mismatch, what differs in words."""

    case: str
    match: bool
    why: str = ""


def run_vectors(spec: TokenSpec, key: bytes) -> tuple[Vector, ...]:
    """The tokens of all test identifiers of this spec's type."""
    return tuple(
        Vector(case, normalise(text, spec.normalise), token_of(text, spec, key))
        for case, text in IDENTIFIERS[spec.identifier].items()
    )


def compare(spec: TokenSpec, own: Mapping[str, str | None], partner: Mapping[str, str | None]) -> tuple[Comparison, ...]:
    """Both sides' tokens (case -> token) case by case, in the spec's order; cases only one side knows come last."""
    known = IDENTIFIERS[spec.identifier]
    cases = [*known, *(case for case in (*own, *partner) if case not in known)]
    return tuple(_compared(case, own, partner) for case in dict.fromkeys(cases))


def _compared(case: str, own: Mapping[str, str | None], partner: Mapping[str, str | None]) -> Comparison:
    if case not in own or case not in partner:
        side = "this side" if case not in own else "the partner"
        return Comparison(case, match=False, why=f"{side} has not run this case")
    mine, theirs = own[case], partner[case]
    if mine == theirs:
        return Comparison(case, match=True)
    if mine is None or theirs is None:
        side = "this side" if mine is None else "the partner"
        return Comparison(case, match=False, why=f"{side} makes no token: it is taken for empty or invalid there")
    return Comparison(case, match=False, why="both make a token, but not the same: another key or another normalisation")
