"""One line of a log: what happened, who did it, what it answers; and the salted commitment to what stands beside it.

An entry's bytes are the leaf of the tree and never change. Its *payload* (SQL text, tables, names) lies beside the tree; the
entry holds `commit`, a salted hash of it, so that the payload can be withheld or erased while every proof still holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from cleanroom_core.audit import canonical
from cleanroom_core.audit.checkpoint import is_origin
from cleanroom_core.errors import InputError, IntegrityError

VERSION = "cleanroom-audit/1"
ENTRY_LIMIT = 16 * 1024
PAYLOAD_LIMIT = 64 * 1024 * 1024
SALT_SIZE = 32
AUDIENCE = "audience"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"

_HEX = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:-]{0,99}")
_ACTOR = frozenset({"organisation", "role", "id"})
_FIELDS = frozenset({"v", "origin", "seq", "time", "kind", "actor", "refs", "peer", "commit", "public"})


@dataclass(frozen=True)
class Kind:
    """`mirrored`: the payload is handed to the others (or, for an entry with an audience, to those it names). `erasable`: the
    payload may be erased later; what the room's state is folded from may not."""

    mirrored: bool
    erasable: bool


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "genesis": Kind(mirrored=True, erasable=False),
        "room": Kind(mirrored=True, erasable=False),  # created, invited, accepted
        "agreement": Kind(mirrored=True, erasable=False),
        "policy": Kind(mirrored=True, erasable=False),
        "token_spec": Kind(mirrored=True, erasable=False),
        "precheck": Kind(mirrored=False, erasable=True),
        "asset": Kind(mirrored=True, erasable=False),
        "plan": Kind(mirrored=True, erasable=False),
        "approval": Kind(mirrored=True, erasable=True),
        "run": Kind(mirrored=True, erasable=False),
        "result": Kind(mirrored=False, erasable=True),  # quarantined figures
        "decision": Kind(mirrored=True, erasable=True),
        "release": Kind(mirrored=True, erasable=True),  # released figures; the audience is the receiver
        "revocation": Kind(mirrored=True, erasable=True),  # a keyed exclusion digest outlives the erasure
        "budget": Kind(mirrored=True, erasable=False),
        "credential": Kind(mirrored=False, erasable=True),
        "intent": Kind(mirrored=False, erasable=True),
        "outcome": Kind(mirrored=False, erasable=True),
        "access": Kind(mirrored=False, erasable=True),  # somebody looked at raw or quarantined data
        "receipt": Kind(mirrored=True, erasable=False),
        "redaction": Kind(mirrored=True, erasable=False),
        "key": Kind(mirrored=True, erasable=False),
        "dispute": Kind(mirrored=True, erasable=True),
        "cosign_overdue": Kind(mirrored=True, erasable=False),
        "close": Kind(mirrored=True, erasable=False),
    }
)


@dataclass(frozen=True)
class Ref:
    """Another entry that this one answers: its log, its number and its leaf hash (64 lower-case hex digits)."""

    origin: str
    seq: int
    leaf: str

    def __post_init__(self) -> None:
        _need(
            is_origin(self.origin) and _is_count(self.seq) and _is_hex(self.leaf), "a reference is not origin, number and leaf"
        )


@dataclass(frozen=True)
class PeerState:
    """The newest checkpoint of another's log that the writer had verified: this orders the two logs in part."""

    origin: str
    size: int
    root: str

    def __post_init__(self) -> None:
        _need(is_origin(self.origin) and _is_count(self.size) and _is_hex(self.root), "peer is not origin, size and root")


@dataclass(frozen=True)
class Entry:
    """`seq` is the leaf's index; `time` the writer's clock, a claim and no proof; `public` small non-personal facts, readable
    without the payload. Values of `public` are shared, not copied: never change them."""

    origin: str
    seq: int
    time: str
    kind: str
    actor: Mapping[str, str]
    refs: tuple[Ref, ...] = ()
    peer: PeerState | None = None
    commit: str | None = None
    public: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _need(is_origin(self.origin), "origin is no log's name")
        _need(_is_count(self.seq), "seq is no number")
        _need(_is_time(self.time), "time is not YYYY-MM-DDTHH:MM:SSZ")
        _need(self.kind in KINDS, "there is no such kind of entry")
        _need(
            isinstance(self.actor, Mapping)
            and "organisation" in self.actor
            and self.actor.keys() <= _ACTOR
            and all(isinstance(word, str) and _WORD.fullmatch(word) for word in self.actor.values()),
            "actor is not organisation, role and id in plain letters",
        )
        _need(self.commit is None or _is_hex(self.commit), "commit is no SHA-256")
        _need(isinstance(self.public, Mapping), "public is no object")
        audience = self.public.get(AUDIENCE)
        _need(
            audience is None
            or (
                isinstance(audience, list | tuple)
                and all(isinstance(alias, str) and _WORD.fullmatch(alias) for alias in audience)
            ),
            "audience is no list of collaborators",
        )
        _need(audience is None or self.commit is None or self.mirrored, "a private entry has an audience")

    @property
    def mirrored(self) -> bool:
        return KINDS[self.kind].mirrored

    def may_hold(self, alias: str) -> bool:
        """Whether another collaborator may, and must, be given the payload."""
        audience = self.public.get(AUDIENCE)
        return self.commit is not None and self.mirrored and (audience is None or alias in audience)

    def encode(self) -> bytes:
        """The leaf's bytes. Raises InputError for values outside the profile or more than 16 KiB."""
        data = canonical.encode(
            {
                "v": VERSION,
                "origin": self.origin,
                "seq": self.seq,
                "time": self.time,
                "kind": self.kind,
                "actor": dict(self.actor),
                "refs": [{"origin": ref.origin, "seq": ref.seq, "leaf": ref.leaf} for ref in self.refs],
                "peer": None if self.peer is None else vars(self.peer),
                "commit": self.commit,
                "public": dict(self.public),
            }
        )
        if len(data) > ENTRY_LIMIT:
            raise InputError(
                f"The public part of this {self.kind} entry is larger than {ENTRY_LIMIT // 1024} KiB.",
                hint="Put the bulk of it into the payload.",
                code="ENTRY_SIZE",
            )
        return data

    @classmethod
    def parse(cls, data: bytes) -> Entry:
        """Read a leaf's bytes, strictly. Raises IntegrityError (CANONICAL or ENTRY)."""
        try:
            _need(len(data) <= ENTRY_LIMIT, "it is larger than 16 KiB")
            value = canonical.decode(data)
            _need(
                isinstance(value, dict) and value.keys() == _FIELDS and value["v"] == VERSION, "its fields are not those of v1"
            )
            _need(isinstance(value["refs"], list), "refs is no list")
            return cls(
                origin=value["origin"],
                seq=value["seq"],
                time=value["time"],
                kind=value["kind"],
                actor=value["actor"],
                refs=tuple(Ref(**ref) for ref in value["refs"]),
                peer=None if value["peer"] is None else PeerState(**value["peer"]),
                commit=value["commit"],
                public=value["public"],
            )
        except InputError as found:
            why = found.message
        except TypeError:
            why = "its fields are not those of v1"
        raise IntegrityError(f"This is no log entry: {why}", hint="Ask for the original log again.", code="ENTRY")


def commitment(origin: str, seq: int, kind: str, salt: bytes, payload: bytes) -> str:
    """Salted commitment to a payload; bound to its place, so that it cannot be moved to another entry."""
    if len(salt) != SALT_SIZE:
        raise ValueError("a salt has 32 bytes")
    head = f"cleanroom-payload/1\n{origin}\n{seq}\n{kind}\n".encode()
    return sha256(head + salt + payload).hexdigest()


def check_payload(entry: Entry, salt: bytes, payload: bytes) -> None:
    """Raise IntegrityError (code COMMITMENT) unless the entry commits to exactly this payload."""
    if len(salt) != SALT_SIZE or commitment(entry.origin, entry.seq, entry.kind, salt, payload) != entry.commit:
        raise IntegrityError(
            f"The payload of entry {entry.seq} of {entry.origin} is not the one committed to.",
            hint="It was changed, moved or mixed up; ask its writer for the original.",
            code="COMMITMENT",
        )


def encode_payload(value: object) -> bytes:
    """Canonical bytes of a payload. Raises InputError."""
    data = canonical.encode(value, text="any")
    if len(data) > PAYLOAD_LIMIT:
        raise InputError(
            f"The payload is larger than {PAYLOAD_LIMIT // 2**20} MiB.",
            hint="Split it into several entries.",
            code="ENTRY_SIZE",
        )
    return data


def decode_payload(data: bytes) -> Any:
    return canonical.decode(data, text="any")


def format_time(moment: datetime) -> str:
    """UTC, whole seconds (cut, not rounded). Raises ValueError for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC).strftime(TIME_FORMAT)


def parse_time(text: str) -> datetime:
    """Raises ValueError for a day or hour that does not exist."""
    return datetime.fromisoformat(text)


def _need(condition: object, why: str) -> None:
    if not condition:
        raise InputError(f"{why[0].upper()}{why[1:]}.", hint="Correct the entry before it is written.", code="ENTRY")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= canonical.INTEGER_LIMIT


def _is_hex(value: object) -> bool:
    return isinstance(value, str) and _HEX.fullmatch(value) is not None


def _is_time(value: object) -> bool:
    if not (isinstance(value, str) and _TIME.fullmatch(value)):
        return False
    try:
        parse_time(value)
    except ValueError:
        return False
    return True
