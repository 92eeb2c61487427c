"""The simulator and its two workspaces as tests/simulator makes them: one per test module."""

from __future__ import annotations

from tests.simulator.conftest import _clean_environment, _no_environment, both  # noqa: F401  fixtures
