"""Gathering: only what a check looks at, once, and a failure to look is "cannot tell"."""

from __future__ import annotations

import pytest

from cleanroom_core.errors import HomeError
from cleanroom_core.prechecks import disk, java, memory
from cleanroom_core.prechecks.check import Check, Checked, Gatherers, Result, Status, run
from cleanroom_core.prechecks.disk import DiskFacts
from cleanroom_core.prechecks.java import JavaFacts
from cleanroom_core.prechecks.memory import MemoryFacts
from cleanroom_core.prechecks.render import render, summary


class Asked:
    """A gatherer that counts."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> JavaFacts:
        self.times += 1
        return JavaFacts(None, None)


def untouchable() -> object:
    raise AssertionError("these facts were not asked for")


def test_one_check_alone_gathers_only_its_own_facts() -> None:
    gatherers: Gatherers = {JavaFacts: Asked(), MemoryFacts: untouchable, DiskFacts: untouchable}
    [checked] = run([java.CHECK], gatherers)
    assert checked.check is java.CHECK
    assert checked.result.status is Status.PASS


def test_facts_two_checks_share_are_gathered_once() -> None:
    asked = Asked()
    twin = Check("twin", "Twin", java.WHY, JavaFacts, java.judge)
    assert len(run([java.CHECK, twin], {JavaFacts: asked})) == 2
    assert asked.times == 1


def test_facts_nobody_gathers_cannot_be_told() -> None:
    [checked] = run([memory.CHECK], {})
    assert checked.result.status is Status.CANNOT_TELL
    assert checked.result.fix
    assert checked.result.who
    assert checked.result.why == memory.WHY


def test_a_gatherer_that_fails_cannot_be_told_and_the_others_go_on() -> None:
    def closed() -> DiskFacts:
        raise PermissionError(13, "Permission denied", "/h")

    def refused() -> MemoryFacts:
        raise HomeError("The home is of a later version.", hint="Use that version.")

    first, second, third = run(
        [disk.CHECK, memory.CHECK, java.CHECK], {DiskFacts: closed, MemoryFacts: refused, JavaFacts: Asked()}
    )
    assert first.result.status is Status.CANNOT_TELL
    assert "Permission denied" in first.result.found
    assert (second.result.found, second.result.fix) == ("The home is of a later version.", "Use that version.")
    assert third.result.status is Status.PASS


def test_a_fault_of_our_own_is_not_hidden() -> None:
    with pytest.raises(AssertionError):
        run([disk.CHECK], {DiskFacts: untouchable})


@pytest.mark.parametrize("status", [Status.FAIL, Status.CANNOT_TELL])
@pytest.mark.parametrize("lacking", ["found", "why", "fix", "who"])
def test_no_result_leaves_the_reader_without_a_next_step(status: Status, lacking: str) -> None:
    given = {"found": "f", "why": "w", "fix": "x", "who": "y", lacking: ""}
    with pytest.raises(ValueError, match="found"):
        Result(status, **given)


def test_the_text_shows_all_of_it() -> None:
    checked = run([java.CHECK, disk.CHECK], {JavaFacts: Asked(), DiskFacts: lambda: DiskFacts("/h", 0)})
    assert summary(checked) == {Status.PASS: 1, Status.FAIL: 1, Status.CANNOT_TELL: 0}
    first, second, *details = render(checked).splitlines()
    assert first == "pass         Java: No Java, and none is needed"
    assert second == "FAIL         Free disk space: 0.0 GiB free at /h"
    result = checked[1].result
    for part in (result.why, result.fix, result.command, result.who):
        assert any(part in line for line in details)


def test_a_terminal_obeys_nothing_that_was_found() -> None:
    hostile = Result(Status.FAIL, "a\x1b[2Jname", "why", "fix", "echo 1\necho \u202e2", "who")
    text = render([Checked(java.CHECK, hostile)])
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "echo 1\n" in text, "commands keep their lines"
