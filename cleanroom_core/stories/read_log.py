"""Read both logs as one: in order, in words, with payloads only for those who may; and verify them from their bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cleanroom_core.audit.verify import Status, Verdict
from cleanroom_core.errors import NotPermittedError
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.rooms.entry_words import entry_words, outcome_words
from cleanroom_core.rooms.merge import merge
from cleanroom_core.rooms.state import EffectStage, Intent, RoomState

if TYPE_CHECKING:
    from cleanroom_core.audit.entry import Entry
    from cleanroom_core.rooms.merge import Logged
    from cleanroom_core.stories.collaborator import Collaborator

_FIGURES = ("result", "release")
_NEEDS = {"outcome": Permission.POLICY_PREVIEW, "access": Permission.POLICY_RAW}


@dataclass(frozen=True)
class LogLine:
    """One entry for people. `payload` is None unless this home holds it and this user may read it; `withheld` says why not.
    `effect`: how the effect begun by an intent stands, None for every other kind. `acknowledged`: countersigned by all others.
    """

    alias: str
    number: int
    leaf: str
    time: str
    user: str
    role: str
    kind: str
    words: str
    public: Mapping[str, Any]
    acknowledged: bool
    payload: Any = None
    withheld: str = ""
    effect: EffectStage | None = None


@dataclass(frozen=True)
class LogStanding:
    """One log as this home holds it: `size` entries, the newest signed checkpoint note, and who countersigned how many."""

    alias: str
    origin: str
    size: int
    note: str
    cosigned: Mapping[str, int]

    @property
    def acknowledged(self) -> int:
        return min(self.cosigned.values(), default=0)


def read_log(side: Collaborator, user: User) -> tuple[LogLine, ...]:
    """All entries of all logs in one order (`rooms.merge`), oldest first."""
    _require_reader(side, user)
    log, state = side.log, side.state()
    acknowledged = {origin: log.acknowledged(origin) for origin in side.origins}
    lines = []
    for logged in merge({origin: log.records(origin) for origin in side.origins}):
        entry = logged.entry
        intent = state.intents.get((entry.origin, entry.seq))
        ended = None if entry.kind != "outcome" else _ended(state, entry)
        payload, withheld = _payload(logged, user)
        lines.append(
            LogLine(
                alias=side.origins[entry.origin],
                number=entry.seq,
                leaf=logged.leaf_hash.hex(),
                time=entry.time,
                user=entry.actor.get("id", ""),
                role=entry.actor.get("role", ""),
                kind=entry.kind,
                words=entry_words(entry.kind, entry.public)
                if ended is None
                else outcome_words(ended.action, ended.object, str(entry.public.get("stage"))),
                public=entry.public,
                acknowledged=entry.seq < acknowledged[entry.origin],
                payload=payload,
                withheld=withheld,
                effect=None if intent is None else intent.stage,
            )
        )
    return tuple(lines)


def _ended(state: RoomState, entry: Entry) -> Intent | None:
    """The intent an outcome ends: one of the same log."""
    own = (ref for ref in entry.refs if ref.origin == entry.origin)
    return next((state.intents[ref.origin, ref.seq] for ref in own if (ref.origin, ref.seq) in state.intents), None)


def _payload(logged: Logged, user: User) -> tuple[Any, str]:
    """What of the payload this user may read here, or the reason why nothing."""
    entry = logged.entry
    if entry.commit is None:
        return None, "This entry has no payload."
    if entry.kind in _FIGURES:
        return None, "Figures are never shown here; released ones are on the results page."
    if logged.payload is None:
        return None, "Only the side that wrote it holds the payload; the entry commits to it."
    if user.organisation is None and not (entry.mirrored and "audience" not in entry.public):
        return None, "A private payload of one side; the entry commits to it."
    needed = _NEEDS.get(entry.kind)
    if needed is not None and not user.may(needed):
        return None, "Your role may not read this payload."
    return logged.payload, ""


def log_standings(side: Collaborator, user: User) -> tuple[LogStanding, ...]:
    """How each log stands: its newest checkpoint note and who acknowledged it up to where."""
    _require_reader(side, user)
    found = []
    for origin, alias in side.origins.items():
        newest = side.log.store.checkpoint(origin)
        note = "" if newest is None else newest.whole.decode("utf-8", "replace")
        found.append(LogStanding(alias, origin, side.log.size(origin), note, side.log.cosigned(origin)))
    return tuple(found)


def verify_logs(side: Collaborator, user: User) -> Verdict:
    """Verify everything this home holds of both logs, from bytes, with the keys of the genesis document."""
    _require_reader(side, user)
    return side.log.verify()


VERDICT_WORDS: Mapping[Status, str] = {
    Status.ACKNOWLEDGED: "Both logs are unchanged since they were signed, in this order, and every entry is acknowledged.",
    Status.TAIL: "Both logs are unchanged since they were signed; the last entries are not yet acknowledged by the other side.",
    Status.NO_EVIDENCE: "There is nothing signed to verify yet.",
    Status.INCOMPLETE: "What is here is unchanged, but something that must exist is missing.",
    Status.EQUIVOCATION: "One log shows two different histories, both signed. This is proof of a fork: use nothing of it.",
    Status.INVALID: "Something in these logs is not what was signed. Use nothing of it, and keep these files as they are.",
}


def _require_reader(side: Collaborator, user: User) -> None:
    """Somebody of this side, or an auditor."""
    user.require(Permission.LOG_READ)
    if user.organisation not in (None, side.organisation):
        raise NotPermittedError(
            f"{user.username} does not act for {side.organisation}.", hint="Sign in as a user of that organisation."
        )
