"""The store in SQL, by SQLAlchemy: the same code for SQLite (`sqlite.open_sqlite`) and, later, PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, delete, func, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import IntegrityError as RowExistsError

from cleanroom_core.audit import merkle
from cleanroom_core.audit.witness import equivocation
from cleanroom_core.errors import ConflictError, IntegrityError, StoreError
from cleanroom_core.stores.protocol import New, Stored, StoredCheckpoint, Tail
from cleanroom_core.stores.tables import checkpoints, cosignatures, drafts, entries, evidence, home, migrate, nodes, payloads

WRITER = "cleanroom_writer"
SignTree = Callable[[int, Callable[[int], list[Stored]]], StoredCheckpoint]


class SqlStore:
    """Implements `stores.protocol.LogStore`. Safe to use from several threads and processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        with self._connection(writer=True) as connection:
            migrate(connection)

    # -- writing ----------------------------------------------------------------------------------------------------------

    def append(self, origin: str, make: Callable[[Tail], New]) -> Stored:
        with self._write() as connection:
            seq = _size(connection, origin)
            last = connection.scalar(select(entries.c.leaf).where(entries.c.origin == origin, entries.c.seq == seq - 1))
            peer = connection.execute(
                select(checkpoints).where(checkpoints.c.origin != origin).order_by(checkpoints.c.number.desc()).limit(1)
            ).first()
            new = make(Tail(seq, last, None if peer is None else _checkpoint(peer)))
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
            if merkle.root(_reader(connection, origin), checkpoint.size) != checkpoint.root:
                raise IntegrityError("A mirrored log does not have its signed root.", hint="Have it sent again.", code="MIRROR")
            _save_checkpoint(connection, checkpoint)

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
            kept = connection.scalar(
                select(cosignatures.c.line).where(
                    cosignatures.c.origin == origin, cosignatures.c.size == size, cosignatures.c.cosigner == cosigner
                )
            )
            if kept is None:
                values = {"origin": origin, "size": size, "cosigner": cosigner, "time": time, "line": line}
                connection.execute(insert(cosignatures), values)
            return kept or line

    def save_evidence(self, origin: str, first: bytes, second: bytes) -> None:
        with self._write() as connection:
            known = connection.scalar(select(evidence.c.number).where(evidence.c.origin == origin).limit(1))
            if known is None:
                connection.execute(insert(evidence), {"origin": origin, "first": first, "second": second})

    def save_draft(self, name: str, text: str | None) -> None:
        with self._write() as connection:
            connection.execute(delete(drafts).where(drafts.c.name == name))
            if text is not None:
                connection.execute(insert(drafts), {"name": name, "text": text})

    # -- reading ----------------------------------------------------------------------------------------------------------

    def size(self, origin: str) -> int:
        with self._connection() as connection:
            return _size(connection, origin)

    def read(self, origin: str, start: int = 0, stop: int | None = None) -> list[Stored]:
        with self._connection() as connection:
            return _read(connection, origin, start, stop)

    def leaf_hash(self, origin: str, seq: int) -> bytes | None:
        with self._connection() as connection:
            value: bytes | None = connection.scalar(_node(origin, 0, seq))
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
            found = connection.execute(select(checkpoints).where(checkpoints.c.origin == origin).order_by(checkpoints.c.size))
            return [_with_cosignatures(connection, _checkpoint(row)) for row in found.all()]

    def cosigned(self, origin: str) -> dict[str, tuple[int, int]]:
        largest = (
            select(cosignatures.c.cosigner, func.max(cosignatures.c.size).label("size"))
            .where(cosignatures.c.origin == origin)
            .group_by(cosignatures.c.cosigner)
            .subquery()
        )
        wanted = select(cosignatures.c.cosigner, cosignatures.c.size, cosignatures.c.time).join(
            largest,
            (cosignatures.c.origin == origin)
            & (cosignatures.c.cosigner == largest.c.cosigner)
            & (cosignatures.c.size == largest.c.size),
        )
        with self._connection() as connection:
            return {row.cosigner: (row.size, row.time) for row in connection.execute(wanted)}

    def evidence(self, origin: str) -> tuple[bytes, bytes] | None:
        with self._connection() as connection:
            wanted = select(evidence.c.first, evidence.c.second).where(evidence.c.origin == origin).limit(1)
            row = connection.execute(wanted).first()
            return None if row is None else (row.first, row.second)

    def draft(self, name: str) -> str | None:
        with self._connection() as connection:
            return connection.scalar(select(drafts.c.text).where(drafts.c.name == name))

    def close(self) -> None:
        self._engine.dispose()

    # -- transactions -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._connection(writer=True) as connection:
            # SQLite holds its lock already; elsewhere this row is the writer's lock of the home.
            connection.execute(select(home.c.version).with_for_update())
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


def _store_error(found: DBAPIError) -> StoreError:
    """Say what to do; the statement and its values stay out of the message."""
    name = str(getattr(found.orig, "sqlite_errorname", type(found.orig).__name__))
    for prefix, what, hint, code in (
        ("SQLITE_FULL", "The disk is full", "Free some space and do it again; what was acknowledged is kept.", "STORE_FULL"),
        ("SQLITE_BUSY", "The database is in use by another program", "Wait for it to finish and do it again.", "STORE_LOCKED"),
        (
            "SQLITE_LOCKED",
            "The database is in use by another program",
            "Wait for it to finish and do it again.",
            "STORE_LOCKED",
        ),
        (
            "SQLITE_READONLY",
            "The database cannot be written",
            "Give its directory back its write permission.",
            "STORE_READONLY",
        ),
        ("SQLITE_CANTOPEN", "The database cannot be opened", "Check the directory and its permissions.", "STORE_OPEN"),
        ("SQLITE_IOERR", "The disk failed", "Check the disk and its free space, then do it again.", "STORE_DISK"),
    ):
        if name.startswith(prefix):
            return StoreError(f"{what} ({name}); nothing was written.", hint=hint, code=code)
    return StoreError(
        f"The database is damaged ({name}).",
        hint="Keep a copy of it, restore the home from its backup, and fetch the rest from the other side.",
        code="STORE_DAMAGED",
    )


# -- rows -------------------------------------------------------------------------------------------------------------------


def _size(connection: Connection, origin: str) -> int:
    last = connection.scalar(select(func.max(entries.c.seq)).where(entries.c.origin == origin))
    return 0 if last is None else int(last) + 1


def _read(connection: Connection, origin: str, start: int, stop: int | None, *, payload: bool = True) -> list[Stored]:
    hashes = (nodes.c.origin == entries.c.origin) & (nodes.c.level == 0) & (nodes.c.position == entries.c.seq)
    wanted = select(entries.c.seq, entries.c.leaf, nodes.c.hash).join_from(entries, nodes, hashes)
    if payload:
        beside = (payloads.c.origin == entries.c.origin) & (payloads.c.seq == entries.c.seq)
        wanted = wanted.add_columns(payloads.c.salt, payloads.c.payload).join(payloads, beside, isouter=True)
    wanted = wanted.where(entries.c.origin == origin, entries.c.seq >= start).order_by(entries.c.seq)
    if stop is not None:
        wanted = wanted.where(entries.c.seq < stop)
    return [Stored(*row) for row in connection.execute(wanted)]


def _insert(connection: Connection, origin: str, size: int, new: Sequence[New]) -> list[Stored]:
    """Entries, payloads and the nodes they complete."""
    if not new:
        return []
    tree = merkle.CompactTree.load(_reader(connection, origin), size)
    stored = [Stored(size + at, one.leaf, merkle.leaf_hash(one.leaf), one.salt, one.payload) for at, one in enumerate(new)]
    made = [node for one in stored for node in tree.append(one.leaf_hash)]
    beside = [one for one in stored if one.payload is not None]
    connection.execute(insert(entries), [{"origin": origin, "seq": one.seq, "leaf": one.leaf} for one in stored])
    connection.execute(
        insert(nodes), [{"origin": origin, "level": level, "position": at, "hash": value} for level, at, value in made]
    )
    if beside:
        connection.execute(
            insert(payloads),
            [{"origin": origin, "seq": one.seq, "salt": one.salt, "payload": one.payload} for one in beside],
        )
    return stored


def _node(origin: str, level: int, position: int):  # type: ignore[no-untyped-def]  # a SELECT of one column, typed by its use
    return select(nodes.c.hash).where(nodes.c.origin == origin, nodes.c.level == level, nodes.c.position == position)


def _reader(connection: Connection, origin: str) -> merkle.ReadNode:
    def read(level: int, position: int) -> bytes:
        value = connection.scalar(_node(origin, level, position))
        if value is None:
            raise StoreError(
                "A part of the log's tree is missing.",
                hint="The database is damaged. Restore this home from its backup and exchange with the other side.",
                code="STORE_DAMAGED",
            )
        return bytes(value)

    return read


def _newest(connection: Connection, origin: str, size: int | None) -> StoredCheckpoint | None:
    wanted = select(checkpoints).where(checkpoints.c.origin == origin).order_by(checkpoints.c.size.desc()).limit(1)
    if size is not None:
        wanted = wanted.where(checkpoints.c.size == size)
    row = connection.execute(wanted).first()
    return None if row is None else _with_cosignatures(connection, _checkpoint(row))


def _checkpoint(row) -> StoredCheckpoint:  # type: ignore[no-untyped-def]  # a Row of `checkpoints`
    return StoredCheckpoint(row.origin, row.size, row.root, row.note)


def _with_cosignatures(connection: Connection, found: StoredCheckpoint) -> StoredCheckpoint:
    lines = connection.execute(
        select(cosignatures.c.cosigner, cosignatures.c.line)
        .where(cosignatures.c.origin == found.origin, cosignatures.c.size == found.size)
        .order_by(cosignatures.c.cosigner)
    )
    return StoredCheckpoint(found.origin, found.size, found.root, found.note, tuple((row.cosigner, row.line) for row in lines))


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
        connection.execute(insert(checkpoints), values)
    elif known.root != made.root:
        raise equivocation(made.origin, known.note, made.note)
