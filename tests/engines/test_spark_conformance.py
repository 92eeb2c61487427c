"""The Spark room engine does what every room engine does, classic and over Spark Connect. The share tables are written by the
embedded owner engine; Spark has no owner side."""

from __future__ import annotations

import pytest

from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
from cleanroom_core.engines.spark.room import SparkRoomEngine
from tests.engines.computing import ComputeConformance
from tests.engines.conformance import RoomConformance
from tests.spark import MARKS, TestSpark

pytestmark = MARKS

PAIRED = 25_000  # Spark looks for a cancellation between batches of a join only, so that this one ends by itself before long


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> DuckDBOwnerEngine:
    return DuckDBOwnerEngine(tmp_path_factory.mktemp("owner work"))


class TestRoomOnClassicSpark(RoomConformance):
    many, patience = PAIRED, 0.5

    @pytest.fixture(scope="class")
    @classmethod
    def room(cls, spark: TestSpark) -> SparkRoomEngine:
        return SparkRoomEngine(spark.classic)


class TestRoomOverSparkConnect(RoomConformance):
    many, patience = PAIRED, 0.5

    @pytest.fixture(scope="class")
    @classmethod
    def room(cls, spark: TestSpark) -> SparkRoomEngine:
        return SparkRoomEngine(spark.connect)


class TestClassicSparkComputes(ComputeConformance):
    @pytest.fixture
    def room(self, spark: TestSpark) -> SparkRoomEngine:
        return SparkRoomEngine(spark.classic)
