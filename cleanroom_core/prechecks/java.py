"""Is there a Java for Spark? Never a failure: nothing starts Java unless the Spark engine is chosen."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.prechecks.check import ADMINISTRATOR, Check, Result, Status

RUNS_SPARK = (17, 21)
WHY = "Only needed for the engine spark; the embedded engine runs without Java."


@dataclass(frozen=True)
class JavaFacts:
    """`path`: the java program, None when there is none. `version`: as its own release file says, None when it says nothing."""

    path: str | None
    version: str | None


def judge(facts: JavaFacts) -> Result:
    if facts.path is None:
        return Result(Status.PASS, "No Java, and none is needed", WHY)
    major = _major(facts.version)
    if major in RUNS_SPARK:
        return Result(Status.PASS, f"Java {facts.version} at {facts.path}", WHY)
    found = f"Java {facts.version} at {facts.path}" if facts.version else f"A Java of unknown version at {facts.path}"
    return Result(
        Status.CANNOT_TELL,
        found,
        WHY,
        "Nothing, unless you want the engine spark: it runs on Java 17 or 21.",
        "apt-get install openjdk-17-jre-headless",
        ADMINISTRATOR,
    )


def _major(version: str | None) -> int | None:
    parts = (version or "").removeprefix("1.").split(".")  # Java 8 calls itself 1.8
    return int(parts[0]) if parts[0].isdigit() else None


CHECK = Check("java", "Java", WHY, JavaFacts, judge)
