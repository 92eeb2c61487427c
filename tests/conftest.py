"""What all tests share. Everything else stands beside the tests that use it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.chromium import launch_options
from tests.spark import TestSpark, need_java

# No test measures time; CLEANROOM_EXAMPLES asks for a longer search than every run can afford.
settings.register_profile(
    "cleanroom", settings.default, max_examples=int(os.environ.get("CLEANROOM_EXAMPLES", "25")), deadline=None
)
settings.load_profile("cleanroom")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs together when the tests are shared out among processes (`-n 2 --dist=loadgroup`): the tests of a file, as they
    share what they set up, and all tests on Spark, as they share one Java. What takes longest alone comes first."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: _first(item, item.path in slow))
    for item in items:
        item.add_marker(
            pytest.mark.xdist_group(
                "spark" if item.get_closest_marker("spark") else f"{item.path.parent.name}/{item.path.stem}"
            )
        )


def _first(item: pytest.Item, slow: bool) -> int:
    if item.get_closest_marker("spark"):
        return 0
    return 1 if "journeys" in item.path.parts else 2 if slow else 3


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
