"""app.yaml, as Databricks Apps reads it: its command starts the wizard on the port it names, with people who may sign in."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from ruamel.yaml import YAML

from cleanroom_core.context import Context, create_home

ROOT = Path(__file__).parents[2]
PASSWORD = "first pass phrase of an app"
PATIENCE = 60


def test_the_command_serves_the_wizard_and_makes_its_people(tmp_path: Path) -> None:
    app = YAML(typ="safe").load((ROOT / "app.yaml").read_text(encoding="utf-8"))
    assert set(app) == {"command", "env"}
    given = {each["name"]: each for each in app["env"]}
    assert all(set(each) in ({"name", "value"}, {"name", "valueFrom"}) for each in app["env"])
    assert given["CLEANROOM_FIRST_PASSWORD"].keys() == {"name", "valueFrom"}, "a secret does not stand in the file"
    assert given["HOST"]["value"] == "0.0.0.0"  # noqa: S104  what Apps asks for; the test listens on loopback
    home = tmp_path / "home"
    create_home(home)
    (home / "rooms" / "none").mkdir(parents=True)  # a room, so that no demo tables are made for it
    (home / "rooms" / "none" / "room.json").write_text('{"name": "none", "collaborators": {}}', encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ},
        **{name: each["value"] for name, each in given.items() if "value" in each},
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOST": "127.0.0.1",
        "DATABRICKS_APP_PORT": str(port),
        "CLEANROOM_HOME": str(home),
        "CLEANROOM_FIRST_PASSWORD": PASSWORD,
    }
    served = subprocess.Popen(app["command"], cwd=ROOT, env=environment, start_new_session=True)
    try:
        until = time.monotonic() + PATIENCE
        while not answers(port):
            assert served.poll() is None, "it ended"
            assert time.monotonic() < until
            time.sleep(0.1)
    finally:
        os.killpg(served.pid, signal.SIGTERM)
        served.wait(timeout=20)
    context = Context.open(home)
    people = {user.username: user for user in context.users.list()}
    context.close()
    assert set(people) == {"north.one", "north.two", "harbour.one", "harbour.two"}
    assert all(user.must_change_password and not user.demo for user in people.values())
    assert people["harbour.two"].organisation == "Harbour Bank"


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
