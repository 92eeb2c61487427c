"""Rooms as strangers write them (tests/rooms/outsider), other domains and shapes than the examples: what is released equals a
plain pandas computation on the raw rows, with the agreed meaning of cohort, clip, small numerators and counts of people."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from cleanroom_core.context import Context, create_home
from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
from cleanroom_core.rehearsal import import_room
from cleanroom_core.stories.check_room import check_room_file
from cleanroom_core.stories.play import Played
from tests.stories.tiny_room import TinyRoom

pytestmark = pytest.mark.usefixtures("same_process")

ROOMS = Path(__file__).parents[1] / "rooms" / "outsider"
Cells = dict[tuple[Any, ...], list[Any]]
Figure = Callable[[pd.DataFrame], Any]


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Callable[[str], list[Played]]]:
    """Play a room file whose data the test has written to `tmp_path`; what the check says comes first."""
    opened: list[Context] = []

    def play_room(name: str) -> list[Played]:
        shutil.copy(ROOMS / f"{name}.yaml", tmp_path / "room.yaml")
        definition, problems = check_room_file(
            tmp_path / "room.yaml", DuckDBOwnerEngine(tmp_path / "work"), datetime.now(UTC).date()
        )
        assert definition is not None
        assert not problems
        create_home(tmp_path / "home")
        opened.append(Context.open(tmp_path / "home"))
        import_room(opened[-1], definition)
        return list(TinyRoom(opened[-1], definition).steps())

    yield play_room
    for context in opened:
        context.close()


def figures(steps: list[Played], number: int) -> list[tuple[Any, ...]]:
    """Rows of the request with this number, in the order shown; every step of the play went as it should."""
    for step in steps:
        assert step.ok, step.words
    asked = [step for step in steps if step.step == "request"]
    assert asked[number].answered is not None
    answer = asked[number].answered.answer
    assert answer is not None, asked[number].words
    return [tuple(row) for row in answer.rows]


def expected(joined: pd.DataFrame, keys: list[str], people: list[str], minimum: int, **wanted: Figure) -> Cells:
    """Label combinations with at least `minimum` distinct people of every kind, and their figures."""
    found: Cells = {}
    for labels, cell in joined.groupby(keys, dropna=False) if keys else [((), joined)]:
        if min(cell[who].nunique() for who in people) >= minimum:
            found[tuple(_plain(label) for label in labels)] = [figure(cell) for figure in wanted.values()]
    assert found
    return found


def assert_equal(rows: list[tuple[Any, ...]], cells: Mapping[tuple[Any, ...], list[Any]], keys: int, withheld: int = 0) -> None:
    """`withheld`: how many cells the certificate keeps back, so that no combination of sheets is about few people."""
    shown = {tuple(_plain(label) for label in row[:keys]): row[keys:] for row in rows}
    assert shown.keys() <= cells.keys()
    assert len(cells) - len(shown) == withheld
    for labels, wanted in ((labels, cells[labels]) for labels in shown):
        for got, want in zip(shown[labels], wanted, strict=True):
            if isinstance(want, str):
                assert str(got) == want, labels
            else:
                assert float(got) == pytest.approx(float(want), rel=1e-9, abs=1e-9), labels


def _plain(label: Any) -> Any:
    if label is None or label is pd.NaT or (isinstance(label, float) and np.isnan(label)):
        return None
    if isinstance(label, date):
        return label.isoformat()[:10]
    return label.item() if isinstance(label, np.generic) else label


def rows(cell: pd.DataFrame) -> int:
    return len(cell)


def mean(column: str) -> Figure:
    return lambda cell: cell[column].mean()


def total(column: str) -> Figure:
    return lambda cell: cell[column].sum()


def stepped(column: str, step: float) -> Figure:
    """The receiver's own measure, or one that the join repeats: its sum in steps of the largest value."""
    return lambda cell: half_up(cell[column].sum() / step, "1") * step


def stepped_mean(column: str, step: float) -> Figure:
    return lambda cell: stepped(column, step)(cell) / len(cell)


def people(column: str, minimum: int) -> Figure:
    return lambda cell: max(minimum, cell[column].nunique() // 10 * 10)


def half_up(value: float, places: str) -> float:
    return float(Decimal(repr(float(value))).quantize(Decimal(places), ROUND_HALF_UP))


def test_telecom_churn_from_a_german_csv(tmp_path: Path, played: Callable[[str], list[Played]]) -> None:
    """Semicolons, a byte order mark, umlauts and line ends inside values, phone numbers in two spellings, back-ticked names."""
    dice, n = np.random.default_rng(1), 3000
    who = dice.integers(0, 1500, n)
    contracts = pd.DataFrame({
        "Rufnummer": [f"+49 17{w % 9} {1000000 + w * 7}" for w in who],
        "Tarif Größe": dice.choice(["klein; billig", "mittel", 'XXL "Spezial"'], n),
        "Straße": dice.choice(["Hauptstraße 1, 2. OG", "Am Markt\n5"], n),
        "Umsatz €": np.round(dice.gamma(2, 20, n), 2),
        "Vertragsbeginn": [f"202{3 + day // 365}-{1 + day % 12:02d}-{1 + day % 28:02d}" for day in dice.integers(0, 700, n)],
        "Gekündigt": dice.choice(["J", "N"], n, p=[0.2, 0.8]),
        "Werbung": dice.choice(["ja", "nein"], n, p=[0.8, 0.2]),
        "PLZ": dice.choice(["01067", "04109", "80331", "10115"], n),
    })  # fmt: skip
    contracts.to_csv(tmp_path / "Kunden 2024.csv", sep=";", index=False, encoding="utf-8-sig", quoting=csv.QUOTE_MINIMAL)
    devices = pd.DataFrame({
        "msisdn": [f"+4917{w % 9}-{1000000 + w * 7}" for w in range(1500)],
        "os": dice.choice(["iOS", "Android", None], 1500, p=[0.4, 0.5, 0.1]),
        "is_5g": dice.choice([True, False], 1500),
        "age_months": dice.integers(0, 60, 1500),
    })  # fmt: skip
    devices.to_parquet(tmp_path / "devices.parquet")
    steps = played("churn")

    kept = contracts[(contracts.Werbung == "ja") & (contracts["Umsatz €"] >= 1)].assign(
        key=lambda t: t.Rufnummer.str.replace(r"\D", "", regex=True),
        umsatz=lambda t: t["Umsatz €"].clip(0, 100),
        churned=lambda t: (t["Gekündigt"] == "J").astype(int),
        region=lambda t: t.PLZ.str[0].map({"0": "Ost", "1": "Berlin"}).fillna("Süd"),
        jahr=lambda t: t.Vertragsbeginn.str[:4].astype(int),
    )
    right = devices.assign(
        key=devices.msisdn.str.replace(r"\D", "", regex=True),
        os=devices.os.fillna("unknown"),
        age=devices.age_months.clip(0, 48),
    )
    joined = kept.merge(right, on="key")
    wanted = expected(
        joined, ["Tarif Größe", "os"], ["key"], 20, n=rows, churn=mean("churned"),
        arpu=lambda cell: half_up(stepped_mean("umsatz", 100)(cell), "0.01"), revenue=stepped("umsatz", 100),
    )  # fmt: skip
    wanted = {labels: values for labels, values in wanted.items() if values[0] >= 50}
    first = figures(steps, 0)
    assert_equal(first, wanted, 2)
    assert [(-row[2], row[0]) for row in first] == sorted((-row[2], row[0]) for row in first)  # ORDER BY n DESC, tariff
    for number, (fast, region) in enumerate([(True, "Süd"), (False, "Ost")], start=1):
        part = joined[(joined.is_5g == fast) & (joined.region == region)]
        keys = ["region", "is_5g", "jahr"]
        assert_equal(
            figures(steps, number),
            expected(part, keys, ["key"], 20, p=people("key", 20), n=rows, age=stepped_mean("age", 48)),
            3,
        )


def test_insurance_claims_from_a_delta_table(tmp_path: Path, played: Callable[[str], list[Played]]) -> None:
    """Exact decimals, a numeric identifier beside a text one, a date grid, ratios of sums, one asset alone, AND and OR."""
    dice, n = np.random.default_rng(3), 5000
    cents = dice.gamma(2, 40000, n).astype(int)
    claims = pd.DataFrame({
        "policy_no": dice.integers(0, 900, n) + 1000001,
        "claim_date": [date(2023, 1, 1) + pd.Timedelta(days=int(days)) for days in dice.integers(0, 730, n)],
        "kind": dice.choice(["fire", "water", "theft", "storm"], n, p=[0.1, 0.5, 0.3, 0.1]),
        "amount": [Decimal(int(cent)) / 100 for cent in cents],
        "status": dice.choice(["OPEN", "closed", "Closed ", "REJECTED"], n),
        "fraud": dice.choice([True, False, None], n, p=[0.2, 0.7, 0.1]),
        "Order": dice.choice(["A", "B"], n),
    })  # fmt: skip
    types = {"claim_date": pa.date32(), "amount": pa.decimal128(12, 2), "fraud": pa.bool_()}
    table = pa.table({name: pa.array(claims[name].tolist(), types.get(name)) for name in claims})
    write_deltalake(str(tmp_path / "claims"), table.slice(0, n // 2))
    write_deltalake(str(tmp_path / "claims"), table.slice(n // 2), mode="append")
    brokers = pd.DataFrame({
        "POLICY": np.arange(900) + 1000001,
        "channel": dice.choice(["agent", "online", "bank, retail"], 900),
        "premium": dice.integers(200, 3000, 900) / 4,
    })  # fmt: skip
    brokers.to_csv(tmp_path / "brokers.csv", sep=";", index=False)
    steps = played("claims")

    kept = claims[claims.claim_date.between(date(2023, 2, 1), date(2024, 11, 30)) & (claims.status != "REJECTED")]
    kept = kept[~((kept.kind == "storm") & (kept.amount > 1000))].assign(
        amount=lambda t: t.amount.astype(float).clip(0, 2500),
        status=lambda t: t.status.str.strip().str.lower(),
        fraud=lambda t: [int(flag is True) for flag in t.fraud],
        year=lambda t: [day.year for day in t.claim_date],
        month=lambda t: [f"{day:%Y-%m}-01" for day in t.claim_date],
    )
    joined = kept.merge(brokers, left_on="policy_no", right_on="POLICY").assign(premium=lambda t: t.premium.clip(50, 700.5))
    who = ["policy_no"]
    alone = expected(kept, [], who, 25, n=rows, total=total("amount"), mean=mean("amount"))
    assert_equal(figures(steps, 0), alone, 0)
    assert_equal(figures(steps, 6), alone, 0)  # asked again as SQL, without ORDER or semicolon
    by_kind = expected(
        joined[joined.status != "open"], ["kind", "channel"], who, 25, n=rows, total=total("amount"),
        premium=stepped_mean("premium", 700.5),
        rate=mean("fraud"), ratio=lambda cell: cell.amount.sum() / stepped("premium", 700.5)(cell),
    )  # fmt: skip
    assert_equal(figures(steps, 1), by_kind, 2)
    assert_equal(figures(steps, 2), expected(joined, ["month"], who, 25, n=rows, total=stepped("amount", 2500)), 1, withheld=1)
    window = joined[[date(2023, 4, 1) <= day < date(2024, 7, 1) for day in joined.claim_date]]
    window = window[(window.Order == "A") | window.channel.isin(["agent", "online"])]
    assert_equal(figures(steps, 3), expected(window, ["kind", "year"], who, 25, n=rows), 2)


def test_retail_loyalty_by_mail_address(tmp_path: Path, played: Callable[[str], list[Played]]) -> None:
    """Dirty addresses, two token specs, a counted column, a band as filter, ORDER BY and LIMIT over released figures."""
    dice, n, members = np.random.default_rng(2), 6000, 1200
    mails = [f"Person.{i}@Example{'.de' if i % 2 else '.com'}" for i in range(members)]
    spelled = [
        f" {mail}" if i % 50 == 0 else mail.upper() if i % 50 == 1 else "not-an-email" if i % 101 == 0 else mail
        for i, mail in enumerate(mails[w] for w in dice.integers(0, members, n))
    ]
    receipts = pd.DataFrame({
        "email": spelled,
        "store": dice.choice(["Berlin-Mitte", "O'Hare Mall", 'São "Centro"', "東京"], n),
        "basket": np.round(dice.gamma(2, 30, n), 2),
        "items": dice.integers(1, 40, n),
        "promo": dice.choice([0, 1], n),
        "voucher": [f"V{x}" if x < 3 else None for x in dice.integers(0, 10, n)],
        "bought": pd.Timestamp("2024-01-01 08:00") + pd.to_timedelta(dice.integers(0, 366 * 86400, n), unit="s"),
    })  # fmt: skip
    receipts.to_parquet(tmp_path / "receipts.parquet")
    people_ = pd.DataFrame({
        "E-Mail": mails,
        "tier": dice.choice(["gold", "silver", "bronze"], members, p=[0.1, 0.3, 0.6]),
        "clicks": dice.integers(0, 100, members),
        "opted": dice.choice([True, False], members, p=[0.9, 0.1]),
        "age": dice.integers(16, 90, members),
        "score": np.round(dice.random(members), 3),
        "phone": [f"+4930{i:07d}" for i in range(members)],
    })  # fmt: skip
    people_.to_csv(tmp_path / "members.csv", index=False)
    steps = played("loyalty")

    key = receipts.email.str.strip().str.lower()
    kept = receipts.assign(
        key=key.where(key.str.contains("@")),
        per_item=[min(50.0, half_up(ratio, "0.01")) for ratio in receipts.basket / receipts["items"]],
        big=(receipts.basket >= 100) | (receipts["items"] > 20),
        basket=receipts.basket.clip(0, 250),
        quarter=receipts.bought.dt.to_period("Q").dt.start_time,
    ).query("basket > 0 and store != '東京'")
    joined = kept.merge(
        people_[people_.opted & (people_.age >= 18)].assign(
            key=lambda t: t["E-Mail"].str.lower(),
            clicks=lambda t: t.clicks.clip(0, 80),
            band=lambda t: np.where(t.age < 30, "18-29", np.where(t.age < 60, "30-59", "60+")),
        ),
        on="key",
    )
    alone = expected(
        kept[kept.key.notna()], ["store"], ["key"], 10, n=rows, vouchers=lambda cell: cell.voucher.notna().sum(),
        revenue=total("basket"), per_item=mean("per_item"),
    )  # fmt: skip
    assert_equal(figures(steps, 0), alone, 1)
    for number, (tier, promo) in enumerate([("gold", 1), ("bronze", 0)], start=1):
        part = joined[(joined.tier == tier) & (joined.promo == promo)]
        bands = expected(
            part, ["band"], ["key"], 15, average=lambda cell: cell.basket.sum() / len(cell),
            per_click=lambda cell: half_up(100 * cell.basket.sum() / stepped("clicks", 80)(cell), "0.001"),
            score=stepped_mean("score", 1),
        )  # fmt: skip
        best = sorted(bands.items(), key=lambda item: -item[1][0])[:2]
        shown = figures(steps, number)
        assert_equal(shown, dict(best), 1)
        assert [(row[0],) for row in shown] == [labels for labels, _ in best]
    assert_equal(figures(steps, 3), expected(joined, ["quarter", "big"], ["key"], 15, n=rows, p=people("key", 15)), 2)
    part = joined[(joined.basket >= 20) & joined.tier.isin(["gold", "silver"])]
    assert_equal(figures(steps, 4), expected(part, ["tier"], ["key"], 15, n=rows, revenue=stepped("basket", 250)), 1)


def test_homes_and_health_joined_by_household(tmp_path: Path, played: Callable[[str], list[Played]]) -> None:
    """People of one side live in the households of the other: both are counted; three tables; few ill people stay untold."""
    dice, n, homes = np.random.default_rng(12), 1500, 400
    patients = pd.DataFrame({
        "SSN": [f"{i:09d}" for i in range(n)],
        "Addr": [f"H{h:05d}" for h in dice.integers(0, homes * 3 // 4, n)],
        "Age": dice.integers(0, 95, n),
        "Ill": dice.choice(["TRUE", "FALSE"], n, p=[0.02, 0.98]),
        "Ward": dice.choice(["A", "B", ""], n),
        "Days": dice.integers(0, 20, n),
    })  # fmt: skip
    patients.to_csv(tmp_path / "people.csv", index=False)
    houses = pd.DataFrame({
        "address": [f"h{h:05d} " for h in range(homes)],
        "Select": dice.choice(["old", "new"], homes),
        "rooms": dice.integers(1, 9, homes),
        "heat": dice.choice(["gas", "oil", "heat pump"], homes),
        "year": dice.integers(1900, 2020, homes),
    })  # fmt: skip
    houses.to_parquet(tmp_path / "homes.parquet")
    energy = pd.DataFrame({"address": [f"H{h:05d}" for h in range(homes)], "kwh": np.round(dice.normal(3000, 900, homes), 2)})
    energy.to_csv(tmp_path / "energy.csv", index=False)
    steps = played("homes")

    left = patients.assign(
        key=patients.Addr, ill=(patients.Ill == "TRUE").astype(int), days=patients.Days.clip(0, 14),
        ward=patients.Ward.replace("", None),
        group=np.where(patients.Age < 18, "child", np.where(patients.Age < 65, "adult", "old")),
    )  # fmt: skip
    right = houses.assign(
        key=houses.address.str.strip().str.upper(), rooms=houses.rooms.clip(1, 6), decade=houses.year // 10 * 10
    )
    meters = energy.assign(key=energy.address, kwh=energy.kwh.clip(0, 6000))
    both, who = left.merge(right, on="key"), ["SSN", "key"]

    def rate(cell: pd.DataFrame) -> Any:
        few = min(cell[cell.ill == side].SSN.nunique() for side in (0, 1)) < 3
        return "fewer than 3" if few else cell.ill.mean()

    refused = next(step for step in steps if step.step == "request")
    assert (refused.outcome, refused.ok) == ("refused", True)
    wanted = expected(
        both,
        ["heat", "group"],
        who,
        20,
        n=rows,
        ill=rate,
        days=mean("days"),
        persons=people("SSN", 20),
        homes=people("key", 20),
    )
    assert len({isinstance(values[1], str) for values in wanted.values()}) == 2  # both kinds occur
    assert_equal(figures(steps, 1), wanted, 2, withheld=3)
    assert_equal(figures(steps, 2), expected(both, ["ward", "Select"], who, 20, n=rows), 2, withheld=1)
    three = both.merge(meters, on="key")
    assert_equal(
        figures(steps, 3),
        expected(three, ["heat"], who, 20, kwh=stepped_mean("kwh", 6000), rooms=stepped_mean("rooms", 6), n=rows),
        1,
    )
    assert_equal(figures(steps, 4), expected(right.merge(meters, on="key"), ["heat"], ["key"], 20, n=rows, kwh=total("kwh")), 1)
    part = right[(right.decade >= 1950) & (right.heat != "oil")]
    assert_equal(figures(steps, 5), expected(part, ["decade"], ["key"], 20, n=rows), 1)
