"""The command line as people type it, in processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stories.tiny_room import write_files


def cleanroom(home: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cleanroom_core.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        input=given,
        env={**os.environ, "CLEANROOM_HOME": str(home)},
    )


@pytest.fixture
def room_file(tmp_path: Path) -> Path:
    return write_files(tmp_path / "files")


def test_demo_plays_a_room_file_and_tells_each_step_as_json(room_file: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    done = cleanroom(tmp_path / "untouched", "demo", "--room", str(room_file), "--home", str(kept), "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all({"step", "side", "outcome"} <= line.keys() for line in lines)
    assert lines[-1]["rows"]
    assert lines[-1]["columns"] == ["aisle", "tier", "baskets", "average_spent"]
    assert not (tmp_path / "untouched").exists()  # a demo never touches a live home
    for alias, path in lines[-1]["logs"].items():
        assert Path(path).is_file(), alias
    assert cleanroom(kept, "log", "verify", "shops").returncode == 0
    shown = cleanroom(kept, "log", "show", "shops", "--json", "--side", "south").stdout.splitlines()
    assert {json.loads(line)["kind"] for line in shown} >= {
        "genesis",
        "agreement",
        "policy",
        "plan",
        "run",
        "result",
        "release",
    }
    again = cleanroom(kept, "demo", "--room", str(room_file), "--home", str(kept))
    assert again.returncode == 1
    assert "not empty" in again.stderr


def test_demo_fails_when_a_request_ends_otherwise_than_expected(room_file: Path, tmp_path: Path) -> None:
    room_file.write_text(room_file.read_text().replace("expect: released", "expect: refused"))
    done = cleanroom(tmp_path / "home", "demo", "--room", str(room_file))
    assert done.returncode == 1
    assert "expected refused" in done.stdout


def test_check_names_each_mistake_with_its_line(room_file: Path, tmp_path: Path) -> None:
    assert cleanroom(tmp_path / "home", "room", "check", str(room_file)).returncode == 0
    text = room_file.read_text()
    wrong = text.replace("consent = 'yes'", "consnt = 'yes'").replace("avg(b.spent)", "max(b.spent)")
    room_file.write_text(wrong)
    done = cleanroom(tmp_path / "home", "room", "check", str(room_file), "--json")
    assert done.returncode == 2
    problems = [json.loads(line) for line in done.stdout.splitlines()]
    lines = wrong.splitlines()
    assert [lines[problem["line"] - 1].strip().split(":")[0] for problem in problems] == ["row_filter"]
    assert "consent" in problems[0]["hint"] + problems[0]["message"]
    room_file.write_text(text.replace("avg(b.spent)", "max(b.spent)"))
    (problem,) = map(json.loads, cleanroom(tmp_path / "home", "room", "check", str(room_file), "--json").stdout.splitlines())
    assert "max(b.spent)" in room_file.read_text().splitlines()[problem["line"] - 1]


def test_demo_tells_the_mistakes_of_a_file_before_it_plays(room_file: Path, tmp_path: Path) -> None:
    room_file.write_text(room_file.read_text().replace("avg(b.spent)", "max(b.spent)"))
    done = cleanroom(tmp_path / "home", "demo", "--room", str(room_file), "--home", str(tmp_path / "kept"), "--json")
    assert done.returncode == 2
    told, end = (json.loads(line) for line in done.stdout.splitlines())
    assert (told["step"], told["outcome"], told["code"]) == ("check", "failed", "ORDER_STATISTIC")
    lines = room_file.read_text().splitlines()
    assert lines[told["line"] - 1][told["column"] - 1 :].startswith("max(b.spent)")
    assert (end["step"], end["outcome"], end["rows"]) == ("end", "failed", [])
    assert not (tmp_path / "kept").exists()
    plain = cleanroom(tmp_path / "home", "demo", "--room", str(room_file))
    assert plain.returncode == 2
    assert plain.stderr.startswith(f"{room_file}:{told['line']}:{told['column']}: ")
    nowhere = cleanroom(tmp_path / "home", "demo", "--room", str(tmp_path / "none.yaml"))
    assert nowhere.returncode == 2
    assert "none.yaml" in nowhere.stderr


def test_import_status_users_and_reset(room_file: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert cleanroom(home, "room", "import", str(room_file), "--no-demo-users").returncode == 0
    twice = cleanroom(home, "room", "import", str(room_file))
    assert twice.returncode == 1
    assert "already" in twice.stderr
    status = cleanroom(home, "room", "status")
    assert "North Shop: Offer the agreement" in status.stdout
    password = "five quiet words in a row"
    added = cleanroom(
        home,
        "user",
        "add",
        "anna",
        "--organisation",
        "North Shop",
        "--role",
        "steward",
        "--password-stdin",
        given=password + "\n",
    )
    assert added.returncode == 0, added.stderr
    assert password not in added.stdout
    made = cleanroom(home, "user", "add", "otto", "--organisation", "North Shop", "--role", "officer")
    assert "First password, shown once: " in made.stdout
    short = cleanroom(home, "user", "password", "anna", "--password-stdin", given="short\n")
    assert short.returncode == 2
    assert "short" not in short.stderr
    assert cleanroom(home, "user", "disable", "anna").returncode == 0
    listed = cleanroom(home, "user", "list").stdout
    assert "anna" in listed
    assert "disabled" in listed
    kept = cleanroom(home, "reset", given="n\n")
    assert kept.returncode == 130
    assert (home / "home.json").exists()
    assert cleanroom(home, "reset", given="y\n").returncode == 0
    assert list(home.iterdir()) == []


def test_tables_tokens_and_the_guard(room_file: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    table = json.loads(cleanroom(home, "table", str(room_file.parent / "baskets.csv"), "--json").stdout)
    assert {column["name"]: column["type"] for column in table["columns"]}["spent"] == "BIGINT"
    key = tmp_path / "member.key"
    assert cleanroom(home, "token", "key", str(key)).returncode == 0
    assert key.stat().st_mode & 0o777 == 0o600
    assert cleanroom(home, "token", "key", str(key)).returncode == 2
    own = cleanroom(home, "token", "vectors", str(room_file), "member", "--key", str(key))
    (tmp_path / "own.json").write_text(own.stdout)
    other = tmp_path / "other.key"
    cleanroom(home, "token", "key", str(other))
    compare = ("token", "vectors", str(room_file), "member", "--compare", str(tmp_path / "own.json"), "--key")
    assert cleanroom(home, *compare, str(key)).returncode == 0
    assert cleanroom(home, *compare, str(other)).returncode == 1
    key.write_text(key.read_text().replace(".", ". ", 1))
    refused = cleanroom(home, "token", "check", str(key))
    assert refused.returncode == 2
    assert "a space" in refused.stderr
    explain = ("guard", "explain", "--room", str(room_file), "--by", "south")
    assert cleanroom(home, *explain, "SELECT aisle, count(*) AS n FROM north.baskets GROUP BY aisle").returncode == 0
    stopped = cleanroom(home, *explain, "SELECT member_token FROM north.baskets")
    assert stopped.returncode == 1
    assert "north.baskets: rule.privacy_unit, owned by north" in stopped.stdout
