"""A real Spark for the tests that compare engines; they run only with CLEANROOM_TEST_SPARK=1, because it starts Java."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

MARKS = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # sockets of pyspark's own
    pytest.mark.skipif(os.environ.get("CLEANROOM_TEST_SPARK") != "1", reason="starts Java; set CLEANROOM_TEST_SPARK=1"),
]


@contextmanager
def started() -> Iterator[Any]:
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.session.timeZone", "America/New_York")  # a zone with summer time: nothing may depend on it
        .config("spark.sql.ansi.enabled", "true")
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    yield session
    session.stop()
