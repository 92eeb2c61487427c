"""The wizard of a home of one party: only its people, only its side, and what the other wrote at the next look."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from cleanroom_core.context import Context, Party, create_home
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.party import introduce, meet, prepare_room
from cleanroom_core.rooms.roomfile import read_room_file
from cleanroom_core.rooms.state import Stage
from cleanroom_core.stores.users import UserStore
from cleanroom_core.stories.agree import offer_agreement, sign_agreement
from cleanroom_core.stories.drafts import read_draft
from pages._ui import state
from pages._ui.session import SID
from tests.stories.tiny_room import write_files

FRAME = Path(__file__).parents[2] / "pages" / "_ui" / "frame.py"
ORGANISATIONS = {"north": "North Shop", "south": "South Shop"}


def person(alias: str, role: Role) -> User:
    return User(f"{alias}.{role}", ORGANISATIONS[alias], frozenset({role}), f"Somebody of {alias}")


@pytest.fixture
def homes(tmp_path, monkeypatch):
    """north's and south's contexts; the wizard of this process is north's."""
    (tmp_path / "shared").mkdir()
    definition = read_room_file(write_files(tmp_path / "files"))
    opened, notes = {}, {}
    for alias, organisation in ORGANISATIONS.items():
        create_home(tmp_path / alias, Party(alias, organisation))
        opened[alias] = Context.open(tmp_path / alias)
        notes[alias] = introduce(opened[alias], "shops", creates=alias == "north")[1]
    for alias, other in (("north", "south"), ("south", "north")):
        meet(opened[alias], "shops", {"theirs": notes[other]}, shared=tmp_path / "shared")
        prepare_room(opened[alias], definition)
    users = UserStore.open(tmp_path / "north" / "users.db", lambda: datetime.now(UTC), password_rounds=4)
    users.add(person("north", Role.OFFICER), "a long pass phrase of a test")
    users.close()
    monkeypatch.setenv("CLEANROOM_HOME", str(tmp_path / "north"))
    st.cache_resource.clear()
    yield opened
    for context in (*opened.values(), state.context()):
        context.close()
    st.cache_resource.clear()


def wizard(username, page):
    app = AppTest.from_file(str(FRAME), default_timeout=60)
    app.session_state[SID] = state.users().open_session(username, "test").sid
    app.run()
    return app.switch_page(f"../{page}.py").run()


def test_what_the_other_side_wrote_is_there_at_the_next_look_and_is_signed_in_the_wizard(homes):
    south = homes["south"].side("shops", "south")
    officer = person("south", Role.OFFICER)
    digest = offer_agreement(south, officer, read_draft(south).agreement)
    sign_agreement(south, officer, digest)
    app = wizard("north.officer", "agreement")
    assert not app.exception
    assert not app.error
    for label in ("Sign", "Sign this text"):
        app = next(one for one in app.button if one.label == label).click().run()
    assert not app.exception
    homes["south"].collaborator("shops", officer)  # a look
    offer = south.state().agreement_in_force
    assert offer is not None
    assert offer.text_hash == digest
    assert offer.stage is Stage.IN_FORCE
    for page in ("home", "room", "log"):
        app = app.switch_page(f"../{page}.py").run()
        assert not app.exception
        assert not app.error
    assert sorted(path.name for path in (homes["north"].home / "rooms" / "shops").iterdir()) == ["north", "room.json"]
    (homes["south"].home.parent / "shared").rename(homes["south"].home.parent / "unmounted")
    app = app.run()
    assert not app.exception
    assert any("cannot be used" in warning.value and "Mount it" in warning.value for warning in app.warning)
