"""Chromium for people who play a whole partnership; see `people.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def chromium(chromium_options: dict[str, object]) -> Iterator[Any]:
    """Ended with its module: the other browser tests start their own, and Playwright's loop is one per thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(**chromium_options)
        yield running
        running.close()
