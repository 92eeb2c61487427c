"""The genesis document: who writes which log with which keys. Entry 0 of every log of a room holds the same bytes of it.

Its SHA-256 belongs into the contract's annex: a verifier is given that value from outside and trusts no key a bundle brings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cleanroom_core.audit.entry import encode_payload
from cleanroom_core.audit.note import COSIGNER, LOG, VerificationKey
from cleanroom_core.errors import InputError

_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Collaborator:
    """One organisation's log: `log_key` signs it (its name is the origin), `cosigner_key` countersigns the others' logs.

    `next_log_key`, `next_cosigner_key`: hex SHA-256 of the vkey lines that may replace them later (pre-rotation).
    """

    alias: str
    log_key: VerificationKey
    cosigner_key: VerificationKey
    next_log_key: str
    next_cosigner_key: str

    def __post_init__(self) -> None:
        if self.log_key.kind != LOG or self.cosigner_key.kind != COSIGNER or self.log_key.public == self.cosigner_key.public:
            raise InputError(
                f"The keys of {self.alias} are not one log key and another cosigner key.", hint="Make new keys.", code="GENESIS"
            )
        if not all(_HEX.fullmatch(digest) for digest in (self.next_log_key, self.next_cosigner_key)):
            raise InputError(f"The next keys of {self.alias} are not SHA-256 in hex.", hint="Make new keys.", code="GENESIS")

    @property
    def origin(self) -> str:
        return self.log_key.name


@dataclass(frozen=True)
class Genesis:
    """`cosign_hours`: after how long without a cosignature the others are overdue. `retention_years`: kept after closing.
    `contract`: reference of the paper contract, if there is one."""

    room: str
    collaborators: tuple[Collaborator, ...]
    cosign_hours: int = 24
    retention_years: int = 7
    contract: str = ""

    def __post_init__(self) -> None:
        for what, values in (
            ("alias", [one.alias for one in self.collaborators]),
            ("log", [one.origin for one in self.collaborators]),
            ("key", [key.public for one in self.collaborators for key in (one.log_key, one.cosigner_key)]),
        ):
            if len(set(values)) != len(values):
                raise InputError(f"Two collaborators have the same {what}.", hint="Each has its own.", code="GENESIS")
        if len(self.collaborators) < 2:
            raise InputError("A clean room has at least two collaborators.", hint="Invite somebody.", code="GENESIS")

    def by_alias(self, alias: str) -> Collaborator:
        for one in self.collaborators:
            if one.alias == alias:
                return one
        raise InputError(f"{alias} is no collaborator of {self.room}.", hint="Look at the genesis document.", code="GENESIS")

    def by_origin(self, origin: str) -> Collaborator:
        for one in self.collaborators:
            if one.origin == origin:
                return one
        raise InputError(f"{origin} is no log of {self.room}.", hint="Look at the genesis document.", code="GENESIS")

    def as_json(self) -> dict[str, Any]:
        return {
            "room": self.room,
            "collaborators": [
                {
                    "alias": one.alias,
                    "origin": one.origin,
                    "log_key": str(one.log_key),
                    "cosigner_key": str(one.cosigner_key),
                    "next_log_key": one.next_log_key,
                    "next_cosigner_key": one.next_cosigner_key,
                }
                for one in self.collaborators
            ],
            "cosign_hours": self.cosign_hours,
            "retention_years": self.retention_years,
            "contract": self.contract,
        }

    def digest(self) -> str:
        """Hex SHA-256 of the document's bytes: the annex value."""
        return sha256(encode_payload(self.as_json())).hexdigest()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Genesis:
        """Raises InputError (code GENESIS or VKEY)."""
        try:
            found = cls(
                room=data["room"],
                collaborators=tuple(
                    Collaborator(
                        alias=one["alias"],
                        log_key=VerificationKey.parse(one["log_key"]),
                        cosigner_key=VerificationKey.parse(one["cosigner_key"]),
                        next_log_key=one["next_log_key"],
                        next_cosigner_key=one["next_cosigner_key"],
                    )
                    for one in data["collaborators"]
                ),
                cosign_hours=data["cosign_hours"],
                retention_years=data["retention_years"],
                contract=data["contract"],
            )
        except (KeyError, TypeError, AttributeError):
            found = None
        if found is None or found.as_json() != data:
            raise InputError("This is no genesis document.", hint="Ask for the original again.", code="GENESIS")
        return found
