"""The closed grammar itself: what it refuses and where, quoting, literals, limits. What it computes is in tests/sql/cases."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from cleanroom_core.errors import ExpressionError, InputError
from cleanroom_core.sql.compiler import Reference
from cleanroom_core.sql.dialect import parse_query
from cleanroom_core.sql.expressions import compile_node, parse_expression
from cleanroom_core.sql.functions.registry import REGISTRY
from cleanroom_core.sql.portable import DIALECTS, FORMS, call, portable, render
from cleanroom_core.sql.quoting import column, identifier, table
from cleanroom_core.sql.types import BIGINT, Column, Schema, SqlType
from tests.sql.case_files import refused

TYPES = {
    "s": "string",
    "n": "bigint",
    "a": "decimal(12,2)",
    "x": "double",
    "b": "boolean",
    "d": "date",
    "e": "timestamp",
    "we ird": "string",
}
SCHEMA = Schema(tuple(Column(name, SqlType.parse(type_)) for name, type_ in TYPES.items()))


@pytest.mark.parametrize("case", refused(), ids=lambda case: case["expression"])
def test_what_is_not_in_the_grammar_is_refused_with_its_place(case: dict[str, Any]) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(case["expression"], SCHEMA)
    error = caught.value
    assert (error.code, error.line, error.column) == (case["code"], case.get("line", 1), case["column"]), error.diagnostics()
    assert error.hint
    assert error.message


def test_a_name_nearly_right_is_suggested() -> None:
    schema = Schema((Column("Txn_Amount", BIGINT), Column("country", BIGINT)))
    with pytest.raises(ExpressionError) as caught:
        parse_expression("txn_amout > 1", schema)
    assert "Txn_Amount" in caught.value.hint
    with pytest.raises(ExpressionError) as caught:
        parse_expression("substrin(country, 1)", schema)
    assert "substring" in caught.value.hint


def test_columns_come_in_the_order_of_mention_spelled_as_the_table_spells_them() -> None:
    schema = Schema((Column("Zeta", BIGINT), Column("alpha", BIGINT)))
    found = parse_expression("ALPHA > 1 AND zeta > 2 AND alpha < 9", schema)
    assert found.columns == ("alpha", "Zeta")
    assert found.render("duckdb") == '"alpha" > 1 AND "Zeta" > 2 AND "alpha" < 9'


def test_comments_and_hints_do_not_reach_the_engine() -> None:
    found = parse_expression("/*+ BROADCAST(t) */ n = 1 -- ; DROP TABLE t", SCHEMA)
    assert found.render("duckdb") == '"n" = 1'


def test_precedence_survives_being_written_anew() -> None:
    assert parse_expression("(n + 1) * 2 = 6", SCHEMA).render("duckdb").count("(") >= 2
    for text, expected in {
        "NOT (b OR n = 1)": 'NOT ("b" OR "n" = 1)',
        "(b OR n = 1) AND b": '("b" OR "n" = 1) AND "b"',
        "(n = 1) = b": '("n" = 1) = "b"',
    }.items():
        assert parse_expression(text, SCHEMA).render("duckdb") == expected


def test_long_conditions_pass_and_endless_ones_are_refused() -> None:
    assert parse_expression(" OR ".join(f"n = {value}" for value in range(500)), SCHEMA).type.kind == "BOOLEAN"
    assert parse_expression(f"n IN ({', '.join(map(str, range(1000)))})", SCHEMA).type.kind == "BOOLEAN"
    for text in (
        "(" * 5000 + "n" + ")" * 5000,
        "abs(" * 40 + "n" + ")" * 40,
        "NOT " * 3000 + "b",
        "n" * 30_000,
        "(-" * 900 + "n" + ")" * 900,
    ):
        with pytest.raises(ExpressionError) as caught:
            parse_expression(text, SCHEMA)
        assert caught.value.code == "TOO_LARGE", caught.value.diagnostics()


NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20).filter(str.strip)


@settings(deadline=None)
@given(NAMES, st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), max_size=30))
def test_any_name_and_any_text_reach_duckdb_as_they_are(name: str, text: str) -> None:
    select = exp.Select(expressions=[exp.Literal.string(text).as_(identifier(name))])
    outer = exp.Select(expressions=[column(name, "inner table")]).from_(
        exp.Subquery(this=select, alias=exp.TableAlias(this=identifier("inner table")))
    )
    result = duckdb.sql(render(outer, "duckdb"))
    assert result.columns == [name]
    assert result.fetchall() == [(text,)]


@settings(deadline=None)
@given(st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00`"), min_size=1, max_size=20))
def test_a_literal_for_spark_is_read_back_as_the_same_text(text: str) -> None:
    rendered = render(exp.Literal.string(text), "spark")
    assert sqlglot.parse_one(rendered, read="spark").name == text


def test_a_column_of_any_name_can_be_mentioned() -> None:
    schema = Schema((Column('we "ird` näme', BIGINT),))
    found = parse_expression('`WE "ird`` näme` > 1', schema)
    assert found.render("duckdb") == '"we ""ird` näme" > 1'
    assert found.render("spark") == '`we "ird`` näme` > 1'


def test_the_guard_can_compile_a_part_of_a_query() -> None:
    text = "SELECT t.flag FROM provider.t t WHERE t.flag + 1 = 2"
    query = parse_query(text)
    condition = query.find(exp.Where)
    assert condition is not None

    def resolve(node: exp.Column) -> Reference:
        return Reference(f"{node.table}.{node.name}", column(node.name, node.table), BIGINT)

    found = compile_node(condition.this, resolve, text)
    assert found.columns == ("t.flag",)
    assert found.render("duckdb") == 'TRY_CAST(CAST("t"."flag" AS DECIMAL(19, 0)) + 1 AS BIGINT) = 2'


def test_every_portable_form_exists_for_every_dialect() -> None:
    assert {frozenset(forms) for forms in FORMS.values()} == {frozenset(DIALECTS.values())}
    with pytest.raises(KeyError):
        portable("no such operation")
    with pytest.raises(InputError):
        render(exp.Null(), "oracle")


def test_portable_forms_nest() -> None:
    inner = portable("utf8", portable("digits_of", column("s")))
    assert render(portable("sha256_hex", inner), "spark") == "SHA2(ENCODE(REGEXP_REPLACE(`s`, '[^0-9]', ''), 'UTF-8'), 256)"
    assert (
        render(portable("sha256_hex", call("f", inner)), "duckdb")
        == "SHA256(f(ENCODE(REGEXP_REPLACE(\"s\", '[^0-9]', '', 'g'))))"
    )


def test_rendering_leaves_the_tree_as_it_was() -> None:
    found = parse_expression("dayofweek(d)", SCHEMA)
    assert found.render("duckdb") != found.render("spark")
    assert found.render("duckdb") == parse_expression("dayofweek(d)", SCHEMA).render("duckdb")
    assert render(table("source", "t"), "duckdb") == '"source" AS "t"'


def test_no_refused_function_is_on_the_list() -> None:
    from cleanroom_core.sql.functions.registry import _REFUSED

    assert not set(REGISTRY) & set(_REFUSED)


CONDITIONS = st.recursive(
    st.sampled_from(["b", "n = 1", "s IS NULL", "a < 2.5", "d >= '2024-01-01'", "x > 0.5", "s LIKE 'a%'", "n IN (1, 2)"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" AND ", " OR ", " = ", " <=> "]), inner).map(
            lambda parts: f"(({parts[0]}){parts[1]}({parts[2]}))"
        ),
        inner.map(lambda text: f"NOT ({text})"),
        inner.map(lambda text: f"coalesce({text}, FALSE)"),
        st.tuples(inner, inner, inner).map(lambda parts: f"CASE WHEN {parts[0]} THEN {parts[1]} ELSE {parts[2]} END"),
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(CONDITIONS)
def test_what_is_generated_means_what_was_written(text: str) -> None:
    """Booleans mean the same in DuckDB's own reading, so the generated text must agree with the written one on every row."""
    booleans, numbers = "(VALUES (TRUE), (FALSE), (NULL)) v(b)", "(VALUES (1), (2), (NULL)) w(n)"
    rows = f"(SELECT * FROM {booleans}, {numbers}, (VALUES ('abc'), ('b'), (NULL)) u(s))"
    source = f"(SELECT *, 2.4::DECIMAL(12,2) AS a, 0.7::DOUBLE AS x, DATE '2024-05-05' AS d FROM {rows})"
    written = text.replace("<=>", "IS NOT DISTINCT FROM")
    generated = parse_expression(text, SCHEMA).render("duckdb")
    different = duckdb.sql(f"SELECT count(*) FROM {source} WHERE ({written}) IS DISTINCT FROM ({generated})").fetchall()
    assert different == [(0,)]


def test_compiling_takes_each_part_once() -> None:
    """Levels upon levels in a moment: nothing compiles an operand twice."""
    for text in ("+".join(["n"] * 55), "||".join(["s"] * 300), "*".join(["x"] * 55), "(" * 15 + "n" + "% 9)" * 15):
        parse_expression(text, SCHEMA)
