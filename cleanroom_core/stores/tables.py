"""The tables of a home and how they came to be, one migration per schema version: the same for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    inspect,
    select,
    update,
)

from cleanroom_core.errors import HomeError

metadata = MetaData()

home = Table("home", metadata, Column("version", Integer, primary_key=True, autoincrement=False))

entries = Table(
    "entries",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("leaf", LargeBinary, nullable=False),
)

# Hashes of complete subtrees; node (level, position) covers leaves position * 2^level and on. Level 0 are the leaf hashes.
nodes = Table(
    "nodes",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)

payloads = Table(
    "payloads",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

# `number` is the order in which this home came to know them.
checkpoints = Table(
    "checkpoints",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", LargeBinary, nullable=False),
    UniqueConstraint("origin", "size"),
)

cosignatures = Table(
    "cosignatures",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("cosigner", Text, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("line", Text, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("first", LargeBinary, nullable=False),
    Column("second", LargeBinary, nullable=False),
)

drafts = Table("drafts", metadata, Column("name", Text, primary_key=True), Column("text", Text, nullable=False))

# MIGRATIONS[n] turns schema version n into n + 1; version 0 is the empty database.
MIGRATIONS: tuple[Callable[[Connection], None], ...] = (metadata.create_all,)


def migrate(connection: Connection) -> None:
    """Bring the database to this program's schema version inside the caller's transaction. Raises HomeError."""
    known = len(MIGRATIONS)
    version = connection.scalar(select(home.c.version)) if inspect(connection).has_table("home") else None
    if version is not None and version > known:
        raise HomeError(
            f"This home was written by a newer version of the program (schema {version}, this one knows {known}).",
            hint="Start it with the newer version.",
            code="HOME_NEWER",
        )
    for step in MIGRATIONS[version or 0 :]:
        step(connection)
    if version is None:
        connection.execute(home.insert().values(version=known))
    elif version < known:
        connection.execute(update(home).values(version=known))
