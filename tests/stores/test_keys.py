"""Key files: private, made once, never overwritten, never half there."""

from __future__ import annotations

import stat

import pytest

from cleanroom_core.errors import HomeError
from cleanroom_core.stores import keys as module
from cleanroom_core.stores.keys import load_keys, make_keys

ORIGIN = "north.example/cleanroom/fraud"
FILES = ["cosigner.key", "cosigner.next.key", "log.key", "log.next.key"]


def test_made_once_and_loaded_again(tmp_path):
    folder = tmp_path / "home" / "keys"
    keys = make_keys(folder, ORIGIN)
    assert sorted(file.name for file in folder.iterdir()) == FILES
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert load_keys(folder) == make_keys(folder, ORIGIN) == keys
    assert keys.log.name == keys.origin == ORIGIN
    assert keys.cosigner.name == f"{ORIGIN}/cosigner"
    assert len({key.seed for key in (keys.log, keys.cosigner, keys.next_log, keys.next_cosigner)}) == 4


def test_what_was_cut_short_is_finished_without_touching_the_rest(tmp_path, monkeypatch):
    real, written = module._write_once, []

    def cut(path, line):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(path.name)
        real(path, line)

    with monkeypatch.context() as patched:
        patched.setattr(module, "_write_once", cut)
        with pytest.raises(KeyboardInterrupt):
            make_keys(tmp_path / "keys", ORIGIN)
    before = {file.name: file.read_text() for file in (tmp_path / "keys").iterdir()}
    make_keys(tmp_path / "keys", ORIGIN)
    after = {file.name: file.read_text() for file in (tmp_path / "keys").iterdir()}
    assert len(before) == 2
    assert sorted(after) == FILES
    assert after.items() >= before.items()


def test_a_second_maker_never_overwrites(tmp_path):
    make_keys(tmp_path / "keys", ORIGIN)
    before = (tmp_path / "keys" / "log.key").read_text()
    module._write_once(tmp_path / "keys" / "log.key", "another\n")
    assert (tmp_path / "keys" / "log.key").read_text() == before
    assert sorted(file.name for file in (tmp_path / "keys").iterdir()) == FILES


def loose_file(folder):
    (folder / "log.key").chmod(0o640)


def loose_folder(folder):
    folder.chmod(0o755)


def missing(folder):
    (folder / "cosigner.key").unlink()


def damaged(folder):
    file = folder / "log.key"
    file.write_text(file.read_text()[:-10])


def empty(folder):
    (folder / "log.key").write_text("")


def binary(folder):
    (folder / "log.key").write_bytes(b"\xff\xfe")


def linked(folder):
    real = folder.parent / "elsewhere.key"
    (folder / "log.key").rename(real)
    (folder / "log.key").symlink_to(real)


def swapped(folder):
    text = (folder / "log.key").read_text()
    (folder / "cosigner.key").write_text(text)


def doubled(folder):
    (folder / "log.next.key").write_text((folder / "log.key").read_text())


@pytest.mark.parametrize("spoil", [loose_file, loose_folder, missing, damaged, empty, binary, linked, swapped, doubled])
def test_keys_that_are_not_as_they_must_be(tmp_path, spoil):
    folder = tmp_path / "keys"
    make_keys(folder, ORIGIN)
    secrets = [file.read_text().split("+", 4)[4].strip() for file in folder.iterdir()]
    spoil(folder)
    with pytest.raises(HomeError) as refused:
        load_keys(folder)
    assert refused.value.code == "KEYS"
    assert not any(secret in refused.value.diagnostics() for secret in secrets)
    if spoil in (loose_file, loose_folder):
        assert "chmod" in refused.value.hint


def test_keys_of_another_room(tmp_path):
    make_keys(tmp_path / "keys", ORIGIN)
    with pytest.raises(HomeError):
        make_keys(tmp_path / "keys", "north.example/cleanroom/other")


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeError):
        make_keys(tmp_path / "file" / "keys", ORIGIN)
