"""What lies in a shared folder and is no letter, or not a whole one, is told and never half read; what was sent is mended."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from cleanroom_core.errors import EquivocationError, ExchangeError, IntegrityError
from cleanroom_core.exchange.folder import KEPT, FolderExchange
from cleanroom_core.exchange.letter import Letter
from cleanroom_core.exchange.letters import write_letter
from cleanroom_core.exchange.shelf import name_of, number_of
from tests.exchange.conformance import require_same, small_disk
from tests.stores.homes import actor, make_room, reopen, write


class Pair:
    """Two homes, a shared folder, and where each one's letters to the other lie."""

    def __init__(self, root: Path, **options: object) -> None:
        self.root, self.shared = root, root / "shared"
        self.shared.mkdir()
        self.provider, self.consumer = make_room(root)
        self.options = options
        self.ways = {
            log.alias: FolderExchange(log, self.shared, root / log.alias / "exchange", **options)
            for log in (self.provider, self.consumer)
        }

    def sync(self, alias: str) -> list[str]:
        """One turn; the codes of what was found and not taken."""
        peer = "consumer" if alias == "provider" else "provider"
        return [problem.code for problem in self.ways[alias].sync(peer).problems]

    def settle(self) -> None:
        for _ in range(2):
            assert self.sync("provider") == self.sync("consumer") == []

    def folder(self, alias: str) -> Path:
        (folder,) = (self.shared / alias).glob("*/to-*")
        return folder

    def newest(self, alias: str) -> Path:
        return sorted(self.folder(alias).glob("*.letter"))[-1]

    def close(self) -> None:
        self.provider.store.close()
        self.consumer.store.close()


@pytest.fixture
def pair(tmp_path):
    made = Pair(tmp_path)
    write(made.provider, count=3)
    made.sync("provider")
    yield made
    made.close()


def unread(pair, code, before):
    """The consumer says `code`, and neither keeps nor countersigns anything."""
    assert pair.sync("consumer") == [code]
    assert pair.consumer.size(pair.provider.origin) == before


@pytest.mark.parametrize("keep", [0, 19, 40, 90, 0.5, -1])
def test_a_torn_letter_is_never_half_read_and_its_sender_mends_it(pair, keep):
    path = pair.newest("provider")
    whole = path.read_bytes()
    path.write_bytes(whole[: keep if isinstance(keep, int) else int(len(whole) * keep)])
    unread(pair, "TORN", 0)
    pair.settle()
    require_same(pair.provider, pair.consumer)


@pytest.mark.parametrize("at", [25, 300, -20])
def test_an_altered_letter_is_refused_and_mended(pair, at):
    path = pair.newest("provider")
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    assert pair.sync("consumer")[0] in ("ALTERED", "TORN")  # a larger length promises bytes that are not there
    assert pair.consumer.size(pair.provider.origin) == 0
    pair.settle()
    require_same(pair.provider, pair.consumer)


def test_bytes_after_the_end_are_no_letter(pair):
    with pair.newest("provider").open("ab") as file:
        file.write(b"more")
    unread(pair, "ALTERED", 0)


def foreign_link(path: Path) -> None:
    target = path.with_name("elsewhere")
    target.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(target)


def foreign_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def foreign_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("put", [foreign_link, foreign_pipe, foreign_directory])
def test_what_is_no_plain_file_is_not_opened_as_one(pair, put):
    put(pair.newest("provider"))
    assert "FOREIGN" in pair.sync("consumer")
    assert pair.consumer.size(pair.provider.origin) == 0


def test_an_oversized_file_is_not_read(tmp_path):
    pair = Pair(tmp_path, limit=10_000)
    pair.sync("provider")
    with pair.newest("provider").open("r+b") as file:
        file.truncate(10_001)
    unread(pair, "TOO_LARGE", 0)
    pair.close()


def test_foreign_names_are_told_and_do_not_stop_the_letters(pair):
    for name in ("notes.txt", "00000009-xyz.letter", "..letter"):
        (pair.folder("provider") / name).write_text("hello")
    assert pair.sync("consumer") == ["FOREIGN"] * 3
    assert pair.consumer.size(pair.provider.origin) == 4


def test_a_name_that_looks_right_over_other_bytes_is_refused(pair):
    (pair.folder("provider") / "00000009-0123456789abcdef.letter").write_text("hello")
    unread(pair, "FOREIGN", 0)
    pair.sync("provider")  # its own folder: it takes away what it did not write
    pair.settle()
    require_same(pair.provider, pair.consumer)


def test_links_in_the_place_of_folders_lead_nowhere(pair, tmp_path):
    real = pair.folder("provider").parent
    moved = real.rename(tmp_path / "moved")
    real.symlink_to(moved)
    with pytest.raises(ExchangeError) as refused:
        pair.sync("consumer")
    assert refused.value.code == "FOREIGN"
    with pytest.raises(ExchangeError):  # nor does the provider write through it
        pair.sync("provider")


def put(pair, alias, letter):
    data = letter.encode()
    name = name_of(1 + number_of(pair.newest(alias).name), data)
    (pair.folder(alias) / name).write_bytes(data)


def test_a_letter_of_somebody_else_or_for_another_room_is_refused(pair, tmp_path):
    good = write_letter(pair.provider, "consumer", 0)
    for change, code in (
        ({"sender": "consumer"}, "FOREIGN"),
        ({"receiver": "provider"}, "OTHER_RECEIVER"),
        ({"genesis": "0" * 64}, "OTHER_ROOM"),
    ):
        put(pair, "provider", Letter(**{**vars(good), **change}))
        unread(pair, code, 0)
        pair.newest("provider").unlink()


def test_an_old_listing_is_told_and_changes_nothing(pair):
    pair.settle()
    old = pair.newest("provider")
    write(pair.provider)
    pair.settle()
    for path in pair.folder("provider").glob("*.letter"):
        if path != old:
            path.rename(pair.root / path.name)
    assert pair.sync("consumer") == ["STALE"]
    assert pair.consumer.size(pair.provider.origin) == 5
    assert pair.sync("provider") == []  # it puts its newest letter there again
    pair.settle()


def test_an_old_letter_under_a_new_number_is_told_and_rolls_nothing_back(pair):
    old = pair.newest("provider").read_bytes()
    write(pair.provider, count=2)
    pair.settle()
    (pair.folder("provider") / name_of(900, old)).write_bytes(old)
    assert pair.sync("consumer") == ["BEHIND"]
    assert pair.consumer.size(pair.provider.origin) == 6
    write(pair.provider)
    pair.settle()
    require_same(pair.provider, pair.consumer)


def test_a_letter_planted_in_the_own_folder_is_taken_away(pair):
    """It claims a size, and this home's key did not sign it: it stops nobody."""
    planted = write_letter(pair.consumer, "provider", 0)
    put(pair, "provider", replace(planted, sender="provider", receiver="consumer", size=900))
    path = pair.newest("provider")
    assert pair.sync("provider") == []
    assert not path.exists()
    pair.settle()
    require_same(pair.provider, pair.consumer)


def test_an_emptied_folder_is_filled_again(pair):
    pair.settle()
    write(pair.consumer)
    shutil.rmtree(pair.shared / "provider")
    shutil.rmtree(pair.shared / "consumer")
    pair.settle()
    require_same(pair.provider, pair.consumer)


def test_a_home_whose_letters_say_more_than_it_holds_signs_nothing(pair, tmp_path):
    """Restored from a copy of before its newest letter, which the other side has not read: only the folder knows."""
    restored = make_room(tmp_path / "copy")[0]
    behind = FolderExchange(restored, pair.shared, tmp_path / "copy" / "exchange")
    write(restored)
    with pytest.raises(IntegrityError) as refused:
        behind.sync("consumer")
    assert refused.value.code == "LOG_BEHIND"
    assert restored.store.checkpoint(restored.origin) is None


def test_letters_are_for_their_owner_only_unless_the_group_is_let_in(pair, tmp_path):
    (tmp_path / "open").mkdir()
    group = Pair(tmp_path / "open", group=True)
    old = os.umask(0o077)
    try:
        group.sync("provider")
    finally:
        os.umask(old)
    for made, file_mode, folder_mode in ((pair, 0o600, 0o700), (group, 0o640, 0o750)):
        assert stat.S_IMODE(made.newest("provider").stat().st_mode) == file_mode
        for folder in (made.folder("provider"), made.folder("provider").parent, made.shared / "provider"):
            assert stat.S_IMODE(folder.stat().st_mode) == folder_mode
    group.close()


def test_only_the_own_folder_is_written_and_little_of_it_stays(pair):
    for _ in range(KEPT + 3):
        write(pair.provider)
        pair.sync("provider")
    assert len(list(pair.folder("provider").iterdir())) == KEPT
    assert [path.name for path in pair.shared.iterdir()] == ["provider"]
    assert number_of(pair.newest("provider").name) == KEPT + 4


def test_quiet_homes_write_nothing(pair):
    pair.settle()
    before = {path: path.stat().st_mtime_ns for path in pair.root.rglob("*.letter")}
    pair.settle()
    assert before == {path: path.stat().st_mtime_ns for path in pair.root.rglob("*.letter")}


def test_a_folder_that_is_away_is_told_with_what_to_do(pair):
    pair.shared.rename(pair.root / "unmounted")
    with pytest.raises(ExchangeError) as refused:
        pair.sync("provider")
    assert refused.value.code == "AWAY"
    assert "Mount it" in refused.value.hint


def test_a_disk_that_fills_in_the_middle_of_a_letter_leaves_nothing_under_its_name(tmp_path):
    """Text of quotes is twice as long in a letter as in the database, so the letter alone meets the limit."""
    pair = Pair(tmp_path)
    pair.provider.append("policy", actor("provider"), {}, {"text": '"' * 400_000})
    pair.provider.checkpoint()
    size = max(path.stat().st_size for path in (tmp_path / "provider").glob("log.db*"))
    letter = len(write_letter(pair.provider, "consumer", 0).encode())
    assert size < letter - 200_000
    with small_disk(letter - 100_000), pytest.raises(ExchangeError) as refused:
        pair.sync("provider")
    assert refused.value.code == "FULL"
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and ("letter" in path.name or "partial" in path.name)]
    pair.settle()
    require_same(pair.provider, pair.consumer)
    pair.close()


def test_what_a_killed_writer_left_is_passed_over_and_cleared(pair):
    folder = pair.folder("provider")
    left = folder / ".00000002-0123456789abcdef.89abcdef.partial"
    left.write_bytes(pair.newest("provider").read_bytes()[:100])
    assert pair.sync("consumer") == []
    write(pair.provider)
    pair.sync("provider")
    assert not left.exists()


def test_three_homes_through_one_folder_come_to_rest(tmp_path):
    """Each learns what all have countersigned, each letter is for one receiver, and then nobody writes any more."""
    (tmp_path / "shared").mkdir()
    logs = make_room(tmp_path, "provider", "consumer", "third")
    ways = [FolderExchange(log, tmp_path / "shared", tmp_path / log.alias / "exchange") for log in logs]
    write(logs[0])
    logs[0].append("release", actor("provider"), {}, {"text": "canary"}, audience=("third",))

    def round_() -> bool:
        sent = [way.sync(peer.alias).sent for way in ways for peer in way.home.peers]
        return any(sent)

    for _ in range(6):
        round_()
    assert not round_()
    for other in logs[1:]:
        require_same(logs[0], other)
    assert {path.name for path in (tmp_path / "shared" / "provider").glob("*/*")} == {"to-consumer", "to-third"}
    assert b"canary" not in b"".join(path.read_bytes() for path in (tmp_path / "shared").rglob("to-consumer/*.letter"))
    for log in logs:
        log.store.close()


def test_a_room_name_in_a_letter_cannot_steer_the_terminal(pair):
    good = write_letter(pair.provider, "consumer", 0)
    with pytest.raises(ValueError, match="not a letter"):
        Letter(**{**vars(good), "room": "\x1b[2J"})


def test_an_update_that_does_not_follow_is_answered_by_asking_for_the_whole_log(pair, tmp_path):
    """Between two sizes neither a fork nor a damaged update can be told from the other; the whole log settles it."""
    shutil.copytree(tmp_path / "provider", tmp_path / "backup")
    write(pair.provider, count=3)
    pair.settle()
    forked = reopen(pair.provider, tmp_path / "backup" / "log.db")
    write(forked, count=6)
    held = pair.consumer.size(pair.provider.origin)

    def hand_in(since: int) -> None:
        put(pair, "provider", replace(write_letter(forked, "consumer", since), held=None))

    hand_in(held)
    with pytest.raises(IntegrityError) as refused:
        pair.sync("consumer")
    assert refused.value.code == "NOT_CONSISTENT"
    asked = pair.newest("consumer")
    assert Letter.parse(asked.read_bytes(), asked.name).whole
    with pytest.raises(IntegrityError) as own:
        pair.sync("provider")  # finds a letter in its own folder that its own key signed, and it did not write
    assert own.value.code == "LOG_BEHIND"
    pair.newest("provider").unlink()
    assert pair.sync("provider") == []  # the real one hears the question, and hands over all of its log
    answer = pair.newest("provider")
    assert (Letter.parse(answer.read_bytes(), answer.name).since, pair.consumer.size(pair.provider.origin)) == (0, held)
    assert pair.sync("consumer") == []
    assert pair.consumer.evidence(pair.provider.origin) is None
    hand_in(0)  # and this is what the fork looks like
    with pytest.raises(EquivocationError):
        pair.sync("consumer")
    assert pair.consumer.evidence(pair.provider.origin) is not None
    forked.store.close()
