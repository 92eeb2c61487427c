"""SafeQuery: made by the guard only, never changed, and written from the guard's own words whatever names and labels hold."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import duckdb
import pytest

from cleanroom_core.errors import InputError
from cleanroom_core.guard import judge, judge_sql
from cleanroom_core.guard.grammar import GRAMMAR, KNOWN
from cleanroom_core.guard.safe_query import SafeQuery
from cleanroom_core.guard.template import Parameter, Template
from cleanroom_core.guard.world import World
from cleanroom_core.privacy.protect import protect
from tests.guard.guard_worlds import world_from, world_named

SQL = "SELECT txn_amount_band, count(*) FROM provider.transaction_signals GROUP BY 1"


def _query() -> SafeQuery:
    return judge_sql(SQL, "consumer", world_named("banks")).sheets[0].query


def test_nobody_else_makes_or_changes_one() -> None:
    query = _query()
    with pytest.raises(InputError):
        SafeQuery(object(), query._question, query._thresholds)
    with pytest.raises(AttributeError):
        query.assets = ("provider.raw",)
    with pytest.raises((TypeError, AttributeError, InputError)):
        copy.copy(query)
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps(query)
    with pytest.raises(InputError):
        query.render("mysql")


def test_the_text_never_reaches_the_engine() -> None:
    noise = "SELECT /*+ NOISE(t) */ t.txn_amount_band AS my_noise, count(*) AS n -- noise\n FROM provider.transaction_signals t"
    sheet = judge_sql(noise + " GROUP BY my_noise HAVING count(*) >= 7 LIMIT 3", "consumer", world_named("banks")).sheets[0]
    for dialect in ("duckdb", "spark"):
        assert "noise" not in sheet.query.render(dialect).lower()
        assert "LIMIT" not in sheet.query.render(dialect)


def test_one_sheet_per_parameter_choice_in_order() -> None:
    sql = "SELECT count(*) FROM provider.transaction_signals WHERE cross_border_flag = :f AND txn_count_1h < :cut"
    template = Template("t", "consumer", "fraud_detection", sql, {"f": Parameter((1, 0)), "cut": Parameter((5, 10))})
    sheets = judge(template, world_named("banks")).sheets
    assert [dict(sheet.parameters) for sheet in sheets] == list(template.choices())
    assert len({sheet.canonical for sheet in sheets}) == 4


NASTY = "x'); DROP TABLE t; --"
NASTY_WORLD = {
    "purposes": ["p"],
    "minimum_cohort": 2,
    "assets": {
        "provider.odd": {
            "columns": {"the token": "string", 'a"b': "string", "select": "bigint"},
            "rule": {
                "privacy_unit": "the token",
                "join_key": "the token",
                "dimensions": {'a"b': {"domain": [NASTY, "\\'", "é\n"]}},
                "measures": {"select": {"min": -5, "max": 5}},
            },
        }
    },
}


def test_names_and_labels_are_written_as_data() -> None:
    world = world_from(NASTY_WORLD)
    (sheet,) = judge_sql('SELECT `a"b` AS label, sum(`select`) AS total FROM provider.odd GROUP BY 1', "provider", world).sheets
    with duckdb.connect() as connection:
        connection.execute(
            'CREATE SCHEMA provider; CREATE TABLE provider.odd ("the token" VARCHAR, "a""b" VARCHAR, "select" BIGINT)'
        )
        for i in range(4):
            for label in (NASTY, "\\'", "é\n", "not agreed"):
                connection.execute("INSERT INTO provider.odd VALUES (?, ?, ?)", [f"p{i}", label, -9])
        cells = protect(connection.execute(sheet.query.render("duckdb")).fetchall(), sheet.layout, world.thresholds)
        assert connection.execute("SELECT count(*) FROM provider.odd").fetchone() == (16,)
    assert {cell.labels[0] for cell in cells.cells} == {NASTY, "\\'", "é\n"}
    assert {str(cell.figures["provider.odd.select"].sum) for cell in cells.cells} == {"-20"}


def test_the_grammar_knows_nothing_twice() -> None:
    assert not set(GRAMMAR) & set(KNOWN)


def test_an_unpublished_unit_column_is_a_finding_about_the_rule() -> None:
    world = world_named("banks")
    asset = world.assets["provider.transaction_signals"]
    columns = tuple(column for column in asset.schema if column.name != "card_token")
    broken = type(asset)(asset.owner, asset.name, type(asset.schema)(columns), asset.rule, asset.labels)
    verdict = judge_sql(SQL, "consumer", World({asset.qualified: broken}, world.thresholds, world.purposes))
    assert {finding.code for finding in verdict.findings} == {"RULE"}


def test_reading_templates_does_not_load_the_parser() -> None:
    code = "import cleanroom_core.guard.template, sys; sys.exit('sqlglot' in sys.modules or 'duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_cuts_between_the_values_a_column_can_hold_move_to_the_grid() -> None:
    """And with them no huge value makes the statement fail, which would say that it is there."""
    world = world_from(
        {
            "purposes": ["p"],
            "minimum_cohort": 2,
            "assets": {
                "provider.wide": {
                    "columns": {"token": "string", "x": "decimal(38,2)", "n": "bigint"},
                    "rule": {
                        "privacy_unit": "token",
                        "join_key": "token",
                        "measures": {
                            "x": {"min": 0, "max": 9, "bands": [0.0005, 3]},
                            "n": {"min": 0, "max": 9, "bands": [2.5]},
                        },
                    },
                }
            },
        }
    )
    huge = "999999999999999999999999999999999999.99"
    rows = [("0.00", 2), ("0.01", 3), ("3.00", 9223372036854775807), (huge, -9223372036854775808)]
    expected = {
        "x < 0.0005": {"0.00"}, "x <= 0.0005": {"0.00"}, "x > 0.0005": {"0.01", "3.00", huge}, "x >= 3": {"3.00", huge},
        "x > 3": {huge}, "n < 2.5": {"0.00", huge}, "n <= 2.5": {"0.00", huge}, "n >= 2.5": {"0.01", "3.00"},
    }  # fmt: skip
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA provider; CREATE TABLE provider.wide (token VARCHAR, x DECIMAL(38,2), n BIGINT)")
        for x, n in rows:
            connection.executemany("INSERT INTO provider.wide VALUES (?, ?, ?)", [[f"p{i}", x, n] for i in range(3)])
        for condition, kept in expected.items():
            sql = f"SELECT count(*), sum(x), sum(n) FROM provider.wide WHERE {condition}"
            (sheet,) = judge_sql(sql, "provider", world).sheets
            found = connection.execute(sheet.query.render("duckdb")).fetchall()
            assert found[0][sheet.layout.columns.index("n")] == 3 * len(kept), condition
