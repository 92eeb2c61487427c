"""The wizard's steps in their order. Adding one is one page file and one line here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cleanroom_core.identity.permissions import Permission

_PAGES = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Step:
    """`name` is the file `pages/<name>.py` and the page's URL; `permission` is needed to see it, None for everybody."""

    name: str
    title: str
    permission: Permission | None

    @property
    def file(self) -> Path:
        return _PAGES / f"{self.name}.py"


STEPS: tuple[Step, ...] = (
    Step("home", "Timeline", None),
    Step("inbox", "Inbox", Permission.ROOM_READ),
    Step("exchange", "Exchange", Permission.ROOM_READ),
    Step("connection", "Connection", Permission.ROOM_READ),
    Step("prechecks", "Prechecks", Permission.ROOM_READ),
    Step("agreement", "Agreement", Permission.ROOM_READ),
    Step("policies", "Policies", Permission.ROOM_READ),
    Step("tokens", "Tokens", Permission.ROOM_READ),
    Step("room", "Room", Permission.ROOM_READ),
    Step("plan", "Release plan", Permission.ROOM_READ),
    Step("attack", "Try to break it", Permission.ROOM_READ),
    Step("review", "Review", Permission.ROOM_READ),
    Step("results", "Results", Permission.ROOM_READ),
    Step("log", "Log", Permission.LOG_READ),
)  # fmt: skip
