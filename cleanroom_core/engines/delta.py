"""Delta tables as files: which Parquet files make up a version, what wrote it, and that they are whole. For every engine.

Plain Parquet reading is right only without deletion vectors and column mapping, so both are refused. The log of a table may
come from somebody else, so a file it names counts only when it lies inside the table's own folder.
Source: Delta transaction log protocol (delta-io/delta, PROTOCOL.md), sections on table features, add file and commitInfo.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from cleanroom_core.engines.protocol import ShareTable
from cleanroom_core.errors import IntegrityError, TableError
from cleanroom_core.sql.types import BIGINT, BOOLEAN, DATE, DOUBLE, STRING, TIMESTAMP, Column, Schema, SqlType

if TYPE_CHECKING:
    from deltalake import DeltaTable

INTENT = "cleanroomIntent"  # key in commitInfo that carries the id of the intent entry
_READABLE = {"deletionVectors", "columnMapping", "timestampNtz", "vacuumProtocolCheck", "v2Checkpoint"}
_TYPES: Mapping[str, SqlType] = {
    "string": STRING, "long": BIGINT, "integer": BIGINT, "short": BIGINT, "byte": BIGINT, "double": DOUBLE, "float": DOUBLE,
    "boolean": BOOLEAN, "date": DATE, "timestamp": TIMESTAMP, "timestamp_ntz": TIMESTAMP,
}  # fmt: skip


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a version. `partition`: values of the partition columns as text, as the log spells them."""

    path: Path
    size: int
    rows: int | None
    partition: Mapping[str, str | None]


@dataclass(frozen=True)
class Snapshot:
    """One version of a Delta table. `fields`: column names with their Delta type (a word, or a mapping for nested types)."""

    path: Path
    version: int
    fields: tuple[tuple[str, Any], ...]
    partitioned_by: tuple[str, ...]
    files: tuple[DataFile, ...]

    def schema(self) -> Schema:
        """Raises TableError for a column whose type the closed grammar does not have."""
        return Schema(tuple(Column(name, _checked_type(name, found)) for name, found in self.fields))


def sql_type(delta_type: Any) -> SqlType | None:
    """The type of the closed grammar, or None for nested and unknown ones."""
    if not isinstance(delta_type, str):
        return None
    return SqlType.parse(delta_type) if delta_type.startswith("decimal") else _TYPES.get(delta_type)


def _checked_type(name: str, delta_type: Any) -> SqlType:
    if (found := sql_type(delta_type)) is None:
        raise TableError(f"Column {name} has a nested or unknown type.", hint="Publish it without this column.")
    return found


def snapshot(path: Path, version: int | None = None) -> Snapshot:
    """Read one version's list of files (the newest when `version` is None). Raises TableError."""
    table = _open(path, version)
    _check_features(table)
    metadata = table.metadata()
    fields = json.loads(table.schema().to_json())["fields"]
    return Snapshot(
        path=path,
        version=table.version(),
        fields=tuple((field["name"], field["type"]) for field in fields),
        partitioned_by=tuple(metadata.partition_columns),
        files=tuple(_files(path, table, tuple(metadata.partition_columns))),
    )


def _open(path: Path, version: int | None) -> DeltaTable:
    import deltalake
    from deltalake.exceptions import DeltaError

    try:
        return deltalake.DeltaTable(str(path), version=version)
    except (DeltaError, OSError, ValueError):
        raise TableError(
            f"{path.name} cannot be read as a Delta table.", hint="Check that the whole folder was copied.", code="TABLE_KIND"
        ) from None


def _check_features(table: DeltaTable) -> None:
    protocol = table.protocol()
    features = set(protocol.reader_features or ())
    mapping = table.metadata().configuration.get("delta.columnMapping.mode", "none")
    if mapping != "none":
        raise TableError(
            "The Delta table uses column mapping, which plain readers get wrong.",
            hint="Write the table anew without it (CREATE TABLE ... AS SELECT).",
            code="TABLE_FEATURE",
        )
    if "deletionVectors" in features and _has_deletion_vectors(table):
        raise TableError(
            "The Delta table has deletion vectors, which plain readers ignore.",
            hint="Run REORG TABLE ... APPLY (PURGE) on it first.",
            code="TABLE_FEATURE",
        )
    if protocol.min_reader_version > 3 or not features <= _READABLE:
        unknown = ", ".join(sorted(features - _READABLE)) or f"reader version {protocol.min_reader_version}"
        raise TableError(
            f"The Delta table needs {unknown}, which is not supported.",
            hint="Write the table anew without it, or export it as Parquet.",
            code="TABLE_FEATURE",
        )


def _has_deletion_vectors(table: DeltaTable) -> bool:
    from deltalake.exceptions import DeltaError

    try:
        return any(True for _ in table.deletion_vectors())
    except DeltaError:
        return True  # there are some, and they cannot even be read


def _files(path: Path, table: DeltaTable, partitioned_by: tuple[str, ...]) -> Iterable[DataFile]:
    actions = table.get_add_actions(flatten=True)
    columns = {name: actions.column(name).to_pylist() for name in actions.schema.names}
    counts = columns.get("num_records") or [None] * len(columns["path"])
    for index, name in enumerate(columns["path"]):
        yield DataFile(
            path=_inside(path, name),
            size=columns["size_bytes"][index],
            rows=counts[index],
            partition={key: _as_text(columns[f"partition.{key}"][index]) for key in partitioned_by},
        )


def _as_text(value: Any) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _inside(root: Path, name: str) -> Path:
    """The file a log names, which must be an ordinary file inside the table's folder."""
    file = root / unquote(name)
    if not file.exists():
        file = root / name
    if not file.resolve().is_relative_to(root.resolve()) or file.is_symlink():
        raise TableError(
            "The Delta log names a file outside its own folder.", hint="Copy the table as a whole.", code="TABLE_OUTSIDE"
        )
    return file


def check_whole(found: Snapshot) -> None:
    """Raise IntegrityError unless every data file is there in full length with Parquet's mark at both ends."""
    for file in found.files:
        try:
            with file.path.open("rb") as data:
                head = data.read(4)
                data.seek(-4, os.SEEK_END)
                whole = file.path.stat().st_size == file.size and head == data.read(4) == b"PAR1"
        except OSError:
            whole = False
        if not whole:
            raise IntegrityError(
                f"A data file of {found.path.name}, version {found.version}, is missing or cut short.",
                hint="Publish the table again.",
                code="SHARE_TABLE",
            )


def digest(found: Snapshot) -> str:
    """SHA-256, as hex, over `relative path, NUL, SHA-256 of the bytes as hex, LF` of every data file, sorted by path."""
    lines = []
    for file in found.files:
        with file.path.open("rb") as data:
            lines.append(f"{file.path.relative_to(found.path).as_posix()}\0{hashlib.file_digest(data, 'sha256').hexdigest()}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def verify(table: ShareTable) -> Snapshot:
    """The files of a published version, after checking that they are still the bytes its digest stands for, with the columns of
    its entry."""
    try:
        found = snapshot(table.path, table.version)
        check_whole(found)
        same = digest(found) == table.digest
    except (TableError, OSError):
        same = False
    if not same:
        raise IntegrityError(
            f"The share table {table.path.name} is no longer what was published.",
            hint="Its owner publishes it again.",
            code="SHARE_TABLE",
        )
    if found.schema() != table.schema:
        raise IntegrityError(
            f"The share table {table.path.name} has other columns than its entry says.",
            hint="Its owner publishes it again.",
            code="SHARE_TABLE",
        )
    return found


def version_of(path: Path, intent: str) -> int | None:
    """The version whose commit carries this intent; None when there is no table or no such commit."""
    import deltalake

    if not deltalake.DeltaTable.is_deltatable(str(path)):
        return None
    commits = _open(path, None).history()
    return next((int(commit["version"]) for commit in commits if commit.get(INTENT) == intent), None)


def published(path: Path, intent: str) -> ShareTable | None:
    """The whole table this intent wrote, or None. Raises IntegrityError when it was committed and is no longer whole."""
    if (version := version_of(path, intent)) is None:
        return None
    found = snapshot(path, version)
    check_whole(found)
    rows = sum(file.rows or 0 for file in found.files)
    return ShareTable(path, version, digest(found), rows, found.schema(), intent)


def forget(path: Path, keep: int | None) -> int:
    """Remove every data file that version `keep` does not need; all of them and the log when `keep` is None.

    Also files no version knows, left by a write cut short. Returns how many data files went. The log keeps no values of the
    removed files, because tables are published without column statistics.
    """
    wanted = set() if keep is None else {file.path for file in snapshot(path, keep).files}
    doomed = [file for file in path.rglob("*") if file.is_file() and _is_data(file, path) and file not in wanted]
    for file in doomed:
        file.unlink()
    if keep is None:
        for file in sorted((path / "_delta_log").rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        for folder in (path / "_delta_log", path):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
    return len(doomed)


def _is_data(file: Path, root: Path) -> bool:
    inner = file.relative_to(root).parts
    return inner[0] != "_delta_log" and (file.suffix == ".parquet" or ".parquet" in file.name)


def sync(path: Path, version: int) -> None:
    """Push a version to the disk: data files first, then its commit, then the folders."""
    files = [file.path for file in snapshot(path, version).files]
    for file in (*files, path / "_delta_log" / f"{version:020}.json", path / "_delta_log", path, path.parent):
        handle = os.open(file, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
