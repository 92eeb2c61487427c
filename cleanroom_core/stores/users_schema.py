"""The tables of users.db and the connection to it: one file, 0600, WAL, every write one transaction of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    text,
)
from sqlalchemy.exc import DatabaseError, OperationalError

from cleanroom_core.errors import HomeError
from cleanroom_core.stores.private_file import ensure_file
from cleanroom_core.stores.wal import write_ahead

VERSION = 1
BUSY_SECONDS = 30.0

metadata = MetaData()

# Times are seconds since 1970, UTC.
users = Table(
    "users",
    metadata,
    Column("username", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("organisation", String),  # null: an auditor, who belongs to no side
    Column("roles", String, nullable=False),  # separated by spaces
    Column("password", String),  # bcrypt; null: cannot sign in by password
    Column("demo", Boolean, nullable=False),
    Column("must_change_password", Boolean, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("valid_after", Float, nullable=False),  # sessions begun before are over
)

sessions = Table(
    "sessions",
    metadata,
    Column("sid", String, primary_key=True),
    Column("username", String, nullable=False, index=True),
    Column("started_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
)

failures = Table(
    "failures",
    metadata,
    Column("id", Integer, primary_key=True),
    Column(
        "pair", String, nullable=False, index=True
    ),  # sha256 of user name and address: people type passwords into name fields
    Column("at", Float, nullable=False),
    Column("delayed", Boolean, nullable=False),  # refused unseen, while the pair had to wait
)

security_events = Table(
    "security_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("username", String),
    Column("client", String, nullable=False),
    Column("detail", String, nullable=False),
)

_APPEND_ONLY = [
    f"CREATE TRIGGER security_events_no_{verb} BEFORE {verb.upper()} ON security_events "
    "BEGIN SELECT RAISE(ABORT, 'security events are append-only'); END"
    for verb in ("update", "delete")
]


def connect(path: Path) -> Engine:
    """Open the file, made with its tables when it is missing. Raises HomeError for another version or no database."""
    try:
        ensure_file(path)  # SQLite gives -wal and -shm the mode of this file
    except OSError as error:
        raise HomeError(
            f"The users in {path} cannot be opened ({error.strerror or error}).", hint="Check who owns the folder."
        ) from error
    if path.stat().st_mode & 0o077:
        raise HomeError("Others on this machine can read the users.", hint=f"Run: chmod 600 {path}", code="HOME_MODE")
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    try:
        with writing(engine) as connection:
            version = connection.execute(text("PRAGMA user_version")).scalar_one()
            if version == 0:
                metadata.create_all(connection)
                for statement in _APPEND_ONLY:
                    connection.execute(text(statement))
                connection.execute(text(f"PRAGMA user_version = {VERSION}"))
    except OperationalError as error:
        engine.dispose()
        raise HomeError(
            f"The users in {path} cannot be read or written at the moment.",
            hint="Another program may hold the file, or the disk may be full; try again.",
        ) from error
    except DatabaseError as error:
        engine.dispose()
        raise HomeError(f"{path} is not a database of users.", hint="Move it away, or use another CLEANROOM_HOME.") from error
    if version not in {0, VERSION}:
        engine.dispose()
        raise HomeError(
            f"{path} was written by another version of this program (format {version}, this one knows {VERSION}).",
            hint="Use the program that wrote them, or another CLEANROOM_HOME.",
            code="HOME_VERSION",
        )
    return engine


def writing(engine: Engine) -> Any:
    """A transaction that takes the writer's lock at once, so that what it reads stays true until it has written."""
    return engine.execution_options(writes=True).begin()


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's `begin` event below says BEGIN, not the driver
    write_ahead(connection, BUSY_SECONDS)
    connection.execute("PRAGMA synchronous = FULL")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")
