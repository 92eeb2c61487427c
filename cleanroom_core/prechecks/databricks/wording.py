"""What the Databricks checks say alike: who can do things, commands that can be copied, and a fact that could not be read."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from cleanroom_core.prechecks.check import Result, Status
from cleanroom_core.prechecks.fact import Absent, Unknown, reason

METASTORE_ADMIN = "a metastore admin"
ACCOUNT_ADMIN = "an account admin"
WORKSPACE_ADMIN = "a workspace admin"
PARTNER = "an engineer of the partner"
ASK_PARTNER = (
    "Ask the partner for the file that cleanroom precheck --databricks --facts-out FILE writes there, and give it here with "
    "--partner-facts FILE."
)


def passed(found: str, why: str) -> Result:
    return Result(Status.PASS, found, why)


def failed(found: str, why: str, fix: str, who: str, command: str = "") -> Result:
    return Result(Status.FAIL, found, why, fix, command, who)


def cannot_tell(found: str, why: str, fix: str, who: str, command: str = "") -> Result:
    return Result(Status.CANNOT_TELL, found, why, fix, command, who)


def unread(what: str, fact: Absent | Unknown, why: str, who: str, fix: str = "", command: str = "") -> Result:
    """Nobody can tell, because `what` could not be read; `who` could."""
    return cannot_tell(
        f"{what} could not be read: {reason(fact)}",
        why,
        fix or f"Run this check again as somebody who may read it ({who}).",
        who,
        command,
    )


def api(method: str, path: str, body: Mapping[str, Any] | None = None) -> str:
    """A call of the Databricks CLI that can be copied: `databricks api patch PATH --json '{...}'`."""
    words = f"databricks api {method} {shlex.quote(path)}"
    return f"{words} --json {shlex.quote(json.dumps(body))}" if body is not None else words


def part(text: str) -> str:
    """One part of a path."""
    return quote(text, safe="")


def listed(names: list[str], most: int = 5) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
