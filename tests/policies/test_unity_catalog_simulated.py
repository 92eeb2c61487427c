"""The statements against the simulated workspace, through Databricks' own SDK: applied, enforced, read back, undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.service.sql import StatementState
from sqlglot import exp

from cleanroom_core.policies.unity_catalog.catalog import CatalogFunction, CatalogTable
from cleanroom_core.policies.unity_catalog.difference import apply_all, changes_of, check, undo_all
from cleanroom_core.policies.unity_catalog.governance import Access, govern
from cleanroom_core.policies.unity_catalog.names import ObjectName, SchemaName
from cleanroom_core.policies.unity_catalog.share import ShareTarget, check_share, share
from cleanroom_core.policies.unity_catalog.spelling import Statement
from cleanroom_core.simulator.serving import serving
from cleanroom_core.tokens.hmac_expression import token_of
from cleanroom_core.tokens.secret_expression import secret_texts, secret_token_expression
from cleanroom_core.tokens.vectors import IDENTIFIERS
from tests.policies.catalogs import CARD, KEY, policy

TYPES = {"card": "STRING", "Consent": "STRING", "region": "STRING", "n": "INT"}
POLICY = policy(
    row_filter="consent = 'YES' AND region IN ('EU', 'O\\'Hare', 'e\u0301\u200b')",
    columns={"card_token": {"token": "card", "from": "card"}, "region": {}, "n": {}},
    rule={"privacy_unit": "card_token", "join_key": "card_token", "dimensions": {"region": {}}},
)
REGIONS = ["EU", "O'Hare", "e\u0301\u200b", "US", None]
ROWS: list[tuple[Any, ...]] = [
    (card, consent, REGIONS[number % 5], number)
    for number, card in enumerate([*IDENTIFIERS["pan"].values(), None])
    for consent in ("YES", "NO", None)
]
KEPT = [row for row in ROWS if row[1] == "YES" and row[2] in REGIONS[:3]]


class Workspace:
    def __init__(self, facts: dict[str, Any]) -> None:
        self.catalog: str = facts["catalog"]
        self.client = WorkspaceClient(
            config=Config(host=facts["host"], token=facts["token"], retry_timeout_seconds=5, config_file="/nonexistent")
        )
        self._warehouse: str = facts["warehouse_id"]
        for schema in ("gold", "security", "share"):
            self.sql(f"CREATE SCHEMA {self.catalog}.{schema}")
        self.sql(f"CREATE TABLE {self.catalog}.gold.tx ({', '.join(f'{name} {kind}' for name, kind in TYPES.items())})")
        self.sql(exp.insert(exp.values(ROWS), f"{self.catalog}.gold.tx").sql(dialect="databricks"))

    def sql(self, statement: str) -> list[list[Any]]:
        reply = self.client.statement_execution.execute_statement(statement, self._warehouse)
        assert reply.status is not None
        assert reply.status.state is StatementState.SUCCEEDED, (statement, reply.status.error)
        return (reply.result.data_array if reply.result else None) or []

    def run(self, statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            self.sql(statement.sql)

    def table(self, name: str = "gold.tx") -> CatalogTable:
        return CatalogTable.from_json(self.client.tables.get(f"{self.catalog}.{name}").as_dict())

    def functions(self) -> list[CatalogFunction]:
        found = self.client.functions.list(self.catalog, "security")
        return [CatalogFunction.from_json(function.as_dict()) for function in found]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with serving(tmp_path_factory.mktemp("simulator")) as described:
        yield Workspace(described["workspaces"][0])


def test_governance_is_applied_enforced_read_back_and_undone(workspace: Workspace) -> None:
    before = workspace.table()
    functions = SchemaName(workspace.catalog, "security")
    wanted = govern(POLICY, before, Access(functions, "cleanroom_publishers", (), {"n": "CASE WHEN region = 'EU' THEN n END"}))
    everything = f"SELECT card, region, n FROM {workspace.catalog}.gold.tx ORDER BY n"
    assert len(workspace.sql(everything)) == len(ROWS)

    changes = changes_of(wanted, before, workspace.functions(), frozenset())
    workspace.run(apply_all(changes))
    assert check(wanted, workspace.table(), workspace.functions()) == ()
    assert changes_of(wanted, workspace.table(), workspace.functions(), frozenset()) == ()
    seen = [(None, region, number if region == "EU" else None) for _, _, region, number in KEPT]
    assert sorted(map(json.dumps, workspace.sql(everything))) == sorted(
        json.dumps([card, region, None if number is None else str(number)]) for card, region, number in seen
    )

    workspace.run(undo_all(changes))
    assert workspace.table() == before
    assert workspace.functions() == []
    assert len(workspace.sql(everything)) == len(ROWS)


def test_the_share_safe_table_is_written_with_the_tokens_of_the_vectors(workspace: Workspace) -> None:
    workspace.client.secrets.create_scope("cleanroom")
    for name, text in secret_texts(CARD, KEY, native=False).items():
        workspace.client.secrets.put_secret("cleanroom", name, string_value=text)
    tokens = {"card": secret_token_expression(CARD, "cleanroom", native=False)}
    wanted = share(POLICY, workspace.table(), tokens, ShareTarget(ObjectName(workspace.catalog, "share", "tx")))
    workspace.run(wanted.statements())
    found = workspace.sql(f"SELECT * FROM {workspace.catalog}.share.tx")
    assert sorted(map(json.dumps, found)) == sorted(
        json.dumps([token_of(card, CARD, KEY), region, str(number)]) for card, _, region, number in KEPT
    )
    assert check_share(wanted, workspace.table("share.tx")) == ()
    workspace.run(wanted.undo())
