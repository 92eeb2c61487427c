"""What one side tells the other before a room is made, as a file without a secret, and how that file is read.

    {"format": 1, "collected_at": "2026-11-23T03:00:00Z",
     "facts": {"scope": {"known": "INTERNAL"}, "pricing": {"unknown": "403"}}}

It is the partner's word and no proof: the platform is the judge once the room is made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from cleanroom_core.errors import InputError
from cleanroom_core.prechecks.check import Gatherers
from cleanroom_core.prechecks.databricks.region import Place
from cleanroom_core.prechecks.databricks.serverless import ServerlessFacts
from cleanroom_core.prechecks.databricks.tier import TierFacts
from cleanroom_core.prechecks.databricks.unity_catalog import UnityCatalogFacts
from cleanroom_core.prechecks.fact import Absent, Fact, Known, Unknown
from cleanroom_core.rooms.sharing_identifier import MetastoreIdentifier, RoomIdentifier

FORMAT = 1
LONGEST = 64 * 1024  # characters
FRESH = timedelta(days=14)
AHEAD = timedelta(minutes=10)  # the other side's clock
_STATUS = re.compile(r"\d{3}")
_LONGEST_TEXT = 512


@dataclass(frozen=True)
class Evidence:
    """`metastore`: its global id, `cloud:region:uuid`. `admin`: somebody, not the system, owns the metastore. `pricing`: the
    plan. `standards`: of the compliance profile, empty where it is off. `collected_at`: aware."""

    collected_at: datetime
    account: Fact[str]
    metastore: Fact[str]
    workspace: Fact[int]
    user: Fact[str]
    scope: Fact[str]
    admin: Fact[bool]
    pricing: Fact[str]
    serverless: Fact[bool]
    standards: Fact[tuple[str, ...]]

    def identifier(self) -> Fact[RoomIdentifier]:
        match self.metastore, self.workspace, self.user:
            case Known(metastore), Known(workspace), Known(user):
                try:
                    return Known(RoomIdentifier(MetastoreIdentifier.parse(metastore), workspace, user))
                except InputError as error:
                    return Unknown(error.message)
        missing = [each for each in (self.metastore, self.workspace, self.user) if not isinstance(each, Known)]
        return missing[0]

    def place(self) -> Fact[Place]:
        if not isinstance(self.metastore, Known):
            return self.metastore
        try:
            found = MetastoreIdentifier.parse(self.metastore.value)
        except InputError as error:
            return Unknown(error.message)
        return Known(Place(found.cloud, found.region))


def nobody(now: datetime, reason: str = "the partner has handed over no facts") -> Evidence:
    """Where there is no file."""
    return _filled(now, {}, reason)


def write(evidence: Evidence) -> str:
    """The file's text. Of what could not be told only the status goes along: messages name people and objects of this side."""
    facts = {name: _written(getattr(evidence, name)) for name in _READERS}
    stamp = evidence.collected_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({"format": FORMAT, "collected_at": stamp, "facts": facts}, indent=1, sort_keys=True) + "\n"


def read(text: str, now: datetime) -> Evidence:
    """The partner's file. Facts older than two weeks cannot be told. Raises InputError for anything but such a file."""
    if len(text) > LONGEST:
        raise _wrong(f"it has {len(text)} characters")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise _wrong("it is no JSON") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT or set(found) != {"format", "collected_at", "facts"}:
        raise _wrong("it is of another format")
    facts, stamp = found["facts"], found["collected_at"]
    try:
        collected = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except (TypeError, ValueError):
        raise _wrong("it does not say when it was made") from None
    if collected > now + AHEAD:
        raise _wrong(f"it was made in the future ({stamp})")
    if not isinstance(facts, dict) or set(facts) - set(_READERS):
        raise _wrong("it has facts this version does not know")
    known = {name: _read(name, value) for name, value in facts.items()}
    if now - collected > FRESH:
        return nobody(collected, f"the partner's facts are of {collected:%Y-%m-%d}, more than {FRESH.days} days old")
    return _filled(collected, known, "the partner's file does not say")


def partner_gatherers(evidence: Evidence) -> Gatherers:
    """Facts for the checks that are also put to the partner's evidence."""
    return {
        UnityCatalogFacts: lambda: UnityCatalogFacts(evidence.metastore),
        TierFacts: lambda: TierFacts(evidence.pricing, Unknown("not handed over"), evidence.metastore),
        ServerlessFacts: lambda: ServerlessFacts(evidence.serverless),
    }


def _filled(collected: datetime, known: Mapping[str, Fact[Any]], reason: str) -> Evidence:
    facts: dict[str, Any] = {name: known.get(name, Unknown(reason)) for name in _READERS}
    return Evidence(collected_at=collected, **facts)


def _written(fact: Fact[Any]) -> dict[str, Any]:
    if isinstance(fact, Known):
        return {"known": fact.value}
    status = _STATUS.match(fact.said if isinstance(fact, Absent) else fact.reason)
    return {"absent" if isinstance(fact, Absent) else "unknown": status[0] if status else ""}


def _read(name: str, value: Any) -> Fact[Any]:
    if not isinstance(value, dict) or len(value) != 1:
        raise _wrong(f"the fact {name} has no single state")
    [(state, said)] = value.items()
    if state == "known":
        return Known(_READERS[name](said))
    if state not in ("absent", "unknown") or not isinstance(said, str) or (said and not _STATUS.fullmatch(said)):
        raise _wrong(f"the fact {name} is in no known state")
    there = f"looked for on the partner's side{f' ({said})' if said else ''}"
    return Absent(f"{there} and not there") if state == "absent" else Unknown(f"{there} and not to be told")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT or not value.isprintable():
        raise _wrong("a text in it is none")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
        raise _wrong("a workspace id in it is none")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong("a yes or no in it is neither")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > 64:
        raise _wrong("a list in it is none")
    return tuple(_text(each) for each in value)


def _wrong(what: str) -> InputError:
    return InputError(
        f"The partner's facts cannot be used: {what}.",
        hint="Ask for the file as cleanroom precheck --databricks --facts-out FILE wrote it.",
        code="PARTNER_FACTS",
    )


_READERS: dict[str, Callable[[Any], Any]] = {
    "account": _text,
    "metastore": _text,
    "workspace": _number,
    "user": _text,
    "scope": _text,
    "admin": _flag,
    "pricing": _text,
    "serverless": _flag,
    "standards": _texts,
}
if set(_READERS) != {field.name for field in fields(Evidence)} - {"collected_at"}:
    raise AssertionError("A fact of Evidence has no reader.")
