"""What every way of exchanging must keep, whoever carries the bytes. Subclasses say which `Carrier` it is."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from cleanroom_core.audit.verify import Status
from cleanroom_core.errors import CleanRoomError, EquivocationError, ExchangeError, IntegrityError
from tests.exchange.carriers import CARRIERS
from tests.exchange.killed import POINTS
from tests.stores.homes import Clock, actor, make_room, reopen, write

STEPS = ("write", "turn", "turn", "lose", "deliver old", "restart")


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes: what a full disk does, for a moment."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def settle(carrier, one, other, turns=2):
    for _ in range(turns):
        carrier.turn(one, other)
        carrier.turn(other, one)


def require_same(one, other):
    """Both hold both logs byte for byte, all of it countersigned, and every proof holds."""
    for origin in one.origins:
        assert [entry.leaf for entry in one.store.read(origin)] == [entry.leaf for entry in other.store.read(origin)]
    for log in (one, other):
        assert log.acknowledged() == log.size()
        assert log.verify().status is Status.ACKNOWLEDGED


class ExchangeConformance:
    name: str

    @pytest.fixture
    def room(self, tmp_path):
        logs = make_room(tmp_path)
        yield logs
        for log in logs:
            log.store.close()

    @pytest.fixture
    def carrier(self, tmp_path):
        return CARRIERS[self.name](tmp_path)

    def test_both_hold_both_logs_in_their_order(self, carrier, room):
        provider, consumer = room
        write(provider, count=5)
        write(consumer, count=3)
        settle(carrier, provider, consumer)
        require_same(provider, consumer)
        assert [record.entry.seq for record in consumer.records(provider.origin)] == list(range(6))
        assert consumer.records(provider.origin)[3].payload == {"text": "provider 2"}

    def test_more_turns_change_nothing(self, carrier, room):
        provider, consumer = room
        write(provider)
        settle(carrier, provider, consumer)
        before = [(log.checkpoint(), log.held(other.origin)) for log, other in (room, room[::-1])]
        settle(carrier, provider, consumer)
        assert before == [(log.checkpoint(), log.held(other.origin)) for log, other in (room, room[::-1])]

    def test_what_is_lost_is_sent_again(self, carrier, room):
        provider, consumer = room
        for _ in range(3):
            write(provider)
            carrier.lose(provider, consumer)
            write(consumer)
            carrier.lose(consumer, provider)
        settle(carrier, provider, consumer)
        require_same(provider, consumer)

    def test_what_comes_twice_or_late_counts_once(self, carrier, room):
        provider, consumer = room
        for _ in range(3):
            write(provider)
            settle(carrier, provider, consumer, 1)
            carrier.deliver_old(provider, consumer)
            carrier.deliver_old(consumer, provider)
        assert consumer.size(provider.origin) == 4
        settle(carrier, provider, consumer)
        require_same(provider, consumer)

    @pytest.mark.parametrize("seed", range(2))
    def test_any_interleaving_keeps_every_log_whole(self, seed):
        chance = Random(seed)  # noqa: S311  a plan to play, no secret
        plan = [(chance.choice(STEPS), chance.randrange(2)) for _ in range(14)]
        with tempfile.TemporaryDirectory() as folder:
            logs = make_room(Path(folder), clock=Clock())
            carrier = CARRIERS[self.name](Path(folder))
            for step, at in plan:
                one, other = logs[at], logs[1 - at]
                if step == "write":
                    write(one, count=2)
                elif step == "turn":
                    carrier.turn(one, other)
                elif step == "lose":
                    carrier.lose(one, other)
                elif step == "deliver old":
                    carrier.deliver_old(other, one)
                else:
                    one.store.close()
                    logs[at] = reopen(one, Path(folder) / one.alias / "log.db")
                for log in logs:
                    assert log.acknowledged() <= log.size()
            settle(carrier, *logs)
            require_same(*logs)
            for log in logs:
                log.store.close()

    def test_nothing_private_is_ever_under_way(self, carrier, room):
        """Payloads of private kinds, and of entries for somebody else, stay; their entries go, so that nothing is hidden."""
        provider, consumer = room
        provider.append("intent", actor("provider"), {}, {"text": "canary one"})
        provider.append("release", actor("provider"), {}, {"text": "canary two"}, audience=())
        provider.append("release", actor("provider"), {}, {"text": "meant for you"}, audience=("consumer",))
        settle(carrier, provider, consumer)
        require_same(provider, consumer)
        under_way = b"".join(carrier.sent(provider, consumer) + carrier.sent(consumer, provider))
        assert b"meant for you" in under_way
        assert b"canary" not in under_way
        assert [record.payload for record in consumer.records(provider.origin, 1)] == [None, None, {"text": "meant for you"}]

    def test_a_fork_is_proven_and_not_countersigned(self, tmp_path, carrier, room):
        provider, consumer = room
        self.copy_home(tmp_path, "provider", "before")
        write(provider, count=2)
        settle(carrier, provider, consumer)
        provider.store.close()
        # Somebody with the provider's keys goes on from the old copy and hides what was signed since.
        self.copy_home(tmp_path, "before", "provider")
        forked = reopen(provider, tmp_path / "provider" / "log.db")
        write(forked, count=2)
        with pytest.raises(EquivocationError):
            self.take(carrier, consumer, forked, forked.update("consumer", 0))
        assert consumer.evidence(provider.origin) is not None
        assert consumer.size(provider.origin) == 3
        forked.store.close()

    def take(self, carrier, taker, giver, update):
        """`taker` is handed this update of the giver's log, whatever the giver's own exchange would have sent."""
        raise NotImplementedError

    def test_a_home_restored_from_an_old_copy_signs_nothing(self, tmp_path, carrier, room):
        provider, consumer = room
        self.copy_home(tmp_path, "provider", "before")
        write(provider, count=3)
        settle(carrier, provider, consumer)
        provider.store.close()
        shutil.rmtree(tmp_path / "provider")
        self.copy_home(tmp_path, "before", "provider")
        restored = reopen(provider, tmp_path / "provider" / "log.db")
        with pytest.raises(IntegrityError) as refused:
            carrier.turn(restored, consumer)
        assert refused.value.code == "LOG_BEHIND"
        assert restored.restore(consumer.copy_back(provider.origin)) == 3
        self.send_whole(carrier, consumer, restored)
        write(restored)
        settle(carrier, restored, consumer)
        require_same(restored, consumer)
        restored.store.close()

    def test_a_home_that_lost_its_mirror_gets_it_again(self, tmp_path, carrier, room):
        """The consumer wrote nothing since its backup, so nothing of its own log is missing: only the other's is."""
        provider, consumer = room
        settle(carrier, provider, consumer)
        consumer.store.close()
        self.copy_home(tmp_path, "consumer", "before")
        consumer = reopen(consumer, tmp_path / "consumer" / "log.db")
        write(provider, count=3)
        settle(carrier, provider, consumer)
        assert provider.acknowledged() == 4
        consumer.store.close()
        shutil.rmtree(tmp_path / "consumer")
        self.copy_home(tmp_path, "before", "consumer")
        consumer = reopen(consumer, tmp_path / "consumer" / "log.db")
        self.send_whole(carrier, provider, consumer)
        settle(carrier, provider, consumer)
        require_same(provider, consumer)
        consumer.store.close()

    def send_whole(self, carrier, giver, taker):
        """By hand somebody asks for the whole log; elsewhere the other side's claim says it."""

    @staticmethod
    def copy_home(root, name, to):
        shutil.copytree(root / name, root / to, dirs_exist_ok=True)

    def test_a_full_disk_is_told_and_nothing_is_lost(self, carrier, room):
        provider, consumer = room
        settle(carrier, provider, consumer)
        write(provider, count=2)
        provider.append("policy", actor("provider"), {}, {"text": "x" * 300_000})
        with small_disk(100_000), pytest.raises(CleanRoomError) as refused:
            settle(carrier, provider, consumer, 1)
        assert refused.value.code in ("FULL", "STORE_FULL", "STORE_DISK")
        assert provider.acknowledged() < provider.size()
        settle(carrier, provider, consumer)
        require_same(provider, consumer)

    def test_kill_9_at_any_point_of_a_turn(self, tmp_path, carrier, room):
        for log in room:
            log.store.close()
        child = subprocess.run(
            [sys.executable, "-m", "tests.exchange.killed", str(tmp_path), self.name],
            capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert child.stdout.split() == ["killed"] * POINTS, child.stderr
        one, other = logs = [reopen(log, tmp_path / log.alias / "log.db") for log in room]
        assert one.size() > POINTS // 2
        settle(carrier, one, other)
        require_same(one, other)
        for log in logs:
            log.store.close()


__all__ = ["ExchangeConformance", "ExchangeError", "require_same", "settle", "small_disk"]
