"""Is the folder with the state closed to other users of this machine?"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from cleanroom_core.prechecks.check import ADMINISTRATOR, Check, Result, Status

WHY = "The home holds keys, the users' store and share tables; whoever can list or write it can take part in your name."


@dataclass(frozen=True)
class HomeFacts:
    """`mode`: permission bits, None when the folder is not there."""

    path: str
    mode: int | None
    mine: bool
    writable: bool


def judge(facts: HomeFacts) -> Result:
    path = shlex.quote(facts.path)
    if facts.mode is None:
        return Result(
            Status.CANNOT_TELL, f"{facts.path} is not there yet", WHY, "Start once: that makes it.", "make run", ADMINISTRATOR
        )
    found = f"{facts.path} has mode {facts.mode:04o}"
    if not facts.mine or not facts.writable:
        return Result(
            Status.FAIL,
            f"{found} and {'is not yours' if not facts.mine else 'cannot be written'}",
            WHY,
            "Give the folder to the user who runs this.",
            f'sudo chown -R "$(id -un)" {path} && chmod 700 {path}',
            ADMINISTRATOR,
        )
    if facts.mode & 0o077:
        return Result(
            Status.FAIL, f"{found}: other users can get in", WHY, "Close it to others.", f"chmod 700 {path}", ADMINISTRATOR
        )
    return Result(Status.PASS, found, WHY)


CHECK = Check("home", "Home folder", WHY, HomeFacts, judge)
