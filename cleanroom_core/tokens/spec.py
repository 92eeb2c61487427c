"""What both collaborators agree on so that the same identifier becomes the same token on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cleanroom_core.errors import InputError
from cleanroom_core.sql.kinds import require_texts
from cleanroom_core.sql.names import checked_name

IDENTIFIERS = ("pan", "email", "phone", "national_id", "text")
STEPS = ("strip", "digits_only", "fullwidth_digits", "lower", "upper")
SPELLINGS = {
    "lowercase": "lower",
    "ascii_lower": "lower",
    "lower_case": "lower",
    "uppercase": "upper",
    "ascii_upper": "upper",
    "upper_case": "upper",
    "trim": "strip",
    "digits": "digits_only",
    "full_width_digits": "fullwidth_digits",
    "fullwidth": "fullwidth_digits",
}  # fmt: skip - other words people use for a step, normalised to ours before anything is signed
ALGORITHM = "hmac-sha256"


@dataclass(frozen=True)
class TokenSpec:
    """`identifier` decides which normalised values are valid; `normalise` is an ordered choice from `STEPS`."""

    name: str
    identifier: str
    normalise: tuple[str, ...]
    key_id: str
    algorithm: str = ALGORITHM

    def __post_init__(self) -> None:
        checked_name(self.name, "a token spec")  # it becomes part of the names of bound parameters
        require_texts(f"A word of the token {self.name}", (self.identifier, *self.normalise, self.key_id, self.algorithm))
        object.__setattr__(self, "normalise", tuple(SPELLINGS.get(step, step) for step in self.normalise))
        if self.identifier not in IDENTIFIERS:
            raise InputError(
                f"Token {self.name}: there is no identifier type {self.identifier!r}.",
                hint=f"Known are {', '.join(IDENTIFIERS)}.",
                code="TOKEN_SPEC",
            )
        for step in self.normalise:
            if step not in STEPS:
                raise InputError(
                    f"Token {self.name}: there is no normalisation step {step!r}.",
                    hint=f"Known are {', '.join(STEPS)}.",
                    code="TOKEN_SPEC",
                )
        if self.algorithm != ALGORITHM:
            raise InputError(
                f"Token {self.name}: {self.algorithm!r} is not an algorithm we use.",
                hint=f"Use {ALGORITHM}.",
                code="TOKEN_SPEC",
            )

    def as_json(self) -> dict[str, Any]:
        return {
            "identifier": self.identifier,
            "normalise": list(self.normalise),
            "algorithm": self.algorithm,
            "key_id": self.key_id,
        }

    @classmethod
    def from_json(cls, name: str, data: Mapping[str, Any]) -> TokenSpec:
        return cls(
            name=name,
            identifier=data["identifier"],
            normalise=tuple(data.get("normalise") or ()),
            key_id=str(data["key_id"]),
            algorithm=data.get("algorithm", ALGORITHM),
        )
