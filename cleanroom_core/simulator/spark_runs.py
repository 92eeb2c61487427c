"""Runs of notebooks with Python cells, each in a process of its own, started and looked after but never waited for.

The process runs the notebook's code as the user of the simulator. Where pyspark or Java is missing, nothing is started.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cleanroom_core.simulator.strict import Json

_RESULT = "result.json"
_QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"  # a run is short: compiling well costs more than it saves


def missing() -> str:
    """What Spark lacks on this machine; empty where it can be started."""
    if find_spec("pyspark") is None:
        return "pyspark is not installed"
    home = os.environ.get("JAVA_HOME")
    java = Path(home, "bin", "java").is_file() if home else shutil.which("java") is not None
    return "" if java else "there is no Java"


def _environment() -> dict[str, str]:
    """Without what a workspace's credentials are called; a notebook has no business with those of this user."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DATABRICKS_")}
    return {"SPARK_SUBMIT_OPTS": _QUICK} | kept


class SparkRuns:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def folder(self, number: str) -> Path:
        """An empty folder for the tables of a run."""
        found = self._folder / number
        found.mkdir(mode=0o700, parents=True)
        return found

    def start(
        self, number: str, cells: Sequence[Json], tables: Mapping[str, str], parameters: Mapping[str, str], output: str | None
    ) -> None:
        job = {
            "cells": cells,
            "tables": tables,
            "parameters": parameters,
            "output": output,
            "folder": str(self._folder / number),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "cleanroom_core.simulator.spark_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder / number,
            env=_environment(),
        )
        assert process.stdin is not None  # noqa: S101  asked for above
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.flush()
        self._running[number] = process

    def result(self, number: str) -> dict[str, Any] | None:
        """How the run ended, None while it has not. It is asked for once; then `forget` it."""
        done = self._folder / number / _RESULT
        process = self._running.get(number)
        if process is not None and process.poll() is None:
            return None
        if done.is_file():
            found: dict[str, Any] = json.loads(done.read_text(encoding="utf-8"))
            return found
        return {"result": "FAILED", "reason": "The Spark process of this run was lost.", "tables": {}}

    def forget(self, number: str) -> None:
        """End the process of a run where it is still there, and remove its tables."""
        process = self._running.pop(number, None)
        if process is not None:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
        shutil.rmtree(self._folder / number, ignore_errors=True)

    def close(self) -> None:
        for number in list(self._running):
            self.forget(number)
