"""Tables for a world of the guard cases that hold what engines read differently: missing and unknown labels, look-alikes, ties
of roundings, NaN and infinities, negative zero, values at the ends of their types, the first and the last day there is."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cleanroom_core.engines.protocol import OwnerEngine, ShareTable, Source
from cleanroom_core.guard.world import Asset, World
from cleanroom_core.sql.types import Column, Kind
from tests.engines.conformance import whole

ROWS = 900
PEOPLE = 160
TEXTS = [
    None, "", " ", "a", "A", "a ", "ä", "a\u0308", "ß", "SS", "ı", "İ", "東京", "🙂", "it's", 'q"q', "back\\slash", "`tick`",
    "${env:HOME}", "{0}", "--", "line\nbreak", "\t", "null", "NULL", "%", "_",
]  # fmt: skip
ARROW: Mapping[Kind, pa.DataType] = {
    Kind.STRING: pa.string(), Kind.BIGINT: pa.int64(), Kind.DOUBLE: pa.float64(), Kind.BOOLEAN: pa.bool_(),
    Kind.DATE: pa.date32(), Kind.TIMESTAMP: pa.timestamp("us"),
}  # fmt: skip


def published(world: World, owner: OwnerEngine, folder: Path, seed: int = 1) -> dict[str, ShareTable]:
    """A share table of every asset, by its qualified name."""
    tables = {}
    for qualified, asset in world.assets.items():
        place = folder / qualified
        place.mkdir(parents=True)
        dice = random.Random(f"{seed} {qualified}")  # noqa: S311  repeatable
        names, types = [column.name for column in asset.schema], [_arrow(column) for column in asset.schema]
        draws = [_values(asset, column, dice) for column in asset.schema]
        columns = [pa.array([draw() for _ in range(ROWS)], type_) for draw, type_ in zip(draws, types, strict=True)]
        pq.write_table(pa.table(columns, names=names), place / "raw.parquet")
        tables[qualified], _ = owner.publish(
            Source(place / "raw.parquet", {}), whole(owner, asset.schema), place / "t", "intent", {}
        )
    return tables


def _arrow(column: Column) -> pa.DataType:
    if column.type.kind is Kind.DECIMAL:
        return pa.decimal128(column.type.precision, column.type.scale)
    return ARROW[column.type.kind]


def _values(asset: Asset, column: Column, dice: random.Random) -> Callable[[], Any]:
    """Draws values of one column: mostly ordinary ones, so that cells are large enough, and awkward ones among them."""
    if column.name in (asset.rule.privacy_unit, asset.rule.join_key):
        people = [f"p{i}" if column.type.kind is Kind.STRING else i for i in range(PEOPLE)]
        return lambda: None if dice.random() < 0.03 else people[int(PEOPLE * dice.random() ** 1.5)]
    dimension, awkward = asset.rule.dimensions.get(column.name), _awkward(asset, column)
    labels = list((dimension.domain if dimension else None) or asset.labels.get(column.name, ()))
    if labels:
        looks_like = [f(label) for label in labels if isinstance(label, str) for f in (str.upper, str.lower, "{} ".format)]
        return lambda: dice.choice(labels) if dice.random() < 0.9 else dice.choice([*awkward, *looks_like])
    ordinary = _ordinary(asset, column, dice)
    return lambda: ordinary() if dice.random() < 0.8 else dice.choice(awkward)


def _ordinary(asset: Asset, column: Column, dice: random.Random) -> Callable[[], Any]:
    measure = asset.rule.measures.get(column.name)
    low, high = (float(measure.min), float(measure.max)) if measure else (0.0, 9.0)
    match column.type.kind:
        case Kind.STRING:
            return lambda: dice.choice(["x", "y", "z"])
        case Kind.BOOLEAN:
            return lambda: dice.random() < 0.5
        case Kind.BIGINT:
            return lambda: dice.randint(int(low) - 1, int(high) + 1)
        case Kind.DOUBLE:  # many of them half-way between two values of the grid of 6 places
            return lambda: dice.choice(
                [round(dice.uniform(low, high), dice.randint(0, 9)), dice.randint(-(10**6), 10**6) / 10**6 + 5e-7]
            )
        case Kind.DECIMAL:
            step = Decimal(1).scaleb(-(column.type.scale or 0))
            return lambda: Decimal(repr(dice.uniform(low, high * 1.1))).quantize(step)
        case Kind.DATE:
            return lambda: date(2025, 12, 20) + timedelta(days=dice.randint(0, 120))
        case Kind.TIMESTAMP:
            return lambda: datetime(2025, 12, 20) + timedelta(microseconds=dice.randint(0, 120 * 86_400 * 10**6))


def _awkward(asset: Asset, column: Column) -> list[Any]:
    measure = asset.rule.measures.get(column.name)
    edges = [Decimal(text) for text in (measure.min, measure.max, *measure.bands)] if measure else []
    match column.type.kind:
        case Kind.STRING:
            return TEXTS
        case Kind.BOOLEAN:
            return [None]
        case Kind.BIGINT:
            return [None, 0, -1, 2**63 - 1, -(2**63), *(int(edge) for edge in edges)]
        case Kind.DOUBLE:
            near = [
                found
                for edge in edges
                for found in (float(edge), math.nextafter(edge, math.inf), math.nextafter(edge, -math.inf))
            ]
            return [None, -0.0, 0.0, math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, 0.1 + 0.2, 1e22, *near]
        case Kind.DECIMAL:
            step = Decimal(1).scaleb(-(column.type.scale or 0))
            largest = (10 ** (column.type.precision or 0) - 1) * step
            return [None, Decimal(0), largest, -largest, *(edge.quantize(step) for edge in edges)]
        case Kind.DATE:
            return [None, date(1, 1, 1), date(1582, 10, 10), date(1969, 12, 31), date(2024, 2, 29), date(9999, 12, 31)]
        case Kind.TIMESTAMP:
            return [
                None, datetime(1, 1, 1), datetime(1582, 10, 10, 1), datetime(1969, 12, 31, 23, 59, 59, 999999),
                datetime(2026, 1, 31, 23, 59, 59, 999999), datetime(2026, 2, 1), datetime(2026, 3, 29, 2, 30),
                datetime(2026, 10, 25, 2, 30), datetime(9999, 12, 31, 23, 59, 59, 999999),
            ]  # fmt: skip
