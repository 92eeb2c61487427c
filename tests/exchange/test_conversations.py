"""Any order of writing, exchanging, losing, repeating and restarting leaves logs that verify and mirrors that are prefixes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom_core.audit.verify import Status
from cleanroom_core.exchange.in_process import exchange, hand_over
from tests.stores.homes import Clock, make_room, reopen, write

ALIASES = ("provider", "consumer", "third")
homes = st.integers(0, 2)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), homes, st.integers(1, 3)),
        st.tuples(st.just("hand over"), homes, homes),
        st.tuples(st.just("send, and lose the answer"), homes, homes),
        st.tuples(st.just("deliver an old message again"), homes, homes),
        st.tuples(st.just("restart"), homes, st.just(0)),
        st.tuples(st.just("wait"), homes, st.integers(1, 5)),
    ),
    max_size=14,
)


@settings(max_examples=8, deadline=None)
@given(steps)
def test_any_conversation_keeps_every_log_whole(plan):
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        logs = make_room(Path(folder), *ALIASES, clock=clock)
        sent: dict[tuple[int, int], list[bytes]] = {}
        for step, one, other in plan:
            log = logs[one]
            if step == "write":
                write(log, count=other)
            elif step == "wait":
                clock.forward(minutes=other)
            elif step == "restart":
                log.store.close()
                logs[one] = reopen(log, Path(folder) / log.alias / "log.db")
            elif one != other:
                if step == "hand over":
                    hand_over(log, logs[other])
                elif step == "send, and lose the answer":
                    message = log.update(logs[other].alias, logs[other].size(log.origin))
                    if message is not None:
                        sent.setdefault((one, other), []).append(message)
                        logs[other].receive(message)
                elif sent.get((one, other)):
                    logs[other].receive(sent[one, other][0])
            assert log.acknowledged() <= log.size()
        for at in logs:
            for owner in logs:
                mirror = [record.leaf_hash for record in at.records(owner.origin)]
                assert mirror == [record.leaf_hash for record in owner.records(stop=len(mirror))]
        for first, second in ((0, 1), (0, 2), (1, 2), (0, 1), (0, 2)):
            exchange(logs[first], logs[second])
        for at in logs:
            assert [at.acknowledged(origin) for origin in at.origins] == [owner.size() for owner in logs]
            assert at.verify().status is Status.ACKNOWLEDGED
            at.store.close()
