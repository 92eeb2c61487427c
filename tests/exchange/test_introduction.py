"""First contact: the fingerprint both read aloud is the same only if each met the other's own keys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cleanroom_core.context import Context, Party, create_home
from cleanroom_core.errors import ConflictError, ExchangeError, HomeError, InputError, IntegrityError, NotReadyError
from cleanroom_core.exchange.introduction import Introduction, fingerprint, genesis_of
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.party import compared, confirm, introduce, meet
from cleanroom_core.rehearsal import prepare


def party_home(folder: Path, alias: str) -> Context:
    create_home(folder, Party(alias, f"{alias.title()} Bank"))
    return Context.open(folder)


@pytest.fixture
def homes(tmp_path):
    opened = [party_home(tmp_path / alias, alias) for alias in ("provider", "consumer")]
    yield opened
    for context in opened:
        context.close()


@pytest.fixture
def notes(homes):
    return [introduce(context, "shops", creates=at == 0)[1] for at, context in enumerate(homes)]


def met(homes, notes):
    return [meet(homes[0], "shops", {"theirs": notes[1]}), meet(homes[1], "shops", {"theirs": notes[0]})]


def test_both_begin_with_the_same_document_and_each_log_says_who_compared_it(homes, notes, tmp_path):
    first, second = met(homes, notes)
    assert first == second
    assert [one.alias for one in first.collaborators] == ["provider", "consumer"]
    assert homes[1].info("shops").collaborators == {"provider": "Provider Bank", "consumer": "Consumer Bank"}
    for context in homes:
        context.choose_folder("shops", tmp_path)
    confirm(homes[0], "shops", fingerprint(second)[:49].upper(), "nora")
    homes[1].sync("shops")
    assert compared(homes[1], "shops") == {"provider": True, "consumer": False}
    confirm(homes[0], "shops", fingerprint(second), "nora")  # again, all of it: said once is enough
    assert homes[0].log("shops", "provider").size() == 2
    for context, alias in zip(homes, ("provider", "consumer"), strict=True):
        assert context.log("shops", alias).records(stop=1)[0].entry.public["sha256"] == first.digest()


def test_somebody_in_between_is_heard_on_the_phone(homes, notes, tmp_path):
    """The one who carries the files puts own keys into both: each home begins, and the fingerprints differ."""
    between = [party_home(tmp_path / f"false {alias}", alias) for alias in ("provider", "consumer")]
    forged = [introduce(context, "shops", creates=at == 0)[1] for at, context in enumerate(between)]
    one = meet(homes[0], "shops", {"theirs": forged[1]})
    two = meet(homes[1], "shops", {"theirs": forged[0]})
    assert fingerprint(one)[:49] != fingerprint(two)[:49]
    with pytest.raises(IntegrityError) as heard:
        confirm(homes[0], "shops", fingerprint(two)[:49], "nora")
    assert heard.value.code == "FINGERPRINT"
    assert compared(homes[0], "shops")["provider"] is False
    for context in between:
        context.close()


@pytest.mark.parametrize("heard", ["", "0000", "00 " * 19])
def test_part_of_a_fingerprint_is_not_enough(homes, notes, heard):
    met(homes, notes)
    with pytest.raises(InputError):
        confirm(homes[0], "shops", heard, "nora")


def test_an_introduction_altered_on_its_way_is_refused(homes, notes):
    for data in (
        notes[1].replace(b"Consumer Bank", b"Another Bank."),
        notes[1][:-1],
        notes[1][:100],
        b"",
        b"{}",
        notes[1] + b"x",
    ):
        with pytest.raises(ExchangeError) as refused:
            meet(homes[0], "shops", {"theirs": data})
        assert refused.value.code == "INTRODUCTION"
    assert homes[0].rooms() == ()


def test_introductions_that_do_not_fit_are_refused(homes, notes, tmp_path):
    own, theirs = (Introduction.parse(data, "note") for data in notes)
    for wrong in (
        [own],
        [replace(own, creates=False), theirs],
        [own, replace(theirs, creates=True)],
        [own, replace(theirs, room="others")],
        [own, replace(theirs, organisation=own.organisation)],
        [own, own],
    ):
        with pytest.raises(InputError):
            genesis_of(wrong)
    with pytest.raises(InputError):
        meet(homes[0], "shops", {"theirs": notes[0]})  # the own file came back
    for change in ({"organisation": ""}, {"organisation": "a\u202eb"}, {"room": "Sh ops"}, {"cosign_hours": 0}):
        with pytest.raises(InputError):
            replace(own, **change)


def test_a_room_keeps_the_keys_it_began_with(homes, notes, tmp_path):
    met(homes, notes)
    meet(homes[0], "shops", {"theirs": notes[1]})  # again: nothing
    assert introduce(homes[0], "shops", creates=True)[1] == notes[0]
    with pytest.raises(ConflictError):
        introduce(homes[0], "shops")
    other = party_home(tmp_path / "other", "consumer")
    with pytest.raises(ConflictError):
        meet(homes[0], "shops", {"theirs": introduce(other, "shops")[1]})
    other.close()


def test_nobody_is_met_before_the_own_introduction(homes, notes):
    with pytest.raises(NotReadyError):
        meet(homes[0], "others", {"theirs": notes[1]})
    with pytest.raises(InputError):
        meet(homes[0], "shops", {"theirs": notes[1]}, shared=Path("/no such folder"))
    assert homes[0].rooms() == ()


def test_homes_of_one_party_and_of_rehearsals_are_not_mixed(homes, tmp_path):
    with pytest.raises(HomeError):
        create_home(homes[0].home, Party("consumer", "Consumer Bank"))
    create_home(tmp_path / "rehearsal")
    with pytest.raises(HomeError):
        create_home(tmp_path / "rehearsal", Party("provider", "Provider Bank"))
    rehearsal = Context.open(tmp_path / "rehearsal")
    with pytest.raises(HomeError):
        introduce(rehearsal, "shops")
    rehearsal.close()
    prepared = prepare(homes[0].home, Path("no examples are looked at"))  # as `cleanroom serve` does
    assert prepared.rooms() == ()
    prepared.close()


def look(context, organisation):
    return context.collaborator("shops", User("x", organisation, frozenset({Role.ANALYST}), "X"))


def test_looking_is_enough_to_take_over_to_mend_and_to_be_told(homes, notes, tmp_path):
    """What the wizard does at every rerun."""
    met(homes, notes)
    shared = tmp_path / "shared"
    shared.mkdir()
    for context in homes:
        context.choose_folder("shops", shared)
    provider, consumer = homes
    for _ in range(3):
        look(provider, "Provider Bank")
        assert look(consumer, "Consumer Bank").log.size(provider.log("shops", "provider").origin) in (0, 1)
    assert provider.log("shops", "provider").acknowledged() == consumer.log("shops", "consumer").acknowledged() == 1
    assert not provider.troubles("shops")

    confirm(provider, "shops", fingerprint(provider.log("shops", "provider").genesis), "nora")
    path = sorted(shared.glob("provider/*/to-consumer/*.letter"))[-1]
    path.write_bytes(path.read_bytes()[:-5])
    look(consumer, "Consumer Bank")
    assert [trouble.code for trouble in consumer.troubles("shops")] == ["TORN"]
    look(provider, "Provider Bank")  # nobody acts: a look puts it there again, and a look takes it
    look(consumer, "Consumer Bank")
    assert not consumer.troubles("shops")
    assert compared(consumer, "shops")["provider"]

    moved = shared.rename(tmp_path / "unmounted")
    look(consumer, "Consumer Bank")
    assert [trouble.code for trouble in consumer.troubles("shops")] == ["AWAY"]
    moved.rename(shared)
    look(consumer, "Consumer Bank")
    assert not consumer.troubles("shops")
