"""Two parties, two homes, two operating-system processes and a shared folder: they meet, agree, publish, and see one room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from cleanroom_core.cli.main import cli
from cleanroom_core.tokens.key import format_key
from tests.stories.tiny_room import write_files

ROOT = Path(__file__).parents[2]
ORGANISATIONS = {"north": "North Shop", "south": "South Shop"}


def cleanroom(home: Path, *arguments: object, error: str | None = None) -> str:
    """A command of the command line; its output. `error`: the code it ends with."""
    done = CliRunner().invoke(cli, [str(one) for one in arguments], env={"CLEANROOM_HOME": str(home)})
    assert getattr(done.exception, "code", 0) == (error or 0), done.output
    return done.output


@dataclass
class Parties:
    root: Path
    running: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    def home(self, alias: str) -> Path:
        return self.root / alias

    def start(self) -> None:
        for alias, other in (("north", "south"), ("south", "north")):
            self.running[alias] = subprocess.Popen(
                [sys.executable, "-m", "tests.exchange.party_process", str(self.root / "files"), str(self.home(other))],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
                env={**os.environ, "CLEANROOM_HOME": str(self.home(alias))},
            )  # fmt: skip

    def ask(self, alias: str, *words: object) -> object:
        process = self.running[alias]
        print(json.dumps(words), file=process.stdin, flush=True)
        line = process.stdout.readline()
        assert line, f"the process of {alias} ended ({process.wait()})"
        answer = json.loads(line)
        return answer.get("error", answer.get("done"))

    def both(self, *words: object) -> list[object]:
        return [self.ask(alias, *words) for alias in ORGANISATIONS]

    def trespass(self, alias: str) -> int:
        process = self.running.pop(alias)
        process.communicate(json.dumps(["trespass"]) + "\n")
        return process.returncode

    def end(self) -> None:
        for process in self.running.values():
            process.stdin.close()
            process.stdout.close()
            assert process.wait(20) == 0


@pytest.fixture
def parties(tmp_path):
    made = Parties(tmp_path)
    write_files(tmp_path / "files")
    (tmp_path / "shared").mkdir()
    for alias, organisation in ORGANISATIONS.items():
        cleanroom(made.home(alias), "home", "create", "--party", alias, "--organisation", organisation)
        creates = ["--creates"] if alias == "north" else []
        cleanroom(made.home(alias), "exchange", "introduce", "shops", "--to", tmp_path / f"{alias}.note", *creates)
    yield made
    made.end()


def test_two_processes_with_two_homes_play_and_see_one_room(parties, tmp_path):
    said = {
        alias: cleanroom(
            parties.home(alias), "exchange", "meet", "shops", tmp_path / f"{other}.note", "--folder", tmp_path / "shared"
        )
        for alias, other in (("north", "south"), ("south", "north"))
    }
    spoken = {alias: words.splitlines()[0].removeprefix("Fingerprint of shops: ").split() for alias, words in said.items()}
    assert spoken["north"] == spoken["south"]
    assert len(spoken["north"]) == 10
    cleanroom(parties.home("north"), "exchange", "confirm", "shops", *spoken["south"], "--by", "nora")
    wrong = [*spoken["north"][:9], "0000"]
    cleanroom(parties.home("south"), "exchange", "confirm", "shops", *wrong, error="FINGERPRINT")

    parties.start()
    assert parties.both("prepare") == [None, None]
    parties.both("key", format_key(bytes(range(32))))
    digest = parties.ask("north", "offer")
    parties.ask("north", "sign", digest)
    assert parties.ask("north", "acknowledged") == "NOT_ACKNOWLEDGED"  # the other side has not looked yet
    assert parties.ask("south", "sign", digest) == "CONFLICT"  # nor seen the text it signs
    parties.ask("south", "look")
    parties.ask("south", "sign", digest)
    parties.ask("north", "look")
    parties.ask("north", "token")
    parties.ask("north", "vectors")
    parties.ask("south", "look")
    parties.ask("south", "vectors")
    rows = parties.ask("north", "publish", "baskets")
    parties.ask("north", "create")
    parties.ask("south", "look")
    parties.ask("south", "accept")
    parties.ask("north", "look")
    parties.ask("north", "register", "baskets")
    for _ in range(2):
        assert parties.both("sync") == [[], []]
    assert parties.both("acknowledged") == [None, None]

    north, south = parties.both("state")
    assert north["hash"] == south["hash"]
    assert north["agreement"] == south["agreement"] == digest
    assert south["published"] == south["assets"] == ["north.baskets"]
    assert south["active"]
    assert north["sizes"] == south["sizes"]
    assert all(size == acknowledged for size, acknowledged in south["sizes"].values())
    assert (north["verified"], south["verified"]) == ("acknowledged", "acknowledged")

    # Private payloads, raw rows and tables stay where they are.
    assert {"intent", "outcome"} <= set(north["held"]["north"])
    assert not {"intent", "outcome", "precheck"} & (set(south["held"]["north"]) | set(north["held"]["south"]))
    assert rows > 500
    raw = b"person0001@example.org"
    assert any(raw in path.read_bytes() for path in parties.home("north").rglob("*.csv"))
    for place in (parties.home("south"), tmp_path / "shared"):
        assert not any(raw in path.read_bytes() for path in place.rglob("*") if path.is_file())
    assert sorted(path.name for path in (parties.home("south") / "rooms" / "shops").iterdir()) == ["room.json", "south"]
    assert parties.both("foreign_table") == ["TABLE_ELSEWHERE"] * 2
    assert parties.both("foreign_side") == ["NOT_PERMITTED"] * 2
    assert parties.trespass("south") == 9  # so nothing above opened the other home


def test_the_other_sides_people_have_no_place_in_this_home(parties, tmp_path):
    for alias, other in (("north", "south"), ("south", "north")):
        cleanroom(parties.home(alias), "exchange", "meet", "shops", tmp_path / f"{other}.note")
    person = ("user", "add", "sven", "--role", "engineer", "--organisation")
    cleanroom(parties.home("north"), *person, "South Shop", error="OTHER_PARTY")
    cleanroom(parties.home("north"), *person, "North Shop")
    cleanroom(parties.home("north"), "exchange", "export", "shops", "--to", tmp_path / "letter")
    for expected in ("1 new from north", "0 new from north"):
        assert expected in cleanroom(parties.home("south"), "exchange", "import", "shops", tmp_path / "letter")
    cleanroom(parties.home("north"), "exchange", "import", "shops", tmp_path / "letter", error="OWN_LETTER")
