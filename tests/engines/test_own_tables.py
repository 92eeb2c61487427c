"""The user's own tables: a corpus of files as people really have them, and what is said about each."""

from __future__ import annotations

import csv
import gzip
import io
import pickle
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path

import deltalake
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleanroom_core.engines.duckdb.inspection import inspection
from cleanroom_core.engines.duckdb.locked import open_locked
from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
from cleanroom_core.engines.duckdb.reading import Reading, open_source
from cleanroom_core.engines.protocol import Limits, ShareSelect, Source
from cleanroom_core.errors import InputError, TableError
from cleanroom_core.sql.types import STRING, Column, Schema


def opener(*files: object) -> duckdb.DuckDBPyConnection:
    return open_locked(files[0], Limits(), Path("/nowhere"))  # type: ignore[arg-type]


def inspected(path: Path, types: dict[str, str] | None = None) -> Reading:
    """As the owner-side process does it, and through the same JSON."""
    return Reading.from_json(inspection(path, types or {}, opener).as_json())


def rows_of(reading: Reading) -> list[tuple[object, ...]]:
    connection = open_locked(reading.files, Limits(), Path("/nowhere"))
    open_source(connection, reading)
    return connection.sql("SELECT * FROM source").fetchall()


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def type_of(path: Path, *values: str) -> str:
    write(path, "id,c\n" + "".join(f"x,{value}\n" for value in values))
    return str(inspected(path).described().schema.columns[1].type)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (["1", "", "-20", "0"], "BIGINT"),
        (["9223372036854775807", "-9223372036854775808"], "BIGINT"),
        (["9223372036854775808"], "STRING"),
        (["99999999999999999999999"], "STRING"),
        (["1", "007"], "STRING"),
        (["1", "1e5"], "STRING"),
        (["1", "+5"], "STRING"),
        (["1", " 5"], "STRING"),
        (["1", "5 "], "STRING"),
        (["1", "-0"], "STRING"),
        (["1", "1_000"], "STRING"),
        (["1", "0x10"], "STRING"),
        (["1", "１"], "STRING"),
        (["1", "1.5"], "STRING"),
        (["1", "NULL"], "STRING"),
        (["1", "NaN"], "STRING"),
        (["1.50", "-0.25", "12345.00"], "DECIMAL(18,2)"),
        (["1.5000000000"], "DECIMAL(38,10)"),
        (["1.50", "1.5"], "STRING"),
        (["1.50", "1"], "STRING"),
        (["1.50", "-0.00"], "STRING"),
        (["1.50", "01.50"], "STRING"),
        (["1.50", ".50"], "STRING"),
        (["1.50", "99999999999999999.00"], "STRING"),  # more digits than DECIMAL(18,2) holds
        (["1,50"], "ragged"),
        (["2026-02-28", "1999-12-31"], "DATE"),
        (["2026-02-30"], "STRING"),
        (["2026-02-28", "infinity"], "STRING"),
        (["2026-2-3"], "STRING"),
        (["28.02.2026"], "STRING"),
        (["2026-02-28 00:00:00", "2026-02-28 23:59:59"], "TIMESTAMP"),
        (["2026-02-28 12:00:00.123"], "TIMESTAMP"),
        (["2026-02-28 12:00:00.120"], "STRING"),
        (["2026-02-28 24:00:00"], "STRING"),
        (["2026-02-28T12:00:00Z"], "STRING"),
        (["true", "false"], "BOOLEAN"),
        (["True", "False", ""], "BOOLEAN"),  # as pandas writes them
        (["TRUE", "false"], "BOOLEAN"),
        (["True", "yes"], "STRING"),
        (["0.1", "0.25", "-7.0", "1e-05", "0.30000000000000004"], "DOUBLE"),  # as programs write doubles
        (["1e-05", "0.5"], "DOUBLE"),
        (["0.5", "7"], "STRING"),
        (["7", "0.5"], "STRING"),
        (["1.1", "1.10"], "STRING"),
        (["0.5", "00.25"], "STRING"),
        (["0.5", ".25"], "STRING"),
        (["0.5", "0.25 "], "STRING"),
        (["0.5", "nan"], "STRING"),
        (["0.5", "inf"], "STRING"),
        (["0.5", "1E-05"], "STRING"),
        (["0.5", "12345678901234567890.5"], "STRING"),
        (["", ""], "STRING"),
    ],
)
def test_a_column_becomes_typed_only_when_every_value_round_trips(file: Path, values: list[str], type_: str) -> None:
    if type_ == "ragged":
        with pytest.raises(TableError, match="Line 2: 3 fields found, 2 expected"):
            type_of(file, *values)
    else:
        assert type_of(file, *values) == type_


def test_sixty_thousand_card_numbers_and_one_with_leading_zeros_stay_text(file: Path) -> None:
    numbers = [str(4_000_000_000_000_000 + n) for n in range(60_000)]
    assert type_of(file, *numbers) == "BIGINT"
    assert type_of(file, *numbers, "0000123412341234") == "STRING"
    assert rows_of(inspected(file))[-1] == ("x", "0000123412341234")
    assert rows_of(inspected(file))[0] == ("x", "4000000000000000")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_dialects(file: Path, delimiter: str, start: str, end: str) -> None:
    lines = [["card number", 'the "weird", one', "Größe;|"], ["1", 'say "hi"', ""], ["2", "a\nb,;\t|", "ü"]]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(lines)
    found = inspected(write(file, start + text.getvalue()))
    assert found.described().schema.names == tuple(lines[0])
    assert rows_of(found) == [(1, 'say "hi"', None), (2, "a\nb,;\t|", "ü")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,,c\n1,2,3\n", "Line 1: column 2 has no name"),
        ("a, ,c\n1,2,3\n", "Line 1: column 2 has no name"),
        ("\n1,2\n", "Line 1: there are no column names"),
        ("a,b,A\n1,2,3\n", "Line 1: columns 1 and 3 have the same name"),
        ("straße,STRASSE\n1,2\n", "Line 1: columns 1 and 2 have the same name"),
        ("a,b\n1,2\n3\n4,5\n", "Line 3: 1 field found, 2 expected"),
        ("a,b\n1,2\n\n3,4,5\n", "Line 4: 3 fields found, 2 expected"),
        ("a,b\n1,2\n3,4,\n", "Line 3: 3 fields found, 2 expected"),
        ('a,b\n"1\n1",2\n3\n', "Line 4: 1 field found, 2 expected"),
        ('a,"b\nc"\n1,2\n', "Line 1: the name of column 2 contains a line break"),
        ("a,b\n", "no rows"),
        ("a,b", "no rows"),
        ("a,b\n\n\n", "no rows"),
        ("", "empty"),
        (b"a,b\n1,2\nx\xff,4\n", "Line 3: the bytes are not UTF-8"),
        (b"a\xe9,b\n1,2\n", "Line 1: the bytes are not UTF-8"),
        (b"a,b\n1,2\nx\x00y,4\n", "Line 3: there is a NUL byte"),
        ('a,b\n1,2\n3,"4\n5,6\n', "Line 3: a quote is opened and not closed"),
        ('a,b\n1,2\n"3"x,4\n5,6\n', "Line 3: a quote is opened and not closed"),
        ('a,b\n1,"2\n3,"4"\n5,6\n', "Line 2: a quote is opened and not closed"),
        ("a,b\n1,2\r\n3,4\n", "Line 2: the line ends with CR LF, those before with LF"),
        ("a,b\r\n1,2\r\n3,4\n", "Line 3: the line ends with LF, those before with CR LF"),
        ("a,b\n1," + "x" * 1_100_000 + "\n", "Line 2: a value is longer than 1 MB"),
    ],
)
def test_what_is_wrong_and_where(file: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(TableError) as caught:
        inspected(write(file, content))
    assert message in caught.value.message
    assert caught.value.hint


def test_blank_lines_are_no_records_but_empty_values_of_a_single_column(file: Path) -> None:
    assert rows_of(inspected(write(file, "a,b\n\n1,2\n\n\n3,4\n\n"))) == [(1, 2), (3, 4)]
    assert rows_of(inspected(write(file, 'a\n1\n\n""\n4\n'))) == [(1,), (None,), (None,), (4,)]


def test_the_line_is_right_far_down_in_the_file(file: Path) -> None:
    good = 'abc,"two\nlines"\n'
    with pytest.raises(TableError, match="Line 100002: 1 field found"):
        inspected(write(file, "a,b\n" + good * 50_000 + "alone\n" + good * 10))


def _zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.csv", "a,b\n1,2\n")
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", _zip(), "a zip archive or a spreadsheet"),
        ("a.csv", gzip.compress(b"a,b\n1,2\n", mtime=0), "a gzip archive"),
        ("a.csv", pickle.dumps({"a": 1}), "a Python pickle"),
        ("a.csv", "a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        ("a.csv", b"PAR1....PAR1", "Parquet inside"),
        ("a.parquet", b"a,b\n1,2\n", "not Parquet inside"),
        ("a.parquet", b"PAR1 cut short", "cannot be read as Parquet"),
    ],
)
def test_not_what_its_name_says(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(TableError, match=message):
        inspected(write(tmp_path / name, content))


def test_places_without_a_table(tmp_path: Path) -> None:
    for path, message in ((tmp_path / "no.csv", "There is no file no.csv"), (tmp_path, "is not a Delta table")):
        with pytest.raises(TableError, match=message):
            inspected(path)


@pytest.mark.parametrize(
    ("type_", "texts", "values"),
    [
        ("bigint", ["007", "+5", " 5 "], [7, 5, 5]),
        (
            "decimal(12,2)",
            ["1.5", "1", "-0.250", "+7.10"],
            [Decimal("1.50"), Decimal("1.00"), Decimal("-0.25"), Decimal("7.10")],
        ),
        ("double", ["1e5", "0.1"], [1e5, 0.1]),
        ("boolean", ["true", "F", "0"], [True, False, False]),
        ("date", ["2026-02-28"], [date(2026, 2, 28)]),
        (
            "timestamp",
            ["2026-02-28", "2026-02-28T12:00:00Z", "2026-02-28 12:00:00+02:00", "2026-02-28 12:00:00.5"],
            [
                datetime(2026, 2, 28),
                datetime(2026, 2, 28, 12),
                datetime(2026, 2, 28, 10),
                datetime(2026, 2, 28, 12, 0, 0, 500_000),
            ],
        ),
        ("string", ["1", "2"], ["1", "2"]),
    ],
)
def test_an_override_reads_more_spellings(file: Path, type_: str, texts: list[str], values: list[object]) -> None:
    write(file, "My Column,id\n" + "".join(f"{text},x\n" for text in [*texts, ""]))
    assert [row[0] for row in rows_of(inspected(file, {"my column": type_}))] == [*values, None]


@pytest.mark.parametrize(
    ("type_", "wrong"),
    [
        ("bigint", "1.7"), ("bigint", "1e3"), ("bigint", "9223372036854775808"), ("bigint", "secret"),
        ("decimal(12,2)", "1.005"), ("decimal(12,2)", "99999999999.00"), ("decimal(12,2)", "1e3"), ("decimal(12,2)", "1,5"),
        ("double", "nan"), ("double", "inf"), ("double", "1e999"), ("boolean", "maybe"), ("date", "2026-02-30"),
        ("date", "2026-02-28 10:00:00"), ("timestamp", "28.02.2026 10:00"), ("timestamp", "2026-02-28 25:00:00"),
    ],
)  # fmt: skip
def test_an_override_refuses_what_would_change_the_value(file: Path, type_: str, wrong: str) -> None:
    write(file, f'a,b\n"two\nlines",\nx,"{wrong}"\ny,\n')
    with pytest.raises(TableError) as caught:
        inspected(file, {"b": type_})
    assert f"Column b: a value cannot be read as {type_.upper()} (line 4)." == caught.value.message
    assert wrong not in caught.value.diagnostics()


def test_an_override_of_a_column_that_is_not_there(file: Path) -> None:
    with pytest.raises(TableError, match="names the column c"):
        inspected(write(file, "a,b\n1,2\n"), {"c": "bigint"})
    with pytest.raises(InputError, match="no column type"):
        inspected(file, {"a": "money"})


def test_parquet_types(tmp_path: Path) -> None:
    path = tmp_path / "types.parquet"
    moment = datetime(2026, 3, 29, 2, 30, tzinfo=UTC)
    arrays = {
        "i32": pa.array([1], pa.int32()), "u64": pa.array([2**64 - 1], pa.uint64()), "f32": pa.array([0.5], pa.float32()),
        "large": pa.array(["x"], pa.large_string()), "dict": pa.array(["y"]).dictionary_encode(),
        "ns": pa.array([moment.replace(tzinfo=None)], pa.timestamp("ns")), "utc": pa.array([moment], pa.timestamp("us", "UTC")),
        "berlin": pa.array([moment], pa.timestamp("ms", "Europe/Berlin")),
        "dec": pa.array([Decimal("1.50")], pa.decimal128(9, 2)),
        "bytes": pa.array([b"x"]), "list": pa.array([[1]]), "struct": pa.array([{"a": 1}]),
        "time": pa.array([1], pa.time32("s")),
        'odd "name", ü': pa.array([None], pa.string()),
    }  # fmt: skip
    pq.write_table(pa.table(arrays), path)
    found = inspected(path)
    described = found.described()
    assert [str(column.type) for column in described.schema] == [
        "BIGINT", "DECIMAL(20,0)", "DOUBLE", "STRING", "STRING", "TIMESTAMP", "TIMESTAMP", "TIMESTAMP", "DECIMAL(9,2)",
        "STRING",
    ]  # fmt: skip
    assert set(described.unusable) == {"bytes", "list", "struct", "time"}
    naive = moment.replace(tzinfo=None)
    assert rows_of(found) == [(1, Decimal(2**64 - 1), 0.5, "x", "y", naive, naive, naive, Decimal("1.50"), None)]


@pytest.mark.parametrize(
    ("values", "type_", "fits"),
    [
        (pa.array([19.99, 0.1, None]), "decimal(12,2)", True),
        (pa.array([0.1 + 0.2]), "decimal(12,2)", False),
        (pa.array([19.99], pa.float32()), "decimal(12,2)", True),
        (pa.array([1.0]), "bigint", True),
        (pa.array([1.5]), "bigint", False),
        (pa.array([Decimal("1.50")]), "decimal(10,1)", True),
        (pa.array([Decimal("1.55")]), "decimal(10,1)", False),
        (pa.array(["007"]), "bigint", True),
        (pa.array(["1.7"]), "bigint", False),
        (pa.array([7]), "string", True),
        (pa.array([datetime(2026, 1, 1)]), "date", True),
        (pa.array([datetime(2026, 1, 1, 1)]), "date", False),
        (pa.array([date(2026, 1, 1)]), "timestamp", True),
        (pa.array([datetime(2026, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC")), "date", True),
    ],
)
def test_an_override_of_a_typed_column_must_round_trip(tmp_path: Path, values: pa.Array, type_: str, fits: bool) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"id": pa.array(range(len(values))), "c": values}), path)
    if fits:
        assert len(rows_of(inspected(path, {"c": type_}))) == len(values)
    else:
        with pytest.raises(TableError, match="Column c: a value cannot be read as"):
            inspected(path, {"c": type_})


def test_empty_and_doubtful_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "empty.parquet")
    with pytest.raises(TableError, match="no rows"):
        inspected(tmp_path / "empty.parquet")
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["a", "A"]), tmp_path / "twice.parquet")
    with pytest.raises(TableError, match="same name"):
        inspected(tmp_path / "twice.parquet")
    pq.write_table(pa.table({"a": pa.array([[1]])}), tmp_path / "nested.parquet")
    with pytest.raises(TableError, match="no column of a usable type"):
        inspected(tmp_path / "nested.parquet")


def test_delta_with_partitions_and_versions(tmp_path: Path) -> None:
    folder = tmp_path / "folder with spaces ü"
    table = pa.table({
        "region": ["EU", "U K/ä", None], "day": [date(2026, 1, 1), date(2026, 1, 2), None],
        "n": pa.array([1, 2, 3], pa.int32()), "file": ["a", "b", "c"],
    })  # fmt: skip
    deltalake.write_deltalake(str(folder), pa.table({"old": [1]}))
    deltalake.write_deltalake(str(folder), table, mode="overwrite", schema_mode="overwrite", partition_by=None)
    found = inspected(folder)
    assert (found.kind, found.rows) == ("delta", 3)
    assert sorted(rows_of(found), key=lambda row: row[2]) == [
        ("EU", date(2026, 1, 1), 1, "a"), ("U K/ä", date(2026, 1, 2), 2, "b"), (None, None, 3, "c"),
    ]  # fmt: skip
    deltalake.write_deltalake(str(tmp_path / "parted"), table, partition_by=["region", "day"])
    parted = inspected(tmp_path / "parted")
    assert {column.name: str(column.type) for column in parted.described().schema} == {
        "n": "BIGINT", "file": "STRING", "region": "STRING", "day": "DATE",
    }  # fmt: skip
    names = parted.described().schema.names
    assert (
        sorted((dict(zip(names, row, strict=True)) for row in rows_of(parted)), key=lambda row: row["n"]) == table.to_pylist()
    )


@st.composite
def csv_files(draw: st.DrawFn) -> tuple[list[list[str]], str]:
    """A header with its rows, and the file a correct writer makes of them. Where nothing is quoted without need, no value holds
    another delimiter: a one-column file full of semicolons cannot be told from a two-column one."""
    delimiter, end = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n"]))
    quoted = end == "\n" or draw(st.booleans())  # Python leaves a CR bare where lines end with LF
    never = "\0\ufeff" + ("" if quoted else ",;\t|".replace(delimiter, ""))
    texts = st.text(st.characters(codec="utf-8", exclude_characters=never), max_size=12)
    titles = texts.filter(lambda title: title.strip() != "" and not set("\r\n") & set(title))
    header = draw(st.lists(titles, min_size=1, max_size=5, unique_by=lambda title: title.casefold()))
    rows = draw(st.lists(st.lists(texts, min_size=len(header), max_size=len(header)), min_size=1, max_size=6))
    text = io.StringIO(newline="")
    style = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=style).writerows([header, *rows])
    return [header, *rows], text.getvalue()


_number = count()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(csv_files())
def test_any_text_comes_back_as_it_was(tmp_path: Path, drawn: tuple[list[list[str]], str]) -> None:
    (header, *rows), text = drawn
    path = write(tmp_path / f"{next(_number)}.csv", text)
    found = inspected(path)
    assert [field.name for field in found.fields] == header
    spelled = [[None if value is None else _spelled(value) for value in row] for row in rows_of(found)]
    assert spelled == [[value or None for value in row] for row in rows]  # what became typed is still spelled the same


def _spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_text_survives_publishing(tmp_path: Path) -> None:
    awkward = [
        "",
        "a",
        " b ",
        "ü",
        "東京",
        "🙂",
        'q"q',
        "a\nb",
        "a\r\nb",
        "\t",
        "NULL",
        "007",
        "1e5",
        "\u2028",
        "'; DROP TABLE x; --",
    ]
    path = tmp_path / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["the text", "id"], *([text, "x"] for text in awkward)])
    owner = DuckDBOwnerEngine(tmp_path / "work")
    select = ShareSelect('SELECT "the text" AS text FROM source', Schema((Column("text", STRING),)), {}, {})
    table, _ = owner.publish(Source(path, {}), select, tmp_path / "t", "i", {})
    found = owner.labels(table, {"text": "SELECT text FROM shared"})["text"]
    assert sorted(map(repr, found)) == sorted(repr(text or None) for text in awkward)


def test_describing_again_looks_again_only_when_the_file_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "t.csv", "a,b\n1,2\n")
    owner = DuckDBOwnerEngine(tmp_path / "work")
    calls: list[str] = []
    real = owner._call
    monkeypatch.setattr(owner, "_call", lambda task, *rest: (calls.append(task), real(task, *rest))[1])
    assert owner.describe(Source(path, {})) == owner.describe(Source(path, {}))
    assert calls == ["inspect"]
    owner.describe(Source(path, {"a": "string"}))
    write(path, "a,b\nx,2\n")
    assert str(owner.describe(Source(path, {})).columns[0].type) == "STRING"
    assert calls == ["inspect"] * 3
