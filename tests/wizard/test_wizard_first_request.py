"""The first request a fresh server ever gets, signed out and spoken by hand: never a page, never a list of pages (S21b).

Streamlit's old pages mode is a flag of the process that the first run of the frame clears, so each case needs its own server.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from pages._ui.steps import STEPS
from tests.wizard.conftest import Server, make_home, start_server
from tests.wizard.raw_client import RawClient, listed_pages, page_hash, texts, titles

NAMES = [step.name for step in STEPS]
FILES = {path.name for path in (Path(__file__).resolve().parents[2] / "pages").glob("*.py")}


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Server]:
    running = start_server(make_home(tmp_path / "home"))
    yield running
    running.stop()


def assert_sign_in_only(messages: list[ForwardMsg]) -> None:
    assert titles(messages)[0] == "Sign in"
    assert set(listed_pages(messages)) <= {"", "sign-in"} | set(NAMES)
    assert len(listed_pages(messages)) <= 2, "a list of pages"
    said = texts(messages)
    for step in STEPS:
        assert f'body: "{step.title}"' not in said
    for file in FILES:
        assert file not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("by", ["name", "hash", "url"])
def test_a_page_asked_for_first_is_the_sign_in_form(fresh: Server, by: str) -> None:
    name = NAMES[-1]
    if by == "url":
        status, _, body = fresh.get(f"/{name}")
        assert status == 200
        assert 'id="root"' in body
    asked = {
        "name": {"page_name": name},
        "hash": {"page_hash": page_hash(name)},
        "url": {"page_name": name, "url": f"{fresh.url}/{name}"},
    }[by]
    with RawClient(fresh.port) as client:
        assert_sign_in_only(client.visit(**asked))
    # and so it stays for every other page, by every way
    for other in NAMES:
        for again in (
            {"page_name": other},
            {"page_hash": page_hash(other)},
            {"page_name": other, "url": f"{fresh.url}/{other}"},
        ):
            with RawClient(fresh.port) as client:
                assert_sign_in_only(client.visit(**again))


def test_streamlit_would_have_run_the_page_alone_beside_a_pages_folder(tmp_path: Path) -> None:
    """The control: the same first request against the layout we do not use does run the page. If this ever fails, Streamlit
    has closed the hole itself and this module may go."""
    import os
    import socket
    import subprocess
    import sys
    import time
    import urllib.request

    (tmp_path / "pages").mkdir()
    (tmp_path / "app.py").write_text(
        "import streamlit as st\nst.navigation([st.Page(lambda: st.title('Sign in'), title='Sign in')]).run()\n"
    )
    (tmp_path / "pages" / "secret.py").write_text("import streamlit as st\nst.title('Body of the page')\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.address", "127.0.0.1",
               "--server.headless", "true", "--browser.gatherUsageStats", "false"]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=tmp_path, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(400):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
                    break
            except OSError:
                time.sleep(0.05)
        with RawClient(port) as client:
            assert titles(client.visit(page_name="secret")) == ["Body of the page"]
    finally:
        process.terminate()
        process.wait(10)
