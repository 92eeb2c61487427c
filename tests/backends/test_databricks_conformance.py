"""Databricks, held to the suite: the real SDK over HTTP, two simulated workspaces."""

from __future__ import annotations

import pytest

from tests.backends.conformance import BackendConformance, Stage
from tests.backends.workspaces import stage_on
from tests.simulator.conftest import Both


@pytest.fixture(scope="module")
def stage(both: Both) -> Stage:
    return stage_on(both)


class TestDatabricks(BackendConformance):
    pass
