from __future__ import annotations

import pytest

from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
from cleanroom_core.engines.duckdb.room import DuckDBRoomEngine
from tests.engines.conformance import FilesConformance, RoomConformance


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> DuckDBOwnerEngine:
    return DuckDBOwnerEngine(tmp_path_factory.mktemp("owner work"))


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> DuckDBRoomEngine:
    return DuckDBRoomEngine(tmp_path_factory.mktemp("room work"))


class TestOwner(FilesConformance):
    pass


class TestRoom(RoomConformance):
    pass
