"""`cleanroom precheck --databricks` against the simulator: how it connects, what it prints, how it exits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cleanroom_core.cli.main import main
from cleanroom_core.prechecks.databricks import OWN
from cleanroom_core.simulator.serving import serving
from tests.simulator.conftest import Both, side

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with pytest.MonkeyPatch.context() as patch, serving(tmp_path_factory.mktemp("simulator")) as described:
        patch.setenv("DATABRICKS_CONFIG_FILE", "/nonexistent")
        yield Both(*(side(facts) for facts in described["workspaces"]))


@pytest.fixture
def profiles(both: Both, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, and profiles as ~/.databrickscfg has them: both sides, the service principal, and the account."""
    lines = []
    for name, each in (("provider", both.provider), ("consumer", both.consumer)):
        facts = each.facts
        lines += [f"[{name}]", f"host = {facts['host']}", f"token = {facts['token']}"]
        lines += [f"[{name}-service]", f"host = {facts['host']}"]
        lines += [f"client_id = {facts['client_id']}", f"client_secret = {facts['client_secret']}"]
        lines += [
            f"[{name}-account]",
            f"host = {facts['host']}",
            f"account_id = {facts['account_id']}",
            f"token = {facts['token']}",
        ]
    path = tmp_path / "databrickscfg"
    path.write_text("\n".join(lines), encoding="utf-8")
    for name in ("HOST", "TOKEN", "CLIENT_ID", "CLIENT_SECRET", "ACCOUNT_ID", "CONFIG_PROFILE"):
        monkeypatch.delenv(f"DATABRICKS_{name}", raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(path))
    monkeypatch.setenv("CLEANROOM_HOME", str(tmp_path / "home"))
    return path


@pytest.fixture
def precheck(profiles: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["precheck", *arguments])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


def statuses(out: str) -> dict[tuple[str, str], str]:
    lines = [json.loads(line) for line in out.splitlines()]
    return {(line["side"], line["check"]): line["status"] for line in lines}


def test_two_sides_hand_over_their_facts_and_exit_as_ci_expects(precheck: Run, both: Both, tmp_path: Path) -> None:
    handed = tmp_path / "consumer.json"
    code, out, _ = precheck(
        "--databricks", "--profile", "consumer", "--account-profile", "consumer-account", "--role", "invited",
        "--facts-out", str(handed), "--only", "identity", "--json",
    )  # fmt: skip
    assert (code, statuses(out)) == (0, {("own", "identity"): "pass"})
    text = handed.read_text(encoding="utf-8")
    assert handed.stat().st_mode & 0o077 == 0
    for secret in (both.consumer.facts["token"], both.consumer.facts["client_secret"]):
        assert secret not in text + out

    everything = ("--databricks", "--profile", "provider", "--account-profile", "provider-account", "--json")
    code, out, _ = precheck(*everything, "--partner-facts", str(handed), "--place", "aws:us-west-2")
    found = statuses(out)
    assert code == 1, "a cluster never stops in time, system tables are off"
    assert {check for side, check in found if side == "own"} == {check.name for check in OWN}
    assert {check for (side, check), status in found.items() if status == "fail"} == {"idle-compute", "system-tables"}
    assert found["own", "tier"] == found["own", "sharing"] == found["own", "region"] == "pass"
    assert {status for (side, _), status in found.items() if side == "partner"} == {"pass"}

    code, out, _ = precheck(*everything, "--partner-facts", str(handed), "--only", "sharing", "--only", "tier")
    assert (code, set(statuses(out).values())) == (0, {"pass"})
    code, out, _ = precheck("--databricks", "--profile", "provider-service", "--only", "sharing", "--json")
    assert (code, statuses(out)) == (3, {("own", "sharing"): "cannot tell"})


def test_for_people_every_finding_has_a_next_step(precheck: Run) -> None:
    code, out, _ = precheck("--databricks", "--profile", "provider", "--only", "idle-compute", "--only", "agreement")
    assert code == 1
    assert "FAIL         Idle compute: cluster analysis: stops after 120 minutes" in out
    assert "databricks api post /api/2.1/clusters/update --json" in out
    assert "--agreement ROOM:ALIAS" in out
    assert out.count("why: ") == out.count("do:  ") == out.count("who: ") == 2


def test_the_environment_decides_without_a_profile(precheck: Run, both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", both.consumer.facts["host"])
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", both.consumer.facts["client_id"])
    monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", both.consumer.facts["client_secret"])
    code, out, _ = precheck("--databricks", "--only", "identity")
    assert code == 0
    assert both.consumer.facts["client_id"] in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--databricks", "--only", "everything"], "There is no check called everything."),
        (["--databricks", "--profile", "nobody"], "no usable credential"),
        (["--databricks", "--place", "us-west-2"], "no place"),
        (["--databricks", "--table", "two.parts"], "three parts"),
        (["--databricks", "--partner-facts", "/nonexistent/facts.json"], "cannot be read"),
        (["--databricks", "--role", "watcher"], "watcher"),
        (["--databricks", "--token", "dapi0"], "--token"),
        (["--table", "a.b.c"], "--table is about a workspace. Add --databricks."),
        (["--databricks", "--profile", "provider", "--facts-out", "/nonexistent/facts.json"], "cannot be written"),
        (["--databricks", "--agreement", "r:a"], "no rehearsal"),
    ],
)
def test_what_cannot_be_used_is_said(precheck: Run, arguments: list[str], said: str) -> None:
    code, _, err = precheck(*arguments)
    assert said in err
    assert code == (1 if "--agreement" in arguments else 2), "a home that is not there is no slip of the pen"


def test_a_hostile_file_of_the_partner_is_refused_whole(precheck: Run, tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    for content in (b"\xff\xfe", b"{}", b'{"format": 1}' + b" " * 100_000):
        path.write_bytes(content)
        code, out, err = precheck("--databricks", "--partner-facts", str(path))
        assert (code, out) == (2, "")
        assert "PARTNER_FACTS" in err


def test_this_machine_is_still_checked_without_it(precheck: Run) -> None:
    code, out, _ = precheck("--json", "--only", "python", "--only", "keys")
    found: dict[Any, str] = statuses(out)
    assert found["own", "python"] == "pass"
    assert (code, found["own", "keys"]) == (3, "cannot tell")
