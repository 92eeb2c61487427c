"""What is asked of a platform. A value that exists can be asked for: names and sizes are checked when it is made.

Everything about a room but its owner and comment is fixed when it is made, so a mistake would mean another room.
Limits: databricks.md, sections 1 to 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

from cleanroom_core.backends.seen import CLOSED, SeenRoom
from cleanroom_core.errors import InputError

PARTIES_LIMIT = 10
COMMENT_LIMIT = 500
_FORBIDDEN = re.compile(r"[\s./\x00-\x1f\x7f]")
_METASTORE = re.compile(r"(aws|azure|gcp):[a-z0-9-]+:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def securable(name: str, what: str) -> str:
    """A Unity Catalog name as the platform keeps it, in lower case. Raises InputError for one it does not take."""
    if not 0 < len(name) <= 255 or _FORBIDDEN.search(name):
        raise InputError(
            f"{what} {name!r} is not 1 to 255 characters without dots, spaces and slashes.",
            hint="Use letters, digits and underscores.",
            code="PLATFORM_NAME",
        )
    return name.lower()


def qualified(name: str, what: str) -> str:
    """`first.second.third`, in lower case."""
    parts = name.split(".")
    if len(parts) != 3:
        raise InputError(f"{what} {name!r} has not three parts.", hint="Write catalog.schema.name.", code="PLATFORM_NAME")
    return ".".join(securable(part, what) for part in parts)


@dataclass(frozen=True)
class Party:
    """One collaborator: `metastore` is cloud:region:uuid. The creator has no invitation, everybody else a whole one."""

    alias: str
    metastore: str
    invite_user: str = ""
    invite_workspace: str = ""  # the workspace's number, as text: it may be larger than JSON's exact integers

    def __post_init__(self) -> None:
        object.__setattr__(self, "alias", securable(self.alias, "The alias"))
        if _METASTORE.fullmatch(self.metastore) is None:
            raise InputError(
                f"{self.metastore!r} is no global metastore id.",
                hint="It reads cloud:region:uuid; a clean room's sharing identifier has workspace and user behind it.",
                code="METASTORE_ID",
            )
        if bool(self.invite_user) != bool(self.invite_workspace) or not (self.invite_workspace or "0").isdecimal():
            raise InputError(
                f"The invitation of {self.alias} is not a user and the number of a workspace.",
                hint="Both stand in the sharing identifier that the partner sends.",
                code="INVITATION",
            )


@dataclass(frozen=True)
class NewRoom:
    """A room with all its collaborators: nobody can be added later. `owner`: a group, so that SELECT outlives a person."""

    name: str
    cloud: str
    region: str
    parties: tuple[Party, ...]
    owner: str = ""
    comment: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", securable(self.name, "The room's name"))
        object.__setattr__(self, "parties", tuple(self.parties))
        creators = [party.alias for party in self.parties if not party.invite_user]
        aliases = {party.alias for party in self.parties}
        if not 2 <= len(self.parties) <= PARTIES_LIMIT or len(aliases) < len(self.parties) or len(creators) != 1:
            raise InputError(
                f"A room has 2 to {PARTIES_LIMIT} collaborators with different aliases, and exactly one creator.",
                hint="The creator is the one without an invitation.",
                code="PARTIES",
            )
        if self.cloud not in ("aws", "azure", "gcp") or not self.region:
            raise InputError("A room has a cloud and a region.", hint="Clouds are aws, azure and gcp.", code="REGION")

    @property
    def creator(self) -> Party:
        return next(party for party in self.parties if not party.invite_user)

    def differs(self, seen: SeenRoom) -> tuple[str, ...]:
        """In what a room that is there is not this one, as far as the platform says; comment and owner may change."""
        told = [
            ("collaborators", dict(seen.parties), {party.alias: party.metastore for party in self.parties}),
            ("cloud", seen.cloud, self.cloud),
            ("region", seen.region, self.region),
            ("way to the internet", seen.egress, CLOSED),
        ]
        return (*(what for what, there, asked in told if there and there != asked), *seen.modes)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"parties": [asdict(party) for party in self.parties]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NewRoom:
        return cls(**{**data, "parties": tuple(Party(**party) for party in data["parties"])})


@dataclass(frozen=True)
class NewTable:
    """A share-safe table or view as an asset: `name` is alias.schema.asset, `local` where it lies, catalog.schema.table."""

    name: str
    local: str
    is_view: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", qualified(self.name, "The asset"))
        object.__setattr__(self, "local", qualified(self.local, "The table"))


@dataclass(frozen=True)
class NewNotebook:
    """A notebook as source text. `runners`: aliases that may run it. The same bytes are the same notebook (`digest`)."""

    name: str
    source: str
    runners: tuple[str, ...]
    language: str = "PYTHON"

    def __post_init__(self) -> None:
        object.__setattr__(self, "runners", tuple(self.runners))
        if not 0 < len(self.name) <= 255 or "/" in self.name or self.name != self.name.strip():
            raise InputError(
                f"{self.name!r} cannot name a notebook.", hint="Use 1 to 255 characters without slashes.", code="NOTEBOOK_NAME"
            )
        if self.language not in ("PYTHON", "SQL") or not self.runners:
            raise InputError(
                "A notebook is PYTHON or SQL and has somebody who may run it.", hint="Name a runner by alias.", code="NOTEBOOK"
            )

    @property
    def digest(self) -> str:
        """SHA-256 of the source, hex: what approvals and logs name."""
        return sha256(self.source.encode()).hexdigest()


@dataclass(frozen=True)
class Judgement:
    """A review of one version (`etag`) of another side's notebook."""

    notebook: str
    etag: str
    approve: bool
    comment: str = ""

    def __post_init__(self) -> None:
        if not self.etag:
            raise InputError("A review is of one version.", hint="Read the notebook first; it has an etag.", code="ETAG")
        if len(self.comment) > COMMENT_LIMIT:
            raise InputError(f"A comment has at most {COMMENT_LIMIT} characters.", hint="Shorten it.", code="REVIEW_COMMENT")


@dataclass(frozen=True)
class NewRule:
    """Approve what `author` uploads (empty: anybody else) for `runner` without asking. It says who, never what."""

    runner: str
    author: str = ""


@dataclass(frozen=True)
class NewRun:
    """Run exactly this version of a notebook. `token` makes it happen once: the same token is the same run."""

    notebook: str
    etag: str
    token: str
    timeout_seconds: int = 1800
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.etag or not 0 < len(self.token) <= 64 or self.timeout_seconds <= 0:
            raise InputError(
                "A run names a version, has a token of at most 64 characters and ends some day.",
                hint="Take the etag of the approved notebook.",
                code="RUN",
            )
