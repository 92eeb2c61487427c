"""Arrow tables as rows, and as arrays of whole numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from cleanroom_core.engines.protocol import Row


def rows_of(table: pa.Table) -> tuple[Row, ...]:
    return tuple(zip(*(column.to_pylist() for column in table.columns), strict=True))


def numbers_of(table: pa.Table) -> list[NDArray[np.int64]]:
    """The columns, which are whole numbers or truth values; -1 where there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return [pc.fill_null(column.cast(pa.int64()), -1).to_numpy() for column in table.columns]


def naive(table: pa.Table) -> pa.Table:
    """Instants become the naive UTC timestamps they mean."""
    import pyarrow as pa

    fields = [field.with_type(pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field for field in table.schema]
    return table.cast(pa.schema(fields))
