"""The Spark of the tests: one Java process for all of them. `python -m tests.spark` fails when there is no Java for it.

It is started as a Spark Connect server; a classic session of the same process is then to be had as well.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cleanroom_core.engines.spark.sessions import LocalSpark
from cleanroom_core.prechecks.java import RUNS_SPARK

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MARKS = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # sockets of pyspark's own
]
# A query of the tests is compiled once and run once: the better compiler and the parallel collector cost more than they save.
QUICK_SQL = {"spark.sql.shuffle.partitions": "1", "spark.sql.adaptive.enabled": "false"}
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"


class TestSpark:
    """Both ways to the one Spark of this process. Nothing starts before one of them is used."""

    __test__ = False

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="spark ")
        os.environ.setdefault("SPARK_SUBMIT_OPTS", QUICK_JAVA)
        self._connect = LocalSpark(Path(self._folder.name) / "connect", memory_mb=1024, connect=True)
        self._classic = LocalSpark(Path(self._folder.name) / "classic", memory_mb=1024)

    @property
    def connect(self) -> LocalSpark:
        return _quick(self._connect)

    @property
    def classic(self) -> LocalSpark:
        self._connect.session()  # the server is there from the start of the Java process, or never
        return _quick(self._classic)

    def new_session(self, **settings: str) -> SparkSession:
        """A classic session whose settings and views are nobody else's."""
        session = self.classic.session().newSession()
        for key, value in {"spark.sql.ansi.enabled": "true", **settings}.items():
            session.conf.set(key, value)
        return session

    def close(self) -> None:
        self._classic.close()
        self._folder.cleanup()


def _quick(spark: LocalSpark) -> LocalSpark:
    for key, value in QUICK_SQL.items():
        spark.session().conf.set(key, value)
    return spark


def need_java() -> None:
    """Raises FileNotFoundError or ValueError where Spark would not start."""
    program = Path(os.environ["JAVA_HOME"], "bin/java") if "JAVA_HOME" in os.environ else "java"
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=True).stderr
    found = re.search(r'version "(\d+)', said)
    if found is None or int(found[1]) not in RUNS_SPARK:
        raise ValueError(f"Spark needs Java 17 or 21, and this is {said.splitlines()[0]}")


if __name__ == "__main__":
    need_java()
