"""Tables of a local platform: one Parquet file each, under the name a workspace would give it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cleanroom_core.backends.asked import qualified

if TYPE_CHECKING:
    import pyarrow as pa

_TYPES = {"int64": "BIGINT", "int32": "INT", "string": "STRING", "double": "DOUBLE", "bool": "BOOLEAN", "date32[day]": "DATE"}


@dataclass(frozen=True)
class Tables:
    folder: Path

    def path(self, name: str) -> Path:
        """Of catalog.schema.table. Raises InputError for anything else, so that no name leads out of the folder."""
        catalog, schema, table = qualified(name, "The table").split(".")
        return self.folder / catalog / schema / f"{table}.parquet"

    def write(self, name: str, table: pa.Table) -> None:
        """There whole or not at all, readable by this system user only."""
        import pyarrow.parquet as pq

        path = self.path(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            pq.write_table(table, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    def read(self, name: str) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str | None, ...], ...]]:
        """Columns with their types, and rows as text, sorted."""
        import pyarrow.parquet as pq

        table = pq.ParquetFile(self.path(name)).read()
        columns = tuple((field.name, _TYPES.get(str(field.type), str(field.type).upper())) for field in table.schema)
        rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        texts = [tuple(None if value is None else _text(value) for value in row) for row in rows]
        return columns, tuple(sorted(texts, key=lambda row: [(value is not None, value or "") for value in row]))

    def inside(self, catalog: str, schema: str) -> tuple[str, ...]:
        return tuple(sorted(path.stem for path in self.path(f"{catalog}.{schema}.any").parent.glob("*.parquet")))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
