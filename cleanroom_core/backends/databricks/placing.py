"""The identities of a side, signed in as its home says."""

from __future__ import annotations

from cleanroom_core.backends.databricks.backend import DatabricksBackend
from cleanroom_core.backends.databricks.connection import Connection, open_client
from cleanroom_core.backends.databricks.sql_warehouse import SqlWarehouse
from cleanroom_core.backends.placed import Placed
from cleanroom_core.backends.protocol import Platform


def open_warehouse(placed: Placed) -> SqlWarehouse:
    """The publisher's; signs in with its first call."""
    profile = placed.publisher or placed.owner
    return SqlWarehouse(lambda: open_client(Connection(profile=profile)), placed.warehouse)


def open_platform(placed: Placed) -> Platform:
    """Raises NotPermittedError when no usable credential is found for one of them."""
    owner = DatabricksBackend(open_client(Connection(profile=placed.owner)), placed.warehouse)
    runner = DatabricksBackend(open_client(Connection(profile=placed.runner)), placed.warehouse)
    return Platform(owner, runner, placed.room)
