"""The room file: what it means, how its mistakes are named, and where."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from cleanroom_core.errors import ExpressionError, RoomFileError
from cleanroom_core.guard.template import Parameter
from cleanroom_core.policies.policy import ColumnPolicy
from cleanroom_core.policies.rule import Dimension, Measure
from cleanroom_core.rooms.definition import Request
from cleanroom_core.rooms.roomfile import AGREEMENT_ENDED, DATA, check_room_text, locate, problem_at, read_room_file
from cleanroom_core.rooms.roomfile_yaml import read_text
from cleanroom_core.sql.types import SqlType

EXAMPLE = Path(__file__).parent / "roomfile_contract.yaml"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The contract's file beside (empty) data of the right kinds."""
    (tmp_path / "data" / "transactions" / "_delta_log").mkdir(parents=True)
    (tmp_path / "data" / "accounts.parquet").write_bytes(b"")
    path = tmp_path / "room.yaml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def test_the_contract_reads_as_the_definition_it_describes(example: Path) -> None:
    room = read_room_file(example, today=date(2026, 11, 22))

    assert (room.name, room.engine) == ("fraud_signals", "duckdb")
    assert list(room.collaborators.items()) == [("provider", "North Bank"), ("consumer", "Harbour Bank")]
    assert room.agreement.purposes == ("fraud_detection",)
    assert (room.agreement.minimum_cohort, room.agreement.numerator_minimum, room.agreement.dominance_percent) == (100, 3, 10)
    assert room.agreement.ends_on == date(2027, 12, 31)
    assert room.agreement.at_end == {"outputs": "delete", "share_tables": "delete", "tokens": "delete"}
    assert room.tokens["card"].normalise == ("strip", "digits_only")

    signals, accounts = room.policies["transaction_signals"], room.policies["account_behavior"]
    assert signals.qualified == "provider.transaction_signals"
    assert list(signals.columns) == [
        "card_token", "merchant_category_code", "txn_ts", "txn_amount_band", "txn_amount", "cross_border_flag", "txn_count_1h",
        "confirmed_fraud_flag",
    ]  # fmt: skip
    assert signals.columns["card_token"] == ColumnPolicy(token="card", source="card_number")
    assert signals.columns["txn_ts"] == ColumnPolicy()
    assert signals.types == {"txn_ts": SqlType.parse("timestamp"), "txn_amount": SqlType.parse("decimal(12,2)")}
    assert signals.row_filter is not None
    assert signals.row_filter.endswith("IN ('EU', 'UK')")
    assert signals.rule.period_column == "txn_ts"
    assert signals.rule.dimensions["merchant_category_code"] == Dimension(domain=("5411", "5812", "5999"))
    assert signals.rule.dimensions["txn_ts"] == Dimension(dates=("month",))
    assert accounts.rule.measures["chargeback_rate_90d"] == Measure("0", "1", ("0.01", "0.05"))

    assert room.templates["segments"].parameters == {"flag": Parameter((0, 1))}
    assert room.templates["segments"].sql.startswith("SELECT t.merchant_category_code")
    assert room.requests[0] == Request(by="consumer", expect="released", template="segments", parameters={"flag": 1})
    assert room.requests[1].expect == "refused"
    assert room.data["transaction_signals"] == example.parent / "data" / "transactions"


def test_missing_data_is_named_beside_a_definition(example: Path) -> None:
    (example.parent / "data" / "accounts.parquet").unlink()
    definition, problems = check_room_text(example.read_text(encoding="utf-8"), example.parent)
    assert definition is not None
    assert [(problem.code, problem.line) for problem in problems] == [(DATA, 58)]
    with pytest.raises(RoomFileError, match="line 58"):
        read_room_file(example)
    assert read_room_file(example, need_data=False) == definition


def test_an_agreement_that_is_over_is_named_when_a_day_is_given(example: Path) -> None:
    assert read_room_file(example, today=date(2027, 12, 31)).name == "fraud_signals"
    with pytest.raises(RoomFileError) as caught:
        read_room_file(example, today=date(2028, 1, 1))
    assert [(problem.code, problem.line) for problem in caught.value.problems] == [(AGREEMENT_ENDED, 17)]


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("a folder without a Delta log", lambda path: path.mkdir(), "not a Delta table"),
        ("another kind of file", lambda path: path.write_text("x"), "neither CSV nor Parquet"),
        ("nothing", lambda path: None, "no such file"),
    ],
)
def test_data_of_the_wrong_kind(example: Path, name: str, make, words: str) -> None:  # type: ignore[no-untyped-def]
    make(example.parent / "data" / "thing.txt")
    text = example.read_text(encoding="utf-8").replace("data/accounts.parquet", "data/thing.txt")
    _, problems = check_room_text(text, example.parent)
    assert [problem.line for problem in problems] == [58]
    assert words in problems[0].message


def test_names_and_references_compare_without_case(example: Path) -> None:
    text = example.read_text(encoding="utf-8")
    for old, new in (
        ("owner: provider", "owner: Provider"),
        ("privacy_unit: card_token\n      period", "privacy_unit: Card_Token\n      period"),
        ("{token: card, from: card_number}", "{token: CARD, from: Card_Number}"),
        ("template: segments", "template: Segments"),
        ("output_owner: both", "output_owner: Consumer"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    definition, problems = check_room_text(text, example.parent)
    assert problems == ()
    assert definition is not None
    assert definition.policies["transaction_signals"].owner == "provider"
    assert definition.policies["transaction_signals"].columns["card_token"] == ColumnPolicy(token="card", source="Card_Number")
    assert definition.agreement.output_owner == "consumer"


def test_all_problems_come_at_once_in_the_order_of_the_file(example: Path) -> None:
    text = example.read_text(encoding="utf-8")
    for old, new in (
        ("minimum_cohort: 100", "minimum_cohrt: 100"),
        ("owner: consumer", "owner: consumr"),
        ("expect: refused", "expect: no"),
    ):
        text = text.replace(old, new)
    definition, problems = check_room_text(text, example.parent)
    assert definition is None
    assert [problem.line for problem in problems] == [12, 57, 86]
    assert "Did you mean consumer?" in problems[1].hint


def test_places_inside_a_block_of_sql_are_lines_of_the_file() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    lines = text.split("\n")
    assert lines[locate(text, ("templates", "segments", "sql"), 5) - 1].strip().startswith("WHERE")
    expression = ("assets", "transaction_signals", "columns", "txn_amount_band", "expression")
    assert "txn_amount_band" in lines[locate(text, expression) - 1]
    error = ExpressionError("No.", hint="Yes.", line=5, column=7)
    problem = problem_at(text, ("templates", "segments", "sql"), error)
    assert problem.line is not None
    assert problem.column is not None
    assert lines[problem.line - 1][problem.column - 1 :].startswith("t.cross_border_flag = :flag")
    inline = problem_at(text, expression, ExpressionError("No.", hint="Yes.", line=1, column=11))
    assert inline.line is not None
    assert inline.column is not None
    assert lines[inline.line - 1][inline.column - 1 :].startswith("txn_amount < 50")
    assert locate(text, ("assets", "account_behavior", "no", "such", "key")) == locate(text, ("assets", "account_behavior"))
    assert locate(text, ("assets", "ACCOUNT_BEHAVIOR")) == 56


def test_scalars_are_those_of_yaml_1_2() -> None:
    text = 'a: NO\nb: 5411\nc: "5411"\nd: 0.05\ne: yes\nf: true\ng:\nh: 2024-01-01\ni: 1_000\nj: 12:30\nk: .inf\nl: 1e3\n'
    assert read_text(text).data == {
        "a": "NO", "b": 5411, "c": "5411", "d": Decimal("0.05"), "e": "yes", "f": True, "g": None, "h": "2024-01-01",
        "i": "1_000", "j": "12:30", "k": ".inf", "l": Decimal("1e3"),
    }  # fmt: skip


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(example: Path) -> None:
    plain = read_room_file(example)
    example.write_bytes(b"\xef\xbb\xbf" + example.read_bytes().replace(b"\n", b"\r\n"))
    assert read_room_file(example) == plain


@pytest.mark.parametrize(
    ("raw", "line", "words"),
    [
        (b"", 1, "empty"),
        (b"# only a comment\n", 2, "empty"),
        (b"room: x\nagreement: \xff\n", 2, "not UTF-8"),
        ("room: x\n".encode("utf-16"), 1, "not UTF-8"),
        (b"#" * 1_000_001, 1, "larger"),
    ],
)
def test_files_that_are_no_text_of_a_room(tmp_path: Path, raw: bytes, line: int, words: str) -> None:
    (tmp_path / "room.yaml").write_bytes(raw)
    with pytest.raises(RoomFileError, match=words) as caught:
        read_room_file(tmp_path / "room.yaml")
    assert [problem.line for problem in caught.value.problems] == [line]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RoomFileError, match=r"no file 'room\.yaml'"):
        read_room_file(tmp_path / "room.yaml")
    with pytest.raises(RoomFileError):
        read_room_file(tmp_path)
