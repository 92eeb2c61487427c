"""The engine `warehouse` on a simulated workspace, over HTTP with the real SDK."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cleanroom_core.backends.databricks.statements import Rows
from cleanroom_core.engines.protocol import ShareSelect, Source
from cleanroom_core.engines.warehouse.owner import WarehouseOwnerEngine
from cleanroom_core.errors import (
    ConflictError,
    InputError,
    IntegrityError,
    NotPermittedError,
    NotReadyError,
    QueryCancelledError,
    QueryTimeoutError,
    TableError,
    UnansweredError,
)
from cleanroom_core.sql.types import BIGINT, STRING, Column, Schema
from cleanroom_core.tokens.key import format_key
from cleanroom_core.tokens.spec import TokenSpec
from tests.backends.conformance import NOW
from tests.engines.conformance import ALL_TYPES, ROWS, OwnerConformance, whole
from tests.engines.workspace_tables import SCOPE, publisher, put_table, share_place
from tests.simulator.conftest import Both, Side, _clean_environment, _no_environment, both  # noqa: F401  fixtures

_numbers = itertools.count(1)
PEOPLE = Schema((Column("mail", STRING), Column("aisle", STRING)))
MAIL = TokenSpec("member", "email", ("strip", "lower"), "member-1")


@pytest.fixture(scope="module")
def side(both: Both) -> Side:  # noqa: F811
    return both.provider


@pytest.fixture(scope="module")
def owner(side: Side, tmp_path_factory: pytest.TempPathFactory) -> WarehouseOwnerEngine:
    return publisher(side, tmp_path_factory.mktemp("work"))[0]


@pytest.fixture
def place(side: Side) -> Callable[[str], Path]:
    return share_place(side)


@pytest.fixture(scope="module")
def people(side: Side) -> Source:
    rows = [(f"person{number}@example.org", "bread" if number % 2 else "wine") for number in range(6)]
    return Source(Path(put_table(side, "people", PEOPLE, rows)), {})


@pytest.fixture
def target(place: Callable[[str], Path]) -> Path:
    return place(f"t{next(_numbers)}")


class TestOwner(OwnerConformance):
    kind = "delta"

    @pytest.fixture(scope="class")
    @classmethod
    def source(cls, side: Side) -> Source:
        return Source(Path(put_table(side, "all_types", ALL_TYPES, ROWS)), {})

    @pytest.fixture
    def place(self, side: Side) -> Callable[[str], Path]:
        self.side = side
        return share_place(side)

    def versions(self, target: Path) -> int:
        return len(self.side.sql(f"DESCRIBE HISTORY {target}"))


def aisles(engine: WarehouseOwnerEngine) -> ShareSelect:
    return whole(engine, Schema((Column("aisle", STRING),)))


def test_what_a_table_is_not_is_said(owner: WarehouseOwnerEngine, side: Side, people: Source, target: Path) -> None:
    with pytest.raises(TableError, match="There is no table"):
        owner.describe(Source(Path(f"{side.catalog}.default.nowhere"), {}))
    with pytest.raises(InputError, match="is not a name of three parts"):
        owner.describe(Source(Path("people.csv"), {}))
    with pytest.raises(TableError, match="mail is string: read as BIGINT"):
        owner.describe(Source(people.path, {"mail": "bigint"}))
    with pytest.raises(InputError, match="is the raw table itself"):
        owner.publish(people, aisles(owner), people.path, "i", {})
    side.sql(f"CREATE TABLE {side.catalog}.default.nested AS SELECT 1 AS n, array(1, 2) AS many")
    found = owner.inspect(Source(Path(f"{side.catalog}.default.nested"), {}))
    assert (found.schema, set(found.unusable)) == (Schema((Column("n", BIGINT),)), {"many"}) or found.schema.names == ("n",)


def test_an_instant_is_read_as_the_time_in_utc(owner: WarehouseOwnerEngine, side: Side, target: Path) -> None:
    side.sql(f"CREATE TABLE {side.catalog}.default.instants AS SELECT TIMESTAMP '2026-03-29 00:30:00.123456+00:00' AS at")
    source = Source(Path(f"{side.catalog}.default.instants"), {})
    schema = owner.describe(source)
    found = owner.preview(source, whole(owner, schema))
    assert [str(value) for (value,) in found.raw] == ["2026-03-29 00:30:00.123456"]
    table, _ = owner.publish(source, whole(owner, schema), target, "i", {})
    assert table.schema == schema
    assert side.sql(f"SELECT CAST(at AS STRING) FROM {target}") == [["2026-03-29 00:30:00.123456"]]


class Watching:
    """The engine's workspace, with everything that was said to it; `before` and `after` a statement something may happen."""

    def __init__(self, engine: WarehouseOwnerEngine) -> None:
        self.inner, self.said, self.told = engine._workspace, [], []
        self.before = self.after = lambda _statement: None
        engine._workspace = self

    def table(self, name: object) -> object:
        return self.inner.table(name)

    def run(self, statement: str, doing: str, cancelled: Callable[[], bool] | None = None) -> Rows:
        self.said.append(statement)
        self.before(statement)
        found = self.inner.run(statement, doing, cancelled)
        self.told.append(found.rows)
        self.after(statement)
        return found


@pytest.fixture
def engine(side: Side, tmp_path: Path) -> WarehouseOwnerEngine:
    return publisher(side, tmp_path)[0]


def test_only_the_sample_leaves_the_workspace_and_no_key_is_in_any_statement(
    engine: WarehouseOwnerEngine, side: Side, people: Source, target: Path
) -> None:
    from cleanroom_core.sql.portable import render
    from cleanroom_core.sql.quoting import column
    from cleanroom_core.tokens.hmac_expression import token_of

    key = secrets.token_bytes(32)
    put_key(side, "member-1", key)
    digest = engine.tokens({"member": MAIL})["member"].digest(column("mail"))
    select = ShareSelect(
        f"SELECT {render(digest, engine.dialect)} AS token FROM source", Schema((Column("token", STRING),)), {}, {}
    )
    seen = Watching(engine)
    engine.preview(people, select, 2)
    shown_rows = list(seen.told)
    shown = {text for rows in shown_rows for row in rows for text in row if text and "@" in text}
    assert len(shown) == 2
    engine.publish(people, select, target, "i", {})
    assert "example.org" not in str([rows for rows in seen.told if rows not in shown_rows])
    said = " ".join(seen.said)
    assert format_key(key).split(".")[1] not in said
    tokens = [row[0] for row in side.sql(f"SELECT token FROM {target}")]
    assert tokens == sorted(token_of(f"person{number}@example.org", MAIL, key) for number in range(6))


def put_key(side: Side, name: str, key: bytes) -> None:
    if SCOPE not in {each.name for each in side.admin.secrets.list_scopes()}:
        side.admin.secrets.create_scope(SCOPE)
    side.admin.secrets.put_secret(SCOPE, name, string_value=format_key(key))


def test_a_missing_secret_is_named_and_nothing_is_written(engine: WarehouseOwnerEngine, people: Source, target: Path) -> None:
    select = ShareSelect(f"SELECT secret('{SCOPE}', 'nobody') AS token FROM source", Schema((Column("token", STRING),)), {}, {})
    with pytest.raises(NotReadyError) as raised:
        engine.publish(people, select, target, "i", {})
    assert raised.value.code == "NO_SECRET"
    assert engine.published(target, "i") is None


def test_a_missing_privilege_is_told_by_the_statement_and_by_the_call(side: Side, people: Source, tmp_path: Path) -> None:
    other = "closed"
    side.sql(f"CREATE CATALOG {other}")
    service, _ = publisher(side, tmp_path, service=True)
    with pytest.raises(NotPermittedError) as raised:
        service.publish(people, aisles(service), Path(f"{other}.default.t"), "i", {})
    assert (raised.value.code, "CREATE TABLE" in raised.value.hint) == ("PLATFORM_DENIED", True)
    side.fault(kind="error", path="/api/2.0/sql/statements*", status=403, times=1)
    with pytest.raises(NotPermittedError):
        service.inspect(people)


def test_busy_is_waited_for_and_too_busy_is_told(side: Side, people: Source, target: Path, tmp_path: Path) -> None:
    engine, clock = publisher(side, tmp_path)
    side.fault(kind="error", method="POST", path="/api/2.0/sql/statements", status=429, retry_after=7, times=2)
    table, _ = engine.publish(people, aisles(engine), target, "i", {})
    assert (table.rows, sum(clock.slept) >= 14) == (6, True)
    side.fault(kind="error", method="POST", path="/api/2.0/sql/statements", status=429, retry_after=600)
    with pytest.raises(UnansweredError) as raised:
        engine.publish(people, aisles(engine), target, "later", {})
    assert raised.value.code == "PLATFORM_BUSY"


def test_an_answer_that_is_lost_is_looked_for(side: Side, people: Source, target: Path, tmp_path: Path) -> None:
    """The SDK asks again after a 503 whose work was done; without any answer the table tells."""
    engine, _ = publisher(side, tmp_path)
    seen = Watching(engine)

    def lost(statement: str) -> None:
        if statement.startswith("CREATE"):
            raise UnansweredError("No answer.", hint="Look.")

    seen.after = lost
    table, _ = engine.publish(people, aisles(engine), target, "one", {})
    assert engine.published(target, "one") == table
    seen.after, seen.before = (lambda _statement: None), lost
    with pytest.raises(UnansweredError):
        engine.publish(people, aisles(engine), target, "two", {})
    assert engine.published(target, "one") == table


def test_a_table_somebody_wrote_to_is_not_the_published_one(
    engine: WarehouseOwnerEngine, side: Side, people: Source, target: Path
) -> None:
    first, _ = engine.publish(people, aisles(engine), target, "one", {})
    side.sql(f"ALTER TABLE {target} ALTER COLUMN aisle COMMENT 'how we sort people'")
    with pytest.raises(IntegrityError, match="which the partner reads"):
        engine.published(target, "one")
    side.sql(f"ALTER TABLE {target} ALTER COLUMN aisle COMMENT ''")
    assert engine.published(target, "one") == first
    side.sql(f"INSERT INTO {target} VALUES ('planted')")
    with pytest.raises(IntegrityError, match="Somebody has written to it"):
        engine.labels(first, {"n": "SELECT count(*) FROM shared"})
    second, _ = engine.publish(people, aisles(engine), target, "two", {})
    assert (second.version, engine.published(target, "two"), engine.published(target, "one")) == (2, second, None)


def test_forget_drops_what_this_engine_wrote_and_nothing_else(
    engine: WarehouseOwnerEngine, side: Side, people: Source, target: Path
) -> None:
    table, _ = engine.publish(people, aisles(engine), target, "i", {})
    assert (engine.forget(target, table), engine.published(target, "i")) == (0, table)
    assert (engine.forget(target, None), engine.published(target, "i")) == (1, None)
    assert engine.forget(target, None) == 0
    side.sql(f"CREATE TABLE {target} AS SELECT 1 AS n")
    assert engine.forget(target, None) == 0
    with pytest.raises(ConflictError) as raised:
        engine.publish(people, aisles(engine), target, "j", {})
    assert raised.value.code == "OTHER_TABLE"
    assert side.sql(f"SELECT n FROM {target}") == [["1"]]


def test_a_table_of_another_room_is_not_replaced(
    engine: WarehouseOwnerEngine, side: Side, people: Source, target: Path, tmp_path: Path
) -> None:
    table, _ = engine.publish(people, aisles(engine), target, "i", {})
    other, _ = publisher(side, tmp_path / "other", room="another_room")
    with pytest.raises(ConflictError, match="was not published for the room another_room"):
        other.publish(people, aisles(other), target, "j", {})
    assert (other.forget(target, None), engine.published(target, "i")) == (0, table)


def test_a_statement_that_takes_long_is_waited_for_and_can_be_stopped(
    side: Side, people: Source, target: Path, tmp_path: Path
) -> None:
    engine, _ = publisher(side, tmp_path)
    side.control("PATCH", "records/limits/", {"statement_looks": 2})
    try:
        table, _ = engine.publish(people, aisles(engine), target, "one", {})
        assert table.rows == 6
        seen, stop = Watching(engine), []
        seen.before = lambda statement: stop.append(True) if statement.startswith("CREATE") else None
        # the simulator has executed it by then: stopped too late, it counts
        again, _ = engine.publish(people, aisles(engine), target, "two", {}, cancelled=lambda: len(stop) > 0)
        assert again.version == 2
        with pytest.raises(QueryCancelledError):
            engine.publish(people, aisles(engine), target, "three", {}, cancelled=lambda: True)
        side.control("PATCH", "records/limits/", {"statement_looks": 10**6})
        impatient, _ = publisher(side, tmp_path, pace=replace(NOW, total=3))
        with pytest.raises(QueryTimeoutError):
            impatient.inspect(people)
    finally:
        side.control("PATCH", "records/limits/", {"statement_looks": 0})


@pytest.fixture
def guarded(side: Side) -> Iterator[Source]:
    name = f"{side.catalog}.default.guarded"
    side.sql(f"CREATE TABLE {name} AS SELECT 'a' AS region")
    side.sql(f"CREATE FUNCTION {side.catalog}.default.nobody(region STRING) RETURNS BOOLEAN RETURN FALSE")
    side.sql(f"ALTER TABLE {name} SET ROW FILTER {side.catalog}.default.nobody ON (region)")
    yield Source(Path(name), {})
    side.sql(f"DROP TABLE {name}")


def test_a_filtered_raw_table_is_published_by_a_member_of_the_exempt_group_alone(
    side: Side, guarded: Source, tmp_path: Path
) -> None:
    with pytest.raises(TableError, match="has a row filter or a mask"):
        publisher(side, tmp_path)[0].describe(guarded)
    with pytest.raises(NotPermittedError) as raised:
        publisher(side, tmp_path, exempt="nobody_is_in_it")[0].describe(guarded)
    assert raised.value.code == "NOT_EXEMPT"
    member = side.admin.current_user.me().groups or []
    if member:
        assert publisher(side, tmp_path, exempt=str(member[0].display))[0].describe(guarded).names == ("region",)


def test_two_publishes_of_one_table_are_not_at_once(engine: WarehouseOwnerEngine, people: Source, target: Path) -> None:
    busy: list[str] = []

    def again(statement: str) -> None:
        if statement.startswith("CREATE"):
            with pytest.raises(ConflictError) as raised:
                engine.publish(people, aisles(engine), target, "two", {})
            busy.append(raised.value.message)

    Watching(engine).before = again
    engine.publish(people, aisles(engine), target, "one", {})
    assert len(busy) == 1
