"""What both collaborators agree on so that the same identifier becomes the same token on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cleanroom_core.errors import InputError

IDENTIFIERS = ("pan", "email", "phone", "national_id", "text")
STEPS = ("strip", "digits_only", "fullwidth_digits", "lower", "upper")
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
