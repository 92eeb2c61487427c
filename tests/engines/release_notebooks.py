"""A small release plan over awkward tables, as a notebook, and its bytes played cell by cell as a platform does."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from cleanroom_core.guard import World, judge
from cleanroom_core.guard.sheet import Part
from cleanroom_core.guard.template import Parameter, Template
from cleanroom_core.guard.world import Period
from cleanroom_core.notebooks.release.write import BORDER
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.rooms.state import Planned, PlanText
from cleanroom_core.stories.release_notebook import release_notebook
from tests.guard.guard_worlds import world_named

SALES, ACCOUNTS = "provider.transaction_signals", "consumer.account_behavior"
TABLES = {
    SALES: ObjectName("spark_catalog", "cleanroom_shared", "transaction_signals"),
    ACCOUNTS: ObjectName("spark_catalog", "cleanroom_shared", "account_behavior"),
}
QUESTIONS = {
    "segments": f"""SELECT t.merchant_category_code, a.account_age_band, count(*) AS n, avg(t.txn_amount) AS mean,
            avg(t.confirmed_fraud_flag) AS frauds, sum(a.chargeback_rate_90d) AS rates
        FROM {SALES} t JOIN {ACCOUNTS} a ON t.card_token = a.card_token
        WHERE t.cross_border_flag = :flag GROUP BY t.merchant_category_code, a.account_age_band""",
    "months": f"""SELECT date_trunc('month', txn_ts) AS m, count(*) AS n, sum(score) AS s,
            count(*) FILTER (WHERE is_online) AS online FROM {SALES} GROUP BY date_trunc('month', txn_ts)""",
    "bands": f"SELECT txn_amount_band, sum(txn_amount) AS s FROM {SALES} GROUP BY txn_amount_band",
    "known": f"SELECT account_age_band, count(*) AS n FROM {ACCOUNTS} GROUP BY account_age_band",
}


def world() -> World:
    """Cohorts of four, so that a small table has cells that stay and cells that do not."""
    found = world_named("banks")
    assets = {
        name: replace(asset, rows_per_key=4.0 if name == SALES else 1.0)
        for name, asset in found.assets.items()
        if name in TABLES
    }
    period = Period(None, None)
    return replace(
        found, assets=assets, thresholds=replace(found.thresholds, minimum_cohort=dict.fromkeys(TABLES, 4)), period=period
    )


def plan() -> PlanText:
    flag = {"flag": Parameter((1,))}
    templates = {
        name: Template(name, "consumer", "fraud_detection", sql, flag if ":flag" in sql else {})
        for name, sql in QUESTIONS.items()
    }
    return PlanText({name: Planned(each, (), "provider") for name, each in templates.items()}, "a" * 64, {SALES: "b" * 64})


def parts(world: World) -> list[Part]:
    """The parts of the plan in the notebook's order."""
    found = {
        part.canonical: part
        for name in sorted(plan().templates)
        for sheet in judge(plan().templates[name].template, world).sheets
        for part in sheet.parts
    }
    return list(found.values())


def notebook() -> str:
    return release_notebook("two banks", plan(), world(), TABLES)


class Widgets:
    """`dbutils` as far as a notebook of ours uses it."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.widgets = self
        self.values = dict(values)
        self.get = self.values.__getitem__


def played(text: str, spark: Any, parameters: Mapping[str, str]) -> dict[str, Any]:
    """Run the notebook's cells, one after the other, in one namespace."""
    names: dict[str, Any] = {"spark": spark, "dbutils": Widgets(parameters), "__name__": "__main__"}
    with _own_modules():
        for number, cell in enumerate(text.split(BORDER)):
            exec(compile(cell, f"<cell {number}>", "exec", dont_inherit=True), names)  # noqa: S102  that is what it is for
    return names


@contextmanager
def _own_modules() -> Iterator[None]:
    """The notebook loads modules of the same names; afterwards this process has its own again."""
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "cleanroom_core"}
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "cleanroom_core"]:
            del sys.modules[name]
        sys.modules.update(before)
