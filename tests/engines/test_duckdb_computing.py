"""Computing, protecting and certifying in DuckDB's locked process."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
from cleanroom_core.engines.duckdb.room import DuckDBRoomEngine
from tests.engines.computing import CertifyConformance


@pytest.fixture
def owner(tmp_path: Path) -> DuckDBOwnerEngine:
    return DuckDBOwnerEngine(tmp_path / "work")


@pytest.fixture
def room(tmp_path: Path) -> DuckDBRoomEngine:
    return DuckDBRoomEngine(tmp_path / "work")


class TestDuckDBComputes(CertifyConformance):
    pass
