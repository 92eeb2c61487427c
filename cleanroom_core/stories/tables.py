"""Answers as tables: text for a screen; CSV and Parquet for a download, with entry and root hash that prove their origin."""

from __future__ import annotations

import base64
import csv
import io
from typing import TYPE_CHECKING, Any

from cleanroom_core.errors import NotReadyError
from cleanroom_core.guard.answer import Answer, Shown
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.sql.types import Kind, SqlType

if TYPE_CHECKING:
    from cleanroom_core.stories.answer import Answered
    from cleanroom_core.stories.collaborator import Collaborator

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def text_rows(answer: Answer) -> tuple[list[str], list[list[str | int | bool | None]]]:
    """Column names and rows for people and JSON: integers stay integers, other numbers and dates are exact text."""
    names = [name for name, _ in answer.columns]
    return names, [[_plain(value) for value in row] for row in answer.rows]


def _plain(value: Shown) -> str | int | bool | None:
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def proof_of(side: Collaborator, answered: Answered) -> dict[str, str]:
    """Where a release stands: entry number, log, size of the tree and its root hash (base64, as in the checkpoint)."""
    release = answered.release
    if answered.answer is None or release is None:
        raise NotReadyError("There is nothing released to download.", hint="See the results page for what is.")
    size = side.log.size(release.origin)
    root = base64.b64encode(side.log.root(release.origin, size)).decode()
    return {"log": release.origin, "entry": str(release.seq), "tree_size": str(size), "root_hash": root}


def as_csv(side: Collaborator, user: User, answered: Answered) -> bytes:
    """UTF-8 with a header; the proof stands in four columns of every row. Cells a spreadsheet would run get a quote first."""
    user.require(Permission.ANSWER_READ, side.organisation)
    proof = proof_of(side, answered)
    assert answered.answer is not None  # noqa: S101  proof_of has looked
    names, rows = text_rows(answered.answer)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([escaped(name) for name in names] + [f"proof_{name}" for name in proof])
    for row, typed in zip(rows, answered.answer.rows, strict=True):
        cells = [escaped(shown) if isinstance(value, str) else shown for shown, value in zip(row, typed, strict=True)]
        writer.writerow([*cells, *proof.values()])
    return out.getvalue().encode("utf-8")


def escaped(cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula, made harmless (OWASP, "CSV injection")."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def as_parquet(side: Collaborator, user: User, answered: Answered) -> bytes:
    """Typed columns; a figure shown as text ("fewer than 3") is NULL there and stands in `<column>_note`. Proof: metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    user.require(Permission.ANSWER_READ, side.organisation)
    proof = proof_of(side, answered)
    assert answered.answer is not None  # noqa: S101  proof_of has looked
    answer = answered.answer
    fields: list[tuple[str, Any]] = []
    for at, (name, type_) in enumerate(answer.columns):
        values = [row[at] for row in answer.rows]
        if type_.kind is Kind.STRING:
            fields.append((name, pa.array(values, pa.string())))
            continue
        fields.append((name, pa.array([None if isinstance(value, str) else value for value in values], _arrow(type_))))
        if any(isinstance(value, str) for value in values):
            fields.append(
                (f"{name}_note", pa.array([value if isinstance(value, str) else None for value in values], pa.string()))
            )
    table = pa.Table.from_arrays([array for _, array in fields], names=[name for name, _ in fields])
    table = table.replace_schema_metadata({f"cleanroom.{name}": value for name, value in proof.items()})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def _arrow(type_: SqlType) -> Any:
    import pyarrow as pa

    if type_.kind is Kind.DECIMAL:
        return pa.decimal128(38, type_.scale)
    simple = {
        Kind.BIGINT: pa.int64(),
        Kind.BOOLEAN: pa.bool_(),
        Kind.DATE: pa.date32(),
        Kind.TIMESTAMP: pa.timestamp("us"),
        Kind.DOUBLE: pa.float64(),
    }
    return simple[type_.kind]
