"""What all tests share. Everything else stands beside the tests that use it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.chromium import launch_options
from tests.spark import TestSpark, need_java


@pytest.fixture(scope="session")
def chromium_options() -> dict[str, object]:
    """Keyword arguments for `playwright.chromium.launch` in tests marked `browser`."""
    return launch_options()


@pytest.fixture(scope="session")
def spark() -> Iterator[TestSpark]:
    """The one Spark of this test process, for tests marked `spark`; without Java they are skipped, and fail in CI."""
    try:
        need_java()
    except (OSError, ValueError) as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Java for Spark: {error}")
    found = TestSpark()
    yield found
    found.close()
