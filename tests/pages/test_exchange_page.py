"""Exchange: a rehearsal needs nothing; two homes begin a room, compare, and hand over letters and the room file as uploads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cleanroom_core import first_contact
from cleanroom_core.context import Context, Party, create_home
from cleanroom_core.errors import ConflictError, ExchangeError, NotPermittedError, NotReadyError
from cleanroom_core.exchange.introduction import fingerprint
from cleanroom_core.identity.permissions import Permission, Role, User
from cleanroom_core.party import introduce, meet, prepare_room
from cleanroom_core.rooms.roomfile import read_room_file
from cleanroom_core.stores.users import UserStore
from cleanroom_core.stories.agree import offer_agreement
from cleanroom_core.stories.drafts import read_draft
from cleanroom_core.stories.letters import take_from, write_for
from tests.pages.conftest import buttons, primary, texts
from tests.stories.tiny_room import write_files

Tiny = Callable[..., Any]
Wizard = Callable[..., Any]
ORGANISATIONS = {"north": "North Shop", "south": "South Shop"}
NOW = datetime.now(UTC)


def person(alias: str, role: Role) -> User:
    return User(f"{alias}.{role}", ORGANISATIONS[alias], frozenset({role}), f"Somebody of {alias}")


@pytest.fixture
def homes(tmp_path: Path, open_home: Callable[[Path], Context]) -> Iterator[dict[str, Context]]:
    """An empty home of each party; the pages see a copy of north's."""
    for alias, organisation in ORGANISATIONS.items():
        create_home(tmp_path / alias, Party(alias, organisation))
    users = UserStore.open(tmp_path / "north" / "users.db", lambda: NOW, password_rounds=4)
    for role in (Role.ENGINEER, Role.OFFICER):
        users.add(person("north", role), "a long pass phrase of a test")
    users.close()
    south = Context.open(tmp_path / "south")
    yield {"north": open_home(tmp_path / "north"), "south": south}
    south.close()


def click(app: Any, label: str) -> Any:
    return next(button for button in app.button if button.label == label).click().run()


def test_a_rehearsal_says_that_nothing_is_needed(tiny: Tiny, wizard: Wizard) -> None:
    tiny("agreement harbour signed")
    app = wizard("harbour.engineer", "exchange")
    assert not app.error
    assert "Nothing is needed here" in texts(app)
    assert "Everything of ours is acknowledged there" in texts(app)
    assert buttons(app) == ["Sign out"]
    assert "theirs" in texts(wizard("auditor", "exchange"))


def test_two_homes_meet_compare_and_hand_over_everything_by_hand(
    homes: dict[str, Context], wizard: Wizard, tmp_path: Path
) -> None:
    north, south = homes["north"], homes["south"]
    app = wizard("north.officer", "exchange")
    assert "an engineer of your side introduces it" in texts(app)
    assert buttons(app) == ["Sign out"]
    app = wizard("north.engineer", "exchange")
    app.text_input(key="introduce_room").set_value("shops")
    app.checkbox(key="introduce_creates").check()
    app = click(app, "Make the introduction")
    assert not app.error
    ours = first_contact.introduction(north, person("north", Role.ENGINEER), "shops")
    theirs = introduce(south, "shops")[1]
    meet(south, "shops", {"north.note": ours})
    app.file_uploader(key="notes_shops").upload("south.note", theirs, "text/plain")
    app = click(app, "Begin the room")
    assert not app.error
    assert "Not compared" in str([badge.value for badge in app.markdown])

    log = south.side("shops", "south").log
    app.text_input(key="heard").set_value(fingerprint(log.genesis)[:49])
    app = click(app, "It is the same")
    assert not app.error
    assert first_contact.fingerprint_of(north, person("north", Role.ENGINEER), "shops").compared["north"]

    definition = read_room_file(write_files(tmp_path / "files"))
    prepare_room(south, definition)
    sent = first_contact.room_file_of(south.side("shops", "south"), person("south", Role.ENGINEER))
    app.file_uploader(key="room_file_given").upload("shops.yaml", sent.encode(), "text/plain")
    app = click(app, "Take it as drafts")
    assert not app.error
    drafted = read_draft(north.side("shops", "north"))
    assert drafted.agreement == definition.agreement
    assert set(drafted.templates) == set(definition.templates)

    side = south.side("shops", "south")
    offer_agreement(side, person("south", Role.OFFICER), definition.agreement)
    letter = write_for(side, person("south", Role.ENGINEER), "north")
    app.file_uploader(key="letter_file").upload("to-north.letter", letter, "application/octet-stream")
    app = click(app, "Take it over")
    assert not app.error
    assert north.side("shops", "north").state().agreement is not None
    answer = write_for(north.side("shops", "north"), person("north", Role.ENGINEER), "south")
    assert take_from(side, person("south", Role.ENGINEER), "a", answer).holds == side.log.size()
    assert "Everything of ours is acknowledged there" not in texts(app), "south has not answered our letter"
    assert primary(app) == []


def test_only_an_engineer_carries_and_a_file_takes_no_table_of_this_machine(homes: dict[str, Context], tmp_path: Path) -> None:
    north, south = homes["north"], homes["south"]
    notes = {alias: introduce(homes[alias], "shops", creates=alias == "north")[1] for alias in ORGANISATIONS}
    for alias, other in (("north", "south"), ("south", "north")):
        meet(homes[alias], "shops", {"theirs": notes[other]})
    side, officer, engineer = north.side("shops", "north"), person("north", Role.OFFICER), person("north", Role.ENGINEER)
    letter = write_for(south.side("shops", "south"), person("south", Role.ENGINEER), "north")
    for who in (officer, person("south", Role.ENGINEER)):
        with pytest.raises(NotPermittedError):
            take_from(side, who, "a", letter)
        with pytest.raises(NotPermittedError):
            write_for(side, who, "south")
        with pytest.raises(NotPermittedError):
            first_contact.take_room_file(north, who, "a.yaml", b"", NOW)
        with pytest.raises(NotPermittedError):
            first_contact.introduce(north, who, "other", creates=True)
        with pytest.raises(NotPermittedError):
            first_contact.confirm(north, who, "shops", "")
    with pytest.raises(ExchangeError) as torn:
        take_from(side, engineer, "a", letter[:-3])
    assert torn.value.code == "TORN"
    file = write_files(tmp_path / "files")
    secret = tmp_path / "files" / "baskets.csv"
    text = file.read_text(encoding="utf-8").replace("data: baskets.csv", f"data: {secret}")
    assert first_contact.take_room_file(north, engineer, "shops.yaml", text.encode(), NOW) == "shops"
    assert list((side.home / "inbox").iterdir()) == [], "an uploaded file names no path of this machine"
    assert read_draft(side).sources == {"baskets": "baskets.csv"}
    with pytest.raises(ConflictError):
        first_contact.take_room_file(north, engineer, "o.yaml", text.replace("room: shops", "room: other").encode(), NOW)


def test_a_home_keeps_up_while_nobody_looks_and_waits_for_the_others_answer(homes: dict[str, Context], tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    notes = {alias: introduce(homes[alias], "shops", creates=alias == "north")[1] for alias in ORGANISATIONS}
    for alias, other in (("north", "south"), ("south", "north")):
        meet(homes[alias], "shops", {"theirs": notes[other]}, shared=tmp_path / "shared")
    north, south = homes["north"], homes["south"]
    side = north.side("shops", "north")
    side.append(person("north", Role.ENGINEER), Permission.PRECHECK_RUN, "precheck", {"passed": 1, "failed": 0, "unknown": 0})
    north.patience_seconds = 0
    with pytest.raises(NotReadyError):
        side.require_acknowledged()
    looks = iter(range(100))
    side.patient = lambda _times: (south.keep_up(), next(looks) < 3)[1]  # the other wizard's own thread, at its next turn
    side.require_acknowledged()
    assert side.log.acknowledged() == side.log.size()
    assert next(looks) < 3
