"""Carried by hand: the file is taken whole, by the home it is for, in the room it is of, or refused with what to do."""

from __future__ import annotations

import shutil
import stat

import pytest

from cleanroom_core.errors import ExchangeError, InputError, IntegrityError
from cleanroom_core.exchange.file import export_letter, export_mirror, import_letter, import_mirror
from cleanroom_core.exchange.letter import Letter
from tests.exchange.conformance import require_same
from tests.stores.homes import make_room, reopen, write


@pytest.fixture
def room(tmp_path):
    logs = make_room(tmp_path, "provider", "consumer", "third")
    yield logs
    for log in logs:
        log.store.close()


@pytest.fixture
def letter(room, tmp_path):
    write(room[0], count=3)
    export_letter(room[0], "consumer", tmp_path / "letter")
    return tmp_path / "letter"


def refused(log, path, code):
    with pytest.raises(ExchangeError) as found:
        import_letter(log, path)
    assert found.value.code == code
    assert found.value.hint
    assert log.size(log.peers[0].origin) == 0


def test_importing_twice_does_nothing(room, letter):
    assert import_letter(room[1], letter).entries == 4
    held = room[1].held(room[0].origin)
    assert import_letter(room[1], letter).entries == 0
    assert room[1].held(room[0].origin) == held


def test_the_answer_brings_the_acknowledgement_and_the_next_file_only_what_is_new(room, letter, tmp_path):
    provider, consumer, _ = room
    import_letter(consumer, letter)
    export_letter(consumer, "provider", tmp_path / "answer")
    assert import_letter(provider, tmp_path / "answer").holds == 4
    write(provider)
    next_ = export_letter(provider, "consumer", tmp_path / "next")
    assert (next_.since, next_.size) == (4, 5)
    assert import_letter(consumer, tmp_path / "next").entries == 1
    # An older file after a newer one: nothing goes back, and it is said.
    assert import_letter(consumer, letter).behind
    assert consumer.size(provider.origin) == 5


def test_three_homes_carry_what_each_countersigned(room, tmp_path):
    number = iter(range(100))

    def carry(giver, taker):
        path = tmp_path / f"letter{next(number)}"
        export_letter(giver, taker.alias, path)
        import_letter(taker, path)

    for _ in range(3):
        for giver in room:
            for taker in room:
                if giver is not taker:
                    carry(giver, taker)
    for other in room[1:]:
        require_same(room[0], other)


def test_a_file_for_somebody_else_is_refused(room, letter):
    refused(room[2], letter, "OTHER_RECEIVER")
    with pytest.raises(ExchangeError) as own:
        import_letter(room[0], letter)
    assert own.value.code == "OWN_LETTER"


def test_a_file_of_another_room_is_refused(letter, tmp_path):
    other = make_room(tmp_path / "elsewhere", "provider", "consumer")
    refused(other[1], letter, "OTHER_ROOM")
    for log in other:
        log.store.close()


def test_every_truncation_is_refused(room, letter):
    whole = letter.read_bytes()
    for keep in {0, 1, 10, 19, 20, 30, 85, 90, len(whole) // 2, len(whole) - 1}:
        letter.write_bytes(whole[:keep])
        refused(room[1], letter, "TORN")


def test_every_altered_byte_is_refused(room, letter):
    whole = letter.read_bytes()
    for at in range(0, len(whole), 97):
        altered = bytearray(whole)
        altered[at] ^= 0x04
        letter.write_bytes(altered)
        with pytest.raises(ExchangeError) as found:
            import_letter(room[1], letter)
        assert found.value.code in ("FOREIGN", "TORN", "ALTERED")
    assert room[1].size(room[0].origin) == 0


def test_a_letter_rebuilt_around_an_altered_update_fails_the_witness(room, letter):
    """The digest only tells accidents; whoever rebuilds it meets the signatures."""
    found = Letter.parse(letter.read_bytes(), "letter")
    changed = found.update.replace(b"provider 1", b"provider 7")
    assert changed != found.update
    letter.write_bytes(Letter(**{**vars(found), "update": changed}).encode())
    with pytest.raises(IntegrityError) as refused_:
        import_letter(room[1], letter)
    assert refused_.value.code == "COMMITMENT"
    assert room[1].size(room[0].origin) == 0


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04", b"hello\n", b"cleanroom-letter/2\n", b"cleanroom-letter/1\nnot a number\n" * 9]
)
def test_other_files_are_no_letters(room, tmp_path, content):
    (tmp_path / "other").write_bytes(content)
    refused(room[1], tmp_path / "other", "FOREIGN")


def test_links_missing_and_large_files_are_not_read(room, letter, tmp_path):
    (tmp_path / "link").symlink_to(letter)
    refused(room[1], tmp_path / "link", "FOREIGN")
    refused(room[1], tmp_path / "nothing", "GONE")
    refused(room[1], tmp_path, "FOREIGN")
    with pytest.raises(ExchangeError) as found:
        import_letter(room[1], letter, limit=100)
    assert found.value.code == "TOO_LARGE"


def test_an_export_is_private_and_overwrites_nothing(room, letter):
    assert stat.S_IMODE(letter.stat().st_mode) == 0o600
    before = letter.read_bytes()
    with pytest.raises(InputError) as found:
        export_letter(room[0], "consumer", letter)
    assert found.value.code == "FILE_EXISTS"
    assert letter.read_bytes() == before
    with pytest.raises(InputError):
        export_letter(room[0], "nobody", letter.with_name("new"))
    with pytest.raises(ExchangeError):
        export_letter(room[0], "consumer", letter.parent / "no such folder" / "new")


def test_a_home_that_lost_its_newest_entries_takes_them_back_from_the_mirror(room, tmp_path):
    provider, consumer, third = room
    shutil.copytree(tmp_path / "provider", tmp_path / "backup")
    write(provider, count=3)
    export_letter(provider, "consumer", tmp_path / "letter")
    import_letter(consumer, tmp_path / "letter")
    with pytest.raises(InputError):
        export_mirror(third, "provider", tmp_path / "nothing")
    export_mirror(consumer, "provider", tmp_path / "mirror")
    old = reopen(provider, tmp_path / "backup" / "log.db")
    for log, path in ((third, tmp_path / "mirror"), (old, tmp_path / "letter")):
        with pytest.raises(IntegrityError):
            import_mirror(log, path)
    assert import_mirror(old, tmp_path / "mirror") == 3
    assert [one.leaf for one in old.store.read(old.origin)] == [one.leaf for one in provider.store.read(provider.origin)]
    old.store.close()
