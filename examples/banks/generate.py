"""Make the tables of two invented banks: `transactions` (a Delta table, the provider) and `accounts.parquet` (the consumer).

    python examples/banks/generate.py [--out DIR] [--seed 7] [--rows 1000000] [--people 50000] [--if-missing]

Same arguments, same rows. No number is a real card: digits are random behind the prefix of a card type, with a valid check
digit (ISO/IEC 7812, Luhn). What a real partnership meets is in the data on purpose: one identifier in a hundred is spelled
differently on each side or unusable, some begin with zeros, a few people have very many transactions, some segments are very
small, and fraud depends on the merchant, on the age of the account (which only the other bank knows) and on crossing a border.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
FIRST, END = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)  # six full months

# card type: share, first digits, lengths. Private-label cards of a shop begin with zeros and must stay text everywhere.
CARDS: dict[str, tuple[float, tuple[str, ...], tuple[int, ...]]] = {
    "visa": (0.36, ("4",), (16,)),
    "mastercard": (0.22, tuple(str(n) for n in range(51, 56)), (16,)),
    "mastercard 2-series": (0.08, tuple(str(n) for n in range(2221, 2721)), (16,)),
    "amex": (0.08, ("34", "37"), (15,)),
    "discover": (0.04, ("6011", *(str(n) for n in range(644, 650)), "65"), (16,)),
    "jcb": (0.04, tuple(str(n) for n in range(3528, 3590)), (16,)),
    "diners": (0.03, (*(str(n) for n in range(300, 306)), "36", "38"), (14,)),
    "maestro": (0.06, ("5018", "5020", "5038", "5893", "6304", "6759"), tuple(range(12, 20))),
    "unionpay": (0.05, ("62",), (16, 17, 18, 19)),
    "private label": (0.04, ("0000", "0007", "0042"), (16,)),
}
# merchant category: share of transactions, how many times the usual fraud, usual amount
MERCHANTS: dict[str, tuple[float, float, float]] = {
    "5411": (0.262, 0.5, 38), "5812": (0.160, 0.7, 29), "5541": (0.120, 0.8, 52), "5999": (0.110, 1.4, 64),
    "4111": (0.090, 0.4, 9), "5732": (0.065, 2.6, 210), "4814": (0.060, 1.2, 31), "5311": (0.050, 1.0, 88),
    "7995": (0.030, 3.6, 74), "6051": (0.022, 5.5, 260), "4829": (0.018, 4.2, 310), "5944": (0.011, 2.8, 480),
    "7273": (0.0011, 3.0, 45), "5932": (0.0006, 1.0, 330), "5271": (0.0003, 0.6, 2900),
}  # fmt: skip
# age of the account: share, how many times the usual fraud
AGES: dict[str, tuple[float, float]] = {"0-1y": (0.12, 3.0), "1-3y": (0.23, 1.6), "3-7y": (0.35, 1.0), "7y+": (0.30, 0.6)}
CONSENT = {"CONSORTIUM_ELIGIBLE": 0.88, "BANK_ONLY": 0.09, "WITHDRAWN": 0.03}
REGIONS = {"EU": 0.62, "UK": 0.26, "US": 0.08, "APAC": 0.04}
USUAL_FRAUD = 0.011
OVERLAP = 0.70  # of the provider's cards have an account at the consumer
ACCOUNTS_PER_CARD = 1.2
DIRTY = 0.01

Spelling = Callable[[str], str]
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
# How each bank's systems spell an identifier they did not keep clean; the last ones leave nothing to make a token of.
PROVIDER_SPELLINGS: tuple[tuple[float, Spelling], ...] = (
    (0.40, lambda text: f"{text} "),
    (0.30, lambda text: "-".join(text[at : at + 4] for at in range(0, len(text), 4))),
    (0.20, lambda text: text.translate(FULL_WIDTH)),
    (0.10, lambda text: f"{text[:4]} **** **** {text[-4:]}"),
)
CONSUMER_SPELLINGS: tuple[tuple[float, Spelling], ...] = (
    (0.35, lambda text: " ".join(text[at : at + 4] for at in range(0, len(text), 4))),
    (0.35, lambda text: text.translate(FULL_WIDTH)),
    (0.20, lambda text: f"\t{text}"),
    (0.10, lambda text: ""),
)


@dataclass(frozen=True)
class People:
    """Every card of the story: the first `OVERLAP` of the provider's cards, and all behind them, have an account."""

    numbers: pa.Array
    ages: NDArray[np.int64]  # index into AGES
    provider: int  # so many cards are the provider's
    shared: int  # so many of those are the consumer's too


def make_people(rng: np.random.Generator, people: int) -> People:
    shared = round(people * OVERLAP)
    total = people + max(round(people * ACCOUNTS_PER_CARD) - shared, 0)
    numbers: dict[str, None] = {}
    while len(numbers) < total:
        numbers |= dict.fromkeys(card_numbers(rng, total - len(numbers)))
    ages = _choice(rng, [share for share, _ in AGES.values()], total)
    return People(pa.array(list(numbers), pa.string()), ages, people, shared)


def card_numbers(rng: np.random.Generator, count: int) -> list[str]:
    """Card numbers of all types, random digits with a valid check digit."""
    kinds = list(CARDS.values())
    found = []
    digits = rng.integers(0, 10, (count, 19))
    picks = rng.integers(0, 1 << 30, (count, 2))
    for kind, row, (first, second) in zip(_choice(rng, [kind[0] for kind in kinds], count), digits, picks, strict=True):
        _, prefixes, lengths = kinds[kind]
        prefix, length = prefixes[first % len(prefixes)], lengths[second % len(lengths)]
        body = prefix + "".join(map(str, row[len(prefix) : length - 1]))
        found.append(body + check_digit(body))
    return found


def check_digit(body: str) -> str:
    """Luhn: from the right, every second digit doubled, its digits added."""
    total = 0
    for place, character in enumerate(reversed(body)):
        digit = int(character) * (2 if place % 2 == 0 else 1)
        total += digit - 9 if digit > 9 else digit
    return str(-total % 10)


def make_transactions(rng: np.random.Generator, people: People, rows: int) -> pa.Table:
    """The provider's table, in the order of time. Some cards have hundreds of transactions, most a few."""
    weight = rng.lognormal(0.0, 1.1, people.provider)
    who = rng.choice(people.provider, rows, p=weight / weight.sum())
    merchant = _choice(rng, [share for share, _, _ in MERCHANTS.values()], rows)
    border = rng.random(rows) < 0.14
    risk = USUAL_FRAUD * np.array([risk for _, risk, _ in MERCHANTS.values()])[merchant]
    risk *= np.array([risk for _, risk in AGES.values()])[people.ages[who]] * np.where(border, 2.2, 1.0)
    fraud = rng.random(rows) < np.minimum(risk, 0.6)
    usual = np.array([amount for _, _, amount in MERCHANTS.values()])[merchant] * np.where(fraud, 1.8, 1.0)
    cents = np.clip(usual * rng.lognormal(-0.3, 0.8, rows), 0.5, 20_000) * 100
    velocity = rng.poisson(0.5, rows) + np.where(fraud, rng.poisson(3.5, rows), 0)
    span = int((END - FIRST).total_seconds()) * 1_000_000
    moment = np.sort(rng.integers(0, span, rows)) + int(FIRST.timestamp()) * 1_000_000
    consent, region = _choice(rng, CONSENT.values(), people.provider), _choice(rng, REGIONS.values(), people.provider)
    return pa.table(
        {
            "card_number": spelled(rng, people.numbers.take(pa.array(who)), PROVIDER_SPELLINGS),
            "merchant_category_code": _labels(MERCHANTS, merchant),
            "txn_amount": _decimals(cents.astype(np.int64)),
            "txn_ts": pa.array(moment, pa.timestamp("us", tz="UTC")),
            "cross_border_flag": pa.array(border.astype(np.int32)),
            "txn_count_1h": pa.array(velocity.astype(np.int32)),
            "confirmed_fraud_flag": pa.array(fraud),
            "sharing_consent_flag": _labels(CONSENT, consent[who]),
            "data_residency_region": _labels(REGIONS, region[who]),
        }
    )


def make_accounts(rng: np.random.Generator, people: People) -> pa.Table:
    """The consumer's table: one row for each account, in no order that says anything."""
    who = rng.permutation(np.concatenate([np.arange(people.shared), np.arange(people.provider, len(people.numbers))]))
    ages = people.ages[who]
    risk = np.array([risk for _, risk in AGES.values()])[ages]
    rate = np.where(rng.random(len(who)) < 0.35, np.minimum(rng.exponential(0.02, len(who)) * risk, 1.0), 0.0)
    return pa.table(
        {
            "pan": spelled(rng, people.numbers.take(pa.array(who)), CONSUMER_SPELLINGS),
            "account_age_band": _labels(AGES, ages),
            "chargeback_rate_90d": pa.array(np.round(rate, 4)),
            "prior_fraud_flag": pa.array((rng.random(len(who)) < 0.03 * risk).astype(np.int32)),
        }
    )


def spelled(rng: np.random.Generator, numbers: pa.Array, spellings: tuple[tuple[float, Spelling], ...]) -> pa.Array:
    """The same identifiers, one in a hundred of them spelled in one of the given ways."""
    places = np.flatnonzero(rng.random(len(numbers)) < DIRTY)
    ways = _choice(rng, [share for share, _ in spellings], len(places))
    texts = numbers.take(pa.array(places)).to_pylist()
    mask = np.zeros(len(numbers), bool)
    mask[places] = True
    dirty = pa.array([spellings[way][1](text) for way, text in zip(ways, texts, strict=True)], pa.string())
    return pa.compute.replace_with_mask(numbers, pa.array(mask), dirty)


def write(out: Path, transactions: pa.Table, accounts: pa.Table) -> None:
    """Both tables, each complete or not there at all."""
    from deltalake import write_deltalake  # here, because --help should not wait for it

    out.mkdir(parents=True, exist_ok=True)
    making = out / f".making-{os.getpid()}"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    pq.write_table(accounts, making / "accounts.parquet")
    write_deltalake(str(making / "transactions"), transactions)
    shutil.rmtree(out / "transactions", ignore_errors=True)
    (making / "transactions").rename(out / "transactions")
    (making / "accounts.parquet").replace(out / "accounts.parquet")  # last: its presence says that all is there
    making.rmdir()


def generate(seed: int, rows: int, people: int) -> tuple[pa.Table, pa.Table]:
    """(transactions, accounts); the same tables for the same arguments."""
    rng = np.random.default_rng(seed)
    everybody = make_people(rng, people)
    return make_transactions(rng, everybody, rows), make_accounts(rng, everybody)


def _choice(rng: np.random.Generator, shares: Any, count: int) -> NDArray[np.int64]:
    weights = np.array(list(shares))
    return rng.choice(len(weights), count, p=weights / weights.sum())


def _labels(names: Any, places: NDArray[np.int64]) -> pa.Array:
    return pa.array(list(names), pa.string()).take(pa.array(places))


def _decimals(cents: NDArray[np.int64]) -> pa.Array:
    """decimal(12,2) from whole, non-negative cents: the low half of each 128-bit number, little-endian."""
    words = np.zeros((len(cents), 2), np.int64)
    words[:, 0] = cents
    return pa.Array.from_buffers(pa.decimal128(12, 2), len(cents), [None, pa.py_buffer(words.tobytes())])


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the tables of two invented banks.")
    parser.add_argument("--out", type=Path, default=HERE / "data", help="the folder to write into (default: data/ beside this)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rows", type=int, default=1_000_000, help="transactions of the provider")
    parser.add_argument("--people", type=int, default=50_000, help="cards of the provider")
    parser.add_argument("--if-missing", action="store_true", help="do nothing when both tables are there")
    args = parser.parse_args()
    if args.rows < 1 or args.people < 10:
        parser.error("at least 1 row and 10 people")
    if args.if_missing and (args.out / "transactions").is_dir() and (args.out / "accounts.parquet").is_file():
        print(f"{args.out}: there already")
        return
    transactions, accounts = generate(args.seed, args.rows, args.people)
    write(args.out, transactions, accounts)
    print(f"{args.out}: {transactions.num_rows} transactions, {accounts.num_rows} accounts")


if __name__ == "__main__":
    main()
