"""The people of a home: sessions that end when they should, failures counted exactly, events nobody can take back."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cleanroom_core.errors import ConflictError, HomeError, InputError
from cleanroom_core.identity.permissions import Permission, Role, User
from cleanroom_core.identity.sessions import Ended
from cleanroom_core.stores.users import Event, UserStore

PASSWORD = "correct horse battery"
WRONG = "wrong horse battery"
ANNA = User("anna", "North Bank", frozenset({Role.ANALYST}), name="Anna Berg")


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_time(self, **spans: float) -> None:
        self.now += timedelta(**spans)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[UserStore]:
    opened = UserStore.open(tmp_path / "users.db", clock, password_rounds=4)
    opened.add(ANNA, PASSWORD)
    yield opened
    opened.close()


def signs_in(store: UserStore, password: str = PASSWORD, client: str = "10.0.0.1", username: str = "anna") -> bool:
    return store.sign_in(username, password, client).user is not None


# -- the file


def test_the_file_is_closed_to_others_and_writes_ahead(store: UserStore, tmp_path: Path) -> None:
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    connection = sqlite3.connect(tmp_path / "users.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert PASSWORD not in (tmp_path / "users.db").read_bytes().decode("latin-1")
    connection.close()


def test_what_was_written_is_there_after_a_restart(store: UserStore, tmp_path: Path, clock: Clock) -> None:
    session = store.open_session("anna", "local")
    store.close()
    again = UserStore.open(tmp_path / "users.db", clock)
    assert again.get("anna") == ANNA
    assert again.resume(session.sid, "local") == ANNA
    again.close()


def test_a_file_others_can_read_is_refused(store: UserStore, tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "users.db").chmod(0o644)
    with pytest.raises(HomeError, match="Others on this machine"):
        UserStore.open(tmp_path / "users.db", clock)


def test_a_file_of_another_version_or_kind_is_refused(tmp_path: Path, clock: Clock) -> None:
    newer = tmp_path / "newer.db"
    newer.touch(0o600)
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(HomeError, match="another version"):
        UserStore.open(newer, clock)
    (tmp_path / "text.db").touch(0o600)
    (tmp_path / "text.db").write_text("no database at all, but long enough to look like one " * 100)
    with pytest.raises(HomeError, match="not a database of users"):
        UserStore.open(tmp_path / "text.db", clock)
    with pytest.raises(HomeError, match="cannot be opened"):
        UserStore.open(tmp_path / "missing" / "users.db", clock)


def test_opened_by_many_at_once(tmp_path: Path, clock: Clock) -> None:
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: UserStore.open(tmp_path / "users.db", clock), range(6)))
    for opened in stores:
        assert opened.list() == ()
        opened.close()


# -- people


def test_people_are_read_as_they_were_added(store: UserStore) -> None:
    auditor = User("auditor", None, frozenset({Role.AUDITOR}), name="Ada")
    both = User("bo", "Harbour Bank", frozenset({Role.STEWARD, Role.ANALYST}), name="Bo", must_change_password=True)
    store.add(auditor, PASSWORD)
    store.add(both, PASSWORD)
    assert store.list() == (both, ANNA, auditor)
    assert store.get("bo") == both
    assert store.get("nobody") is None


@pytest.mark.parametrize(
    ("user", "password", "reason"),
    [
        (User("Anna", "North Bank", frozenset({Role.ANALYST})), PASSWORD, "user name"),
        (User("x", "North Bank", frozenset({Role.ANALYST})), PASSWORD, "user name"),
        (User("a b", "North Bank", frozenset({Role.ANALYST})), PASSWORD, "user name"),
        (User("bert", "North Bank", frozenset()), PASSWORD, "role"),
        (User("bert", None, frozenset({Role.ANALYST})), PASSWORD, "auditor"),
        (User("bert", "North Bank", frozenset({Role.ANALYST})), None, "first password"),
        (User("bert", "North Bank", frozenset({Role.ANALYST})), "short", "at least 12"),
    ],
)
def test_who_cannot_be_added(store: UserStore, user: User, password: str | None, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        store.add(user, password)
    assert store.list() == (ANNA,)


def test_a_name_is_given_once(store: UserStore) -> None:
    with pytest.raises(ConflictError):
        store.add(User("anna", "Harbour Bank", frozenset({Role.STEWARD})), PASSWORD)
    assert store.get("anna") == ANNA


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.disable("nobody"),
        lambda store: store.set_roles("nobody", frozenset({Role.ANALYST})),
        lambda store: store.set_password("nobody", PASSWORD),
        lambda store: store.sign_out("nobody", "local"),
        lambda store: store.open_session("nobody", "local"),
    ],
)
def test_nobody_cannot_be_changed(store: UserStore, change: Callable[[UserStore], object]) -> None:
    with pytest.raises(InputError, match="no such user"):
        change(store)


def test_a_user_without_a_password_never_gets_in_by_one(store: UserStore) -> None:
    store.add(User("demo", "North Bank", frozenset({Role.STEWARD}), demo=True))
    for attempt in ("", "None", PASSWORD):
        assert not signs_in(store, attempt, username="demo")


# -- passwords


def test_signing_in(store: UserStore) -> None:
    assert store.sign_in(" ANNA ", PASSWORD, "local").user == ANNA
    assert not signs_in(store, WRONG)
    assert not signs_in(store, "")
    assert not signs_in(store, "x" * 10_000)
    assert not signs_in(store, username="nobody")
    assert not signs_in(store, username="")


def test_a_new_password_replaces_the_old_and_ends_sessions(store: UserStore) -> None:
    session = store.open_session("anna", "local")
    with pytest.raises(InputError, match="present password"):
        store.set_password("anna", PASSWORD)
    assert isinstance(store.resume(session.sid, "local"), User)
    store.set_password("anna", "another long password", must_change=True)
    assert store.resume(session.sid, "local") == Ended.UNKNOWN
    assert not signs_in(store)
    user = store.sign_in("anna", "another long password", "local").user
    assert user is not None
    assert user.must_change_password


# -- sessions


def test_a_session_lives_while_it_is_used(store: UserStore, clock: Clock) -> None:
    session = store.open_session("anna", "local")
    for _ in range(16):
        clock.pass_time(minutes=29)
        assert store.resume(session.sid, "local") == ANNA
    clock.pass_time(minutes=29)
    assert store.resume(session.sid, "local") == Ended.TOO_OLD
    assert store.resume(session.sid, "local") == Ended.UNKNOWN


def test_a_session_ends_when_nobody_is_there(store: UserStore, clock: Clock) -> None:
    session = store.open_session("anna", "local")
    for _ in range(5):  # a page that refreshes itself is nobody
        clock.pass_time(minutes=5)
        assert store.resume(session.sid, "local", used=False) == ANNA
    clock.pass_time(minutes=5)
    assert store.resume(session.sid, "local", used=False) == Ended.IDLE
    assert store.events()[-1].detail == "idle"


def test_a_clock_set_back_does_not_lengthen_a_session(store: UserStore, clock: Clock) -> None:
    session = store.open_session("anna", "local")
    clock.pass_time(hours=-1)
    assert store.resume(session.sid, "local") == Ended.TOO_OLD


@pytest.mark.parametrize(
    "end",
    [
        lambda store: store.sign_out("anna", "local"),
        lambda store: store.disable("anna"),
        lambda store: store.set_roles("anna", frozenset({Role.STEWARD})),
        lambda store: store.set_password("anna", "another long password"),
    ],
)
def test_whatever_ends_sessions_ends_all_of_that_user(
    store: UserStore, clock: Clock, end: Callable[[UserStore], object]
) -> None:
    store.add(User("bert", "North Bank", frozenset({Role.ANALYST})), PASSWORD)
    mine = [store.open_session("anna", "local").sid for _ in range(3)]
    other = store.open_session("bert", "local").sid
    clock.pass_time(seconds=1)
    end(store)
    assert [store.resume(sid, "local") for sid in mine] == [Ended.UNKNOWN] * 3
    assert isinstance(store.resume(other, "local"), User)


def test_a_session_row_put_back_by_hand_is_still_over(store: UserStore, clock: Clock, tmp_path: Path) -> None:
    session = store.open_session("anna", "local")
    clock.pass_time(seconds=1)
    store.sign_out("anna", "local")
    connection = sqlite3.connect(tmp_path / "users.db")
    stamp = session.started_at.timestamp()
    connection.execute("INSERT INTO sessions VALUES (?, 'anna', ?, ?)", (session.sid, stamp, stamp))
    connection.commit()
    connection.close()
    assert store.resume(session.sid, "local") == Ended.REVOKED


def test_signing_in_again_after_signing_out_at_the_same_moment(store: UserStore) -> None:
    store.sign_out("anna", "local")
    assert store.resume(store.open_session("anna", "local").sid, "local") == ANNA


def test_roles_are_those_of_now(store: UserStore) -> None:
    store.set_roles("anna", frozenset({Role.REVIEWER}))
    user = store.resume(store.open_session("anna", "local").sid, "local")
    assert isinstance(user, User)
    assert user.may(Permission.REVIEW_DECIDE)
    assert not user.may(Permission.PLAN_COMPUTE)


def test_a_disabled_user_gets_no_session_and_comes_back_when_enabled(store: UserStore) -> None:
    store.disable("anna")
    assert not signs_in(store)
    with pytest.raises(InputError, match="disabled"):
        store.open_session("anna", "local")
    user = store.get("anna")
    assert user is not None
    assert not user.may(Permission.ROOM_READ)
    store.disable("anna", disabled=False)
    assert signs_in(store)


# -- failures


def test_the_attacker_waits_and_the_owner_gets_in(store: UserStore, clock: Clock) -> None:
    for _ in range(5):
        assert not signs_in(store, WRONG, "6.6.6.6")
    attempt = store.sign_in("anna", PASSWORD, "6.6.6.6")
    assert attempt.user is None
    assert attempt.wait == timedelta(seconds=15)
    assert signs_in(store, client="10.0.0.1")
    clock.pass_time(seconds=15)
    assert signs_in(store, client="6.6.6.6")


def test_the_delay_grows_and_attempts_made_meanwhile_do_not_lengthen_it(store: UserStore, clock: Clock) -> None:
    for _ in range(5):
        signs_in(store, WRONG)
    for _ in range(20):
        assert store.sign_in("anna", PASSWORD, "10.0.0.1").wait == timedelta(seconds=15)
    clock.pass_time(seconds=15)
    assert not signs_in(store, WRONG)
    assert store.sign_in("anna", PASSWORD, "10.0.0.1").wait == timedelta(seconds=30)


def test_a_success_forgives_and_a_quarter_of_an_hour_forgets(store: UserStore, clock: Clock) -> None:
    for _ in range(4):
        signs_in(store, WRONG)
    assert signs_in(store)
    assert store.count_failures("anna", "10.0.0.1") == 0
    for _ in range(5):
        signs_in(store, WRONG)
    clock.pass_time(minutes=15)
    assert store.count_failures("anna", "10.0.0.1") == 0
    assert signs_in(store)


def test_unknown_names_wait_as_known_ones_do(store: UserStore) -> None:
    for username in ("anna", "nobody"):
        waits = [store.sign_in(username, WRONG, "6.6.6.6").wait.total_seconds() for _ in range(6)]
        assert waits == [0, 0, 0, 0, 0, 15]


@pytest.mark.parametrize("usernames", [["anna"] * 20, [f"user{n}" for n in range(20)]], ids=["one user", "20 users"])
def test_20_failures_at_once_are_20_failures(store: UserStore, tmp_path: Path, usernames: list[str]) -> None:
    for name in set(usernames) - {"anna"}:
        store.add(User(name, "North Bank", frozenset({Role.ANALYST})), PASSWORD)
    before = len(store.events())
    barrier = threading.Barrier(20)

    def attack(username: str) -> bool:
        barrier.wait()
        return signs_in(store, WRONG, username=username)

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(attack, usernames)) == [False] * 20
    assert sum(store.count_failures(name, "10.0.0.1") for name in set(usernames)) == 20
    assert len(store.events()) - before == 20


def test_attempts_at_once_cannot_slip_past_the_delay(store: UserStore) -> None:
    barrier = threading.Barrier(20)

    def attack(_: int) -> bool:
        barrier.wait()
        return bool(store.sign_in("anna", WRONG, "6.6.6.6").wait)

    with ThreadPoolExecutor(20) as pool:
        delayed = list(pool.map(attack, range(20)))
    assert delayed.count(False) == 5


# -- events


def test_events_say_who_what_from_where_and_no_secret(store: UserStore, tmp_path: Path) -> None:
    signs_in(store, WRONG, "6.6.6.6")
    signs_in(store, WRONG, "6.6.6.6", username="my-password-typed-as-a-name")
    store.open_session("anna", "10.0.0.1")
    store.sign_out("anna", "10.0.0.1")
    store.record(Event.PAGE_DENIED, "anna", "10.0.0.1", "review")
    assert [(e.kind.value, e.username, e.client, e.detail) for e in store.events()] == [
        ("user added", "anna", "cli", "analyst"),
        ("sign-in failed", "anna", "6.6.6.6", ""),
        ("sign-in failed", "(unknown)", "6.6.6.6", ""),
        ("signed in", "anna", "10.0.0.1", "password"),
        ("signed out", "anna", "10.0.0.1", ""),
        ("page denied", "anna", "10.0.0.1", "review"),
    ]
    assert [e.kind for e in store.events(limit=1)] == [Event.PAGE_DENIED]
    store.close()
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"my-password-typed-as-a-name" not in raw
    assert WRONG.encode() not in raw


@pytest.mark.parametrize("statement", ["DELETE FROM security_events", "UPDATE security_events SET username = 'x'"])
def test_events_cannot_be_changed(store: UserStore, tmp_path: Path, statement: str) -> None:
    connection = sqlite3.connect(tmp_path / "users.db")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()
