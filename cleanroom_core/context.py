"""The composition root: builds what stories act with, once and lazily. The only place that picks adapters.

A home is a directory:

    home.json                      format of the home
    users.db, cookie.key           sign-in, of the wizard
    rooms/<room>/room.json         alias -> organisation, engine
    rooms/<room>/<alias>/          one collaborator's own: log.db, keys/, inbox/, share/<asset>/, work/

Two collaborators of a rehearsal share one machine and nothing else: each has its own store, keys and engines, and they meet
only in `exchange`.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cleanroom_core.errors import CleanRoomError, HomeError, InputError, IntegrityError, NotPermittedError, NotReadyError
from cleanroom_core.identity.permissions import Permission, Role, User
from cleanroom_core.sql.names import checked_name

if TYPE_CHECKING:
    from cleanroom_core.engines.protocol import RoomEngine
    from cleanroom_core.engines.spark.sessions import Sessions
    from cleanroom_core.stores.signed_log import SignedLog
    from cleanroom_core.stores.users import UserStore
    from cleanroom_core.stories.collaborator import Collaborator

FORMAT = 1
DEFAULT_HOME = "var"
ENGINES = ("duckdb", "spark")
Clock = Callable[[], datetime]


def now() -> datetime:
    return datetime.now(UTC)


def home_path() -> Path:
    """The home of this process: CLEANROOM_HOME, or `var` in the working directory."""
    return Path(os.environ.get("CLEANROOM_HOME") or DEFAULT_HOME).resolve()


@dataclass(frozen=True)
class RoomInfo:
    """`collaborators`: alias -> organisation, the creator first."""

    name: str
    collaborators: Mapping[str, str]
    engine: str = "duckdb"


class Context:
    """Everything of one home. Safe to share between threads; holds connections and engines, never rows."""

    def __init__(self, home: Path, clock: Clock = now) -> None:
        self.home = home
        self.clock = clock
        self._lock = threading.RLock()
        self._logs: dict[tuple[str, str], SignedLog] = {}
        self._sides: dict[tuple[str, str], Collaborator] = {}

    @classmethod
    def open(cls, home: Path, clock: Clock = now) -> Context:
        """Open an existing home. Raises HomeError when there is none or another version wrote it."""
        check_format(home)
        return cls(home, clock)

    @cached_property
    def users(self) -> UserStore:
        from cleanroom_core.stores.users import UserStore

        return UserStore.open(self.home / "users.db", self.clock)

    def rooms(self) -> tuple[str, ...]:
        return tuple(sorted(path.parent.name for path in (self.home / "rooms").glob("*/room.json")))

    def info(self, room: str) -> RoomInfo:
        """Raises NotReadyError when there is no such room."""
        path = self.room_home(room) / "room.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NotReadyError(
                f"There is no room {room!r} here.", hint=f"Known: {', '.join(self.rooms()) or 'none'}."
            ) from None
        return RoomInfo(found["name"], found["collaborators"], found.get("engine", "duckdb"))

    def rooms_of(self, user: User) -> tuple[str, ...]:
        """Rooms this user may open: those of the own organisation; an auditor may open all."""
        if Role.AUDITOR in user.roles and user.organisation is None:
            return self.rooms()
        return tuple(room for room in self.rooms() if user.organisation in self.info(room).collaborators.values())

    def collaborator(self, room: str, user: User) -> Collaborator:
        """The side of the room that this user acts for. Raises NotPermittedError for anybody else."""
        info = self.info(room)
        alias = next((alias for alias, name in info.collaborators.items() if name == user.organisation), None)
        if alias is None:
            raise NotPermittedError(f"{user.username} does not act for a collaborator of {room}.", hint="Choose another room.")
        return self.side(room, alias)

    def reader(self, room: str, user: User) -> Collaborator:
        """Whose home this user reads the room from: the own side's; an auditor, who has no side, reads the creator's.

        Only for reading: every story asks again for whom a user acts, and refuses an auditor. Raises NotPermittedError for a
        room this user may not open.
        """
        if user.organisation is not None:
            return self.collaborator(room, user)
        if room not in self.rooms_of(user):
            raise NotPermittedError(f"{user.username} may not open {room}.", hint="Choose another room.")
        return self.side(room, next(iter(self.info(room).collaborators)))

    def side(self, room: str, alias: str) -> Collaborator:
        with self._lock:
            if (room, alias) not in self._sides:
                self._sides[room, alias] = self._build(room, alias)
            return self._sides[room, alias]

    def room_home(self, room: str) -> Path:
        return self.home / "rooms" / checked_name(room, "a room")

    def log(self, room: str, alias: str) -> SignedLog:
        """The log of one collaborator, opened with the keys of its home."""
        from cleanroom_core.stores.keys import load_keys
        from cleanroom_core.stores.signed_log import SignedLog
        from cleanroom_core.stores.sqlite import open_sqlite

        with self._lock:
            if (room, alias) not in self._logs:
                home = self.room_home(room) / alias
                self._logs[room, alias] = SignedLog.open(open_sqlite(home / "log.db"), load_keys(home / "keys"), self.clock)
            return self._logs[room, alias]

    def _build(self, room: str, alias: str) -> Collaborator:
        from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
        from cleanroom_core.stories.collaborator import Collaborator

        info = self.info(room)
        home = self.room_home(room)
        log = self.log(room, alias)

        def share_folder(qualified: str) -> Path:
            owner, _, asset = qualified.partition(".")
            return home / checked_name(owner, "a collaborator") / "share" / checked_name(asset, "an asset")

        def hand_over() -> tuple[str, ...]:
            from cleanroom_core.exchange.in_process import exchange

            away = []
            for other in info.collaborators:
                if other == alias:
                    continue
                try:
                    exchange(log, self.log(room, other))
                except IntegrityError:
                    raise  # proof of a fault, not of absence
                except CleanRoomError:
                    away.append(other)
            return tuple(away)

        return Collaborator(
            room=room,
            alias=alias,
            collaborators=dict(info.collaborators),
            origins={self.log(room, name).origin: name for name in info.collaborators},
            home=home / alias,
            log=log,
            owner_engine=DuckDBOwnerEngine(home / alias / "work"),
            room_engine=self._room_engine(info.engine, home / alias / "work"),
            share_folder=share_folder,
            hand_over=hand_over,
            clock=self.clock,
        )

    def choose_engine(self, room: str, user: User, engine: str) -> None:
        """Compute this room with another engine from the next run on; a run that is under way ends where it began.

        Raises NotPermittedError unless this user makes rooms for a side of it, InputError for an engine there is none of.
        """
        user.require(Permission.ROOM_CREATE, self.collaborator(room, user).organisation)
        if engine not in ENGINES:
            raise InputError(f"There is no engine {engine!r}.", hint=f"Known are {', '.join(ENGINES)}.", code="ENGINE_NAME")
        with self._lock:
            info = replace(self.info(room), engine=engine)
            write_json(
                self.room_home(room) / "room.json",
                {"name": info.name, "collaborators": dict(info.collaborators), "engine": info.engine},
            )
            for alias in info.collaborators:
                self._sides.pop((room, alias), None)

    def _room_engine(self, name: str, work_dir: Path) -> RoomEngine:
        if name == "spark":
            from cleanroom_core.engines.spark.room import SparkRoomEngine

            return SparkRoomEngine(self.spark)
        from cleanroom_core.engines.duckdb.room import DuckDBRoomEngine

        return DuckDBRoomEngine(work_dir)

    @cached_property
    def spark(self) -> Sessions:
        """One for all rooms of the home, for it is one Java process; it starts with the first `session()`."""
        return spark_sessions(self.home / "spark")

    def close(self) -> None:
        with self._lock:
            for log in self._logs.values():
                log.store.close()
            self._logs.clear()
            self._sides.clear()
            if "spark" in self.__dict__:
                self.spark.close()
                del self.__dict__["spark"]
            if "users" in self.__dict__:
                self.users.close()
                del self.__dict__["users"]


def spark_sessions(work_dir: Path) -> Sessions:
    """Where the engine spark computes: the server named by CLEANROOM_SPARK_REMOTE, else this machine, which starts Java at the
    first use. `work_dir` is for what Spark on this machine spills. Raises InputError for a name that is no such place."""
    from cleanroom_core.engines.spark.sessions import sessions_at

    return sessions_at(os.environ.get("CLEANROOM_SPARK_REMOTE", ""), work_dir)


def check_format(home: Path) -> None:
    """Raise HomeError unless `home` was made by this version of the format."""
    path = home / "home.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["format"]
    except FileNotFoundError:
        raise HomeError(f"There is no rehearsal in {home}.", hint="Start it with: make run", code="NO_HOME") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise HomeError(
            f"{path} cannot be read.", hint="Move the folder away and start anew, or restore it from a backup.", code="HOME"
        ) from None
    if found != FORMAT:
        raise HomeError(
            f"{home} was made by another version (format {found}; this version reads {FORMAT}).",
            hint="Use that version, or set CLEANROOM_HOME to a new folder.",
            code="HOME_FORMAT",
        )


def create_home(home: Path) -> None:
    """Make an empty home; does nothing when there is one of this format."""
    if (home / "home.json").exists():
        check_format(home)
        return
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / "rooms").mkdir(mode=0o700, exist_ok=True)
    write_json(home / "home.json", {"format": FORMAT})


def write_json(path: Path, value: object) -> None:
    """Write a small file so that it is there whole or not at all."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
