"""The example rooms and their generators: right, repeatable, and with what makes real data difficult in them."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest

from cleanroom_core.rooms.roomfile import DATA, check_room_text, read_room_file

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
PLAIN = re.compile(r"[0-9]{12,19}")
ROWS, PEOPLE = 60_000, 3_000


def program(example: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"generate_{example}", EXAMPLES / example / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def banks() -> tuple[pa.Table, pa.Table]:
    tables: tuple[pa.Table, pa.Table] = program("banks").generate(7, ROWS, PEOPLE)
    return tables


def digest(table: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()


def luhn(number: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(digit // 10 + digit % 10 for digit in doubled) % 10 == 0


@pytest.mark.parametrize("example", ["banks", "hospital"])
def test_the_room_file_is_right(example: str) -> None:
    path = EXAMPLES / example / "room.yaml"
    definition, problems = check_room_text(path.read_text(encoding="utf-8"), path.parent, today=date(2026, 11, 22))
    assert definition is not None
    assert {problem.code for problem in problems} <= ({DATA} if example == "banks" else set())  # the banks' data is generated
    assert {request.expect for request in definition.requests} >= {"released", "refused"}


def test_the_banks_room_finds_the_tables_its_generator_writes(tmp_path: Path) -> None:
    run = [
        sys.executable,
        str(EXAMPLES / "banks" / "generate.py"),
        "--out",
        str(tmp_path / "data"),
        "--rows",
        "500",
        "--people",
        "50",
    ]
    first = subprocess.run([*run, "--if-missing"], capture_output=True, text=True, check=True)
    assert "500 transactions, 60 accounts" in first.stdout
    (tmp_path / "room.yaml").write_text((EXAMPLES / "banks" / "room.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    assert set(read_room_file(tmp_path / "room.yaml").data) == {"transaction_signals", "account_behavior"}
    written = (tmp_path / "data" / "accounts.parquet").stat().st_mtime_ns
    again = subprocess.run([*run, "--if-missing"], capture_output=True, text=True, check=True)
    assert "there already" in again.stdout
    assert (tmp_path / "data" / "accounts.parquet").stat().st_mtime_ns == written
    subprocess.run(run, capture_output=True, check=True)  # without the option: made anew, in place
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["accounts.parquet", "transactions"]

    from deltalake import DeltaTable

    assert DeltaTable(str(tmp_path / "data" / "transactions")).to_pyarrow_table().num_rows == 500


def test_the_same_arguments_make_the_same_banks(banks: tuple[pa.Table, pa.Table]) -> None:
    again = program("banks").generate(7, ROWS, PEOPLE)
    assert [digest(table) for table in again] == [digest(table) for table in banks]
    other = program("banks").generate(8, ROWS, PEOPLE)
    assert digest(other[0]) != digest(banks[0])


def test_the_banks_columns_are_those_the_room_file_names(banks: tuple[pa.Table, pa.Table]) -> None:
    transactions, accounts = banks
    assert [f"{field.name} {field.type}" for field in transactions.schema] == [
        "card_number string", "merchant_category_code string", "txn_amount decimal128(12, 2)", "txn_ts timestamp[us, tz=UTC]",
        "cross_border_flag int32", "txn_count_1h int32", "confirmed_fraud_flag bool", "sharing_consent_flag string",
        "data_residency_region string",
    ]  # fmt: skip
    assert accounts.column_names == ["pan", "account_age_band", "chargeback_rate_90d", "prior_fraud_flag"]
    domain = read_domain("merchant_category_code")
    assert set(transactions["merchant_category_code"].to_pylist()) <= set(domain)


def read_domain(column: str) -> tuple[object, ...]:
    path = EXAMPLES / "banks" / "room.yaml"
    definition, _ = check_room_text(path.read_text(encoding="utf-8"), path.parent)
    assert definition is not None
    domain = definition.policies["transaction_signals"].rule.dimensions[column].domain
    assert domain is not None
    return domain


@pytest.mark.parametrize(("side", "column"), [(0, "card_number"), (1, "pan")])
def test_clean_identifiers_are_valid_and_one_in_a_hundred_is_not_clean(
    banks: tuple[pa.Table, pa.Table], side: int, column: str
) -> None:
    numbers = banks[side][column].to_pylist()
    clean = [number for number in numbers if PLAIN.fullmatch(number) and number.isascii()]
    assert all(luhn(number) for number in set(clean))
    assert 0.005 < 1 - len(clean) / len(numbers) < 0.018
    assert {len(number) for number in clean} >= {12, 14, 15, 16, 19}
    assert any(number.startswith("0") for number in clean)


def test_every_big_card_type_occurs(banks: tuple[pa.Table, pa.Table]) -> None:
    patterns = {
        "visa": r"4[0-9]{15}", "mastercard": r"5[1-5][0-9]{14}", "2-series": r"2(22[1-9]|2[3-9]|[3-6]|7[01]|720)[0-9]{12,14}",
        "amex": r"3[47][0-9]{13}", "discover": r"6(011|4[4-9]|5)[0-9]+", "jcb": r"35(2[89]|[3-8])[0-9]+",
        "diners": r"3(0[0-5]|[68])[0-9]+", "maestro": r"(50|58|63|67)[0-9]+",
        "unionpay": r"62[0-9]{14,17}", "private": r"00[0-9]{14}",
    }  # fmt: skip
    numbers = set(banks[1]["pan"].to_pylist())
    for name, pattern in patterns.items():
        assert any(re.fullmatch(pattern, number) for number in numbers), name


def test_each_bank_misspells_in_its_own_way(banks: tuple[pa.Table, pa.Table]) -> None:
    provider = [number for number in banks[0]["card_number"].to_pylist() if not (PLAIN.fullmatch(number) and number.isascii())]
    consumer = [number for number in banks[1]["pan"].to_pylist() if not (PLAIN.fullmatch(number) and number.isascii())]
    assert any(number.endswith(" ") for number in provider)
    assert any("-" in number for number in provider)
    assert any("０" <= number[0] <= "９" for number in provider if number)
    assert any(re.fullmatch(r"([0-9]{4} )+[0-9]{1,4}", number) for number in consumer)
    assert "" in consumer
    assert not any("-" in number for number in consumer)


def test_the_tail_is_heavy_and_some_segments_are_small(banks: tuple[pa.Table, pa.Table]) -> None:
    transactions, accounts = banks
    per_card = sorted(Counter(transactions["card_number"].to_pylist()).values())
    assert per_card[-1] > 20 * per_card[len(per_card) // 2]
    ages = dict(zip(accounts["pan"].to_pylist(), accounts["account_age_band"].to_pylist(), strict=True))
    segments: dict[tuple[str, str], set[str]] = {}
    for card, code in zip(
        transactions["card_number"].to_pylist(), transactions["merchant_category_code"].to_pylist(), strict=True
    ):
        if card in ages:
            segments.setdefault((code, ages[card]), set()).add(card)
    sizes = [len(cards) for cards in segments.values()]
    assert min(sizes) < 100 < max(sizes)
    overlap = len(set(transactions["card_number"].to_pylist()) & set(ages)) / PEOPLE
    assert 0.55 < overlap < 0.75


def test_fraud_depends_on_what_only_both_banks_together_know(banks: tuple[pa.Table, pa.Table]) -> None:
    transactions, accounts = banks
    ages = dict(zip(accounts["pan"].to_pylist(), accounts["account_age_band"].to_pylist(), strict=True))
    seen: Counter[str] = Counter()
    fraud: Counter[str] = Counter()
    for card, bad in zip(
        transactions["card_number"].to_pylist(), transactions["confirmed_fraud_flag"].to_pylist(), strict=True
    ):
        if card in ages:
            seen[ages[card]] += 1
            fraud[ages[card]] += bad
    assert fraud["0-1y"] / seen["0-1y"] > 2 * fraud["7y+"] / seen["7y+"]


def test_the_hospitals_tables_are_what_the_generator_makes(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, str(EXAMPLES / "hospital" / "generate.py"), "--out", str(tmp_path)], capture_output=True, check=True
    )
    kept = EXAMPLES / "hospital" / "data"
    assert sum(path.stat().st_size for path in kept.iterdir()) < 300_000
    for name in ("admissions.csv", "members.csv"):
        assert (tmp_path / name).read_bytes() == (kept / name).read_bytes()


def test_the_hospitals_identifiers_begin_with_zeros() -> None:
    for name in ("admissions.csv", "members.csv"):
        lines = (EXAMPLES / "hospital" / "data" / name).read_text(encoding="utf-8").splitlines()[1:]
        ids = [line.split(",", 1)[0] for line in lines]
        plain = [id_ for id_ in ids if re.fullmatch(r"[0-9]{10}", id_) and id_.isascii()]
        assert 0.2 < sum(id_.startswith("0") for id_ in plain) / len(plain) < 0.5
        assert 0.003 < 1 - len(plain) / len(ids) < 0.02


def test_the_package_knows_nothing_of_the_examples() -> None:
    for path in (ROOT / "cleanroom_core").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) examples\b", path.read_text(encoding="utf-8"), re.MULTILINE), path
