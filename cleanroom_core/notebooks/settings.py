"""Which names mean a person, an identifier or a token, and how many people a cell must have."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PEOPLE = (
    "person|people|individual|subject|customer|client|consumer|patient|member|subscriber|user|holder|cardholder|card|account"
    "|insured|employee|visitor|citizen|resident|household|beneficiary|borrower|payer|payee"
)
_KEYS = "id|key|token|hash|hmac|number|no|nr|uuid|guid|pseudonym|digest|pan"
PERSONS = (
    rf"(.*_)?({_PEOPLE})(_(ref|external|internal|global|national|master|hashed))?_?({_KEYS})",
    rf"({_KEYS})_(of_)?({_PEOPLE})",
    r"person|pid|(.*_)?(ssn|pan|mrn)",
)
IDENTIFIERS = (
    r"(.*_)?(e_?mail|phone|mobile|msisdn|telephone|iban|passport|tax|national|licen[cs]e_plate)_?(address|number|no|hash|hashed|id)",
    r"(.*_)?(e_?mail|phone|mobile|msisdn|telephone|iban|passport|licen[cs]e_plate)",
    r"(.*_)?(first|last|full|family|given|middle|maiden)_?name",
    r"(.*_)?(surname|birth_?date|birth_?day|date_of_birth|dob|street|address|ip|cookie_id|device_id|maid|idfa|gaid)",
    r"(.*_)?(transaction|order|claim|encounter|visit|session|event|invoice|policy|loan|contract)_?(id|key|number|no|uuid|guid)",
    r"(.*_)?(token|hmac|pseudonym)",
)
_TOKENS = re.compile(r"(.*_)?(token|hash|hmac|pseudonym|digest)(_\w+)?")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True)
class Settings:
    """`persons`: columns that count people; given names replace the patterns above. `identifiers`: further columns that must
    not leave, beside the patterns. `minimum`: the fewest people a guard may ask for."""

    persons: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    minimum: int = 10

    def is_person(self, column: str) -> bool:
        if self.persons:
            return column.lower() in {name.lower() for name in self.persons}
        return _matches(PERSONS, column)

    def is_identifier(self, column: str) -> bool:
        return (
            self.is_person(column)
            or column.lower() in {name.lower() for name in self.identifiers}
            or _matches((*PERSONS, *IDENTIFIERS), column)
        )

    @staticmethod
    def is_token(column: str) -> bool:
        """Tokens were made from a cleaned identifier by whoever shared them; their text needs no trimming."""
        return _TOKENS.fullmatch(_snake(column)) is not None


def _snake(column: str) -> str:
    return _HUMP.sub("_", column).lower()


def _matches(patterns: tuple[str, ...], column: str) -> bool:
    return any(re.fullmatch(pattern, _snake(column)) for pattern in patterns)
