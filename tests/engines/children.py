"""Which engine processes a process has started, and whether one still runs. Reads /proc where there is one, else asks `ps`."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

MARK = "cleanroom_core.engines.duckdb.process"


def _processes() -> Iterator[tuple[int, int, str, str]]:
    """Process number, its parent's, state letter and command line of every process."""
    if not Path("/proc/self/stat").exists():
        asked = ["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args="]
        for line in subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines():
            pid, parent, state, command = line.split(maxsplit=3)
            yield int(pid), int(parent), state[0], command
        return
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            yield int(folder.name), int(parent), state, (folder / "cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue


def children_of(pid: int) -> list[int]:
    return [child for child, parent, state, command in _processes() if parent == pid and state != "Z" and MARK in command]


def runs(pid: int) -> bool:
    return any(found == pid and state != "Z" for found, _, state, _ in _processes())


def my_engine_processes() -> list[int]:
    return children_of(os.getpid())


def wait_until(what: Callable[[], object], seconds: float = 20.0) -> bool:
    """True as soon as `what` is; False when it never was."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if what():
            return True
        time.sleep(0.02)
    return False
