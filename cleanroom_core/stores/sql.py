"""The store in SQL, by SQLAlchemy: the same code for SQLite (`sqlite.open_sqlite`) and, later, PostgreSQL."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import IntegrityError as RowExistsError

from cleanroom_core.audit import merkle
from cleanroom_core.audit.witness import equivocation
from cleanroom_core.errors import ConflictError, IntegrityError, StoreError
from cleanroom_core.stores import statements as sql
from cleanroom_core.stores.protocol import New, Stored, StoredCheckpoint, Tail
from cleanroom_core.stores.tables import migrate

WRITER = "cleanroom_writer"
_NO_END = 2**62
SignTree = Callable[[int, Callable[[int], list[Stored]]], StoredCheckpoint]


class SqlStore:
    """Implements `stores.protocol.LogStore`. Safe to use from several threads and processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        weakref.finalize(self, engine.dispose)  # who forgets to close leaves no open connection behind
        try:
            with self._connection(writer=True) as connection:
                migrate(connection)
        except BaseException:
            self.close()
            raise

    # -- writing ----------------------------------------------------------------------------------------------------------

    def append(self, origin: str, make: Callable[[Tail], New]) -> Stored:
        with self._write() as connection:
            last = connection.execute(sql.LAST_ENTRY, {"origin": origin}).first()
            peer = connection.execute(sql.LATEST_OF_OTHERS, {"origin": origin}).first()
            seq = 0 if last is None else last.seq + 1
            new = make(Tail(seq, None if last is None else last.leaf, None if peer is None else StoredCheckpoint(*peer)))
            return _insert(connection, origin, seq, [new])[0]

    def mirror(self, origin: str, start: int, entries: Sequence[New], checkpoint: StoredCheckpoint) -> None:
        with self._write() as connection:
            size = _size(connection, origin)
            overlap = size - start
            known = [row.leaf for row in _read(connection, origin, start, start + len(entries), payload=False)]
            if overlap < 0 or known != [new.leaf for new in entries[:overlap]]:
                raise IntegrityError(
                    "Entries of another's log differ from those already kept.", hint="Compare the two logs.", code="MIRROR"
                )
            _insert(connection, origin, size, entries[overlap:])
            _save_checkpoint(connection, checkpoint)
            if merkle.root(_reader(connection, origin), checkpoint.size) != checkpoint.root:
                raise IntegrityError("A mirrored log does not have its signed root.", hint="Have it sent again.", code="MIRROR")

    def seal(self, origin: str, sign: SignTree) -> StoredCheckpoint:
        with self._write() as connection:
            size = _size(connection, origin)
            newest = _newest(connection, origin, None)
            if newest is not None:
                _require_grown(connection, newest, size)
                if newest.size == size:
                    return newest
            made = sign(size, lambda start: _read(connection, origin, start, size, payload=False))
            if merkle.root(_reader(connection, origin), size) != made.root:
                raise StoreError(
                    "The log's entries and its tree do not agree; nothing was signed.",
                    hint="The database is damaged. Restore this home from its backup and exchange with the other side.",
                    code="STORE_DAMAGED",
                )
            _save_checkpoint(connection, made)
            return made

    def save_cosignature(self, origin: str, size: int, cosigner: str, time: int, line: str) -> str:
        with self._write() as connection:
            found = connection.execute(sql.COSIGNATURES, {"origin": origin, "size": size})
            kept: dict[str, str] = {name: signed for name, signed in found}  # noqa: C416  (a Row is no pair to the type checker)
            if cosigner not in kept:
                values = {"origin": origin, "size": size, "cosigner": cosigner, "time": time, "line": line}
                connection.execute(sql.ADD_COSIGNATURE, values)
            return kept.get(cosigner, line)

    def save_evidence(self, origin: str, first: bytes, second: bytes) -> None:
        with self._write() as connection:
            if connection.execute(sql.EVIDENCE, {"origin": origin}).first() is None:
                connection.execute(sql.ADD_EVIDENCE, {"origin": origin, "first": first, "second": second})

    def save_draft(self, name: str, text: str | None) -> None:
        with self._write() as connection:
            connection.execute(sql.FORGET_DRAFT, {"name": name})
            if text is not None:
                connection.execute(sql.ADD_DRAFT, {"name": name, "text": text})

    # -- reading ----------------------------------------------------------------------------------------------------------

    def size(self, origin: str) -> int:
        with self._connection() as connection:
            return _size(connection, origin)

    def read(self, origin: str, start: int = 0, stop: int | None = None) -> list[Stored]:
        with self._connection() as connection:
            return _read(connection, origin, start, stop)

    def leaf_hash(self, origin: str, seq: int) -> bytes | None:
        with self._connection() as connection:
            value: bytes | None = connection.scalar(sql.NODE, {"origin": origin, "level": 0, "position": seq})
            return value

    def tree(self, origin: str, size: int) -> merkle.CompactTree | None:
        with self._connection() as connection:
            if size > _size(connection, origin):
                return None
            return merkle.CompactTree.load(_reader(connection, origin), size)

    def consistency(self, origin: str, old: int, new: int) -> list[bytes]:
        with self._connection() as connection:
            return merkle.consistency_proof(_reader(connection, origin), old, new)

    def inclusion(self, origin: str, seq: int, size: int) -> list[bytes]:
        with self._connection() as connection:
            return merkle.inclusion_proof(_reader(connection, origin), seq, size)

    def checkpoint(self, origin: str, size: int | None = None) -> StoredCheckpoint | None:
        with self._connection() as connection:
            return _newest(connection, origin, size)

    def checkpoints(self, origin: str) -> list[StoredCheckpoint]:
        with self._connection() as connection:
            found = connection.execute(sql.CHECKPOINTS, {"origin": origin}).all()
            return [_with_cosignatures(connection, row) for row in found]

    def cosigned(self, origin: str) -> dict[str, tuple[int, int]]:
        with self._connection() as connection:
            return {name: (size, time) for name, size, time in connection.execute(sql.COSIGNED, {"origin": origin})}

    def evidence(self, origin: str) -> tuple[bytes, bytes] | None:
        with self._connection() as connection:
            row = connection.execute(sql.EVIDENCE, {"origin": origin}).first()
            return None if row is None else (row.first, row.second)

    def draft(self, name: str) -> str | None:
        with self._connection() as connection:
            text: str | None = connection.scalar(sql.DRAFT, {"name": name})
            return text

    def close(self) -> None:
        self._engine.dispose()

    # -- transactions -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._connection(writer=True) as connection:
            # SQLite holds its lock already; elsewhere this row is the writer's lock of the home.
            connection.execute(sql.LOCK)
            yield connection

    @contextmanager
    def _connection(self, *, writer: bool = False) -> Iterator[Connection]:
        try:
            with self._engine.connect().execution_options(**{WRITER: writer}) as connection, connection.begin():
                yield connection
        except RowExistsError:
            raise ConflictError("Somebody else wrote to this home at the same moment.", hint="Do it again.") from None
        except DBAPIError as found:
            raise _store_error(found) from None


_WAIT = "Wait for it to finish and do it again."
_CAUSES = {
    "SQLITE_FULL": (
        "The disk is full; nothing was written",
        "Free some space and do it again; what was acknowledged is kept.",
        "STORE_FULL",
    ),
    "SQLITE_BUSY": ("The database is in use by another program; nothing was written", _WAIT, "STORE_LOCKED"),
    "SQLITE_LOCKED": ("The database is in use by another program; nothing was written", _WAIT, "STORE_LOCKED"),
    "SQLITE_READONLY": (
        "The database may not be written",
        "Give the file and its directory back their write permission.",
        "STORE_READONLY",
    ),
    "SQLITE_CANTOPEN": ("The database cannot be opened", "Check the directory and its permissions.", "STORE_OPEN"),
    # A failed fsync leaves open whether the last step will be there again.
    "SQLITE_IOERR": (
        "The disk failed; the last step was not acknowledged",
        "Check the disk and its space, start again, and look whether the last step is there.",
        "STORE_DISK",
    ),
}


def _store_error(found: DBAPIError) -> StoreError:
    """Say what to do; the statement and its values stay out of the message."""
    name = str(getattr(found.orig, "sqlite_errorname", type(found.orig).__name__))
    for prefix, (what, hint, code) in _CAUSES.items():
        if name.startswith(prefix):
            return StoreError(f"{what} ({name}).", hint=hint, code=code)
    return StoreError(
        f"The database is damaged ({name}).",
        hint="Keep a copy of it, restore the home from its backup, and fetch the rest from the other side.",
        code="STORE_DAMAGED",
    )


# -- rows -------------------------------------------------------------------------------------------------------------------


def _size(connection: Connection, origin: str) -> int:
    last = connection.scalar(sql.LAST_SEQ, {"origin": origin})
    return 0 if last is None else int(last) + 1


def _read(connection: Connection, origin: str, start: int, stop: int | None, *, payload: bool = True) -> list[Stored]:
    bounds = {"origin": origin, "start": start, "stop": _NO_END if stop is None else stop}
    return [Stored(*row) for row in connection.execute(sql.ENTRIES if payload else sql.LEAVES, bounds)]


def _insert(connection: Connection, origin: str, size: int, new: Sequence[New]) -> list[Stored]:
    """Entries, payloads and the nodes they complete."""
    if not new:
        return []
    tree = merkle.CompactTree.load(_reader(connection, origin), size)
    stored = [Stored(size + at, one.leaf, merkle.leaf_hash(one.leaf), one.salt, one.payload) for at, one in enumerate(new)]
    made = [node for one in stored for node in tree.append(one.leaf_hash)]
    beside = [one for one in stored if one.payload is not None]
    connection.execute(sql.ADD_ENTRIES, [{"origin": origin, "seq": one.seq, "leaf": one.leaf} for one in stored])
    connection.execute(
        sql.ADD_NODES, [{"origin": origin, "level": level, "position": at, "hash": value} for level, at, value in made]
    )
    if beside:
        connection.execute(
            sql.ADD_PAYLOADS,
            [{"origin": origin, "seq": one.seq, "salt": one.salt, "payload": one.payload} for one in beside],
        )
    return stored


def _reader(connection: Connection, origin: str) -> merkle.ReadNode:
    def read(level: int, position: int) -> bytes:
        value = connection.scalar(sql.NODE, {"origin": origin, "level": level, "position": position})
        if value is None:
            raise StoreError(
                "A part of the log's tree is missing.",
                hint="The database is damaged. Restore this home from its backup and exchange with the other side.",
                code="STORE_DAMAGED",
            )
        return bytes(value)

    return read


def _newest(connection: Connection, origin: str, size: int | None) -> StoredCheckpoint | None:
    if size is None:
        row = connection.execute(sql.NEWEST_CHECKPOINT, {"origin": origin}).first()
    else:
        row = connection.execute(sql.CHECKPOINT, {"origin": origin, "size": size}).first()
    return None if row is None else _with_cosignatures(connection, row)


def _with_cosignatures(connection: Connection, row: Row[*tuple[Any, ...]]) -> StoredCheckpoint:
    lines = connection.execute(sql.COSIGNATURES, {"origin": row.origin, "size": row.size})
    return StoredCheckpoint(row.origin, row.size, row.root, row.note, tuple((name, line) for name, line in lines))


def _require_grown(connection: Connection, signed: StoredCheckpoint, size: int) -> None:
    """Never sign below or beside the last signed state: what was signed once may have been seen."""
    if signed.size > size or merkle.root(_reader(connection, signed.origin), signed.size) != signed.root:
        raise IntegrityError(
            "This log is shorter than, or differs from, what has been signed of it before; nothing was signed.",
            hint="It was restored from an old copy or changed. Fetch it back from the other side's mirror.",
            code="LOG_BEHIND",
        )


def _save_checkpoint(connection: Connection, made: StoredCheckpoint) -> None:
    known = _newest(connection, made.origin, made.size)
    if known is None:
        values = {"origin": made.origin, "size": made.size, "root": made.root, "note": made.note}
        connection.execute(sql.ADD_CHECKPOINT, values)
    elif known.root != made.root:
        raise equivocation(made.origin, known.note, made.note)
