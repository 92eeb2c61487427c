"""WITH and queries in FROM, written out: the cases of inlining.yaml on rows, places of findings, names, and where it ends."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlglot import exp

from cleanroom_core.guard import judge_sql
from cleanroom_core.guard.dialect import parse
from cleanroom_core.guard.grammar import unlisted_arguments
from cleanroom_core.guard.inline import inlined
from cleanroom_core.guard.sheet import Sheet
from tests.guard.guard_worlds import CASES, read_yaml, world_named

WORLD = world_named("retail")
S, C, H = "shop.sales", "bank.clients", "post.homes"
P = f"WITH p AS (SELECT customer, sum(amount) AS spent, count(*) AS visits FROM {S} GROUP BY customer)"
INLINING: list[Any] = [case for case in read_yaml(CASES / "inlining.yaml")["cases"] if "world" not in case]
ALLOWED = [case for case in INLINING if "same_as" in case]
REFUSED = [case for case in INLINING if "refused" in case]
TEXTS = {case["title"]: case["sql"] for case in ALLOWED if case["sql"].isascii()}  # DuckDB does not fold other letters
TEXTS |= read_yaml(Path(__file__).with_name("inline_texts.yaml"))


def sheet_of(sql: str) -> Sheet:
    verdict = judge_sql(sql, "shop", WORLD)
    assert verdict.ok, "\n".join(str(finding) for finding in verdict.findings)
    return verdict.sheets[0]


@pytest.mark.parametrize("text", [*TEXTS.values()], ids=[*TEXTS])
def test_nothing_is_left_that_the_closed_grammar_lacks(text: str) -> None:
    flat = inlined(parse(text), WORLD)
    assert [node for node in flat.walk() if unlisted_arguments(node)] == []
    assert flat.find(exp.Subquery, exp.With, exp.CTE) is None


@pytest.mark.parametrize("case", REFUSED, ids=[case["title"] for case in REFUSED])
def test_a_refusal_has_a_place(case: Any) -> None:
    findings = judge_sql(case["sql"], "shop", WORLD).findings
    assert [finding.code for finding in findings if finding.line is None] == []
    assert case["refused"] in [finding.code for finding in findings]


@pytest.fixture(scope="module")
def tables() -> Iterator[duckdb.DuckDBPyConnection]:
    """Sales of some people, clients of others, each client once."""
    con = duckdb.connect()
    con.execute("SELECT setseed(0.4)")
    for owner in ("shop", "bank", "post"):
        con.execute(f"CREATE SCHEMA {owner}")
    con.execute(
        f"CREATE TABLE {S} AS SELECT 'k' || (i * 7 % 61)::VARCHAR AS customer, ['bread', 'fruit', 'fish', 'tea'][1 + i % 4] AS "
        "aisle, ['Köln', 'Paris', NULL][1 + i % 3] AS city, ['web', 'store'][1 + i % 2] AS channel, 1 + i % 3 AS floor, "
        "i % 5 = 0 AS coupon, DATE '2026-03-30' + (i % 4)::INT AS sold_on, (random() * 900)::DECIMAL(10,2) AS amount, "
        "CASE WHEN i % 6 > 0 THEN 'b' END AS basket FROM range(700) t(i)"
    )
    con.execute(
        f"CREATE TABLE {C} AS SELECT 'k' || (i + 9)::VARCHAR AS customer, ['young', 'middle', 'old'][1 + i % 3] AS age_band, "
        "i % 2 = 0 AS vip, DATE '2024-05-01' + (i * 30)::INT AS since, i * 100 AS income FROM range(70) t(i)"
    )
    con.execute(
        f"CREATE TABLE {H} AS SELECT 'k' || i::VARCHAR AS customer, ['north', 'south'][1 + i % 2] AS region FROM range(40) t(i)"
    )
    yield con
    con.close()


@pytest.mark.parametrize("text", [*TEXTS.values()], ids=[*TEXTS])
def test_both_texts_say_the_same_of_any_rows(text: str, tables: duckdb.DuckDBPyConnection) -> None:
    """The analyst's text and the flat one, on real rows, without a guard."""
    flat = inlined(parse(text), WORLD)
    for node in [node for node in flat.walk() if isinstance(node, exp.Binary | exp.Not)]:
        node.replace(brackets := exp.Paren())  # a tree needs none, a text does
        brackets.set("this", node)
    rows = [tables.execute(tree.sql("duckdb")).fetchall() for tree in (parse(text), flat)]
    one, two = (sorted(str([_plain(value) for value in row]) for row in found) for found in rows)
    assert one == two != []


def _plain(value: object) -> object:
    return round(float(value), 6) if isinstance(value, float | int | Decimal) else value


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"WITH a AS (SELECT aisle AS x FROM {S})\nSELECT x, count(*)\nFROM a WHERE nowhere = 1 GROUP BY x", (3, 14)),
        (f"WITH a AS (SELECT aisle AS x, amount AS y FROM {S})\nSELECT x,\n  sum(a.x) FROM a GROUP BY x", (3, 7)),
        (f"WITH a AS (\n  SELECT aisle FROM {S} WHERE amount > 17\n) SELECT count(*) FROM a", (2, 47)),
        (f"SELECT count(*) FROM (SELECT * FROM {S}\n LIMIT 3) x", (2, 8)),
        (f"{P}\nSELECT count(*) FROM p WHERE visits > 3", (2, 30)),
    ],
)
def test_findings_point_into_the_text(text: str, place: tuple[int, int]) -> None:
    finding = judge_sql(text, "shop", WORLD).findings[0]
    assert (finding.line, finding.column) == place, str(finding)


def test_columns_keep_the_names_of_the_text() -> None:
    text = f"WITH a AS (SELECT aisle AS Kind, amount AS money FROM {S}) SELECT kind, avg(money), count(*) FROM a GROUP BY kind"
    assert [output.name for output in sheet_of(text).outputs] == ["kind", "avg_money", "count"]
    text = f"SELECT * FROM (SELECT aisle AS Kind, count(*) AS n FROM {S} GROUP BY 1) x ORDER BY n DESC, 1 LIMIT 5"
    sheet = sheet_of(text)
    assert [output.name for output in sheet.outputs] == ["Kind", "n"]
    assert [(sorting.expression, sorting.descending) for sorting in sheet.order] == [
        (sheet.outputs[1].expression, True), (sheet.outputs[0].expression, False),
    ]  # fmt: skip
    assert sheet.limit == 5
    assert [output.name for output in sheet_of(f"{P} SELECT avg(spent), sum(visits) FROM p").outputs] == [
        "avg_spent", "sum_visits",
    ]  # fmt: skip


def test_what_filters_figures_is_done_on_protected_figures() -> None:
    text = f"WITH g AS (SELECT aisle, count(*) AS n FROM {S} GROUP BY aisle HAVING sum(amount) > 5) SELECT n FROM g WHERE n > 9"
    flat = f"SELECT count(*) FROM {S} GROUP BY aisle HAVING sum(amount) > 5 AND count(*) > 9"
    assert sheet_of(text).having == sheet_of(flat).having


def test_an_output_name_in_having_means_the_figure_and_a_key_means_the_label() -> None:
    text = f"WITH a AS (SELECT aisle AS x, amount AS n FROM {S}) SELECT x, count(*) AS n FROM a GROUP BY x "
    text += "HAVING n > 9 AND x <> 'tea'"
    flat = f"SELECT aisle, count(*) FROM {S} GROUP BY aisle HAVING count(*) > 9 AND aisle <> 'tea'"
    assert sheet_of(text).having == sheet_of(flat).having


def test_an_order_that_is_the_same_for_every_row_is_left_out() -> None:
    text = f"WITH a AS (SELECT aisle, 1 AS k FROM {S}) SELECT aisle, count(*) FROM a GROUP BY aisle ORDER BY {{}}"
    assert [sorting.expression for sorting in sheet_of(text.format("2")).order] != []
    assert sheet_of(text.format("k")).order == ()


def test_a_text_without_such_queries_stays_as_it_is() -> None:
    select = parse(f"SELECT count(*) FROM {S}")
    assert inlined(select, WORLD) is select


def test_a_text_that_doubles_itself_is_too_complex() -> None:
    parts = [f"a0 AS (SELECT aisle, least(amount, amount) AS x FROM {S})"]
    parts += [f"a{n} AS (SELECT aisle, least(x, x) AS x FROM a{n - 1})" for n in range(1, 60)]
    verdict = judge_sql(f"WITH {', '.join(parts)} SELECT sum(x) FROM a59", "shop", WORLD)
    assert [finding.code for finding in verdict.findings] == ["TOO_COMPLEX"]


def test_people_are_counted_over_the_asset_with_fewer_rows_only_when_it_has_one_per_person() -> None:
    text = f"WITH p AS (SELECT customer, sum(income) FROM {C} GROUP BY 1) SELECT count(*) FROM p JOIN {S} s USING (customer)"
    assert judge_sql(text, "shop", WORLD).ok
    assets = {
        name: type(asset)(asset.owner, asset.name, asset.schema, asset.rule, asset.labels, asset.key_token, rows)
        for (name, asset), rows in zip(WORLD.assets.items(), (7.5, 1.0, 1.0), strict=True)
    }
    measured = type(WORLD)(assets, WORLD.thresholds, WORLD.purposes, WORLD.collaborators)
    assert [finding.code for finding in judge_sql(text, "shop", measured).findings] == ["PRE_AGGREGATE"]
    assert judge_sql(f"{P} SELECT c.vip, count(*) FROM p JOIN {C} c USING (customer) GROUP BY 1", "shop", measured).ok
