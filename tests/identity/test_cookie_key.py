"""The cookie key: made once, closed to others, never a sample (S12)."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cleanroom_core.errors import HomeError
from cleanroom_core.identity.cookie_key import VARIABLE, check_cookie_key, load_cookie_key


def test_made_once_with_mode_0600(tmp_path: Path) -> None:
    path = tmp_path / "cookie.key"
    key = load_cookie_key(path, {})
    assert len(key.encode()) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_cookie_key(path, {}) == key
    assert load_cookie_key(tmp_path / "other.key", {}) != key
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cookie.key", "other.key"]


def test_a_loose_umask_changes_nothing(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        load_cookie_key(tmp_path / "cookie.key", {})
    finally:
        os.umask(before)
    assert (tmp_path / "cookie.key").stat().st_mode & 0o777 == 0o600


def test_many_at_once_end_with_one_key(tmp_path: Path) -> None:
    path = tmp_path / "cookie.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_cookie_key(path, {}), range(40)))
    assert len(keys) == 1


def test_the_environment_comes_first(tmp_path: Path) -> None:
    given = "d3adb33f" * 3 + "0123456789"
    assert load_cookie_key(tmp_path / "cookie.key", {VARIABLE: f"{given}\n"}) == given
    assert not (tmp_path / "cookie.key").exists()


@pytest.mark.parametrize("key", ["", "some_key", "0123456789abcdef", "some_signature_key" * 3, "changeme" * 8, "ab" * 40])
def test_short_keys_and_samples_are_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(HomeError) as caught:
        check_cookie_key(key)
    assert not key or key not in caught.value.diagnostics()
    path = tmp_path / "cookie.key"
    path.touch(0o600)
    path.write_text(key)
    with pytest.raises(HomeError):
        load_cookie_key(path, {})


def test_a_key_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cookie.key"
    load_cookie_key(path, {})
    path.chmod(0o640)
    with pytest.raises(HomeError, match="Others on this machine"):
        load_cookie_key(path, {})


def test_the_home_of_the_rehearsal_is_ignored_by_git() -> None:
    root = Path(__file__).resolve().parents[2]
    for name in ("var/cookie.key", "var/users.db", "var/logs/wizard.log"):
        assert subprocess.run(["git", "check-ignore", "-q", name], cwd=root, check=False).returncode == 0
