"""Two homes in one process, as in the rehearsal: the same conversation as over a wire, without the wire."""

from __future__ import annotations

from cleanroom_core.errors import IntegrityError
from cleanroom_core.exchange.protocol import Home


def exchange(a: Home, b: Home) -> None:
    """Hand over what each side has not yet seen of the other's log, and countersign it. Idempotent; safe after any crash.

    Raises IntegrityError or EquivocationError when one side refuses; the direction that came first may then be done.
    """
    hand_over(a, b)
    hand_over(b, a)


def hand_over(giver: Home, taker: Home) -> None:
    """One direction: the giver's log to the taker, the taker's cosignature back."""
    since = giver.acknowledge(taker.alias, taker.held(giver.origin))
    update = giver.update(taker.alias, since)
    if update is None:
        return
    try:
        answer = taker.receive(update)
    except IntegrityError as refused:
        whole = giver.update(taker.alias, 0) if refused.code == "NOT_CONSISTENT" and since else None
        if whole is None:
            raise
        # The whole log settles it: either it proves a fork, or the update was damaged on its way.
        answer = taker.receive(whole)
    giver.acknowledge(taker.alias, answer)
