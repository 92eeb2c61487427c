"""A source table in a workspace, a policy over it, and random rows; for the tests of Unity Catalog SQL."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from cleanroom_core.policies.policy import Policy
from cleanroom_core.policies.unity_catalog.catalog import CatalogTable
from cleanroom_core.policies.unity_catalog.governance import Access, Governance, govern
from cleanroom_core.policies.unity_catalog.names import ObjectName, SchemaName
from cleanroom_core.policies.unity_catalog.share import Share, ShareTarget, share
from cleanroom_core.tokens.normalise import STRIPPED
from cleanroom_core.tokens.secret_expression import secret_token_expression
from cleanroom_core.tokens.spec import TokenSpec
from cleanroom_core.tokens.vectors import IDENTIFIERS

KEY = bytes(range(32))
CARD = TokenSpec("card", "pan", ("strip", "fullwidth_digits", "digits_only"), "card-2026-1")
MAIL = TokenSpec("mail", "email", ("strip", "lower"), "mail-2026-1")
TYPES = {
    "Card Number": "string", "mail": "varchar(200)", "Consent": "string", "region": "string", "amount": "decimal(12,2)",
    "n": "int", "rate": "double", "flag": "boolean", "day": "date", "ts": "timestamp_ntz",
}  # fmt: skip
REGIONS = "region IN ('EU', 'Łódź', 'O\\'Hare', 'e\u0301\u200b')"
ROW_FILTER = f"consent = 'YES' AND ({REGIONS} OR amount >= 50.5) AND NOT (n < -5 OR flag IS NULL)"
COLUMNS: dict[str, Any] = {
    "card_token": {"token": "card", "from": "card number"},
    "mail_token": {"token": "mail", "from": "mail"},
    "region": {},
    "band": {"expression": "CASE WHEN amount < 50 THEN '0-50' WHEN amount IS NULL THEN 'none' ELSE '50+' END"},
    "amount": {},
    "n": {},
    "flag": {"expression": "CAST(flag AS INT)"},
    "first": {"expression": "upper(left(region, 2))"},
    "day": {},
    "ts": {},
}
RULE = {
    "privacy_unit": "card_token",
    "join_key": "card_token",
    "period_column": "ts",
    "dimensions": {"region": {}, "band": {}, "ts": {"dates": ["month"]}},
    "measures": {"amount": {"min": 0, "max": 5000}, "flag": {"min": 0, "max": 1}},
}
MASKS = {"region": "concat('*', right(region, 1))", "n": "CASE WHEN flag THEN n ELSE 0 END", "amount": None}


def table(types: Mapping[str, str] = TYPES, name: str = "spark_catalog.gold.tx", **other: Any) -> CatalogTable:
    catalog, schema, last = name.split(".")
    columns = [{"name": column, "type_text": type_} for column, type_ in types.items()]
    return CatalogTable.from_json({"catalog_name": catalog, "schema_name": schema, "name": last, "columns": columns, **other})


def policy(**other: Any) -> Policy:
    base = {"asset": "signals", "owner": "provider", "row_filter": ROW_FILTER, "columns": COLUMNS, "rule": RULE}
    return Policy.from_json(base | other)


def governed(
    source: CatalogTable | None = None,
    masks: Mapping[str, str | None] = MASKS,
    readers: tuple[str, ...] = ("fraud analysts",),
    **other: Any,
) -> Governance:
    access = Access(SchemaName("spark_catalog", "security"), "cleanroom publishers", readers, masks)
    return govern(policy(**other), source or table(), access)


def shared(source: CatalogTable | None = None, *, native: bool = False, view: bool = True, **other: Any) -> Share:
    tokens = {spec.name: secret_token_expression(spec, "cleanroom", native=native) for spec in (CARD, MAIL)}
    target = ShareTarget(
        ObjectName.parse("spark_catalog.share.tx"),
        ObjectName.parse("spark_catalog.share.tx_live") if view else None,
        ObjectName.parse("spark_catalog.share.withdrawn") if view else None,
        ("cleanroom owners",),
        "cleanroom publishers",
    )
    return share(policy(**other), source or table(), tokens, target)


def rows(count: int, seed: int = 20261123) -> list[tuple[Any, ...]]:
    """Rows of `TYPES`, with NULLs, awkward Unicode and the vectors' identifiers among them."""
    draw = random.Random(seed)  # noqa: S311
    return [_row(draw) for _ in range(count)]


def _row(draw: random.Random) -> tuple[Any, ...]:
    regions = ["EU", "UK", "Łódź", "O'Hare", "", "\U0001f600", "e\u0301\u200b", "eu", "EU ", 'a`b\\c"d']
    found: tuple[Any, ...] = (
        _card(draw),
        draw.choice([*IDENTIFIERS["email"].values(), f"P{draw.randrange(500)}@Example.org", _text(draw)]),
        draw.choice(["YES", "YES", "YES", "NO", "yes", "YES ", ""]),
        draw.choice(regions),
        Decimal(draw.choice(["0", "49.99", "50", "50.49", "50.50", "-1", str(draw.randrange(10**6))])),
        draw.choice([0, 1, -5, -6, 2**31 - 1, -(2**31), draw.randrange(100)]),
        draw.choice([0.1, -0.0, 1e300, float("nan"), draw.random()]),
        draw.choice([True, False]),
        date(2024, 1, 1) + timedelta(days=draw.randrange(700)),
        datetime(2024, 1, 1) + timedelta(microseconds=draw.randrange(6 * 10**13)),
    )
    return tuple(None if draw.random() < 0.06 else value for value in found)


def _card(draw: random.Random) -> str:
    if draw.random() < 0.3:
        return draw.choice([*IDENTIFIERS["pan"].values(), _text(draw)])
    digits = [draw.randrange(10) for _ in range(draw.randrange(11, 20))]
    total = sum(sum(divmod(2 * digit, 10)) if place % 2 == 0 else digit for place, digit in enumerate(reversed(digits)))
    text = "".join(map(str, [*digits, -total % 10]))
    if draw.random() < 0.3:
        text = text.translate({ord(str(digit)): 0xFF10 + digit for digit in range(10)})
    return (
        f"{draw.choice(STRIPPED)}{draw.choice([' ', '-', '']).join([text[:4], text[4:]])}{draw.choice(['', ' ', STRIPPED[-1]])}"
    )


def _text(draw: random.Random) -> str:
    return "".join(chr(draw.choice([*range(1, 0x250), 0x3000, 0xFEFF, 0x1F600, 0x10FFFF])) for _ in range(draw.randrange(8)))
