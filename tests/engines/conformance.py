"""What every engine must do, whatever computes: subclass both classes, give module fixtures `owner` and `room`.

SQL is written once in the guard's and policies' neutral dialect (Databricks) and rendered for the engine under test.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot
from sqlglot import exp

from cleanroom_core.engines.delta import snapshot
from cleanroom_core.engines.protocol import CellQuery, Limits, OwnerEngine, RoomEngine, ShareSelect, ShareTable, Source
from cleanroom_core.errors import IntegrityError, QueryCancelledError, QueryFailedError, QueryTimeoutError, TableError
from cleanroom_core.sql.types import BIGINT, BOOLEAN, DATE, DOUBLE, STRING, TIMESTAMP, Column, Kind, Schema, SqlType

USUAL = Limits()
WIDE = SqlType(Kind.DECIMAL, 38, 0)
MONEY = SqlType(Kind.DECIMAL, 12, 2)
ALL_TYPES = Schema((
    Column("id", BIGINT), Column("text", STRING), Column("money", MONEY), Column("wide", WIDE), Column("share", DOUBLE),
    Column("flag", BOOLEAN), Column("day", DATE), Column("at", TIMESTAMP),
))  # fmt: skip
ROWS = [
    (1, "plain", Decimal("0.10"), Decimal(10**37), 0.1, True, date(1, 1, 1), datetime(1969, 12, 31, 23, 59, 59, 999999)),
    (2, "Zürich 東京 🙂 \"quoted\", 'single'\nline", Decimal("-9999999999.99"), Decimal(-1), -0.0, False, date(9999, 12, 31),
     datetime(2026, 3, 29, 2, 30)),  # an hour that does not exist in Berlin
    (-(2**63), "", Decimal("0.00"), Decimal(0), 1e308, None, date(2024, 2, 29), datetime(2026, 10, 25, 2, 30)),
    (2**63 - 1, None, None, None, None, None, None, None),
]  # fmt: skip


def sql_for(engine: OwnerEngine | RoomEngine, sql: str) -> str:
    return sqlglot.transpile(sql, read="databricks", write=engine.dialect)[0]


def whole(engine: OwnerEngine, schema: Schema = ALL_TYPES, where: str = "TRUE") -> ShareSelect:
    names = ", ".join(f"`{name}`" for name in schema.names)
    counts = {"dropped": sql_for(engine, f"SELECT count(*) FROM source WHERE NOT ({where})")}
    return ShareSelect(sql_for(engine, f"SELECT {names} FROM source WHERE {where}"), schema, {}, counts)


def parquet_of_all_types(path: Path, rows: list[tuple[object, ...]] = ROWS) -> Source:
    types = [pa.int64(), pa.string(), pa.decimal128(12, 2), pa.decimal128(38, 0), pa.float64(), pa.bool_(), pa.date32(),
             pa.timestamp("us")]  # fmt: skip
    columns = [pa.array([row[i] for row in rows], type_) for i, type_ in enumerate(types)]
    pq.write_table(pa.table(columns, names=list(ALL_TYPES.names)), path)
    return Source(path, {})


class OwnerConformance:
    """What holds wherever the tables lie. `kind`: what the engine calls the format of `source`."""

    kind = "parquet"

    @pytest.fixture
    def place(self, tmp_path: Path) -> Callable[[str], Path]:
        """Where a share table of a name goes."""
        return lambda name: tmp_path / "share" / name

    def versions(self, target: Path) -> int:
        """How often it was written."""
        return len(list((target / "_delta_log").glob("*.json")))

    @pytest.fixture(scope="class")
    @classmethod
    def source(cls, tmp_path_factory: pytest.TempPathFactory) -> Source:
        return parquet_of_all_types(tmp_path_factory.mktemp("raw") / "all types.parquet")

    def test_describes_every_type(self, owner: OwnerEngine, source: Source) -> None:
        found = owner.inspect(source)
        assert found.schema == ALL_TYPES
        assert (found.kind, found.rows, dict(found.unusable)) == (self.kind, len(ROWS), {})
        assert owner.describe(source) == ALL_TYPES

    def test_preview_shows_the_same_rows_raw_and_shared(self, owner: OwnerEngine, source: Source) -> None:
        found = owner.preview(source, whole(owner, where="`id` > 1"))
        assert dict(zip(found.raw, found.shared, strict=True)) == {row: row if row[0] > 1 else None for row in ROWS}
        assert (found.rows, dict(found.counts)) == (4, {"dropped": 2})

    def test_a_sample_is_no_larger_than_asked_for_and_a_third_of_it_is_dropped_rows(
        self, owner: OwnerEngine, source: Source
    ) -> None:
        found = owner.preview(source, whole(owner, where="`id` > 1"), 3)
        assert (len(found.raw), [row is None for row in found.shared].count(True)) == (3, 1)

    def test_publishes_exactly_once_per_intent(self, owner: OwnerEngine, source: Source, place: Callable[[str], Path]) -> None:
        select = whole(owner, where="`id` > 0")
        counts = {"rows": sql_for(owner, "SELECT count(*) FROM shared")}
        target = place("asset")
        steps: list[tuple[str, float]] = []
        first, found = owner.publish(source, select, target, "intent-1", counts, progress=lambda *step: steps.append(step))
        assert found == {"dropped": 1, "rows": 3}
        assert (first.rows, first.schema, first.intent) == (3, ALL_TYPES, "intent-1")
        assert [done for _, done in steps] == sorted(done for _, done in steps)
        assert steps
        again, found_again = owner.publish(source, select, target, "intent-1", counts)
        assert (again, found_again) == (first, found)
        assert self.versions(target) == 1
        assert owner.published(target, "intent-1") == first
        assert owner.published(target, "another") is None
        assert owner.published(place("nowhere"), "intent-1") is None

    def test_every_publish_is_another_version_with_another_digest(
        self, owner: OwnerEngine, source: Source, place: Callable[[str], Path]
    ) -> None:
        first, second = (owner.publish(source, whole(owner), place("again"), intent, {})[0] for intent in ("one", "two"))
        assert first.version < second.version
        assert first.digest != second.digest
        assert owner.published(place("again"), "two") == second

    def test_an_empty_share_table_is_a_table(self, owner: OwnerEngine, source: Source, place: Callable[[str], Path]) -> None:
        counts = {"rows": sql_for(owner, "SELECT count(*) FROM shared")}
        table, found = owner.publish(source, whole(owner, where="FALSE"), place("empty"), "i", counts)
        assert (table.rows, found["rows"], table.schema) == (0, 0, ALL_TYPES)

    def test_labels_in_order(self, owner: OwnerEngine, source: Source, place: Callable[[str], Path]) -> None:
        table, _ = owner.publish(source, whole(owner), place("labels"), "i", {})
        query = sql_for(owner, "SELECT DISTINCT text FROM shared WHERE text IS NOT NULL ORDER BY text")
        assert owner.labels(table, {"text": query}) == {"text": tuple(sorted(row[1] for row in ROWS if row[1] is not None))}

    def test_a_value_that_does_not_convert_is_not_in_the_message(
        self, owner: OwnerEngine, source: Source, place: Callable[[str], Path]
    ) -> None:
        select = ShareSelect(
            sql_for(owner, "SELECT CAST(text AS BIGINT) AS n FROM source"), Schema((Column("n", BIGINT),)), {}, {}
        )
        with pytest.raises((TableError, QueryFailedError)) as caught:
            owner.publish(source, select, place("broken"), "i", {})
        assert "plain" not in caught.value.diagnostics()
        assert owner.published(place("broken"), "i") is None


class FilesConformance(OwnerConformance):
    """What holds besides where a share table is a folder of files in the home."""

    def test_log_holds_no_values_of_the_rows(self, owner: OwnerEngine, source: Source, tmp_path: Path) -> None:
        owner.publish(source, whole(owner), tmp_path / "t", "i", {})
        log = (tmp_path / "t" / "_delta_log" / f"{0:020}.json").read_text()
        assert "plain" not in log
        assert "9999" not in log
        assert json.loads(log.splitlines()[0])

    def test_rows_lose_the_order_of_the_source(self, owner: OwnerEngine, tmp_path: Path) -> None:
        pq.write_table(pa.table({"token": ["b", "c", None, "a", "b"]}), tmp_path / "raw.parquet")
        select = whole(owner, Schema((Column("token", STRING),)))
        table, _ = owner.publish(Source(tmp_path / "raw.parquet", {}), select, tmp_path / "t", "i", {})
        (file,) = snapshot(table.path).files
        stored = pq.read_table(file.path)["token"].to_pylist()
        assert [token for token in stored if token] == ["a", "b", "b", "c"]

    def test_forget_keeps_one_version_whole(self, owner: OwnerEngine, source: Source, tmp_path: Path) -> None:
        target = tmp_path / "t"
        old, _ = owner.publish(source, whole(owner), target, "old", {})
        new, _ = owner.publish(source, whole(owner, where="`id` > 1"), target, "new", {})
        (target / "part-left-behind.parquet").write_bytes(b"PAR1")
        assert owner.forget(target, new) == 2
        assert owner.labels(new, {"n": sql_for(owner, "SELECT count(*) FROM shared")}) == {"n": (2,)}
        with pytest.raises(IntegrityError):
            owner.published(target, old.intent)
        assert owner.forget(target, None) == 1
        assert not target.exists()
        assert owner.published(target, "new") is None


class RoomConformance:
    patience: float = 2.0  # seconds
    many: int = 200_000  # rows of which all pairs together keep the engine busy for longer than the time limit of a test

    @pytest.fixture(scope="class")
    @classmethod
    def table(cls, owner: OwnerEngine, tmp_path_factory: pytest.TempPathFactory) -> ShareTable:
        folder = tmp_path_factory.mktemp("share")
        return owner.publish(parquet_of_all_types(folder / "s.parquet"), whole(owner), folder / "t", "i", {})[0]

    def ask(self, room: RoomEngine, table: ShareTable, *queries: str, limits: Limits = USUAL) -> list[tuple[object, ...]]:
        asked = [CellQuery(f"q{n}", sql_for(room, sql), ("provider.asset",)) for n, sql in enumerate(queries)]
        found = room.run(asked, {"provider.asset": table}, limits)
        assert [cells.id for cells in found] == [query.id for query in asked]
        assert len({cells.run for cells in found}) == 1
        return [cells.rows for cells in found]

    def test_values_come_back_exact(self, room: RoomEngine, table: ShareTable) -> None:
        names = ", ".join(f"`{name}`" for name in ALL_TYPES.names)
        (rows,) = self.ask(room, table, f"SELECT {names} FROM provider.asset ORDER BY day NULLS LAST")
        expected = sorted(ROWS, key=lambda row: row[6] or date.max)
        expected = [row for row in expected if row[6]] + [row for row in expected if not row[6]]
        assert [list(map(repr, row)) for row in rows] == [list(map(repr, row)) for row in expected]

    def test_several_queries_and_figures(self, room: RoomEngine, table: ShareTable) -> None:
        found = self.ask(
            room,
            table,
            "SELECT count(*), count(text), sum(money), sum(wide) FROM provider.asset",
            "SELECT date_trunc('MONTH', at) AS m, count(*) FROM provider.asset WHERE at IS NOT NULL GROUP BY 1 ORDER BY 1",
            "SELECT text FROM provider.asset WHERE FALSE",
        )
        assert found[0] == ((4, 3, Decimal("-9999999999.89"), Decimal(10**37 - 1)),)
        assert [row[1] for row in found[1]] == [1, 1, 1]
        assert found[1][0][0] == datetime(1969, 12, 1)
        assert found[2] == ()

    def test_an_empty_table_can_be_asked(self, owner: OwnerEngine, room: RoomEngine, tmp_path: Path) -> None:
        source = parquet_of_all_types(tmp_path / "s.parquet")
        table, _ = owner.publish(source, whole(owner, where="FALSE"), tmp_path / "empty", "i", {})
        assert self.ask(room, table, "SELECT count(*), max(at) FROM provider.asset") == [((0, None),)]

    def test_a_failing_query_says_nothing_about_rows(self, room: RoomEngine, table: ShareTable) -> None:
        with pytest.raises(QueryFailedError) as caught:
            self.ask(room, table, "SELECT CAST(text AS BIGINT) FROM provider.asset")
        assert str(caught.value) == "The query could not be computed."
        assert caught.value.diagnostic_id in caught.value.hint
        assert "plain" not in repr(caught.value.__dict__)

    def test_too_many_rows_are_an_error(self, room: RoomEngine, table: ShareTable) -> None:
        with pytest.raises(QueryFailedError, match="more than 3 rows"):
            self.ask(room, table, "SELECT id FROM provider.asset", limits=Limits(result_rows=3))
        assert len(self.ask(room, table, "SELECT id FROM provider.asset", limits=Limits(result_rows=4))[0]) == 4

    def test_a_changed_file_is_not_read(self, room: RoomEngine, table: ShareTable, tmp_path: Path) -> None:
        table = replace(table, path=Path(shutil.copytree(table.path, tmp_path / "copy")))
        assert self.ask(room, table, "SELECT count(*) FROM provider.asset") == [((4,),)]
        (file,) = snapshot(table.path).files
        content = bytearray(file.path.read_bytes())
        content[len(content) // 2] ^= 1
        file.path.write_bytes(content)
        with pytest.raises(IntegrityError):
            self.ask(room, table, "SELECT count(*) FROM provider.asset")

    def test_a_cancelled_run_returns_nothing(self, room: RoomEngine, table: ShareTable) -> None:
        query = CellQuery("q", sql_for(room, "SELECT count(*) FROM provider.asset"), ("provider.asset",))
        with pytest.raises(QueryCancelledError):
            room.run([query], {"provider.asset": table}, Limits(), cancelled=lambda: True)

    def test_a_query_that_takes_too_long_is_stopped_and_the_next_one_runs(
        self, owner: OwnerEngine, room: RoomEngine, table: ShareTable, tmp_path: Path
    ) -> None:
        pq.write_table(pa.table({"n": range(self.many)}), tmp_path / "many.parquet")
        select = whole(owner, Schema((Column("n", BIGINT),)))
        many, _ = owner.publish(Source(tmp_path / "many.parquet", {}), select, tmp_path / "many", "i", {})
        sql = sql_for(room, "SELECT count(*) FROM provider.many a, provider.many b WHERE a.n + b.n <> 7")
        pairs = CellQuery("q", sql, ("provider.many",))
        self.ask(room, table, "SELECT 1 FROM provider.asset")  # whatever has to start has started
        with pytest.raises(QueryTimeoutError):
            room.run([pairs], {"provider.many": many}, Limits(seconds=self.patience))
        steps: list[str] = []
        with pytest.raises(QueryCancelledError):
            room.run([pairs], {"provider.many": many}, Limits(), lambda what, _: steps.append(what), lambda: bool(steps))
        assert self.ask(room, table, "SELECT count(*) FROM provider.asset") == [((4,),)]

    def test_a_folder_may_have_any_name(self, room: RoomEngine, table: ShareTable, tmp_path: Path) -> None:
        for name in ("a b=1", "[ab] {c,d} *?", "é+ü#", "c^a't"):
            moved = replace(table, path=Path(shutil.copytree(table.path, tmp_path / name)))
            assert self.ask(room, moved, "SELECT count(*), count(text) FROM provider.asset") == [((4, 3),)]

    def test_labels_mean_themselves(self, room: RoomEngine, table: ShareTable) -> None:
        """What some engine takes for a variable, an escape, a comment or the end of a text."""
        texts = [
            "${env:HOME}",
            "${spark.app.name}",
            "a\\b",
            "it's",
            "--",
            "/*",
            "\n\t",
            "%",
            "{0}",
            "$1",
            "?",
            ":x",
            "é🙂",
            '"',
            "`",
        ]
        shown = exp.select(*(exp.Literal.string(text).as_(f"t{n}") for n, text in enumerate(texts)))
        sql = shown.from_("provider.asset").limit(1).sql(room.dialect)
        (cells,) = room.run([CellQuery("q", sql, ("provider.asset",))], {"provider.asset": table}, USUAL)
        assert cells.rows == (tuple(texts),)

    def test_a_table_the_query_does_not_name_is_not_there(self, room: RoomEngine, table: ShareTable) -> None:
        query = CellQuery("q", sql_for(room, "SELECT count(*) FROM consumer.other"), ("provider.asset",))
        with pytest.raises(QueryFailedError):
            room.run([query], {"provider.asset": table, "consumer.other": table}, Limits())
