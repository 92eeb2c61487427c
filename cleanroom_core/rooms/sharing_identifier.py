"""Sharing identifiers of Databricks metastores and of the people invited into clean rooms: built, parsed, compared.

There are two kinds, and people send the wrong one:

    aws:us-west-2:1b2c...-uuid                             a metastore's, as shares between metastores use it
    aws:us-west-2:1b2c...-uuid:7405612345678901:ana@b.com  a clean room's: workspace and user (or application id) besides

Source: docs.databricks.com, "clean-room-collaborator"; `global_metastore_id` of `metastores.summary()`.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from cleanroom_core.errors import InputError

CLOUDS = ("aws", "azure", "gcp")
_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_CONTROL_OR_SPACE = re.compile(r"[\s\x00-\x1f\x7f]")
LONGEST = 512
HOW = (
    "The partner copies it in Databricks: Catalog > Clean Rooms > get my sharing identifier, or prints it with "
    "cleanroom precheck --databricks --facts-out FILE."
)


@dataclass(frozen=True)
class MetastoreIdentifier:
    """`cloud:region:uuid`, in lower case; equal when they name one metastore. Raises InputError for anything else."""

    cloud: str
    region: str
    metastore: str

    def __post_init__(self) -> None:
        cloud, region = self.cloud.strip().lower(), self.region.strip().lower()
        if cloud not in CLOUDS:
            raise _wrong(f"{self.cloud!r} is no cloud of a sharing identifier.", f"It begins with {', '.join(CLOUDS)}. {HOW}")
        if _REGION.fullmatch(region) is None:
            raise _wrong(f"{self.region!r} is no region of a sharing identifier.", f"It looks like us-west-2. {HOW}")
        object.__setattr__(self, "cloud", cloud)
        object.__setattr__(self, "region", region)
        object.__setattr__(self, "metastore", _uuid(self.metastore))

    @classmethod
    def parse(cls, text: str) -> MetastoreIdentifier:
        """Read the short kind. Raises InputError; a clean room's identifier is told apart."""
        parts = _parts(text)
        if len(parts) == 5:
            raise _wrong(
                "This is a clean room's sharing identifier (five parts); here the metastore's is asked for (three parts).",
                f"Give its first three parts: {':'.join(parts[:3])}",
            )
        if len(parts) != 3:
            raise _wrong(f"A metastore's sharing identifier has three parts, this has {len(parts)}.", HOW)
        return cls(*parts)

    def __str__(self) -> str:
        return f"{self.cloud}:{self.region}:{self.metastore}"


@dataclass(frozen=True)
class RoomIdentifier:
    """A clean room's sharing identifier. `user`: e-mail of a user or application id of a service principal."""

    metastore: MetastoreIdentifier
    workspace_id: int
    user: str

    def __post_init__(self) -> None:
        if not 0 < self.workspace_id < 2**63:
            raise _wrong(f"{self.workspace_id} is no workspace id.", f"It is a positive number of up to 19 digits. {HOW}")
        if not self.user or _CONTROL_OR_SPACE.search(self.user) or ":" in self.user or len(self.user) > 255:
            raise _wrong("The last part is no user name or application id.", f"It looks like ana@bank.example. {HOW}")

    @classmethod
    def parse(cls, text: str) -> RoomIdentifier:
        """Read the long kind. Raises InputError; a metastore's identifier is told apart."""
        parts = _parts(text)
        if len(parts) == 3:
            raise _wrong(
                "This is the metastore's sharing identifier (three parts), as shares use it; a clean room needs workspace and "
                "user besides: cloud:region:metastore:workspace id:user.",
                HOW,
            )
        if len(parts) != 5:
            raise _wrong(f"A clean room's sharing identifier has five parts, this has {len(parts)}.", HOW)
        if not (parts[3].isascii() and parts[3].isdigit() and len(parts[3]) < 20):
            raise _wrong("The fourth part is no workspace id.", f"It is the number in the workspace's address (o=...). {HOW}")
        return cls(MetastoreIdentifier(*parts[:3]), int(parts[3]), parts[4])

    def same_user(self, other: RoomIdentifier) -> bool:
        """User names are compared without regard to case, as SCIM does."""
        return self.user.casefold() == other.user.casefold()

    def __str__(self) -> str:
        return f"{self.metastore}:{self.workspace_id}:{self.user}"


def _parts(text: str) -> list[str]:
    if len(text) > LONGEST:
        raise _wrong(f"A sharing identifier has at most {LONGEST} characters, this has {len(text)}.", HOW)
    return text.strip().split(":")


def _uuid(text: str) -> str:
    try:
        found = str(uuid.UUID(text.strip()))
    except ValueError:
        found = ""
    if found != text.strip().lower():  # UUID() also takes braces and a form without hyphens
        raise _wrong("The third part is no metastore id.", f"It looks like 1b2c3d4e-0000-4000-8000-123456789abc. {HOW}")
    return found


def _wrong(message: str, hint: str) -> InputError:
    return InputError(message, hint=hint, code="SHARING_IDENTIFIER")
