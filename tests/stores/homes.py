"""Rooms of two or three homes for tests: real keys, real files, and a clock that is set by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cleanroom_core.audit.genesis import Genesis
from cleanroom_core.stores.keys import HomeKeys, make_keys
from cleanroom_core.stores.signed_log import SignedLog
from cleanroom_core.stores.sqlite import open_sqlite


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime(2026, 11, 22, 10, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


def keys_of(home: Path, alias: str) -> HomeKeys:
    seeds = iter(sha256(f"{alias} {number}".encode()).digest() for number in range(4))
    return make_keys(home / "keys", f"{alias}.example/cleanroom/test", lambda _: next(seeds))


def make_room(root: Path, *aliases: str, clock: Clock | None = None) -> list[SignedLog]:
    clock = clock or Clock()
    keys = {alias: keys_of(root / alias, alias) for alias in aliases or ("provider", "consumer")}
    genesis = Genesis("test", tuple(key.collaborator(alias) for alias, key in keys.items()))
    return [
        SignedLog.begin(open_sqlite(root / alias / "log.db"), key, genesis, actor(alias), clock) for alias, key in keys.items()
    ]


def reopen(log: SignedLog, path: Path) -> SignedLog:
    return SignedLog.open(open_sqlite(path), log.keys, log.clock)


def actor(alias: str, role: str = "steward") -> dict[str, str]:
    return {"organisation": alias, "role": role, "id": f"{alias}-{role}"}


def write(log: SignedLog, kind: str = "policy", count: int = 1, **more: object) -> None:
    for number in range(count):
        log.append(kind, actor(log.alias), {"number": number}, {"text": f"{log.alias} {number}"}, **more)  # type: ignore[arg-type]
