"""What the server says of itself over HTTP, and the settings it runs under (S14, S15, S16, S17, S29)."""

from __future__ import annotations

import http.client
import re
import tomllib
from pathlib import Path

import pytest

from pages._ui.logfile import mask
from pages._ui.loopback import is_loopback
from pages._ui.security_headers import content_security_policy
from tests.wizard.conftest import Server

ROOT = Path(__file__).resolve().parents[2]
CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())


def test_the_settings_are_the_safe_ones() -> None:
    server, client, browser = CONFIG["server"], CONFIG["client"], CONFIG["browser"]
    assert server["address"] == "127.0.0.1"
    assert server["enableCORS"] is True
    assert server["enableXsrfProtection"] is True
    assert server["enableStaticServing"] is False
    assert server["enableAgentApi"] is False
    assert server["maxUploadSize"] <= 5
    assert server["maxMessageSize"] <= 20
    assert server["allowedHosts"]
    assert "*" not in server["allowedHosts"]
    assert client["showErrorDetails"] == "none"
    assert client["toolbarMode"] == "viewer"
    assert client["disableDataExport"] is True
    assert browser["gatherUsageStats"] is False


def test_every_setting_exists_in_this_streamlit() -> None:
    from streamlit import config

    known = set(config._config_options_template)
    for section, options in CONFIG.items():
        for name, value in options.items():
            for option in [f"{name}.{inner}" for inner in value] if isinstance(value, dict) else [name]:
                assert f"{section}.{option}" in known


@pytest.mark.parametrize("path", ["/", "/home", "/nonsense", "/_stcore/health", "/_stcore/metrics", "/media/none.txt"])
def test_every_answer_has_its_headers(server: Server, path: str) -> None:
    _, headers, _ = server.get(path)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert policy["object-src"] == "'none'"
    assert policy["img-src"] == "'self' data: blob:"
    assert "'unsafe-inline'" not in policy["script-src"]
    assert not re.search(r"https?:|\*", headers["content-security-policy"])


def test_the_policy_allows_the_inline_scripts_of_the_page_by_their_digest() -> None:
    policy = content_security_policy("<script>alert(1)</script><script src='x'></script><script>\nb = 2\n</script>")
    assert len(re.findall(r"'sha256-[A-Za-z0-9+/]{43}='", policy)) == 2


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/_stcore/health", 200),
        ("/_stcore/metrics", 404),
        ("/_stcore/agent/openapi.json", 404),
        ("/_stcore/agent/interact", 404),
        ("/_stcore/script-health-check", 404),
        ("/..%2f..%2fetc/passwd", 400),
        ("//evil.example/x", 400),
    ],
)
def test_paths_nobody_needs(server: Server, path: str, status: int) -> None:
    assert server.get(path)[0] == status


@pytest.mark.parametrize(
    "path",
    [
        "/app/static/app.py", "/.streamlit/config.toml", "/.streamlit/secrets.toml", "/pages/home.py", "/pages/_ui/session.py",
        "/app.py", "/var/users.db", "/users.db", "/cookie.key", "/static/../app.py",
        "/component/extra_streamlit_components.CookieManager.cookie_manager/../../app.py",
    ],
)  # fmt: skip
def test_no_file_of_ours_is_served(server: Server, path: str) -> None:
    status, _, body = server.get(path)
    assert status in {200, 400, 404}
    if status == 200:
        assert 'id="root"' in body
    for ours in ("require(", "enableXsrfProtection", "SQLite format", "import streamlit"):
        assert ours not in body


def upload(server: Server, size: int, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\n\r\n' + b"x" * size + b"\r\n--b--\r\n"
    try:
        connection.request(
            "PUT", "/_stcore/upload_file/session/file", body, {"Content-Type": "multipart/form-data; boundary=b", **headers}
        )
        return connection.getresponse().status
    except (BrokenPipeError, ConnectionResetError):
        return 413
    finally:
        connection.close()


def test_an_upload_without_its_token_is_refused(server: Server) -> None:
    assert upload(server, 10) == 403
    assert upload(server, 10, Cookie="_streamlit_xsrf=abc", **{"X-Xsrftoken": "def"}) == 403


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("127.0.0.1", True), ("127.8.9.10", True), ("::1", True), ("[::1]", True), ("localhost", True), ("LOCALHOST", True),
        ("192.0.2.7", False), ("::", False), (None, False), ("", False), ("10.0.0.1", False), ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False), ("unix:///tmp/x", False),
    ],
)  # fmt: skip
def test_what_loopback_is(address: str | None, answer: bool) -> None:
    assert is_loopback(address) is answer


@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl",
        "$2b$12$qIyf4O7e/542ns3Mumt1/.4dBafMRPzGJvaFO9vHlUaZb9K2xXdLi",
        "dapi0123456789abcdef0123456789abcdef",
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "0123456789abcdef0123456789abcdef",
        "q83vEjRWeJq83vEjRWeJq83vEjRWeJq83vEjRWeJq80=",
    ],
)
def test_the_log_masks_what_looks_like_a_secret(secret: str) -> None:
    masked = mask(f"before {secret} after, password={secret}")
    assert secret not in masked
    assert masked.startswith("before [masked] after")


def test_the_log_stays_readable() -> None:
    line = 'File "/srv/cleanroom/pages/_ui/session.py", line 41, in current_user at 2026-11-22 17:06:14,123 error 1a2b3c4d'
    assert mask(line) == line
