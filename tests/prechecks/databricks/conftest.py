"""Two simulated workspaces per module, looked at through the real SDK with a clock that does not wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from cleanroom_core.backends.databricks.connection import Connection, open_client
from cleanroom_core.backends.databricks.facts import evidence, gatherers
from cleanroom_core.backends.databricks.facts_workspace import Workspace
from cleanroom_core.prechecks.check import Result, Status, run
from cleanroom_core.prechecks.databricks import OWN, handover
from cleanroom_core.prechecks.databricks.asked import Asked
from cleanroom_core.simulator.serving import serving
from tests.simulator.conftest import Both, Side, side

NOW = datetime.now(UTC)


class QuickClock:
    """Sleeping takes no time, and time passes by it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def opened(side: Side, admin: bool, http_seconds: float = 20.0) -> Workspace:
    """A workspace read for the first time, as the admin or as the service principal."""
    clock, facts = QuickClock(), side.facts
    who = {"token": facts["token"]} if admin else {name: facts[name] for name in ("client_id", "client_secret")}
    connection = Connection(host=facts["host"], http_seconds=http_seconds, retry_seconds=20, longest_pause=10.0, **who)
    return Workspace(open_client(connection, clock, clock.sleep))


@dataclass(frozen=True)
class Checks:
    """Runs the checks of the provider's side against the simulator."""

    both: Both
    partner: handover.Evidence
    undo: list[tuple[str, str, dict[str, Any] | None]] = field(default_factory=list)

    def __call__(self, *names: str, admin: bool = True, http_seconds: float = 20.0, **asked: Any) -> dict[str, Result]:
        workspace = opened(self.both.provider, admin, http_seconds)
        chosen = [check for check in OWN if not names or check.name in names]
        found = run(chosen, gatherers(workspace, Asked(**asked), self.partner, NOW))
        return {checked.check.name: checked.result for checked in found}

    def one(self, name: str, admin: bool = True, **asked: Any) -> Result:
        return self(name, admin=admin, **asked)[name]

    def record(self, kind: str, key: str, **changed: Any) -> None:
        """Change a record of the provider's workspace until the test is over; None removes a value."""
        control = self.both.provider.control
        before = control("GET", f"records/{kind}")["records"].get(key)
        self.undo.append((kind, key, before))
        control("PATCH", f"records/{kind}/{key}", changed)

    def gone(self, kind: str, key: str) -> None:
        control = self.both.provider.control
        self.undo.append((kind, key, control("GET", f"records/{kind}")["records"][key]))
        control("DELETE", f"records/{kind}/{key}")

    def put_back(self) -> None:
        control = self.both.provider.control
        control("DELETE", "faults")
        for kind, key, before in reversed(self.undo):
            there = control("GET", f"records/{kind}")["records"].get(key, {})
            if before is not None:
                control("PATCH", f"records/{kind}/{key}", {**dict.fromkeys(there), **before})
            elif there:
                control("DELETE", f"records/{kind}/{key}")
        self.undo.clear()


@pytest.fixture(scope="session", autouse=True)
def _clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The SDK reads DATABRICKS_* and the profiles of whoever runs the tests."""
    import os

    with pytest.MonkeyPatch.context() as patch:
        for name in [each for each in os.environ if each.startswith("DATABRICKS_")]:
            patch.delenv(name)
        patch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path_factory.mktemp("none") / "absent"))
        yield


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with serving(tmp_path_factory.mktemp("simulator")) as described:
        yield Both(*(side(facts) for facts in described["workspaces"]))


@pytest.fixture(scope="module")
def _partner(both: Both) -> handover.Evidence:
    """As the consumer's own workspace says, by way of the file."""
    return handover.read(handover.write(evidence(opened(both.consumer, admin=True), NOW)), NOW)


@pytest.fixture
def checks(both: Both, _partner: handover.Evidence) -> Iterator[Checks]:
    found = Checks(both, _partner)
    yield found
    found.put_back()


__all__ = ["NOW", "Checks", "Status", "opened"]
