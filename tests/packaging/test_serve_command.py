"""`cleanroom serve` before Streamlit takes over: where it listens, what it refuses, what it hands on."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cleanroom_core.cli import home as places
from cleanroom_core.cli import serve
from cleanroom_core.errors import HomeError, InputError

EVERYWHERE = "0.0.0.0"  # noqa: S104  named, never bound


@pytest.fixture
def taken() -> Iterator[int]:
    """A port somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_one_sentence_that_names_a_free_one(taken: int, tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-m", "cleanroom_core.cli.main", "serve"],
        env={**os.environ, "PORT": str(taken), "HOST": "", "CLEANROOM_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"Port {taken} is taken" in done.stderr
    free = int(done.stderr.split("PORT=")[1].split()[0])
    assert free > taken
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free))
    assert not home.exists()  # refused before anything is made


def test_a_free_port_is_not_refused(taken: int) -> None:
    with pytest.raises(InputError) as refused:
        serve.require_free("127.0.0.1", taken)
    assert refused.value.code == "PORT_TAKEN"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    serve.require_free("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(InputError) as refused:
        serve.require_free("192.0.2.1", 8501)  # TEST-NET-1: nobody's
    assert refused.value.code == "CANNOT_LISTEN"


def test_a_name_nobody_knows_is_refused() -> None:
    with pytest.raises(InputError) as refused:
        serve.require_free("no.such.host.invalid", 8501)
    assert refused.value.code == "HOST_UNKNOWN"


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("localhost", True), ("127.1.2.3", True), (EVERYWHERE, False), ("192.0.2.1", False)],
)
def test_what_stays_on_this_machine(host: str, local: bool) -> None:
    assert serve.is_loopback(host) is local


@pytest.mark.parametrize(("host", "local"), [("127.0.0.1", True), (EVERYWHERE, False)])
def test_what_streamlit_is_started_with(host: str, local: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The process is replaced, so the last call of this one is caught instead of made."""
    calls: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda *arguments: calls.append(arguments))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLEANROOM_HOST", "left over")
    serve.serve(tmp_path, host, 8765, tmp_path / "home", local)
    [(program, arguments, environment)] = calls
    assert program == sys.executable
    assert arguments[1:5] == ["-m", "streamlit", "run", str(tmp_path / "app.py")]
    options = dict(zip(arguments[5::2], arguments[6::2], strict=True))
    assert options["--server.address"] == host
    assert options["--server.port"] == "8765"
    assert options["--server.headless"] == "true"
    assert options["--browser.gatherUsageStats"] == "false"
    assert environment["CLEANROOM_HOME"] == str(tmp_path / "home")
    assert environment.get("CLEANROOM_HOST") == (None if local else host)


def test_streamlit_knows_every_option_we_give() -> None:
    from streamlit import config

    for name in ("server.address", "server.port", "server.headless", "browser.gatherUsageStats", "logger.hideWelcomeMessage"):
        config.get_option(name)


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "http://127.0.0.1:1"), ("::1", "http://[::1]:1")])
def test_the_address_to_type(host: str, shown: str) -> None:
    assert serve.url(host, 1) == shown


def test_the_home_is_made_closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLEANROOM_HOME", str(tmp_path / "a/home"))
    assert stat.S_IMODE(places.open_home().stat().st_mode) == 0o700


def test_a_home_that_is_a_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CLEANROOM_HOME", str(tmp_path / "file"))
    with pytest.raises(HomeError):
        places.open_home()


def test_without_a_setting_the_home_lies_in_the_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLEANROOM_HOME", raising=False)
    assert places.home() == places.clone() / "var"
