"""When do tokens of open sharing recipients really end?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cleanroom_core.prechecks.check import Check, Result
from cleanroom_core.prechecks.databricks.wording import METASTORE_ADMIN, api, cannot_tell, failed, listed, part, passed, unread
from cleanroom_core.prechecks.fact import Fact, Known

CUT_OFF = datetime(2026, 12, 8, tzinfo=UTC)
ISSUED_BEFORE = datetime(2025, 12, 8, tzinfo=UTC)
NOTICE = timedelta(days=7)
WHY = (
    "Recipients with a token stop reading on the day it ends, without a word. Tokens issued before 8 December 2025 that were "
    "to last beyond 8 December 2026, or for ever, end on that day whatever stands in their record. (Between metastores there "
    "are none.)"
)
_FIX = (
    "Rotate the token (seconds until the old one ends; 0 is at once), and hand over the new credential file, which can be "
    "downloaded once. While a rotated token lives a second rotation is refused."
)


@dataclass(frozen=True)
class Token:
    """`made` and `ends` are aware times; None when the platform names none."""

    made: datetime | None
    ends: datetime | None

    def really_ends(self) -> datetime | None:
        """The scheduled end, or the cut-off where it comes earlier. Source: docs.databricks.com, "create-recipient-token"."""
        if self.made is not None and self.made < ISSUED_BEFORE and (self.ends is None or self.ends > CUT_OFF):
            return CUT_OFF
        return self.ends


@dataclass(frozen=True)
class Recipient:
    name: str
    tokens: tuple[Token, ...]


@dataclass(frozen=True)
class RecipientFacts:
    """`recipients`: those with tokens. `now`: aware. `complete`: this identity sees all of them, not its own only."""

    recipients: Fact[tuple[Recipient, ...]]
    now: datetime
    complete: bool


def judge(facts: RecipientFacts) -> Result:
    if not isinstance(facts.recipients, Known):
        return unread("The list of recipients", facts.recipients, WHY, METASTORE_ADMIN)
    found = [each for each in facts.recipients.value if each.tokens]
    wrong = [(each, problem) for each in found if (problem := _problem(each, facts.now))]
    if wrong:
        return failed(
            listed([f"{each.name}: {problem}" for each, problem in wrong], 8),
            WHY,
            _FIX,
            "the owner of each recipient",
            "\n".join(_rotate(each.name) for each, _ in wrong),
        )
    unclear = [each.name for each in found if all(token.made is None or token.really_ends() is None for token in each.tokens)]
    if unclear:
        return cannot_tell(
            f"When their tokens were made or end is not said: {listed(unclear)}", WHY, _FIX, "the owner of each recipient",
            "\n".join(_rotate(name) for name in unclear),
        )  # fmt: skip
    if not facts.complete:
        last = f"Tokens of {len(found)} recipients last" if found else "No recipient has a token"
        return cannot_tell(
            f"{last}, among the identity's own; it sees no other",
            WHY,
            f"Run this check again as somebody who sees all ({METASTORE_ADMIN}).",
            METASTORE_ADMIN,
        )
    if not found:
        return passed("No recipient has a token", WHY)
    return passed(f"Tokens of {listed([each.name for each in found])} last more than {NOTICE.days} days", WHY)


def _problem(recipient: Recipient, now: datetime) -> str:
    """Of the token that lasts longest: the older one of two is meant to end."""
    never = datetime.max.replace(tzinfo=UTC)
    last = max(recipient.tokens, key=lambda token: token.really_ends() or never)
    ends = last.really_ends()
    if ends is None:
        return ""
    day = f"{ends:%Y-%m-%d}"
    if ends <= now:
        return f"ended on {day}"
    if ends != last.ends:
        return f"ends on {day}, not {'never' if last.ends is None else f'on {last.ends:%Y-%m-%d}'} as its record says"
    return f"ends on {day}" if ends - now <= NOTICE else ""


def _rotate(name: str) -> str:
    path = f"/api/2.1/unity-catalog/recipients/{part(name)}/rotate-token"
    return api("post", path, {"existing_token_expire_in_seconds": 86_400})


CHECK = Check("recipient-tokens", "Tokens of open recipients", WHY, RecipientFacts, judge)
