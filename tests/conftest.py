"""What all tests share. Everything else stands beside the tests that use it."""

from __future__ import annotations

import pytest

from tests.chromium import launch_options


@pytest.fixture(scope="session")
def chromium_options() -> dict[str, object]:
    """Keyword arguments for `playwright.chromium.launch` in tests marked `browser`."""
    return launch_options()
