"""What an engine can do, said once for all engines; `tests/engines/conformance.py` holds each of them to it.

Two protocols because there are two locked processes: the *owner side* sees one raw table and runs its policy SELECT, the *room
side* sees share-safe files only and runs SafeQueries. No call takes SQL that a person wrote: owner-side SQL comes from
`policies.compile`, room-side SQL from `guard`.

Every call of both sides may raise QueryTimeoutError, QueryCancelledError, EngineLostError (its process ended before it had
answered) or QueryFailedError (opaque: an error id that the log of this machine explains, without data values, to whoever may
read it). TableError is about the user's own table and names its column or line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cleanroom_core.sql.cells import CellLayout, Cells, Label, Thresholds
from cleanroom_core.sql.classes import ClassPlan
from cleanroom_core.sql.types import Schema

if TYPE_CHECKING:
    from cleanroom_core.sql.token_expression import TokenExpression  # brings sqlglot, which no runtime of a notebook has
    from cleanroom_core.tokens.spec import TokenSpec

Value = None | str | int | bool | float | Decimal | date | datetime  # a datetime is naive and means UTC
Row = tuple[Value, ...]


@dataclass(frozen=True)
class Limits:
    """`memory_mb`: of the engine itself. `seconds`: wall clock of one call. `result_rows`: more is an error, not a cut."""

    memory_mb: int = 4096
    threads: int = 2
    seconds: float = 300.0
    result_rows: int = 200_000


@dataclass(frozen=True)
class Source:
    """One raw table: a CSV or Parquet file, or a Delta folder; of a warehouse the name catalog.schema.table in the place of the
    path, as everywhere here. `types` overrides found types, by column name."""

    path: Path
    types: Mapping[str, str]


@dataclass(frozen=True)
class Described:
    """What a raw table turned out to be. `schema` has the columns a policy may use, with their final types; `unusable` says of
    every other column why (nested, binary, unknown type). `kind` is csv, parquet or delta; of a warehouse its own word."""

    kind: str
    schema: Schema
    unusable: Mapping[str, str]
    rows: int


@dataclass(frozen=True)
class ShareSelect:
    """A compiled policy SELECT. `sql` reads from one relation called `source`, whose columns are those of `Described.schema`;
    `$name` stands where `binary[name]` is bound (token key pads), so that no key stands in a text. Each of `counts` is a
    SELECT of one number over `source`, for instance the rows a filter drops and the rows without a token."""

    sql: str
    schema: Schema
    binary: Mapping[str, bytes]
    counts: Mapping[str, str]  # name of a count -> SELECT with one number, over `source`


@dataclass(frozen=True)
class Preview:
    """The same sample rows twice: `raw` (columns of the source) and `shared` (None where the row filter drops the row)."""

    source: Schema
    raw: tuple[Row, ...]
    shared: tuple[Row | None, ...]
    rows: int
    counts: Mapping[str, int]


@dataclass(frozen=True)
class ShareTable:
    """A published share-safe table: the Delta folder, the version meant, and the digest over that version's data files; on a
    warehouse, whose files nobody sees, over the publish that made it. Every publish has another one."""

    path: Path
    version: int
    digest: str
    rows: int
    schema: Schema
    intent: str  # id of the intent entry that wrote it, read back from the Delta commit


@dataclass(frozen=True)
class CellQuery:
    """What the room side is asked: SQL from the guard in this engine's dialect, and the qualified names it reads."""

    id: str
    sql: str
    assets: tuple[str, ...]


@dataclass(frozen=True)
class CellRows:
    """Base figures of one CellQuery, in the order of its columns. `run` is the id of the live run they came from."""

    id: str
    run: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


Concealed = Mapping[tuple[Label, ...], frozenset[str]]  # labels -> names of figures; "" stands for the number of rows


@dataclass(frozen=True)
class NewPart:
    """One partition to be computed: its cell query, and the shape of what that returns."""

    query: CellQuery
    layout: CellLayout


@dataclass(frozen=True)
class RowClasses:
    """One universe of the certification: SQL from the guard in this engine's dialect, which returns `person` and the words of
    `plan`, and the qualified names it reads."""

    sql: str
    assets: tuple[str, ...]
    plan: ClassPlan


@dataclass(frozen=True)
class ComputeJob:
    """Parts to compute and certify in one go. `classes` count the parts in order, then `assumed`: parts that are out, or may
    be, and whose cells the caller cannot see, so that each cell that may be is taken to be out; then `beside`: parts nobody
    asked for and nobody gets, of which one person may dominate a cell; then `released`: cells that are out, with what is
    `concealed` of each as far as the caller knows it. `seed`: of the certification's draws; 32 random bytes, kept by who
    computes."""

    parts: tuple[NewPart, ...]
    released: tuple[Cells, ...]
    classes: tuple[RowClasses, ...]
    thresholds: Thresholds
    seed: bytes
    assumed: tuple[NewPart, ...] = ()
    concealed: tuple[Concealed, ...] = ()
    beside: tuple[NewPart, ...] = ()


@dataclass(frozen=True)
class Computed:
    """What may leave: protected cells of each part, certified together with `released`. `withheld`: per part the labels of the
    cells that passed every other rule and stay back for the certificate's sake; `concealed`: what must not be known of cells
    with enough people, because one person dominates them; both for the custodian alone. `certificate`: numbers and words for
    everybody, as JSON."""

    run: str
    cells: tuple[Cells, ...]
    withheld: tuple[tuple[tuple[Label, ...], ...], ...]
    certificate: Mapping[str, Any]
    concealed: tuple[Concealed, ...] = ()


Progress = Callable[[str, float], None]  # what is being done, share done 0..1


class OwnerEngine(Protocol):
    """Owner side; one process per call, which can read exactly the files of `source`, or one identity at a workspace."""

    name: str
    dialect: str  # sqlglot's word for the SQL this engine takes

    def tokens(self, specs: Mapping[str, TokenSpec]) -> Mapping[str, TokenExpression]:
        """How a compiled SELECT computes tokens here: with keys that are bound when it runs, or that the platform looks up.

        Raises InputError for a spec that this engine cannot compute."""
        ...

    def inspect(self, source: Source) -> Described:
        """Read the whole table once, decide every column's type and count the rows. Raises TableError."""
        ...

    def describe(self, source: Source) -> Schema:
        """`inspect(source).schema`; cheap the second time, until the file changes."""
        ...

    def preview(self, source: Source, select: ShareSelect, sample: int = 10) -> Preview: ...

    def publish(
        self,
        source: Source,
        select: ShareSelect,
        target: Path,
        intent: str,
        counts: Mapping[str, str],
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> tuple[ShareTable, Mapping[str, int]]:
        """Write the share-safe Delta table (one overwrite commit that carries `intent`); idempotent per intent.

        Rows are written sorted by their shared values, because the order of the source is information that was not shared (a
        platform may lay them out anew).
        Returns the table with the named counts: `select.counts` over the source, `counts` over the relation `shared`.
        Raises ConflictError while another publish of the same target is running.
        """
        ...

    def labels(self, table: ShareTable, queries: Mapping[str, str]) -> Mapping[str, tuple[Value, ...]]:
        """Run one-column SELECTs over the relation `shared` (the published table) and return each one's values in order."""
        ...

    def published(self, target: Path, intent: str) -> ShareTable | None:
        """The version that carries this intent, or None: how a publish cut short is reconciled. Raises IntegrityError when it
        was committed and its files are no longer whole."""
        ...

    def forget(self, target: Path, keep: ShareTable | None) -> int:
        """Remove data files of every version but `keep`, and those no version knows (all and the log with them, when None).

        Returns how many data files went; a warehouse, whose platform keeps them for as long as it says, how many tables.
        Raises ConflictError while a publish of the same target is running.
        """
        ...


class RoomEngine(Protocol):
    """Room side; one process per run, which can read exactly the files of the given share tables."""

    name: str
    dialect: str
    needs_java: bool  # on this machine

    def run(
        self,
        queries: Sequence[CellQuery],
        tables: Mapping[str, ShareTable],
        limits: Limits,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> tuple[CellRows, ...]:
        """Compute every query; `tables` maps qualified names to what the SQL calls by that name.

        Before anything runs each table's files are compared with its digest (IntegrityError). Never returns a part.
        """
        ...

    def compute(
        self,
        job: ComputeJob,
        tables: Mapping[str, ShareTable],
        limits: Limits,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Computed:
        """Compute, protect and certify in one run (`engines.computing`): exact figures and rows stay where the tables are read.

        `tables` has the tables of earlier snapshots too, as the class queries name them (`provider@2.sales`).
        """
        ...
