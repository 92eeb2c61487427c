"""Raw tables and a publisher in a simulated workspace, reached by the real SDK."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlglot import exp

from cleanroom_core.backends.databricks.connection import Connection, open_client
from cleanroom_core.backends.databricks.sql_warehouse import SqlWarehouse
from cleanroom_core.backends.waiting import Pace
from cleanroom_core.engines.warehouse.owner import WarehouseOwnerEngine
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.sql.typed import cast
from cleanroom_core.sql.types import Schema
from tests.backends.conformance import NOW
from tests.backends.workspaces import HandClock

if TYPE_CHECKING:
    from tests.simulator.conftest import Side

SCOPE = "cleanroom"


def publisher(
    side: Side, work_dir: Path, *, room: str = "shops", service: bool = False, exempt: str = "", pace: Pace = NOW
) -> tuple[WarehouseOwnerEngine, HandClock]:
    """An engine as the admin, or as the service principal; its retries take no time."""
    clock, facts = HandClock(), side.facts
    who = {"client_id": facts["client_id"], "client_secret": facts["client_secret"]} if service else {"token": facts["token"]}
    connection = Connection(host=facts["host"], **who)
    warehouse = SqlWarehouse(lambda: open_client(connection, clock.time, clock.sleep), side.warehouse, pace)
    return WarehouseOwnerEngine(warehouse, room, SCOPE, work_dir, exempt), clock


def put_table(side: Side, name: str, schema: Schema, rows: Sequence[tuple[object, ...]]) -> str:
    """A table of the workspace's catalog with exactly these rows; returns its full name."""
    full = ObjectName.parse(f"{side.catalog}.default.{name}")
    columns = [exp.ColumnDef(this=exp.to_identifier(each.name, quoted=True), kind=_type(each.type)) for each in schema]
    made = exp.Create(this=exp.Schema(this=full.tree(), expressions=columns), kind="TABLE")
    side.sql(made.sql("databricks"))
    for start in range(0, len(rows), 200):
        values = [
            exp.Tuple(expressions=[cast(exp.convert(value), each.type) for value, each in zip(row, schema, strict=True)])
            for row in rows[start : start + 200]
        ]
        insert = exp.Insert(this=full.tree(), expression=exp.Values(expressions=values))
        side.sql(insert.sql("databricks"))
    return str(full)


def share_place(side: Side) -> Callable[[str], Path]:
    """A schema of its own for share-safe tables; gives their places by name."""
    side.sql(f"CREATE SCHEMA IF NOT EXISTS {side.catalog}.share")
    return lambda name: Path(f"{side.catalog}.share.{name}")


def _type(type_: object) -> exp.DataType:
    return exp.DataType.build(str(type_).replace("TIMESTAMP", "TIMESTAMP_NTZ"), dialect="databricks")
