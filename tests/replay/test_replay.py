"""`cleanroom guard replay`: a session against a fresh room in memory, step by step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cleanroom_core.cli.replayed import json_line, words
from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
from cleanroom_core.engines.duckdb.room import DuckDBRoomEngine
from cleanroom_core.errors import InputError, RoomFileError
from cleanroom_core.rooms.replay_session import read_session
from cleanroom_core.rooms.roomfile import read_replay_room, read_room_file, room_text
from cleanroom_core.stories.replay import Replay

Play = Callable[..., list[dict[str, Any]]]

ROOM = """
room: shops
collaborators:
  provider: {organisation: North Shops}
  consumer: {organisation: Harbour Bank}
agreement:
  purposes: [research]
  minimum_cohort: 10
  ends_on: 2020-01-31
assets:
  sales:
    owner: provider
    data: sales.csv
    rule:
      privacy_unit: Person
      join_key: person
      PERIODS
      dimensions: {region: {domain: [EU, UK]}, kind: {}, day: {dates: [month]}}
      measures: {amount: {min: 0, max: 100}}
  accounts:
    owner: consumer
    data: accounts.parquet
    rule:
      privacy_unit: person
      join_key: person
      dimensions: {band: {}, open: {}}
      measures: {score: {min: 0, max: 1}, active: {min: 0, max: 1}}
"""
BY_REGION = "SELECT region, count(*) AS n, sum(amount) AS total FROM provider.sales GROUP BY region ORDER BY region"


def write_room(folder: Path, *, periods: bool = False) -> Path:
    """60 people with two sales each, in two regions; 40 of them with an account."""
    sales = ["person,region,kind,day,amount"]
    for number in range(60):
        region = "EU" if number % 2 else "UK"
        sales += [f"p{number},{region},{5411 + number % 3},2026-0{month}-15,{number % 7}.25" for month in (1, 2)]
    (folder / "sales.csv").write_text("\n".join(sales) + "\n", encoding="utf-8")
    accounts = """COPY (SELECT 'p' || i AS "Person", CASE WHEN i %% 2 = 0 THEN 'old' ELSE 'new' END AS band, i %% 3 = 0 AS open,
        CAST(i %% 5 AS DECIMAL(9,2)) / 10 AS score, i %% 4 = 0 AS active, DATE '2020-01-01' + CAST(i AS INT) AS since,
        TIMESTAMP '2020-01-01 10:00:00' AS seen FROM range(40) r(i)) TO '%s'"""
    with duckdb.connect() as connection:
        connection.execute(accounts % (folder / "accounts.parquet"))
    text = ROOM.replace("      PERIODS\n", "      period_column: day\n" if periods else "")
    (folder / "room.yaml").write_text(text, encoding="utf-8")
    return folder / "room.yaml"


def opened(path: Path, work: Path) -> Replay:
    owner, room = DuckDBOwnerEngine(work / "owner"), DuckDBRoomEngine(work / "room")
    return Replay.open(read_replay_room(path), room_text(path), owner, room, work, lambda _: None)


@pytest.fixture
def play(tmp_path: Path, same_process: None) -> Play:
    """Play steps (dictionaries) against the small room, or the room file given; every step as its JSON line says it."""
    (tmp_path / "room").mkdir()

    def played(steps: Sequence[dict[str, Any]], room: Path | None = None, *, periods: bool = False) -> list[dict[str, Any]]:
        path = room or write_room(tmp_path / "room", periods=periods)
        definition = read_replay_room(path)
        content = "\n".join(json.dumps(step) for step in steps).encode()
        assets = {policy.qualified: name for name, policy in definition.policies.items()}
        read = read_session(content, tuple(definition.collaborators), assets)
        found = []
        for number, step in enumerate(opened(path, tmp_path / "work").prepared(read), start=1):
            outcome = step.play()
            assert words(number, outcome).startswith(f"{number}. ")
            found.append(json.loads(json_line(number, outcome)))
        return found

    return played


def ask(sql: str, party: str = "consumer", **more: Any) -> dict[str, Any]:
    return {"actor": "a", "party": party, "sql": sql, **more}


def total_of(odd: int) -> float:
    """The sum of amounts of the small room's people with odd or even numbers; quarters are exact."""
    return sum(2 * (number % 7 + 0.25) for number in range(60) if number % 2 == odd)


def outcomes(played: list[dict[str, Any]]) -> list[str]:
    return [step["outcome"] for step in played]


def test_questions_are_answered_once_and_then_read(play: Play) -> None:
    joined = """SELECT a.band, count(DISTINCT s.person) AS people FROM provider.sales s JOIN consumer.accounts a USING (person)
        GROUP BY a.band ORDER BY a.band"""
    played = play(
        [
            ask(BY_REGION),
            ask("select count(*) rows_, REGION r from PROVIDER.sales S group by 2 having count(*) > 1000"),
            ask(BY_REGION, "provider"),
            ask(joined),
            ask("SELECT person FROM provider.sales"),
            ask("SELECT region, date_trunc('month', day) AS m, count(*) FROM provider.sales GROUP BY 1, 2"),
            ask("SELECT count(*) FROM provider.sales WHERE region = 'EU' AND region = 'UK'"),
        ]
    )  # fmt: skip
    assert played[0] == {
        "step": 1, "outcome": "answered", "codes": [], "columns": ["region", "n", "total"],
        "rows": [["EU", 60, total_of(1)], ["UK", 60, total_of(0)]], "withheld": False,
    }  # fmt: skip
    assert (played[1]["outcome"], played[1]["rows"], played[1]["withheld"]) == ("stored", [], True)
    assert played[2] == played[0] | {"step": 3, "outcome": "stored"}
    assert played[3]["rows"] == [["new", 20], ["old", 20]]
    assert (played[4]["outcome"], played[4]["codes"], played[4]["rows"]) == ("rejected", ["IDENTITY"], [])
    assert played[4]["findings"][0]["code"] == "IDENTITY"
    assert (len(played[5]["rows"]), played[5]["withheld"]) == (4, False)
    assert (played[6]["outcome"], played[6]["rows"], played[6]["withheld"]) == ("suppressed", [], True)


def test_too_few_people_are_suppressed_and_stay_so(play: Play) -> None:
    few = "SELECT count(*) AS n FROM consumer.accounts WHERE open = TRUE AND band = 'new'"  # 7 people
    played = play([ask(few), ask(few), {"event": "set", "minimum_cohort": 5}, ask(few), ask(few)])
    assert outcomes(played) == ["suppressed", "suppressed", "done", "answered", "stored"]
    assert (played[0]["columns"], played[0]["rows"], played[0]["withheld"]) == (["n"], [], True)
    assert played[3]["rows"] == [[7]]


def test_events_and_when_they_take_effect(play: Play) -> None:
    total = "SELECT count(*) AS n, sum(score) AS total FROM consumer.accounts"
    played = play(
        [
            ask(total),
            {"event": "revoke", "table": "consumer.accounts", "where": "person IN ('p1', 'p2', 'p3', 'p4') OR band = 'none'"},
            ask(total),
            ask("SELECT band, count(*) AS n FROM consumer.accounts GROUP BY band ORDER BY band"),
            {"event": "append", "table": "ACCOUNTS", "rows": [
                {"Person": "q1", "BAND": "old", "open": True, "score": 0.5, "active": False, "since": "2026-01-31",
                 "seen": "2026-01-31 08:30:00"},
                {"person": "p1", "band": "old"},
                ["q2", "new", None, "0.25", True, None, "2026-01-31T09:30:00+01:00"],
            ]},
            {"event": "update", "table": "accounts", "set": {"band": "old", "score": 1},
             "where": "person = 'p5' OR since IS NULL"},
            ask(total, "provider"),
            {"event": "period"},
            ask(total),
            ask("SELECT band, count(*) AS n FROM consumer.accounts GROUP BY band ORDER BY band"),
        ]
    )  # fmt: skip
    assert played[0]["rows"] == [[40, 8.0]]
    assert played[1] == {
        "step": 2, "event": "revoke", "outcome": "done", "codes": [], "columns": [], "rows": [], "withheld": False,
    }  # fmt: skip
    assert played[2] == played[0] | {"step": 3, "outcome": "stored"}
    assert played[6]["outcome"] == "stored"
    # few people came and went: neither total may come out beside the first one
    assert [step["outcome"] for step in played[8:]] == ["suppressed", "suppressed"]


def test_what_changes_is_counted_from_the_next_period_on(play: Play) -> None:
    """Nothing was asked before, so that nothing stands in the way."""
    played = play(
        [
            {"event": "revoke", "table": "accounts", "where": "person IN ('p1', 'p2', 'p3', 'p4') OR band = 'none'"},
            {"event": "append", "table": "accounts", "rows": [{"person": "q1", "band": "old", "score": 0.5}, {"person": "p1"}]},
            {"event": "update", "table": "accounts", "set": {"score": 1}, "where": "person = 'p5' OR since IS NULL"},
            {"event": "period"},
            ask("SELECT count(*) AS n, sum(score) AS total FROM consumer.accounts", "provider"),
        ]
    )
    # p1..p4 are gone (0.1 to 0.4) and p1 stays so; q1 came; p5 (0.0) and q1 have a score of 1 now
    assert played[4]["rows"] == [[37, 8.0 - 1.0 + 1 + 1]]


def test_each_period_counts_its_own_rows(play: Play) -> None:
    months = "SELECT date_trunc('month', day) AS m, count(*) AS n FROM provider.sales GROUP BY 1 ORDER BY 1"
    new = [{"person": f"p{number}", "region": "EU", "kind": 5411, "day": "2026-03-02", "amount": 1} for number in range(12)]
    steps = [ask(months), {"event": "append", "table": "sales", "rows": new}, ask(months), {"event": "period"}, ask(months)]
    played = play(steps, periods=True)
    assert played[0]["rows"] == [["2026-01-01", 60], ["2026-02-01", 60]]
    assert played[2]["outcome"] == "stored"
    assert (played[4]["outcome"], played[4]["rows"]) == ("answered", [["2026-03-01", 12]])


def test_a_room_with_policies_is_published_with_a_key_of_its_own(play: Play, tmp_path: Path) -> None:
    rows = "".join(f"4000{number:012d},{'yes' if number < 40 else 'no'},{number % 2}\n" for number in range(50))
    (tmp_path / "cards.csv").write_text(f"card,consent,kind\n{rows}", encoding="utf-8")
    (tmp_path / "room.yaml").write_text(
        """
room: cards
collaborators: {provider: {organisation: A}, consumer: {organisation: B}}
agreement: {minimum_cohort: 10}
tokens: {card: {identifier: text, key_id: card-1}}
assets:
  cards:
    owner: provider
    data: cards.csv
    types: {card: string}
    row_filter: consent = 'yes'
    columns: {token: {token: card, from: card}, kind: {}}
    rule: {privacy_unit: token, join_key: token, dimensions: {kind: {}}}
""",
        encoding="utf-8",
    )
    sql = "SELECT kind, count(*) AS n FROM provider.cards GROUP BY kind ORDER BY kind"
    steps = [
        {"event": "revoke", "table": "cards", "where": "card LIKE '%00' OR consent = 'no'"},  # columns that are not shared
        {"event": "revoke", "table": "cards", "where": "token = 'nobody'"},
        ask(sql),
        ask("SELECT consent, count(*) FROM provider.cards GROUP BY consent"),
    ]
    played = play(steps, tmp_path / "room.yaml")
    assert outcomes(played) == ["done", "done", "answered", "rejected"]
    assert played[2]["rows"] == [[0, 19], [1, 20]]


def test_data_as_ordinary_programs_write_it(play: Play, tmp_path: Path) -> None:
    """A missing value turns whole numbers into 1.0; a key is text in one table and a number in the other; dates have a T."""
    people = range(100, 150)
    one = "".join(
        f"{n},{'' if n == 103 else float(n % 2)},2026-01-{n % 28 + 1:02d}T10:00:00,{n % 2 == 0}\n" for n in range(100, 150)
    )
    (tmp_path / "one.csv").write_text(f"who,flag,at,hit\n{one}", encoding="utf-8")
    (tmp_path / "two.csv").write_text("who,size\n" + "".join(f"{n}.0,{n % 2}.5\n" for n in people), encoding="utf-8")
    asset = "owner: {}\n    data: {}\n    rule: {{privacy_unit: who, join_key: who, dimensions: {{{}}}, measures: {{{}}}}}\n"
    (tmp_path / "room.yaml").write_text(
        "room: r\ncollaborators: {provider: {organisation: A}, consumer: {organisation: B}}\nagreement: {minimum_cohort: 5}\n"
        "assets:\n  one:\n    "
        + asset.format("provider", "one.csv", "flag: {domain: [0, 1]}, at: {dates: [month]}", "hit: {min: 0, max: 1}")
        + "  two:\n    "
        + asset.format("consumer", "two.csv", "", "size: {min: 0, max: 2}"),
        encoding="utf-8",
    )
    sql = """SELECT o.flag, count(*) AS n, sum(o.hit) AS hits, avg(t.size) AS size FROM provider.one o
        JOIN consumer.two t ON o.who = t.who WHERE date_trunc('month', o.at) = DATE '2026-01-01' GROUP BY 1 ORDER BY 1"""
    played = play([ask(sql, "provider")], tmp_path / "room.yaml")
    assert [row[:2] for row in played[0]["rows"]] == [[0, 25], [1, 24]]


WRONG_LINES = [
    (b"{", "line 1", "not JSON"),
    (b'[1]', "line 1", "no JSON object"),
    (b'{"a": NaN, "party": "consumer", "sql": ""}', "line 1", "not JSON"),
    (b'{"party": "consumer", "sql": "x", "sql": "y"}', "line 1", "not JSON"),
    (b"\xff\xfe", "line 1", "UTF-8"),
    (b'{"party": "consumer"}', "line 1", "neither sql nor event"),
    (b'{"party": "nobody", "sql": "SELECT 1"}', "line 1", "provider, consumer"),
    (b'\n\n{"event": "explode"}', "line 3", "revoke, append, update, set, period"),
    (b'{"event": "revoke", "table": "nothing", "where": "TRUE"}', "line 1", "provider.sales"),
    (b'{"event": "revoke", "table": "sales"}', "line 1", "needs where"),
    (b'{"event": "set", "minimum_cohort": true}', "line 1", "whole number"),
    (b'{"event": "append", "table": "sales", "rows": [{"person": [1]}]}', "line 1", "nested"),
    (b'{"event": "period", "sql": "SELECT 1"}', "line 1", "both"),
    (b'{"party": "consumer", "sql": "x", "parameters": {"a": [1]}}', "line 1", "parameters"),
    (b"[" * 100_000, "line 1", "not JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "where", "what"), WRONG_LINES)
def test_a_line_that_cannot_be_used_is_named(content: bytes, where: str, what: str) -> None:
    with pytest.raises(InputError) as raised:
        read_session(content, ("provider", "consumer"), {"provider.sales": "sales"})
    assert where in raised.value.diagnostics()
    assert what in raised.value.diagnostics()


def test_every_wrong_line_is_named_at_once() -> None:
    with pytest.raises(InputError, match=r"line 1(.|\n)*line 3"):
        read_session(b'{}\n{"event": "period"}\n{}', ("provider", "consumer"), {})


UNFIT_STEPS = [
    ({"event": "append", "table": "sales", "rows": [{"person": "x", "colour": "red"}]}, "colour"),
    ({"event": "append", "table": "sales", "rows": [{"amount": "much"}]}, "amount: a value is no DECIMAL"),
    ({"event": "append", "table": "sales", "rows": [{"day": "2026-02-30"}]}, "day"),
    ({"event": "append", "table": "sales", "rows": [["x"]]}, "a row has 1 values"),
    ({"event": "append", "table": "accounts", "rows": [{"open": 2}]}, "open"),
    ({"event": "update", "table": "sales", "set": {"kind": 1.5}, "where": "region = 'EU'"}, "kind"),
    ({"event": "update", "table": "sales", "set": {"kind": 1}, "where": "colour = 'red'"}, "colour"),
    ({"event": "revoke", "table": "sales", "where": "person IN (SELECT person FROM sales)"}, "where"),
    ({"event": "revoke", "table": "sales", "where": "region ="}, "where"),
    ({"event": "revoke", "table": "sales", "where": "nothing_like_it(person)"}, "where"),
]


def test_a_change_that_does_not_fit_its_table_stops_everything_before_the_first_step(tmp_path: Path) -> None:
    path = write_room(tmp_path)
    replay = opened(path, tmp_path / "work")
    for step, what in UNFIT_STEPS:
        content = b'{"event": "period"}\n' + json.dumps(step).encode()
        steps = read_session(content, ("provider", "consumer"), {"provider.sales": "sales", "consumer.accounts": "accounts"})
        with pytest.raises(InputError) as raised:
            replay.prepared(steps)
        assert "line 2" in raised.value.message
        assert what in raised.value.message, raised.value.message


def test_what_only_a_replay_accepts_stays_a_mistake_everywhere_else(tmp_path: Path) -> None:
    path = write_room(tmp_path)
    assert read_replay_room(path).share_safe == {"sales", "accounts"}
    with pytest.raises(RoomFileError) as raised:
        read_room_file(path)
    assert "tokens is missing" in str(raised.value)
    assert "assets.sales has no columns" in str(raised.value)


MISTAKEN_ROOMS = [
    ("    data: sales.csv\n", "", "assets.sales names no data"),
    ("data: sales.csv", "data: other.csv", "there is no such file"),
    ("kind: {}", "colour: {}", "colour is not a shared column"),
    ("amount: {min", "day: {min", "dimension and a measure"),
    ("data: sales.csv", "data: sales.csv\n    row_filter: region = 'EU'", "share-safe data is filtered already"),
    ("join_key: person", "join_key: who", "who is not a shared column"),
]


@pytest.mark.parametrize(("old", "new", "what"), MISTAKEN_ROOMS)
def test_mistakes_of_the_room_file_are_named_with_their_line(tmp_path: Path, old: str, new: str, what: str) -> None:
    path = write_room(tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError) as raised:
        opened(path, tmp_path)
    assert what in raised.value.message, raised.value.message
    assert "line " in raised.value.message


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    home = {"CLEANROOM_HOME": str(folder / "home"), "TMPDIR": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", "cleanroom_core.cli.main", "guard", "replay", *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **home},
    )  # fmt: skip


def test_the_command_prints_one_line_per_step_and_leaves_nothing_behind(tmp_path: Path) -> None:
    room = write_room(tmp_path)
    session = tmp_path / "session.jsonl"
    steps = [ask(BY_REGION), ask("SELECT * FROM provider.sales"), {"event": "period"}, ask("SELECT \ud800 FROM provider.sales")]
    session.write_text("\n\n".join(json.dumps(step) for step in steps), encoding="utf-8")
    done = command(tmp_path, "--room", str(room), "--session", str(session), "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert outcomes(lines) == ["answered", "rejected", "done", "rejected"]
    assert f'"total"], "rows": [["EU", 60, {total_of(1):.2f}],' in done.stdout  # exact digits
    assert "ends_on is in the past" in done.stderr
    assert not list(tmp_path.glob("cleanroom-replay-*"))
    session.write_text('{"party": "consumer", "sql": ""}\n{"event": "boom"}', encoding="utf-8")
    wrong = command(tmp_path, "--room", str(room), "--session", str(session))
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "line 2" in wrong.stderr
    assert command(tmp_path, "--room", str(room), "--session", str(tmp_path / "none.jsonl")).returncode == 2
    assert command(tmp_path, "--room", str(tmp_path / "none.yaml"), "--session", str(session)).returncode == 2
