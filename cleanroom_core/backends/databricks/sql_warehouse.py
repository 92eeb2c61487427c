"""One identity and a SQL warehouse, as the engine `warehouse` asks for them: tables looked up, statements run to their end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cleanroom_core.backends.databricks.statements import Hints, Rows, execute
from cleanroom_core.backends.databricks.translating import translated
from cleanroom_core.backends.waiting import Pace
from cleanroom_core.policies.unity_catalog.names import ObjectName

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_HINTS = Hints(
    missing="Check the names of the raw table and of the share schema; their owners grant this identity the way to them.",
    denied="It needs USE CATALOG, USE SCHEMA and SELECT on the raw table, CREATE TABLE in the share schema, and the warehouse.",
)


def _never() -> bool:
    return False


class SqlWarehouse:
    """Signs in with the first call, so that a home can be opened while its workspace is away."""

    def __init__(self, sign_in: Callable[[], WorkspaceClient], warehouse: str, pace: Pace | None = None) -> None:
        self._sign_in = sign_in
        self._warehouse = warehouse
        self._pace = pace or Pace(total=4 * 3600.0)

    @cached_property
    def _client(self) -> WorkspaceClient:
        return self._sign_in()

    def table(self, name: ObjectName) -> Mapping[str, Any] | None:
        from databricks.sdk.errors import NotFound

        with translated(f"look at {name}"):
            try:
                return self._client.tables.get(str(name)).as_dict()
            except NotFound:
                return None

    def run(self, statement: str, doing: str, cancelled: Callable[[], bool] | None = None) -> Rows:
        return execute(self._client, self._warehouse, statement, doing, self._pace, _HINTS, cancelled or _never)
