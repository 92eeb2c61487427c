"""Gathers the facts that this machine itself tells. What a room tells is gathered where the room is open."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cleanroom_core.prechecks.check import Gatherers
from cleanroom_core.prechecks.clock import ClockFacts
from cleanroom_core.prechecks.disk import DiskFacts
from cleanroom_core.prechecks.home_folder import HomeFacts
from cleanroom_core.prechecks.java import JavaFacts
from cleanroom_core.prechecks.keys import KeyFacts
from cleanroom_core.prechecks.memory import MemoryFacts
from cleanroom_core.prechecks.packages import PackageFacts
from cleanroom_core.prechecks.python_version import PythonFacts

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # version 2, version 1


def machine(home: Path, requirements: Path, keys: Sequence[Path] = (), spark: bool = False) -> Gatherers:
    """Gatherers for `MACHINE`. `home`: one side's home. `requirements`: requirements.txt. `keys`: that side's key files.
    `spark`: the room computes with Spark on this machine."""
    return {
        PythonFacts: lambda: PythonFacts(sys.version_info[:3]),
        PackageFacts: lambda: packages(requirements),
        MemoryFacts: lambda: MemoryFacts(_memory(), _processors()),
        DiskFacts: lambda: DiskFacts(str(home), shutil.disk_usage(_existing(home)).free),
        ClockFacts: lambda: clock(home),
        HomeFacts: lambda: home_folder(home),
        KeyFacts: lambda: KeyFacts({str(path): _mode(path) for path in keys}),
        JavaFacts: lambda: replace(java(), needed=spark),
    }


def packages(requirements: Path) -> PackageFacts:
    """Pins as `name==version` lines; names compared as PEP 503 normalises them."""
    lines = requirements.read_text(encoding="utf-8").splitlines() if requirements.is_file() else []
    pinned = dict(_pin(line) for line in lines if "==" in line and not line.startswith("#"))
    found = {_normal(item.name): item.version for item in importlib.metadata.distributions() if item.name}
    needed = frozenset(_normal(text) for text in importlib.metadata.requires("cleanroom-core") or () if "extra ==" not in text)
    return PackageFacts(
        pinned=pinned,
        installed={name: version for name, version in found.items() if name in pinned or name in needed},
        needed=needed,
        install=f"{sys.executable} -m pip install -r {requirements}",
    )


def _pin(line: str) -> tuple[str, str]:
    name, version = line.split("==", 1)
    return _normal(name), version.strip()


def _normal(requirement: str) -> str:
    name = re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def clock(home: Path) -> ClockFacts:
    """Two levels of the home are looked at: its folders' and files' times change with every append."""
    times = [path.lstat().st_mtime for pattern in ("*", "*/*") for path in home.glob(pattern)]
    latest = {"the newest file of the home": datetime.fromtimestamp(max(times), UTC)} if times else {}
    return ClockFacts(datetime.now(UTC), latest)


def home_folder(home: Path) -> HomeFacts:
    if not home.is_dir():
        return HomeFacts(str(home), None, mine=False, writable=False)
    status = home.stat()
    return HomeFacts(str(home), status.st_mode & 0o777, status.st_uid == os.geteuid(), os.access(home, os.W_OK | os.X_OK))


def java() -> JavaFacts:
    """From the `release` file beside the program: asking the program itself would start Java."""
    named = os.environ.get("JAVA_HOME")
    path = shutil.which("java", path=f"{named}/bin") if named else shutil.which("java")
    if path is None:
        return JavaFacts(None, None)
    release = Path(path).resolve().parents[1] / "release"
    try:
        said = re.search(r'^JAVA_VERSION="([^"]+)"', release.read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        said = None
    return JavaFacts(path, said.group(1) if said else None)


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        return None


def _existing(path: Path) -> Path:
    """The path itself, or the nearest folder above it that is there."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())


def _memory() -> int | None:
    limits = []
    with contextlib.suppress(ValueError, OSError):  # a name this system does not know
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for file in _CGROUP_LIMITS:
        try:
            text = Path(file).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdigit():  # "max" says there is no limit
            limits.append(int(text))
    return min(limits) if limits else None


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1
