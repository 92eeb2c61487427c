"""The people of one home: who they are, whether they are signed in, and what happened at the door.

Nothing of a room is in here: rooms live in their logs. Every method is one transaction, durable when the call returns.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from cleanroom_core.errors import ConflictError, InputError
from cleanroom_core.identity.lockout import WINDOW, remaining_delay
from cleanroom_core.identity.passwords import ROUNDS, check_password, hash_password, password_matches
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.identity.sessions import Ended, Session, SessionLimits
from cleanroom_core.stores.users_schema import connect, failures, security_events, sessions, users, writing

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")
_SEEN_EVERY = timedelta(minutes=1)  # how often a session in use is written down
_UNKNOWN = "(unknown)"


class Event(StrEnum):
    SIGNED_IN = "signed in"
    SIGN_IN_FAILED = "sign-in failed"
    SIGN_IN_DELAYED = "sign-in delayed"
    SIGNED_OUT = "signed out"
    SESSION_ENDED = "session ended"
    TOKEN_REFUSED = "token refused"
    PAGE_DENIED = "page denied"
    PASSWORD_SET = "password set"
    USER_ADDED = "user added"
    USER_CHANGED = "user changed"


@dataclass(frozen=True)
class SecurityEvent:
    """`client` is the address the request came from, `local` for this machine, `cli` for the command."""

    at: datetime
    kind: Event
    username: str | None
    client: str
    detail: str


@dataclass(frozen=True)
class Attempt:
    """What came of a sign-in: a user, or how long this pair of name and address waits before its next attempt counts."""

    user: User | None
    wait: timedelta = timedelta(0)


class UserStore:
    """Safe to share between threads. `clock` gives aware times. `password_rounds` is bcrypt's cost, lowered in tests only."""

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], datetime],
        limits: SessionLimits = SessionLimits(),  # noqa: B008  frozen
        password_rounds: int = ROUNDS,
    ) -> None:
        self._engine = engine
        weakref.finalize(self, engine.dispose)  # who forgets to close leaves no open connection behind
        self.clock = clock
        self.limits = limits
        self._rounds = password_rounds

    @classmethod
    def open(
        cls,
        path: Path,
        clock: Callable[[], datetime],
        limits: SessionLimits = SessionLimits(),  # noqa: B008
        password_rounds: int = ROUNDS,
    ) -> UserStore:
        """Open users.db, made when missing. Raises HomeError when it cannot be used as it is."""
        return cls(connect(path), clock, limits, password_rounds)

    def close(self) -> None:
        self._engine.dispose()

    # -- people

    def get(self, username: str) -> User | None:
        with self._engine.begin() as connection:
            return _user(self._row(connection, username))

    def list(self) -> tuple[User, ...]:
        """Everybody, by organisation and user name; auditors last."""
        with self._engine.begin() as connection:
            found = [_to_user(row) for row in connection.execute(select(users)).mappings()]
        return tuple(sorted(found, key=lambda user: (user.organisation is None, user.organisation or "", user.username)))

    def add(self, user: User, password: str | None = None, client: str = "cli") -> None:
        """Add a person. Without a password only *Continue as* lets them in, which demo users have on loopback.

        Raises InputError for a name or password that cannot be used, ConflictError when the name is taken.
        """
        if not _USERNAME.fullmatch(user.username):
            raise InputError(
                "A user name has 2 to 64 characters: a-z, 0-9, dot, dash, underscore; it begins with a letter or digit.",
                hint="For example: anna.berg",
                code="USERNAME",
            )
        if not user.roles:
            raise InputError("A user needs a role.", hint=f"Give one of: {', '.join(Role)}.", code="ROLES")
        if user.organisation is None and user.roles != {Role.AUDITOR}:
            raise InputError("Only an auditor belongs to no organisation.", hint="Name the user's organisation.", code="ROLES")
        if password is None and not user.demo:
            raise InputError("A user needs a first password.", hint="It is changed at the first sign-in.", code="PASSWORD")
        if password is not None:
            check_password(password, user.username)
        row = {
            "username": user.username,
            "name": user.name or user.username,
            "organisation": user.organisation,
            "roles": " ".join(sorted(user.roles)),
            "password": None if password is None else hash_password(password, self._rounds),
            "demo": user.demo,
            "must_change_password": user.must_change_password and not user.demo,
            "disabled": user.disabled,
            "valid_after": 0.0,
        }
        with writing(self._engine) as connection:
            if self._row(connection, user.username) is not None:
                raise ConflictError(f"There is a user {user.username} already.", hint="Choose another name.", code="USER_TAKEN")
            connection.execute(insert(users).values(row))
            self._record(connection, Event.USER_ADDED, user.username, client, " ".join(sorted(user.roles)))

    def disable(self, username: str, disabled: bool = True, client: str = "cli") -> None:
        """Sign the person out everywhere and for good; `disabled=False` lets them sign in again."""
        self._change(username, client, "disabled" if disabled else "enabled", disabled=disabled)

    def set_roles(self, username: str, roles: frozenset[Role], client: str = "cli") -> None:
        """Give other roles. Ends the person's sessions; pages read roles anew on each rerun anyway."""
        if not roles:
            raise InputError("A user needs a role.", hint=f"Give one of: {', '.join(Role)}.", code="ROLES")
        self._change(username, client, " ".join(sorted(roles)), roles=" ".join(sorted(roles)))

    def set_password(self, username: str, password: str, must_change: bool = False, client: str = "cli") -> None:
        """Set a password and end all sessions. Raises InputError when it cannot be used or is the present one."""
        check_password(password, username)
        with self._engine.begin() as connection:
            row = self._known_row(connection, username)
        if row["password"] is not None and password_matches(password, row["password"]):
            raise InputError("This is the present password.", hint="Choose a new one.", code="PASSWORD")
        hashed = hash_password(password, self._rounds)
        self._change(username, client, "", kind=Event.PASSWORD_SET, password=hashed, must_change_password=must_change)

    # -- at the door

    def sign_in(self, username: str, password: str, client: str) -> Attempt:
        """Check a password. Takes equally long for known and unknown names; opens no session.

        The attempt is written down as failed *before* the password is looked at and taken back when it was right, so that
        attempts made in parallel cannot slip past the delay.
        """
        username = username.strip().lower()
        attempt, wait = self._reserve(username, client)
        with self._engine.begin() as connection:
            row = self._row(connection, username)
        usable = row is not None and not row["disabled"]
        matches = password_matches(password, row["password"] if row is not None and usable else None)
        known = username if row is not None else _UNKNOWN
        with writing(self._engine) as connection:
            if wait:
                self._record(connection, Event.SIGN_IN_DELAYED, known, client)
                return Attempt(None, wait)
            if not matches:
                self._record(connection, Event.SIGN_IN_FAILED, known, client)
                return Attempt(None)
            connection.execute(delete(failures).where(failures.c.id == attempt))
            connection.execute(delete(failures).where(failures.c.pair == _pair(username, client)))
            return Attempt(_user(self._row(connection, username)))

    def record_failure(self, username: str, client: str) -> None:
        """Count a failed sign-in of this pair that was not made through `sign_in`."""
        self._reserve(username.strip().lower(), client)

    def count_failures(self, username: str, client: str) -> int:
        """Failed attempts of this pair within the window, those refused unseen included."""
        since = (self.clock() - WINDOW).timestamp()
        with self._engine.begin() as connection:
            rows = connection.execute(
                select(failures.c.id).where(failures.c.pair == _pair(username.strip().lower(), client), failures.c.at > since)
            )
            return len(rows.all())

    def open_session(self, username: str, client: str, detail: str = "password") -> Session:
        """Begin a session; who calls has made sure that it is this user. Raises InputError for an unknown or disabled one."""
        now = self.clock()
        session = Session(secrets.token_urlsafe(24), username, now, now)
        with writing(self._engine) as connection:
            if self._known_row(connection, username)["disabled"]:
                raise InputError(f"{username} is disabled.", hint="Ask an administrator of your side.", code="USER_DISABLED")
            too_old = (now - self.limits.lifetime).timestamp()
            connection.execute(delete(sessions).where(sessions.c.started_at < too_old))
            stamp = now.timestamp()
            connection.execute(insert(sessions).values(sid=session.sid, username=username, started_at=stamp, seen_at=stamp))
            self._record(connection, Event.SIGNED_IN, username, client, detail)
        return session

    def resume(self, sid: str, client: str, used: bool = True) -> User | Ended:
        """The user of a session, read anew, or why it is over (then it is removed).

        `used` says that a person did something and the idle time begins anew; a page that refreshes itself says False.
        """
        now = self.clock()
        with self._engine.begin() as connection:
            row = connection.execute(select(sessions).where(sessions.c.sid == sid)).mappings().first()
            person = None if row is None else self._row(connection, row["username"])
        if row is None:
            return Ended.UNKNOWN
        session = Session(sid, row["username"], _moment(row["started_at"]), _moment(row["seen_at"]))
        ended = (
            Ended.REVOKED
            if person is None or person["disabled"]
            else session.ended(now, _moment(person["valid_after"]), self.limits)
        )
        if ended is not None:
            with writing(self._engine) as connection:
                connection.execute(delete(sessions).where(sessions.c.sid == sid))
                self._record(connection, Event.SESSION_ENDED, session.username, client, ended)
            return ended
        if used and now - session.seen_at >= _SEEN_EVERY:
            with writing(self._engine) as connection:
                connection.execute(update(sessions).where(sessions.c.sid == sid).values(seen_at=now.timestamp()))
        assert person is not None  # noqa: S101  a session without a person has ended above
        return _to_user(person)

    def sign_out(self, username: str, client: str) -> None:
        """End every session of this user, in every browser."""
        self._change(username, client, "", kind=Event.SIGNED_OUT)

    # -- what happened

    def record(self, kind: Event, username: str | None, client: str, detail: str = "") -> None:
        """Append a security event. `detail` is a reason or a page's name, never a secret."""
        with writing(self._engine) as connection:
            self._record(connection, kind, username, client, detail)

    def events(self, limit: int = 1000) -> tuple[SecurityEvent, ...]:
        """The newest events, oldest first."""
        newest = select(security_events).order_by(security_events.c.id.desc()).limit(limit)
        with self._engine.begin() as connection:
            rows = connection.execute(newest).mappings().all()
        return tuple(
            SecurityEvent(_moment(row["at"]), Event(row["kind"]), row["username"], row["client"], row["detail"])
            for row in reversed(rows)
        )

    # -- within a transaction

    def _reserve(self, username: str, client: str) -> tuple[int, timedelta]:
        now = self.clock()
        pair = _pair(username, client)
        with writing(self._engine) as connection:
            connection.execute(delete(failures).where(failures.c.at <= (now - WINDOW).timestamp()))
            counted = select(failures.c.at).where(failures.c.pair == pair, failures.c.delayed.is_(False))
            wait = remaining_delay([_moment(at) for at in connection.execute(counted).scalars()], now)
            made = connection.execute(insert(failures).values(pair=pair, at=now.timestamp(), delayed=bool(wait)))
            key = made.inserted_primary_key
            assert key is not None  # noqa: S101
            return int(key[0]), wait

    def _change(self, username: str, client: str, detail: str, kind: Event = Event.USER_CHANGED, **values: Any) -> None:
        with writing(self._engine) as connection:
            self._known_row(connection, username)
            values["valid_after"] = self.clock().timestamp()
            connection.execute(update(users).where(users.c.username == username).values(values))
            connection.execute(delete(sessions).where(sessions.c.username == username))
            self._record(connection, kind, username, client, detail)

    def _record(self, connection: Connection, kind: Event, username: str | None, client: str, detail: str = "") -> None:
        row = {
            "at": self.clock().timestamp(),
            "kind": kind,
            "username": username,
            "client": client[:64],
            "detail": detail[:200],
        }
        connection.execute(insert(security_events).values(row))

    def _row(self, connection: Connection, username: str) -> Any:
        return connection.execute(select(users).where(users.c.username == username)).mappings().first()

    def _known_row(self, connection: Connection, username: str) -> Any:
        row = self._row(connection, username)
        if row is None:
            raise InputError("There is no such user.", hint="`cleanroom user list` names them all.", code="USER_UNKNOWN")
        return row


def _pair(username: str, client: str) -> str:
    return hashlib.sha256(f"{username}\0{client}".encode()).hexdigest()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _user(row: Any) -> User | None:
    return None if row is None else _to_user(row)


def _to_user(row: Any) -> User:
    return User(
        username=row["username"],
        organisation=row["organisation"],
        roles=frozenset(Role(role) for role in row["roles"].split()),
        name=row["name"],
        demo=row["demo"],
        must_change_password=row["must_change_password"],
        disabled=row["disabled"],
    )
