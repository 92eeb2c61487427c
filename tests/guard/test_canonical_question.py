"""The same question in other words has the same canonical form and the same partition; another question has another."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom_core.guard import judge_sql
from cleanroom_core.guard.sheet import Sheet
from tests.guard.guard_worlds import world_named

T, A = "provider.transaction_signals", "consumer.account_behavior"
ON = "t.card_token = a.card_token"
BASE = f"SELECT t.txn_amount_band, count(*), avg(t.txn_amount) FROM {T} t JOIN {A} a ON {ON} WHERE t.cross_border_flag = 1"
BASE += " AND t.merchant_category_code IN ('5411', '5812') GROUP BY t.txn_amount_band"


def sheet_of(sql: str) -> Sheet:
    verdict = judge_sql(sql, "consumer", world_named("banks"))
    assert verdict.ok, [str(finding) for finding in verdict.findings]
    return verdict.sheets[0]


@pytest.mark.parametrize(
    "other",
    [
        BASE.replace("t.", "x.").replace(f"{T} t", f"{T} x"),
        BASE.lower(),
        BASE + "  -- the same",
        BASE.replace("IN ('5411', '5812')", "IN ('5812', '5411', '5411')"),
        BASE.replace("t.merchant_category_code IN ('5411', '5812')",
                     "(t.merchant_category_code = '5812' OR '5411' = t.merchant_category_code)"),
        BASE.replace("t.merchant_category_code IN ('5411', '5812')", "t.merchant_category_code <> '5999'"),
        BASE.replace("t.merchant_category_code IN ('5411', '5812')", "NOT t.merchant_category_code IN ('5999')"),
        BASE.replace("t.merchant_category_code IN ('5411', '5812')", "t.merchant_category_code IN ('5411', '5812', '0000')"),
        BASE.replace("t.cross_border_flag = 1", "t.cross_border_flag > 0"),
        BASE.replace("WHERE t.cross_border_flag = 1 AND t.merchant_category_code IN ('5411', '5812')",
                     "WHERE (t.merchant_category_code IN ('5411', '5812')) AND NOT NOT t.cross_border_flag = 1 AND TRUE"),
        BASE.replace(f"FROM {T} t JOIN {A} a ON {ON}", f"FROM {A} a INNER JOIN {T} t USING (card_token)"),
        BASE.replace("GROUP BY t.txn_amount_band", "GROUP BY 1"),
        BASE.replace("SELECT t.txn_amount_band, count(*), avg(t.txn_amount)",
                     "SELECT round(sum(t.txn_amount) / count(t.txn_amount), 2) AS mean, t.`TXN_AMOUNT_BAND` AS band"),
        BASE + " HAVING count(*) > 7 ORDER BY 2 DESC LIMIT 1",
        BASE.replace("avg(t.txn_amount)", "avg(least(t.txn_amount, 5000))"),
    ],
)  # fmt: skip
def test_same_question_in_other_words(other: str) -> None:
    assert sheet_of(other).canonical == sheet_of(BASE).canonical
    assert sheet_of(other).query.render("duckdb") == sheet_of(BASE).query.render("duckdb")


@pytest.mark.parametrize(
    "other",
    [
        BASE.replace("cross_border_flag = 1", "cross_border_flag = 0"),
        BASE.replace("'5411', '5812'", "'5411'"),
        BASE.replace("GROUP BY t.txn_amount_band", "GROUP BY t.txn_amount_band, a.account_age_band"),
        BASE.replace(f" JOIN {A} a ON {ON}", ""),
        BASE.replace("t.cross_border_flag = 1 AND", "t.cross_border_flag = 1 OR"),
        BASE.replace("t.cross_border_flag = 1 AND", "t.txn_amount IS NOT NULL AND t.cross_border_flag = 1 AND"),
    ],
)
def test_another_question(other: str) -> None:
    assert sheet_of(other).layout.partition != sheet_of(BASE).layout.partition


def test_fewer_figures_of_the_same_cells_are_covered_and_more_are_not() -> None:
    fewer, more = sheet_of(BASE.replace(", avg(t.txn_amount)", "")), sheet_of(BASE.replace("avg(", "sum(t.score), avg("))
    base = sheet_of(BASE)
    assert fewer.canonical != base.canonical
    assert base.layout.covers(fewer.layout)
    assert not base.layout.covers(more.layout)
    assert not base.layout.covers(sheet_of(BASE.replace("flag = 1", "flag = 0")).layout)


ATOMS = st.sampled_from(
    ["t.cross_border_flag = 1", "t.merchant_category_code = '5411'", "t.merchant_category_code IN ('5812', '5999')",
     "t.is_online", "t.txn_count_1h < 5", "t.txn_count_1h >= 10", "t.txn_amount_band IS NULL",
     "t.booked_on >= DATE '2026-01-01'", "t.booked_on < DATE '2026-02-01'"]
)  # fmt: skip
Tree = str | tuple["str", list["Tree"]]
TREES = st.recursive(ATOMS, lambda inner: st.tuples(st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3)))


def _written(tree: Tree) -> str:
    return tree if isinstance(tree, str) else f"({f' {tree[0]} '.join(_written(part) for part in tree[1])})"


def _rewritten(tree: Tree, data: st.DataObject) -> str:
    """Another text of the same meaning: other order, double negation, De Morgan, repeated parts, parentheses, letters."""
    if isinstance(tree, str):
        return data.draw(
            st.sampled_from([tree, f"({tree})", f"NOT NOT {tree}", tree.replace("t.", "T."), f"({tree} OR {tree})"])
        )
    operator, parts = tree
    texts = [_rewritten(part, data) for part in data.draw(st.permutations(parts))]
    texts += [texts[0]] if data.draw(st.booleans()) else []
    if data.draw(st.booleans()):
        opposite = {"AND": "OR", "OR": "AND"}[operator]
        return f"NOT ({f' {opposite} '.join(f'NOT ({text})' for text in texts)})"
    return f"({f' {operator} '.join(texts)})"


@settings(max_examples=80, deadline=None)
@given(tree=TREES, data=st.data())
def test_canonical_form_is_invariant_under_rewrites(tree: Tree, data: st.DataObject) -> None:
    """De Morgan and double negation hold in three-valued logic too, so that every rewrite means the same."""
    select = f"SELECT count(*) FROM {T} t WHERE "
    one, two = sheet_of(select + _written(tree)), sheet_of(select + _rewritten(tree, data))
    assert one.canonical == two.canonical
