"""Is there a Java for Spark? A failure only where the room computes with Spark on this machine: nothing else starts Java."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.prechecks.check import ADMINISTRATOR, Check, Result, Status

RUNS_SPARK = (17, 21)
WHY = "Only needed for the engine spark; the embedded engine runs without Java."
NEEDED = "This room computes with Spark on this machine, which runs on Java 17 or 21."


@dataclass(frozen=True)
class JavaFacts:
    """`path`: the java program, None when there is none. `version`: as its own release file says, None when it says nothing.
    `needed`: the room computes with Spark on this machine."""

    path: str | None
    version: str | None
    needed: bool = False


def judge(facts: JavaFacts) -> Result:
    why = NEEDED if facts.needed else WHY
    if facts.path is not None and _major(facts.version) in RUNS_SPARK:
        return Result(Status.PASS, f"Java {facts.version} at {facts.path}", why)
    if facts.path is None and not facts.needed:
        return Result(Status.PASS, "No Java, and none is needed", why)
    if facts.path is None:
        status, found = Status.FAIL, "No Java"
    else:
        known = facts.version is not None
        status = Status.FAIL if facts.needed and known else Status.CANNOT_TELL
        found = f"Java {facts.version} at {facts.path}" if known else f"A Java of unknown version at {facts.path}"
    what = (
        "Install Java 17 or 21, or choose the engine duckdb on the room's page."
        if facts.needed
        else "Nothing, unless you want the engine spark: it runs on Java 17 or 21."
    )
    return Result(status, found, why, what, "apt-get install openjdk-17-jre-headless", ADMINISTRATOR)


def _major(version: str | None) -> int | None:
    parts = (version or "").removeprefix("1.").split(".")  # Java 8 calls itself 1.8
    return int(parts[0]) if parts[0].isdigit() else None


CHECK = Check("java", "Java", WHY, JavaFacts, judge)
