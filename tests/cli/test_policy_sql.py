"""`cleanroom policy sql` as people type it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cleanroom_core.cli.policy import command
from cleanroom_core.errors import CleanRoomError, InputError, RoomFileError
from tests.stories.tiny_room import write_files


@pytest.fixture
def room_file(tmp_path: Path) -> Path:
    return write_files(tmp_path / "files")


def ran(room_file: Path, *more: str, asset: str = "north.baskets") -> Result:
    """Errors of ours come out as they are raised; the program turns them into exit codes."""
    arguments = ["sql", "--room", str(room_file), "--asset", asset, *more]
    done = CliRunner().invoke(command, arguments, standalone_mode=False)
    if isinstance(done.exception, CleanRoomError):
        raise done.exception
    assert done.exception is None, done.exception
    return done


def lines(done: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]  # what nobody sees is escaped, line separators among it


def table_info(path: Path, **types: str) -> Path:
    found = {"mail": "string", "aisle": "string", "spent": "decimal(8,2)", "returned": "int", "consent": "string"} | types
    columns = [{"name": name, "type_text": type_} for name, type_ in found.items()]
    path.write_text(json.dumps({"catalog_name": "Shop", "schema_name": "raw", "name": "baskets", "columns": columns}))
    return path


def test_the_sql_of_an_asset_from_its_data(room_file: Path) -> None:
    done = ran(room_file, "--catalog", "shop", "--schema", "Rooms", "--reader", "analysts", "--room-owner", "owners", "--json")
    found = lines(done)
    assert [line["part"] for line in found] == ["internal"] * 7 + ["share"] * 10
    assert all(line["purpose"] for line in found)
    assert "FROM `shop`.`rooms`.`baskets`" in found[8]["sql"]
    assert found[8]["sql"].startswith("CREATE OR REPLACE TABLE `shop`.`rooms`.`baskets_share`")
    assert "SECRET('cleanroom', 'member-1.inner_pad')" in found[8]["sql"]
    text = ran(room_file, "--part", "share", "--hmac", "native", "--scope", "keys").stdout
    assert "SECRET('keys', 'member-1')" in text
    assert text.startswith("-- Stop unless the publisher is in cleanroom_publishers.\nSELECT ")


def test_the_table_as_it_is_decides_about_names_and_types(room_file: Path, tmp_path: Path) -> None:
    info = table_info(tmp_path / "table.json")
    done = ran(room_file, "--table-info", str(info), "--part", "abac", "--part", "share", "--view", "shop.rooms.live", "--json")
    text = done.stdout
    assert "`shop`.`raw`.`baskets`" in text
    assert "CAST(`returned` AS BIGINT)" in text
    assert "CREATE OR REPLACE POLICY `cleanroom_baskets_filter`" in text
    assert "CREATE OR REPLACE VIEW `shop`.`rooms`.`live`" in text


def test_a_mistake_is_shown_at_its_line_in_the_room_file(room_file: Path, tmp_path: Path) -> None:
    info = table_info(tmp_path / "table.json", consent="char(3)", mail="binary")
    with pytest.raises(RoomFileError) as caught:
        ran(room_file, "--table-info", str(info))
    text = room_file.read_text().splitlines()
    assert [text[(problem.line or 0) - 1].split(":")[0].strip() for problem in caught.value.problems] == [
        "row_filter", "member_token",
    ]  # fmt: skip


def test_masks_besides_the_identifiers(room_file: Path) -> None:
    text = ran(room_file, "--part", "internal", "--mask", "aisle=concat(left(aisle, 1), '=')", "--mask", "spent=").stdout
    assert "|| '='" in text
    assert [name for name in ("mail", "aisle", "spent", "returned") if f"ALTER COLUMN `{name}` SET MASK" in text] == [
        "mail", "aisle", "spent",
    ]  # fmt: skip
    with pytest.raises(RoomFileError, match="The mask of aisle is BIGINT"):
        ran(room_file, "--mask", "aisle=1")
    with pytest.raises(InputError, match="COLUMN=EXPRESSION"):
        ran(room_file, "--mask", "aisle")


def test_diff_check_and_the_way_back(room_file: Path, tmp_path: Path) -> None:
    info = table_info(tmp_path / "table.json")
    data = json.loads(info.read_text())
    data["row_filter"] = {"function_name": "shop.other.theirs", "input_column_names": ["consent"]}
    info.write_text(json.dumps(data))
    given = ["--table-info", str(info), "--json"]
    diff = lines(ran(room_file, *given, "--part", "diff"))
    assert [(line["what"].split()[0], bool(line["before"])) for line in diff] == [
        ("function", False), ("function", False), ("row", True), ("mask", False),
    ]  # fmt: skip
    undo = [line["sql"] for line in lines(ran(room_file, *given, "--part", "undo"))]
    assert "ALTER TABLE `shop`.`raw`.`baskets` SET ROW FILTER `shop`.`other`.`theirs` ON (`consent`)" in undo
    wrong = ran(room_file, *given, "--part", "check")
    assert wrong.return_value == 1
    assert {line["code"] for line in lines(wrong)} == {"READ_BACK"}

    wanted = {line["what"]: line["after"] for line in diff}
    data["row_filter"] = {"function_name": wanted["row filter"].split(" ")[0], "input_column_names": ["consent"]}
    data["columns"][0]["mask"] = {"function_name": wanted["mask of mail"].split(" ")[0]}
    info.write_text(json.dumps(data))
    functions = tmp_path / "functions.json"
    functions.write_text(json.dumps([
        {
            "catalog_name": "main", "schema_name": "cleanroom", "name": what.split(".")[-1], "routine_definition": body,
            "full_data_type": "BOOLEAN" if "_filter_" in what else "STRING",
            "input_params": {
                "parameters": [{"name": "p_consent" if "_filter_" in what else "p_mail", "type_text": "string"}],
            },
        }
        for what, body in wanted.items() if what.startswith("function")
    ]))  # fmt: skip
    right = ran(room_file, *given, "--part", "check", "--part", "diff", "--functions", str(functions))
    assert right.return_value == 0
    assert right.stdout == ""


def test_what_cannot_be_read_is_said(room_file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"north\.bread"):
        ran(room_file, asset="north.bread")
    bad = tmp_path / "bad.json"
    for text in ("{}", "[1]", "no json"):
        bad.write_text(text)
        with pytest.raises(InputError, match=r"bad\.json"):
            ran(room_file, "--table-info", str(bad))
        with pytest.raises(InputError, match=r"bad\.json"):
            ran(room_file, "--functions", str(bad))
    (room_file.parent / "baskets.csv").unlink()
    with pytest.raises(InputError) as caught:
        ran(room_file)
    assert "--table-info" in caught.value.hint
