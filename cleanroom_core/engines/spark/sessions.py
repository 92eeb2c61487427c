"""Ways to a Spark. Nothing starts and nothing connects before the first `session()`; `close()` ends what was opened.

`LocalSpark` has a Java process beside this one that listens on this machine's loopback only. `ConnectSpark` speaks to a server
that is there already (`sc://...`). `GivenSpark` works in a session that somebody else made, as in a Databricks notebook.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from cleanroom_core.engines.duckdb.spill import spill_folder
from cleanroom_core.errors import EngineLostError, InputError, NotReadyError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# What decides what a statement means, so it is the same in every session, whatever else its owner has set there.
MEANING: Mapping[str, str] = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    "spark.sql.parser.quotedRegexColumnNames": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.variable.substitute": "false",  # a label "${env:HOME}" is a label
}
_QUOTING_LOGGERS = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")
# Spark's log quotes values of rows. Without an appender Spark would think that nobody has configured anything.
_SILENT = """appender.none.type = Null
appender.none.name = none
rootLogger.level = off
rootLogger.appenderRef.none.ref = none
"""
_CONNECT_PORT = 15002
_REACH_SECONDS = 10.0
_RETRIES = 5
_RETRY_MS = 2000


class Sessions(Protocol):
    needs_java: bool  # on this machine

    def session(self) -> SparkSession:
        """The session to work in, with `MEANING` set; opened at the first call and kept.

        Raises NotReadyError when Java or pyspark is missing or a setting is refused, EngineLostError when no server answers."""
        ...

    def forget(self) -> None:
        """The session is lost; the next call opens another."""
        ...

    def close(self) -> None: ...


class LocalSpark:
    """Spark on this machine. `work_dir` holds what it spills, until it ends. `connect`: by way of a Spark Connect server in it
    that wants a token only this process has. One Java process serves the whole process; who starts it decides its memory."""

    needs_java = True

    def __init__(self, work_dir: Path, threads: int = 2, memory_mb: int = 4096, connect: bool = False) -> None:
        self._work_dir, self._threads, self._memory_mb = work_dir, threads, memory_mb
        self._server = _server() if connect else {}
        self._lock = threading.Lock()
        self._spill = ExitStack()
        self._is_ours = False
        self._session: SparkSession | None = None
        self._context: SparkSession | None = None

    def session(self) -> SparkSession:
        with self._lock:
            if self._session is None:
                if self._context is None:
                    self._context = self._started()
                self._session = prepared(_connected(self._url) if self._url else self._context.newSession())
            return self._session

    def _started(self) -> SparkSession:
        builder = _pyspark().builder.appName("cleanroom")
        _need_java()
        from pyspark import SparkContext

        self._is_ours = SparkContext._active_spark_context is None
        folder, _ = self._spill.enter_context(spill_folder(self._work_dir))
        settings = {**_settings(folder, self._threads, self._memory_mb), **self._server}
        return builder.config(map=settings).getOrCreate()

    @property
    def _url(self) -> str:
        """Of the server in this process; empty without one. gRPC hands a token to no other plain address than `localhost`."""
        port, token = (self._server.get(f"spark.connect.{key}") for key in ("grpc.binding.port", "authenticate.token"))
        return f"sc://localhost:{port}/;token={token}" if port else ""

    def forget(self) -> None:
        """Also drops what pyspark keeps of a Java process that is gone; it would go on asking that one."""
        from pyspark import SparkContext

        with self._lock:
            self._session = None
            gateway = SparkContext._gateway
            if gateway is not None and gateway.proc.poll() is not None:
                SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None
                _pyspark()._instantiatedSession = self._context = None

    def close(self) -> None:
        with self._lock:
            if self._url and self._session is not None:
                self._session.stop()
            if self._context is not None and self._is_ours:
                self._context.stop()
            self._session = self._context = None
            self._spill.close()


class ConnectSpark:
    """A Spark Connect server. It reads the share tables at the same paths as this machine, so both need the same storage."""

    needs_java = False

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._session: SparkSession | None = None

    def session(self) -> SparkSession:
        with self._lock:
            if self._session is None:
                self._session = prepared(_connected(self._url))
            return self._session

    def forget(self) -> None:
        with self._lock:
            self._session = None

    def close(self) -> None:
        with self._lock:
            if self._session is not None:
                self._session.stop()
            self._session = None


class GivenSpark:
    """A session of somebody else's, which stays open. A classic one gets a sibling with settings and views of its own; Connect
    sessions cannot have one, so `MEANING` is set in it."""

    needs_java = False

    def __init__(self, session: SparkSession) -> None:
        self._given = session
        self._lock = threading.Lock()
        self._session: SparkSession | None = None

    def session(self) -> SparkSession:
        with self._lock:
            if self._session is None:
                self._session = prepared(self._given if _is_connect(self._given) else self._given.newSession())
            return self._session

    def forget(self) -> None:
        """There is no other."""

    def close(self) -> None:
        """It is not ours to close."""


def sessions_at(remote: str, work_dir: Path) -> Sessions:
    """`sc://host:port` is a Spark Connect server; `local[2]` one that is started here; nothing means here and without a server.

    Raises InputError for anything else."""
    if remote.startswith("sc://"):
        return ConnectSpark(remote)
    found = re.fullmatch(r"local\[([1-9]\d?)\]", remote)
    if found is not None:
        return LocalSpark(work_dir, threads=int(found[1]), connect=True)
    if remote == "":
        return LocalSpark(work_dir)
    raise InputError(
        "CLEANROOM_SPARK_REMOTE does not name a Spark.",
        hint="Write sc://host:15002, or local[2], or leave it out.",
        code="SPARK_REMOTE",
    )


def prepared(session: SparkSession) -> SparkSession:
    """The session with `MEANING` set. Raises NotReadyError for a setting it does not take."""
    from pyspark.errors import PySparkException
    from pyspark.logger import PySparkLogger

    for name in _QUOTING_LOGGERS:  # they write a failing query's message to stderr, with the value it failed on
        PySparkLogger.getLogger(name).disabled = True
    for key, value in MEANING.items():
        try:
            session.conf.set(key, value)
        except PySparkException:
            raise NotReadyError(
                f"This Spark session does not let {key} be set to {value}.",
                hint="Set it where the session is made, or choose another cluster.",
                code="SPARK_SETTING",
            ) from None
    return session


def mark(session: SparkSession, name: str) -> None:
    """What this thread asks from now on can be interrupted by this name."""
    if _is_connect(session):
        session.addTag(name)
    else:  # pyspark 4.0 has tags here too, but they reach no job
        session.sparkContext.setJobGroup(name, "cleanroom")


def interrupt(session: SparkSession, name: str) -> None:
    """Stop what bears this name and runs now; what comes after it runs."""
    if _is_connect(session):
        session.interruptTag(name)
    else:
        session.sparkContext.cancelJobGroup(name)


def _settings(folder: Path, threads: int, memory_mb: int) -> dict[str, Any]:
    logging = folder.absolute() / "log4j2.properties"
    logging.write_text(_SILENT, encoding="utf-8")
    return {
        "spark.master": f"local[{threads}]",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={logging.as_uri()}",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": f"{memory_mb}m",
        "spark.local.dir": str(folder),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.shuffle.partitions": str(2 * threads),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }


def _server() -> dict[str, Any]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    return {
        "spark.connect.authenticate.token": secrets.token_hex(16),
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
    }


def _pyspark() -> type[SparkSession]:
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise NotReadyError(
            "The engine spark needs pyspark, which is not installed.",
            hint="Install it with: pip install 'cleanroom-core[spark]'.",
            code="NO_PYSPARK",
        ) from None
    return SparkSession


def _need_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=str(Path(home) / "bin") if home else None) is None:
        raise NotReadyError(
            "The engine spark needs Java 17 or 21, and there is none.",
            hint="Install it (Debian: apt-get install openjdk-17-jre-headless), or choose the engine duckdb.",
            code="NO_JAVA",
        )


def _connected(url: str) -> SparkSession:
    """Raises EngineLostError at once when nobody listens; the client itself would try again for many minutes."""
    try:
        from pyspark.sql.connect.client.retries import DefaultPolicy
        from pyspark.sql.connect.session import SparkSession as ConnectSession
    except ImportError:
        raise NotReadyError(
            "Spark Connect needs grpcio, grpcio-status and googleapis-common-protos.",
            hint="Install them with: pip install 'cleanroom-core[spark]'.",
            code="NO_PYSPARK",
        ) from None
    found = urlsplit(url.partition(";")[0])
    try:
        socket.create_connection((found.hostname or "", found.port or _CONNECT_PORT), _REACH_SECONDS).close()
    except (OSError, ValueError):
        raise EngineLostError(
            f"No Spark Connect server answers at {found.hostname or 'the address given'}.",
            hint="Check the address (CLEANROOM_SPARK_REMOTE=sc://host:15002) and that the server runs.",
        ) from None
    session: Any = ConnectSession.builder.remote(url).create()
    session.client.set_retry_policies([DefaultPolicy(max_retries=_RETRIES, max_backoff=_RETRY_MS)])
    connected: SparkSession = session  # the same interface, another class
    return connected


def _is_connect(session: object) -> bool:
    return ".connect." in type(session).__module__
