"""What `compute` must do on every engine: subclass, give fixtures `owner` and `room`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cleanroom_core.engines.protocol import Limits, OwnerEngine, RoomEngine, ShareTable, Source
from cleanroom_core.errors import InputError, QueryCancelledError
from cleanroom_core.guard import World, judge_sql
from cleanroom_core.guard.sheet import Part
from cleanroom_core.policies.rule import Measure
from cleanroom_core.stories.certified import Released, compute_parts
from tests.engines.conformance import whole
from tests.guard.guard_worlds import world_from

SALES, HOMES = "shop.sales", "post.homes"
MINIMUM = 10
WORLD = {
    "purposes": ["test"],
    "minimum_cohort": MINIMUM,
    "dominance_percent": 0,
    "assets": {
        SALES: {
            "columns": {"token": "string", "aisle": "string", "paid": "string", "amount": "bigint"},
            "rule": {
                "privacy_unit": "token",
                "join_key": "token",
                "dimensions": {"aisle": {"domain": ["bread", "fish"]}, "paid": {"domain": ["card", "cash", "cheque"]}},
                "measures": {"amount": {"min": 0, "max": 100}},
            },
        },
        HOMES: {
            "columns": {"token": "string", "region": "string"},
            "rule": {"privacy_unit": "token", "join_key": "token", "dimensions": {"region": {"domain": ["north", "south"]}}},
        },
    },
}
ROWS_PER_KEY = {SALES: 1.5, HOMES: 1.0}

AISLES = "SELECT aisle, count(*) AS n FROM shop.sales GROUP BY aisle"
NO_CHEQUE = "SELECT aisle, count(*) AS n FROM shop.sales WHERE paid <> 'cheque' GROUP BY aisle"
PAID = "SELECT aisle, paid, count(*) AS n, sum(amount) AS s FROM shop.sales GROUP BY aisle, paid"
TOTAL_SUM = "SELECT sum(amount) AS s FROM shop.sales"
AISLE_SUMS = "SELECT aisle, sum(amount) AS s FROM shop.sales GROUP BY aisle"
REGIONS = "SELECT region, count(*) AS n FROM shop.sales JOIN post.homes USING (token) GROUP BY region"


def sales(cheques: int) -> pa.Table:
    """60 people pay by card and 60 in cash in each aisle; `cheques` of those who bought bread have a second row."""
    rows = [
        (f"{aisle}{paid}{i:03}", aisle, paid, i % 7)
        for aisle in ("bread", "fish")
        for paid in ("card", "cash")
        for i in range(60)
    ]
    rows += [(f"breadcard{i:03}", "bread", "cheque", 1) for i in range(cheques)]
    rows += [(f"fishcash{i:03}", "fish", "cheque", 1) for i in range(30)]
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(("token", "aisle", "paid", "amount"))})


def homes() -> pa.Table:
    """Three of four of those who bought anything."""
    tokens = [f"{aisle}{paid}{i:03}" for aisle in ("bread", "fish") for paid in ("card", "cash") for i in range(45)]
    return pa.table({"token": tokens, "region": [("north", "south")[i % 2] for i in range(len(tokens))]})


def with_measure(world: World, measure: Measure) -> World:
    sales = world.assets[SALES]
    changed = replace(sales, rule=replace(sales.rule, measures={"amount": measure}))
    return replace(world, assets={**world.assets, SALES: changed}, thresholds=replace(world.thresholds, numerator_minimum=3))


class ComputeConformance:
    @pytest.fixture
    def world(self) -> World:
        world = world_from(WORLD)
        return replace(
            world, assets={name: replace(asset, rows_per_key=ROWS_PER_KEY[name]) for name, asset in world.assets.items()}
        )

    def publish(self, owner: OwnerEngine, world: World, name: str, rows: pa.Table, folder: Path) -> ShareTable:
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, folder / "raw.parquet")
        schema = world.assets[name].schema
        return owner.publish(Source(folder / "raw.parquet", {}), whole(owner, schema), folder / "t", "intent", {})[0]

    def parts(self, world: World, *questions: str) -> list[Part]:
        verdicts = [judge_sql(sql, "shop", world) for sql in questions]
        assert all(verdict.ok for verdict in verdicts), [str(finding) for verdict in verdicts for finding in verdict.findings]
        return [part for verdict in verdicts for part in verdict.sheets[0].parts]

    def test_an_ordinary_plan_is_certified_whole(
        self, owner: OwnerEngine, room: RoomEngine, world: World, tmp_path: Path
    ) -> None:
        tables = {
            SALES: self.publish(owner, world, SALES, sales(30), tmp_path / "s"),
            HOMES: self.publish(owner, world, HOMES, homes(), tmp_path / "h"),
        }
        computed, seed = compute_parts(room, self.parts(world, AISLES, PAID, REGIONS), [], world.thresholds, tables)
        assert [[(cell.labels, cell.rows) for cell in cells.cells] for cells in computed.cells] == [
            [(("bread",), 150), (("fish",), 150)],
            [(("bread", "card"), 60), (("bread", "cash"), 60), (("bread", "cheque"), 30),
             (("fish", "card"), 60), (("fish", "cash"), 60), (("fish", "cheque"), 30)],
            [(("north",), 120), (("south",), 120)],
        ]  # fmt: skip
        certificate = computed.certificate
        assert certificate["certified"] is True
        assert certificate["withheld"] == [0, 0, 0]
        assert {each["asset"] for each in certificate["universes"]} == {"post.homes and shop.sales", SALES}
        assert json.loads(json.dumps(certificate)) == certificate
        again, _ = compute_parts(room, self.parts(world, AISLES, PAID, REGIONS), [], world.thresholds, tables, seed=seed)
        assert again.certificate == certificate

    @pytest.mark.parametrize("at_once", [True, False])
    def test_a_total_less_its_part_does_not_show_few_people(
        self, owner: OwnerEngine, room: RoomEngine, world: World, tmp_path: Path, at_once: bool
    ) -> None:
        """Three people paid for bread by cheque: not both the total and the total without cheques of that aisle come out."""
        tables = {SALES: self.publish(owner, world, SALES, sales(3), tmp_path / "s")}
        total, rest = self.parts(world, AISLES, NO_CHEQUE)
        if at_once:
            computed, _ = compute_parts(room, [total, rest], [], world.thresholds, tables)
            first, second = computed.cells
            labels = computed.withheld
        else:
            before, _ = compute_parts(room, [total], [], world.thresholds, tables)
            (first,) = before.cells
            assert [cell.labels for cell in first.cells] == [("bread",), ("fish",)]
            computed, _ = compute_parts(room, [rest], [Released(total, first)], world.thresholds, tables)
            (second,) = computed.cells
            labels = ((), *computed.withheld)
        shown = {cell.labels for cell in first.cells}, {cell.labels for cell in second.cells}
        assert ("bread",) not in shown[0] & shown[1]
        assert ("fish",) in shown[0] & shown[1]
        assert [set(part) for part in labels] == [{("bread",)} - shown[0], {("bread",)} - shown[1]]
        assert computed.certificate["certified"] is True
        assert sum(computed.certificate["withheld"]) == 1
        assert "bread" not in json.dumps(computed.certificate)

    def test_what_few_people_changed_is_not_shown_again(
        self, owner: OwnerEngine, room: RoomEngine, world: World, tmp_path: Path
    ) -> None:
        """One person less in the next snapshot: neither the same sheet again nor another that adds up to it."""
        old = self.publish(owner, world, SALES, sales(30), tmp_path / "old")
        new = self.publish(owner, world, SALES, sales(30).slice(1), tmp_path / "new")
        (total,) = self.parts(world, AISLES)
        before, _ = compute_parts(room, [total], [], world.thresholds, {SALES: old})
        tables = {"shop@1.sales": old, SALES: new}
        released = [Released(total, before.cells[0], 1)]
        again, _ = compute_parts(room, [total], released, world.thresholds, tables)
        assert again.cells[0].cells == ()
        finer, _ = compute_parts(room, self.parts(world, PAID), released, world.thresholds, tables)
        shown = {cell.labels for cell in finer.cells[0].cells}
        for aisle in ("bread", "fish"):
            assert not {(aisle, paid) for paid in ("card", "cash", "cheque")} <= shown
        unchanged, _ = compute_parts(room, [total], released, world.thresholds, {**tables, SALES: old})
        assert unchanged.cells[0].cells == (), "what nobody changed looks like what one person changed"

    def test_too_many_combinations_are_refused(self, room: RoomEngine, world: World) -> None:
        rule = world.assets[SALES].rule
        domain = tuple(f"a{i}" for i in range(1500))
        dimensions = {name: replace(dimension, domain=domain) for name, dimension in rule.dimensions.items()}
        large = replace(world.assets[SALES], rule=replace(rule, dimensions=dimensions))
        with pytest.raises(InputError, match="label combinations") as raised:
            compute_parts(room, self.parts(replace(world, assets={SALES: large}), PAID), [], world.thresholds, {})
        assert raised.value.code == "TOO_LARGE"

    def test_a_cancelled_run_returns_nothing(self, owner: OwnerEngine, room: RoomEngine, world: World, tmp_path: Path) -> None:
        tables = {SALES: self.publish(owner, world, SALES, sales(3), tmp_path / "s")}
        with pytest.raises(QueryCancelledError):
            compute_parts(room, self.parts(world, AISLES), [], world.thresholds, tables, Limits(), cancelled=lambda: True)


class CertifyConformance(ComputeConformance):
    """What follows from what is worked out from the same numbers, whichever engine they are read with: for one of them."""

    def test_beside_releases_that_fail_by_themselves_nothing_new_is_learned(
        self, owner: OwnerEngine, room: RoomEngine, world: World, tmp_path: Path
    ) -> None:
        """As if both the total and the total without three cheques had been released. What the third question adds to it is
        withheld, the rest of it is not."""
        tables = {SALES: self.publish(owner, world, SALES, sales(3), tmp_path / "s")}
        total, rest, paid = self.parts(world, AISLES, NO_CHEQUE, PAID)
        released = [
            Released(part, compute_parts(room, [part], [], world.thresholds, tables)[0].cells[0]) for part in (total, rest)
        ]
        computed, _ = compute_parts(room, [paid], released, world.thresholds, tables)
        assert computed.certificate["certified"] is True
        assert computed.certificate["earlier_alone"] == "too few people"
        alone, _ = compute_parts(room, [paid], [released[0]], world.thresholds, tables)
        assert alone.certificate["earlier_alone"] == "certified"
        assert {cell.labels for cell in alone.cells[0].cells} <= {cell.labels for cell in computed.cells[0].cells}

    def test_what_many_people_changed_is_shown(
        self, owner: OwnerEngine, room: RoomEngine, world: World, tmp_path: Path
    ) -> None:
        old = self.publish(owner, world, SALES, sales(30).slice(20), tmp_path / "old")
        new = self.publish(owner, world, SALES, sales(30).slice(0, 255), tmp_path / "new")
        (total,) = self.parts(world, AISLES)
        before, _ = compute_parts(room, [total], [], world.thresholds, {SALES: old})
        computed, _ = compute_parts(
            room, [total], [Released(total, before.cells[0], 1)], world.thresholds, {"shop@1.sales": old, SALES: new}
        )
        assert [cell.labels for cell in computed.cells[0].cells] == [("bread",), ("fish",)]

    @pytest.mark.parametrize("total_first", [True, False])
    def test_a_small_numerator_does_not_follow_from_a_total(
        self, owner: OwnerEngine, room: RoomEngine, world: World, tmp_path: Path, total_first: bool
    ) -> None:
        """One of 60 people who bought fish has a one: neither its figure nor two that differ by it are shown."""
        rows = [
            (f"{aisle}{i:03}", aisle, "card", int(i < ones)) for aisle, ones in (("bread", 20), ("fish", 1)) for i in range(60)
        ]
        table = pa.table({name: [row[i] for row in rows] for i, name in enumerate(("token", "aisle", "paid", "amount"))})
        flagged = with_measure(world, Measure("0", "1"))
        tables = {SALES: self.publish(owner, flagged, SALES, table, tmp_path / "s")}
        parts = self.parts(flagged, TOTAL_SUM, AISLE_SUMS)
        first, second = parts if total_first else parts[::-1]
        before, _ = compute_parts(room, [first], [], flagged.thresholds, tables)
        after, _ = compute_parts(
            room, [second], [Released(first, before.cells[0], concealed=before.concealed[0])], flagged.thresholds, tables
        )
        sums = {
            cell.labels: cell.figures["shop.sales.amount"]
            for cells in (before.cells[0], after.cells[0])
            for cell in cells.cells
        }
        assert sums["fish",].fewer
        assert sums["fish",].sum is None
        shown = {labels for labels, figure in sums.items() if figure.sum is not None}
        assert shown == ({()} if total_first else {("bread",)})
        assert sums[("bread",) if total_first else ()].withheld
        assert all(figure.count for figure in sums.values()), "how many rows there are is no secret"

    @pytest.mark.parametrize("total_first", [True, False])
    def test_a_dominated_sum_does_not_follow_from_a_total(
        self, owner: OwnerEngine, room: RoomEngine, world: World, tmp_path: Path, total_first: bool
    ) -> None:
        """Somebody spent nearly everything that was spent on fish."""
        rows = [
            (f"{aisle}{i:03}", aisle, "card", 100 if aisle == "bread" else 0) for aisle in ("bread", "fish") for i in range(60)
        ]
        rows[60] = ("fish000", "fish", "card", 90)
        table = pa.table({name: [row[i] for row in rows] for i, name in enumerate(("token", "aisle", "paid", "amount"))})
        strict = replace(world, thresholds=replace(world.thresholds, dominance_percent=10))
        tables = {SALES: self.publish(owner, strict, SALES, table, tmp_path / "s")}
        parts = self.parts(strict, TOTAL_SUM, AISLE_SUMS)
        first, second = parts if total_first else parts[::-1]
        before, _ = compute_parts(room, [first], [], strict.thresholds, tables)
        after, _ = compute_parts(
            room, [second], [Released(first, before.cells[0], concealed=before.concealed[0])], strict.thresholds, tables
        )
        found = {
            cell.labels: cell.figures["shop.sales.amount"].sum
            for cells in (before.cells[0], after.cells[0])
            for cell in cells.cells
        }
        assert found.pop(("fish",), None) is None  # the cell may be there, its sum is not
        assert {labels for labels, total in found.items() if total is not None} == ({()} if total_first else {("bread",)})
