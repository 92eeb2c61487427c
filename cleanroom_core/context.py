"""The composition root: builds what stories act with, once and lazily. The only place that picks adapters.

A home is a directory:

    home.json                      format of the home
    users.db, cookie.key           sign-in, of the wizard
    rooms/<room>/room.json         alias -> organisation, engine
    rooms/<room>/<alias>/          one collaborator's own: log.db, keys/, inbox/, share/<asset>/, work/, and platform.json where
                                   the room, and perhaps its tables, are in a workspace

Two collaborators of a rehearsal share one machine and nothing else: each has its own store, keys and engines, and they meet
only in `exchange`. The home of one party (`party` in home.json) holds only that party's folder of each room; the others are
reached through a shared folder or a file carried by hand.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cleanroom_core.errors import (
    CleanRoomError,
    ExchangeError,
    InputError,
    IntegrityError,
    NotPermittedError,
    NotReadyError,
)
from cleanroom_core.homes import FORMAT, Party, RoomInfo, check_format, create_home, home_path, read_party, write_json
from cleanroom_core.identity.permissions import Permission, Role, User
from cleanroom_core.sql.names import checked_name

if TYPE_CHECKING:
    from cleanroom_core.backends.placed import Placed
    from cleanroom_core.backends.protocol import Platform
    from cleanroom_core.engines.protocol import OwnerEngine, RoomEngine
    from cleanroom_core.engines.spark.sessions import Sessions
    from cleanroom_core.exchange.folder import FolderExchange, Synced, Waiting
    from cleanroom_core.prechecks.check import Gatherers
    from cleanroom_core.stores.signed_log import SignedLog
    from cleanroom_core.stores.users import UserStore
    from cleanroom_core.stories.collaborator import Collaborator

__all__ = ["ENGINES", "FORMAT", "Context", "Party", "RoomInfo", "check_format", "create_home", "home_path", "now", "write_json"]

ENGINES = ("duckdb", "spark")
PAUSE = 0.5  # seconds between two looks for an acknowledgement of a home that is elsewhere
Clock = Callable[[], datetime]


def now() -> datetime:
    return datetime.now(UTC)


class Context:
    """Everything of one home. Safe to share between threads; holds connections and engines, never rows."""

    def __init__(self, home: Path, clock: Clock = now) -> None:
        self.home = home
        self.clock = clock
        self.patience_seconds = 15.0  # for the others' acknowledgement, where it comes through a folder
        self._lock = threading.RLock()
        self._logs: dict[tuple[str, str], SignedLog] = {}
        self._sides: dict[tuple[str, str], tuple[Placed | None, Collaborator]] = {}
        self._seen: dict[str, tuple[Waiting, ...]] = {}
        self._troubles: dict[tuple[str, str], tuple[CleanRoomError, ...]] = {}

    @classmethod
    def open(cls, home: Path, clock: Clock = now) -> Context:
        """Open an existing home. Raises HomeError when there is none or another version wrote it."""
        check_format(home)
        return cls(home, clock)

    @cached_property
    def party(self) -> Party | None:
        """Whose home this is; None for a rehearsal, which holds all sides."""
        return read_party(self.home)

    @cached_property
    def users(self) -> UserStore:
        from cleanroom_core.stores.users import UserStore

        return UserStore.open(self.home / "users.db", self.clock)

    def rooms(self) -> tuple[str, ...]:
        return tuple(sorted(path.parent.name for path in (self.home / "rooms").glob("*/room.json")))

    def info(self, room: str) -> RoomInfo:
        """Raises NotReadyError when there is no such room."""
        try:
            return RoomInfo.load(self.room_home(room))
        except FileNotFoundError:
            raise NotReadyError(
                f"There is no room {room!r} here.", hint=f"Known: {', '.join(self.rooms()) or 'none'}."
            ) from None

    def rooms_of(self, user: User) -> tuple[str, ...]:
        """Rooms this user may open: those of the own organisation; an auditor may open all."""
        if Role.AUDITOR in user.roles and user.organisation is None:
            return self.rooms()
        return tuple(
            info.name
            for info in map(self.info, self.rooms())
            if user.organisation in {info.collaborators[alias] for alias in info.here}
        )

    def collaborator(self, room: str, user: User) -> Collaborator:
        """The side of the room that this user acts for. Raises NotPermittedError for anybody else."""
        info = self.info(room)
        alias = next((alias for alias, name in info.collaborators.items() if name == user.organisation), None)
        if alias is None:
            raise NotPermittedError(f"{user.username} does not act for a collaborator of {room}.", hint="Choose another room.")
        return self._fresh(room, alias)

    def reader(self, room: str, user: User) -> Collaborator:
        """Whose home this user reads the room from: the own side's; an auditor, who has no side, reads the creator's.

        Only for reading: every story asks again for whom a user acts, and refuses an auditor. Raises NotPermittedError for a
        room this user may not open.
        """
        if user.organisation is not None:
            return self.collaborator(room, user)
        if room not in self.rooms_of(user):
            raise NotPermittedError(f"{user.username} may not open {room}.", hint="Choose another room.")
        return self._fresh(room, self.info(room).here[0])

    def side(self, room: str, alias: str) -> Collaborator:
        with self._lock:
            placed = self._placed(room, alias)
            known = self._sides.get((room, alias))
            if known is None or known[0] != placed:  # connected, or connected elsewhere, since it was opened
                known = self._sides[room, alias] = placed, self._build(room, alias, placed)
            return known[1]

    def room_home(self, room: str) -> Path:
        return self.home / "rooms" / checked_name(room, "a room")

    def log(self, room: str, alias: str) -> SignedLog:
        """The log of one collaborator, opened with the keys of its home. Raises NotPermittedError where that is elsewhere."""
        from cleanroom_core.stores.keys import load_keys
        from cleanroom_core.stores.signed_log import SignedLog
        from cleanroom_core.stores.sqlite import open_sqlite

        with self._lock:
            if (room, alias) not in self._logs:
                _require_here(self.info(room), alias)
                home = self.room_home(room) / alias
                self._logs[room, alias] = SignedLog.open(open_sqlite(home / "log.db"), load_keys(home / "keys"), self.clock)
            return self._logs[room, alias]

    def _placed(self, room: str, alias: str) -> Placed | None:
        """Where this side's share-safe tables go, if that is a workspace. A file that cannot be read says so to whoever acts on
        the platform (`_platform`); it names no place."""
        from cleanroom_core.backends.placed import FILE, Placed

        path = self.room_home(room) / alias / FILE
        try:
            placed = Placed.from_text(path.read_text(encoding="utf-8")) if path.is_file() else None
        except InputError:
            return None
        return placed if placed is not None and placed.share is not None else None

    def _build(self, room: str, alias: str, placed: Placed | None) -> Collaborator:
        from cleanroom_core.stories.collaborator import Collaborator

        info = self.info(room)
        home = self.room_home(room)
        log = self.log(room, alias)

        def share_folder(qualified: str) -> Path:
            owner, _, asset = qualified.partition(".")
            if owner not in info.here:
                raise NotReadyError(
                    f"The share-safe table {qualified} is at {info.collaborators.get(owner, owner)}, not in this home.",
                    hint="Logs travel between homes, tables do not: compute on the platform that holds the tables of both.",
                    code="TABLE_ELSEWHERE",
                )
            there = placed if owner == alias else self._placed(room, owner)
            if there is not None and there.share is not None:
                return Path(str(there.share.named(checked_name(asset, "an asset"))))
            return home / checked_name(owner, "a collaborator") / "share" / checked_name(asset, "an asset")

        def hand_over() -> tuple[str, ...]:
            if info.own is not None:
                self.sync(room)
                return tuple(other for other, held in log.cosigned().items() if held < log.size())
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
            origins={one.origin: one.alias for one in log.genesis.collaborators},
            home=home / alias,
            log=log,
            owner_engine=self._owner_engine(placed, home / alias / "work"),
            room_engine=self._room_engine(info.engine, home / alias / "work"),
            share_folder=share_folder,
            hand_over=hand_over,
            clock=self.clock,
            platform_facts=lambda: self._platform_facts(home / alias),
            open_platform=lambda: self._platform(home / alias),
            share_schema=None if placed is None else placed.share,
            patient=lambda times: self._patient(room, times),
        )

    def _platform(self, home: Path) -> Platform | None:
        """Where the room of this side really is, its two identities signed in; None for a room that is its logs."""
        from cleanroom_core.backends.placed import FILE, Placed

        if not (home / FILE).is_file():
            return None
        from cleanroom_core.backends.databricks.placing import open_platform

        return open_platform(Placed.from_text((home / FILE).read_text(encoding="utf-8")))

    def _platform_facts(self, home: Path) -> Gatherers | None:
        """Read anew each time: `cleanroom precheck --databricks --remember` may write the file while the wizard runs."""
        from cleanroom_core.prechecks.databricks.remembered import FILE

        if not (home / FILE).is_file():
            return None
        from cleanroom_core.backends.databricks.facts_remembered import remembered_gatherers

        return remembered_gatherers(home, self.clock)

    def exchange(self, room: str) -> FolderExchange | None:
        """How this party's home reaches the others; None in a rehearsal, and where files are carried by hand."""
        from cleanroom_core.exchange.folder import FolderExchange

        info = self.info(room)
        if info.own is None or info.shared is None:
            return None
        own = self.room_home(room) / info.own / "exchange"
        return FolderExchange(self.log(room, info.own), Path(info.shared), own, info.group)

    def sync(self, room: str) -> tuple[Synced, ...]:
        """Take over what the others wrote into the shared folder, and write there what they do not know.

        What cannot be used is told in each `problems`, an unreachable folder as well. Raises IntegrityError and
        EquivocationError when what another wrote does not hold.
        """
        from cleanroom_core.exchange.folder import Synced

        by_folder, done = self.exchange(room), []
        for peer in by_folder.home.cosigned() if by_folder is not None else ():
            assert by_folder is not None  # noqa: S101  else there was no peer
            try:
                found = by_folder.sync(peer)
            except ExchangeError as problem:
                found = Synced(peer, problems=(problem,))
            except CleanRoomError as refused:
                self._troubles[room, peer] = (refused,)
                raise
            self._troubles[room, peer] = found.problems
            done.append(found)
        return tuple(done)

    def keep_up(self) -> None:
        """Exchange every room of this party's home that has a folder, as a look at each would: so that what the others wrote is
        acknowledged while nobody looks. What stands in the way is kept for `troubles`."""
        for room in self.rooms() if self.party is not None else ():
            self._fresh(room, self.info(room).here[0])

    def _patient(self, room: str, times: int) -> bool:
        if self.exchange(room) is None or times * PAUSE >= self.patience_seconds:
            return False
        time.sleep(PAUSE)
        return True

    def troubles(self, room: str) -> tuple[CleanRoomError, ...]:
        """What stood in the way when this room was last exchanged with each of the others; empty when all is well."""
        found = {str(one): one for (name, _), problems in self._troubles.items() if name == room for one in problems}
        return tuple(found.values())

    def _fresh(self, room: str, alias: str) -> Collaborator:
        """The side, with what the others have written meanwhile: asked at every look, and cheap while there is nothing new.

        Looking is not acting, so what stands in the way is kept for `troubles`; every act exchanges again and raises it.
        """
        side, by_folder = self.side(room, alias), self.exchange(room)
        if by_folder is None:
            return side
        try:
            before = self._waiting(by_folder)
            if before != self._seen.get(room) or self.troubles(room):
                well = not any(one.problems for one in self.sync(room))
                after = self._waiting(by_folder)
                # What came in between has not been read.
                same = all((old[0], old[2]) == (new[0], new[2]) for old, new in zip(before, after, strict=True))
                self._seen[room] = after if well and same else ()
            self._troubles.pop((room, ""), None)
        except ExchangeError as away:
            self._troubles[room, ""] = (away,)
        except CleanRoomError:
            return side
        return side

    @staticmethod
    def _waiting(by_folder: FolderExchange) -> tuple[Waiting, ...]:
        return tuple(by_folder.waiting(peer) for peer in by_folder.home.cosigned())

    def choose_engine(self, room: str, user: User, engine: str) -> None:
        """Compute this room with another engine from the next run on; a run that is under way ends where it began.

        Raises NotPermittedError unless this user makes rooms for a side of it, InputError for an engine there is none of.
        """
        user.require(Permission.ROOM_CREATE, self.collaborator(room, user).organisation)
        if engine not in ENGINES:
            raise InputError(f"There is no engine {engine!r}.", hint=f"Known are {', '.join(ENGINES)}.", code="ENGINE_NAME")
        with self._lock:
            info = replace(self.info(room), engine=engine)
            info.save(self.room_home(room))
            for alias in info.collaborators:
                self._sides.pop((room, alias), None)

    def choose_folder(self, room: str, shared: Path | None, group: bool = False) -> None:
        """Reach the others of this room through another directory from now on; None: by files carried by hand.

        Raises NotPermittedError in a rehearsal, InputError for what is no directory.
        """
        info = self.info(room)
        if info.own is None:
            raise NotPermittedError("A rehearsal exchanges by itself.", hint="Folders are for homes of one party.")
        if shared is not None and not shared.is_dir():
            raise InputError(f"{shared} is no directory.", hint="Make or mount it first.", code="EXCHANGE_FOLDER")
        with self._lock:
            replace(info, shared=None if shared is None else str(shared.absolute()), group=group).save(self.room_home(room))
            self._seen.clear()

    def _owner_engine(self, placed: Placed | None, work_dir: Path) -> OwnerEngine:
        if placed is not None:
            from cleanroom_core.backends.databricks.placing import open_warehouse
            from cleanroom_core.engines.warehouse.owner import WarehouseOwnerEngine

            return WarehouseOwnerEngine(open_warehouse(placed), placed.room, placed.secret_scope, work_dir, placed.exempt)
        from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine

        return DuckDBOwnerEngine(work_dir)

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


def _require_here(info: RoomInfo, alias: str) -> None:
    if alias not in info.here:
        raise NotPermittedError(
            f"{info.collaborators.get(alias, alias)} has a home of its own; this one is for {', '.join(info.here)}.",
            hint="Look at this side, or ask the other one.",
        )
