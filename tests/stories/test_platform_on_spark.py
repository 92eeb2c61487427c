"""The whole way of a plan on a platform, once for real: both sides over HTTP, the very notebook on Spark, the answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from deltalake import DeltaTable

from cleanroom_core.backends.asked import NewTable
from cleanroom_core.backends.seen import RunStage
from cleanroom_core.backends.waiting import Pace, wait_ended
from cleanroom_core.identity.permissions import Role
from cleanroom_core.stories.answer import ask_template
from cleanroom_core.stories.platform_result import results_there
from cleanroom_core.stories.platform_room import accept_there, add_table_there
from cleanroom_core.stories.review import release_result, result_id, waiting_results
from tests.simulator import conftest as simulated
from tests.simulator.conftest import Both
from tests.spark import need_java
from tests.stories.platform_shop import NAME, TABLES, Shop, identities, opened
from tests.stories.tiny_room import TinyRoom

both, _clean_environment, _no_environment = simulated.both, simulated._clean_environment, simulated._no_environment


def shared(shop: Shop, alias: str, qualified: str) -> None:
    """This side's share-safe table, as it was published in the rehearsal, in its workspace and in the room."""
    side = shop.side(alias)
    place = shop.both.provider if alias == "north" else shop.both.consumer
    table = DeltaTable(str(side.share_folder(qualified))).to_pyarrow_table()
    local = f"{place.catalog}.default.{TABLES[qualified].name}"
    rows = ", ".join(f"({', '.join(_literal(value) for value in row.values())})" for row in table.to_pylist())
    typed = ", ".join(
        f"CAST({column.name} AS {column.type}) AS {column.name}" for column in side.state().assets[qualified].schema
    )
    place.sql(f"CREATE TABLE {local} AS SELECT {typed} FROM VALUES {rows} AS t({', '.join(table.schema.names)})")
    add_table_there(side, shop.tiny.user(alias, Role.STEWARD), NewTable(str(TABLES[qualified]), local))


def _literal(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else "NULL" if value is None else str(value)


@pytest.mark.spark
@pytest.mark.slow
def test_from_the_signed_plan_to_the_receivers_rows(both: Both, at: Callable[[str], TinyRoom]) -> None:
    try:
        need_java()
    except (OSError, ValueError) as error:
        pytest.skip(f"no Java for Spark: {error}")
    shop = opened(at("signed"), both, identities(both))
    accept_there(shop.south, shop.tiny.user("south", Role.ENGINEER))
    shared(shop, "north", "north.baskets")
    shared(shop, "south", "south.members")
    shop.approved()
    run_id = shop.started()
    seen = wait_ended(shop.platforms["north"].runner, run_id, Pace(total=600, first=0.2, longest=0.5))
    assert (seen.stage, seen.reason) == (RunStage.SUCCEEDED, "")
    assert results_there(shop.north, shop.engineer, run_id, TABLES) == (NAME,)
    (result,) = shop.north.state().results
    assert all(result.checks.values())
    assert result.certificate["certified"] is True
    (waiting,) = waiting_results(shop.north, shop.reviewer)
    release_result(shop.north, shop.reviewer, result_id(waiting.result))
    rehearsed = at("released")
    answers = [ask_template(each.side("south"), each.user("south", Role.ANALYST), NAME) for each in (shop.tiny, rehearsed)]
    shown, wanted = (each.answer for each in answers)
    assert shown is not None
    assert wanted is not None
    assert (shown.columns, shown.rows) == (wanted.columns, wanted.rows)
    assert len(shown.rows) > 3
