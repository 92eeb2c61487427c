"""The stage of the conformance suite on two simulated workspaces, and a clock that costs no time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from databricks.sdk.service import catalog

from cleanroom_core.backends.asked import NewRoom, Party
from cleanroom_core.backends.databricks.backend import DatabricksBackend
from cleanroom_core.backends.databricks.connection import Connection, open_client
from tests.backends.conformance import NOW, Stage
from tests.simulator.conftest import Both, Side


@dataclass
class HandClock:
    """Time passes only while somebody sleeps."""

    now: float = field(default_factory=time.time)
    slept: list[float] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def backend(side: Side, service: bool = False, clock: HandClock | None = None, **given: float) -> DatabricksBackend:
    clock = clock or HandClock()
    facts = side.facts
    who = {"client_id": facts["client_id"], "client_secret": facts["client_secret"]} if service else {"token": facts["token"]}
    connection = Connection(host=facts["host"], **who, **given)  # type: ignore[arg-type]
    return DatabricksBackend(open_client(connection, clock.time, clock.sleep), side.warehouse, NOW)


def room_of(both: Both, name: str) -> NewRoom:
    provider, consumer = both.provider.facts, both.consumer.facts
    partner = Party("collaborator", consumer["global_metastore_id"], "admin@consumer.example", str(consumer["workspace_id"]))
    return NewRoom(name, "aws", "us-west-2", (Party("creator", provider["global_metastore_id"]), partner))


def table(side: Side, name: str, rows: list[tuple[str, str]]) -> str:
    full = f"{side.catalog}.default.{name}"
    values = ", ".join(f"('{token}', '{region}')" for token, region in rows)
    side.sql(f"CREATE TABLE {full} AS SELECT * FROM VALUES {values} AS t(token, region)")
    return full


def open_to_runner(both: Both, room: str) -> None:
    """What the partner's metastore admin does first: let the service principal run notebooks."""
    service = both.consumer.facts["client_id"]
    change = catalog.PermissionsChange(
        principal=service, add=[catalog.Privilege.EXECUTE_CLEAN_ROOM_TASK, catalog.Privilege.BROWSE]
    )
    both.consumer.admin.grants.update("clean_room", room, changes=[change])


def stage_on(both: Both) -> Stage:
    sides = {"provider": both.provider, "consumer": both.consumer}
    return Stage(
        owner=backend(both.provider),
        partner=backend(both.consumer),
        runner=backend(both.consumer, service=True),
        room=lambda name: room_of(both, name),
        table=lambda side, name, rows: table(sides[side], name, rows),
        open_to_runner=lambda room: open_to_runner(both, room),
        target=lambda name: f"{both.consumer.catalog}.default.{name}",
    )
