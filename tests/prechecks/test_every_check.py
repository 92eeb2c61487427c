"""Every check forced to each outcome it can have, one by one, on facts alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cleanroom_core.prechecks import MACHINE, REHEARSAL, ROOM
from cleanroom_core.prechecks.acknowledgement import AcknowledgementFacts
from cleanroom_core.prechecks.agreement import AgreementFacts
from cleanroom_core.prechecks.check import Check, Status
from cleanroom_core.prechecks.clock import ClockFacts
from cleanroom_core.prechecks.disk import DiskFacts
from cleanroom_core.prechecks.home_folder import HomeFacts
from cleanroom_core.prechecks.java import JavaFacts
from cleanroom_core.prechecks.keys import KeyFacts
from cleanroom_core.prechecks.memory import MemoryFacts
from cleanroom_core.prechecks.packages import PackageFacts
from cleanroom_core.prechecks.python_version import PythonFacts
from cleanroom_core.prechecks.tables import TableFacts
from cleanroom_core.prechecks.token_keys import TokenKeyFacts
from cleanroom_core.prechecks.token_vectors import VectorFacts

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = NOW.date()
BOTH = ("provider", "consumer")
GIB = 2**30
ALICE = {"leading zero": "aa", "empty": None}

PASS, FAIL, CANNOT_TELL = Status.PASS, Status.FAIL, Status.CANNOT_TELL


def packages(**installed: str) -> PackageFacts:
    return PackageFacts(
        {"duckdb": "2.0.0", "click": "8.5.1"}, installed, frozenset({"duckdb"}), "pip install -r requirements.txt"
    )


# facts, the outcome they force, and a part of what is then said
CASES: list[tuple[Any, Status, str]] = [
    (PythonFacts((3, 11, 0)), PASS, "3.11.0"),
    (PythonFacts((3, 13, 9)), PASS, "3.13.9"),
    (PythonFacts((3, 10, 13)), FAIL, "PYTHON=python3.12"),
    (PythonFacts((3, 14, 0)), FAIL, "3.14.0"),
    (packages(duckdb="2.0.0", click="8.5.1"), PASS, "2 packages"),
    (packages(click="8.5.1"), FAIL, "Not installed: duckdb"),
    (packages(duckdb="2.1.0", click="8.5.1"), CANNOT_TELL, "duckdb 2.1.0 instead of 2.0.0"),
    (packages(duckdb="2.0.0"), PASS, "1 package"),  # a tool of the tests is not needed to run
    (PackageFacts({}, {"duckdb": "2.0.0"}, frozenset({"duckdb"}), "x"), CANNOT_TELL, "requirements.txt"),
    (MemoryFacts(8 * GIB, 2), PASS, "8.0 GiB of memory, 2 processors"),
    (MemoryFacts(GIB, 1), FAIL, "1.0 GiB of memory, 1 processor"),
    (MemoryFacts(None, 4), CANNOT_TELL, "does not say"),
    (DiskFacts("/h", 3 * GIB), PASS, "3.0 GiB free at /h"),
    (DiskFacts("/h", GIB // 2), FAIL, "Free 1.5 GiB"),
    (ClockFacts(NOW, {"your log": NOW - timedelta(days=3)}), PASS, "your log"),
    (ClockFacts(NOW, {"your log": NOW + timedelta(seconds=119)}), PASS, "your log"),
    (
        ClockFacts(NOW, {"a": NOW, "the partner's log": NOW + timedelta(minutes=30)}),
        FAIL,
        "30 minutes behind the partner's log",
    ),
    (ClockFacts(NOW, {"your log": NOW + timedelta(days=2)}), FAIL, "48 hours behind"),
    (ClockFacts(NOW, {}), CANNOT_TELL, "date -u"),
    (HomeFacts("/h", 0o700, mine=True, writable=True), PASS, "0700"),
    (HomeFacts("/a home", 0o750, mine=True, writable=True), FAIL, "chmod 700 '/a home'"),
    (HomeFacts("/h", 0o700, mine=False, writable=True), FAIL, "not yours"),
    (HomeFacts("/h", 0o500, mine=True, writable=False), FAIL, "cannot be written"),
    (HomeFacts("/h", None, mine=False, writable=False), CANNOT_TELL, "not there yet"),
    (KeyFacts({"/h/log.key": 0o600, "/h/token.key": 0o400}), PASS, "2 key files"),
    (KeyFacts({"/h/log.key": 0o600, "/h/a key": 0o644}), FAIL, "chmod 600 '/h/a key'"),
    (KeyFacts({"/h/log.key": None}), FAIL, "Missing: /h/log.key"),
    (KeyFacts({}), CANNOT_TELL, "No key"),
    (JavaFacts(None, None), PASS, "none is needed"),
    (JavaFacts("/usr/bin/java", "17.0.15"), PASS, "17.0.15"),
    (JavaFacts("/usr/bin/java", "21"), PASS, "21"),
    (JavaFacts("/usr/bin/java", "1.8.0_402"), CANNOT_TELL, "Java 17 or 21"),
    (JavaFacts("/usr/bin/java", "11.0.2"), CANNOT_TELL, "11.0.2"),
    (JavaFacts("/usr/bin/java", None), CANNOT_TELL, "unknown version"),
    (JavaFacts(None, None, needed=True), FAIL, "No Java"),
    (JavaFacts("/usr/bin/java", "17.0.15", needed=True), PASS, "17.0.15"),
    (JavaFacts("/usr/bin/java", "11.0.2", needed=True), FAIL, "11.0.2"),
    (JavaFacts("/usr/bin/java", None, needed=True), CANNOT_TELL, "unknown version"),
    (TableFacts({"accounts": None, "signals": None}), PASS, "2 tables readable: accounts, signals"),
    (TableFacts({"accounts": None, "signals": "the file is missing"}), FAIL, "signals: the file is missing"),
    (TableFacts({}), CANNOT_TELL, "no table"),
    (TokenKeyFacts({"card-2026-1": None}), PASS, "card-2026-1"),
    (TokenKeyFacts({"card-2026-1": "there is white space at its end"}), FAIL, "white space"),
    (TokenKeyFacts({}), CANNOT_TELL, "No token spec"),
    (VectorFacts(BOTH, {"card": {"provider": ALICE, "consumer": dict(ALICE)}}), PASS, "card"),
    (VectorFacts(BOTH, {"card": {"provider": ALICE, "consumer": {**ALICE, "leading zero": "bb"}}}), FAIL, "leading zero"),
    (VectorFacts(BOTH, {"card": {"provider": ALICE, "consumer": {"leading zero": "aa"}}}), FAIL, "1 cases differ (empty)"),
    (VectorFacts(BOTH, {"card": {"provider": ALICE}}), CANNOT_TELL, "not yet run by consumer"),
    (VectorFacts(BOTH, {"card": {}}), CANNOT_TELL, "an engineer of provider, consumer"),
    (VectorFacts(BOTH, {}), CANNOT_TELL, "No token spec"),
    (AgreementFacts("in force", (), date(2027, 12, 31), TODAY), PASS, "2027-12-31"),
    (AgreementFacts("in force", (), TODAY, TODAY), PASS, "In force"),
    (AgreementFacts("in force", (), TODAY - timedelta(days=1), TODAY), FAIL, "ended on 2026-11-21"),
    (AgreementFacts("rejected", (), None, TODAY), FAIL, "rejected"),
    (AgreementFacts("withdrawn", (), None, TODAY), FAIL, "withdrawn"),
    (AgreementFacts("offered", ("consumer",), None, TODAY), CANNOT_TELL, "an officer of consumer"),
    (AgreementFacts(None, (), None, TODAY), CANNOT_TELL, "No agreement"),
    (AcknowledgementFacts("consumer", 12, 12, None, NOW), PASS, "all 12 entries"),
    (AcknowledgementFacts("consumer", 12, 11, NOW - timedelta(hours=25), NOW), FAIL, "1 entry, the oldest 25 hours old"),
    (AcknowledgementFacts("consumer", 12, 9, NOW - timedelta(hours=1), NOW), CANNOT_TELL, "3 entries"),
]


def check_of(facts: Any) -> Check[Any]:
    [check] = [check for check in REHEARSAL if check.facts is type(facts)]
    return check


@pytest.mark.parametrize(("facts", "status", "said"), CASES, ids=lambda value: type(value).__name__)
def test_facts_force_the_outcome(facts: Any, status: Status, said: str) -> None:
    result = check_of(facts).judge(facts)
    assert result.status is status
    assert result.found
    assert result.why
    assert said in " | ".join(result.as_json().values())
    if status is not Status.PASS:
        assert result.fix
        assert result.who


def test_every_check_was_forced_to_every_outcome() -> None:
    forced = {(check_of(facts).name, status) for facts, status, _ in CASES}
    possible = {(check.name, status) for check in REHEARSAL for status in Status}
    # a version and a number of bytes are always known; nothing to cosign is a pass
    assert possible - forced == {("python", CANNOT_TELL), ("disk", CANNOT_TELL)}


def test_checks_have_names_of_their_own() -> None:
    assert REHEARSAL == MACHINE + ROOM
    assert len({check.name for check in REHEARSAL}) == len({check.title for check in REHEARSAL}) == len(REHEARSAL)
