"""Both workspaces served on this machine until they are told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

import uvicorn

from cleanroom_core.errors import InputError
from cleanroom_core.simulator import faults
from cleanroom_core.simulator.frame import application
from cleanroom_core.simulator.sql.database import Database
from cleanroom_core.simulator.state import State
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import NAMES, workspaces

_PRINTED = (
    "token",
    "client_id",
    "client_secret",
    "account_id",
    "workspace_id",
    "global_metastore_id",
    "warehouse_id",
    "catalog",
)


class _Quiet(uvicorn.Server):
    """A server that leaves signals alone: two of them share one process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Simulator:
    """Two servers over one home. `run` serves until `stop` is called, from a signal or another thread."""

    def __init__(self, home: Path, ports: Sequence[int] = (0, 0), fault_list: Sequence[Json] = ()) -> None:
        """Raises InputError when a port is taken, or the home by another simulator."""
        self._lock = _alone(home)
        self._sockets: list[socket.socket] = []
        try:
            for port in ports:
                self._sockets.append(_listen(port))
        except InputError:
            for listener in self._sockets:
                listener.close()
            self._lock.close()
            raise
        self._state = State(home / "simulator.db")
        self._database = Database(home / "data")
        found = workspaces(self._state)
        if fault_list:
            with self._state.transaction():
                faults.clear(self._state)
                faults.add(self._state, list(fault_list))
        self._servers = [
            _Quiet(
                uvicorn.Config(
                    application(found[name], found, self._state, self._database),
                    log_level="error",
                    lifespan="off",
                    access_log=False,
                    timeout_graceful_shutdown=3,
                )
            )
            for name in NAMES
        ]
        self.described: Json = {
            "workspaces": [
                {
                    "name": name,
                    "host": f"http://127.0.0.1:{listener.getsockname()[1]}",
                    **{key: found[name].seed[key] for key in _PRINTED},
                }
                for name, listener in zip(NAMES, self._sockets, strict=True)
            ]
        }

    def run(self, started: Callable[[], None] = lambda: None, signals: bool = False) -> None:
        """Serve; `started` is called once both answer. With `signals`, SIGTERM and SIGINT end it."""
        try:
            asyncio.run(self._serve(started, signals))
        finally:
            for listener in self._sockets:
                listener.close()
            self._database.close()
            self._state.close()
            self._lock.close()

    def stop(self) -> None:
        for server in self._servers:
            server.should_exit = True

    async def _serve(self, started: Callable[[], None], signals: bool) -> None:
        if signals:
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, self.stop)
        tasks = [
            asyncio.create_task(server.serve(sockets=[listener]))
            for server, listener in zip(self._servers, self._sockets, strict=True)
        ]
        while not all(server.started for server in self._servers) and not any(task.done() for task in tasks):
            await asyncio.sleep(0.01)
        started()
        await asyncio.gather(*tasks)


@contextlib.contextmanager
def serving(home: Path, ports: Sequence[int] = (0, 0), fault_list: Sequence[Json] = ()) -> Iterator[Json]:
    """Both workspaces in a thread of this process, for as long as the block lasts; yields what `--json` prints."""
    simulator = Simulator(home, ports, fault_list)
    ready = threading.Event()
    thread = threading.Thread(target=simulator.run, args=(ready.set,), name="simulator")
    thread.start()
    try:
        ready.wait()
        yield simulator.described
    finally:
        simulator.stop()
        thread.join()


def serve(home: Path, ports: Sequence[int], fault_file: Path | None, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM; `announce` receives one JSON line once both workspaces answer. Raises InputError."""
    simulator = Simulator(home, ports, read_faults(fault_file) if fault_file else ())
    simulator.run(lambda: announce(json.dumps(simulator.described)), signals=True)


def read_faults(path: Path) -> list[Json]:
    try:
        text = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"The fault file {path} cannot be read as JSON.", hint="docs/simulator.md shows one.", code="FAULTS"
        ) from error
    return faults.checked(text)


def _alone(home: Path) -> IO[str]:
    """The lock of this home, for as long as the file is open; the system drops it however the process ends."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = (home / "lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise InputError(
            f"Another simulator serves {home}.", hint="Stop it, or give another --home.", code="HOME_TAKEN"
        ) from error
    return lock


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise InputError(f"Port {port} is taken.", hint="Leave --ports out to get free ones.", code="PORT_TAKEN") from error
    listener.listen(128)
    return listener
