"""Two simulated workspaces per test module and the real SDK as their client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config

from cleanroom_core.simulator.serving import serving


@dataclass(frozen=True)
class Side:
    """One workspace: what the command line prints of it, and clients of the admin and of the service principal."""

    facts: dict[str, Any]
    admin: WorkspaceClient
    service: WorkspaceClient

    @property
    def warehouse(self) -> str:
        return str(self.facts["warehouse_id"])

    @property
    def catalog(self) -> str:
        return str(self.facts["catalog"])

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self.admin.api_client.do(method, f"/simulator/{path}", body=body)

    def fault(self, **fault: Any) -> None:
        self.control("POST", "faults", {"faults": [fault]})

    def sql(self, statement: str, client: WorkspaceClient | None = None, **parameters: str) -> list[list[Any]]:
        """Rows of a statement that must succeed."""
        from databricks.sdk.service.sql import StatementParameterListItem, StatementState

        items = [StatementParameterListItem(name=name, value=value) for name, value in parameters.items()]
        reply = (client or self.admin).statement_execution.execute_statement(
            statement, self.warehouse, parameters=items or None
        )
        assert reply.status is not None
        assert reply.status.state is StatementState.SUCCEEDED, reply.status.error
        return (reply.result.data_array if reply.result else None) or []


def side(facts: dict[str, Any]) -> Side:
    quick = {"host": facts["host"], "retry_timeout_seconds": 5, "http_timeout_seconds": 20, "config_file": "/nonexistent"}
    return Side(
        facts,
        WorkspaceClient(config=Config(token=facts["token"], **quick)),
        WorkspaceClient(
            config=Config(client_id=facts["client_id"], client_secret=facts["client_secret"], **quick),
        ),
    )


@dataclass(frozen=True)
class Both:
    provider: Side
    consumer: Side


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with serving(tmp_path_factory.mktemp("simulator")) as described:
        yield Both(*(side(facts) for facts in described["workspaces"]))


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """The SDK reads DATABRICKS_* of whoever runs the tests; faults of one test are over with it."""
    yield
    if "both" in request.fixturenames:
        request.getfixturevalue("both").provider.control("DELETE", "faults")


@pytest.fixture(autouse=True, scope="session")
def _clean_environment() -> Iterator[None]:
    import os

    with pytest.MonkeyPatch.context() as patch:
        for name in [each for each in os.environ if each.startswith("DATABRICKS_")]:
            patch.delenv(name)
        yield


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"
