"""How a page gets at the core: the people, and the room the viewer looks at. The only glue to `cleanroom_core.context`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from cleanroom_core.context import Context, home_path
from cleanroom_core.identity.permissions import User

if TYPE_CHECKING:
    from cleanroom_core.stores.users import UserStore
    from cleanroom_core.stories.collaborator import Collaborator

_ROOM = "_room"


@dataclass(frozen=True)
class Viewer:
    """Who looks, for which organisation (None: an auditor), at which room. `room` and `side` are None while there is none.

    `side` is what stories act with (`cleanroom_core.stories`); an auditor acts for nobody and has none.
    """

    user: User
    organisation: str | None
    room: str | None
    side: Collaborator | None


def context() -> Context:
    return _context(str(home_path()))


def users() -> UserStore:
    return context().users


def now() -> datetime:
    return users().clock()


def viewer(user: User) -> Viewer:
    room = current_room(user)
    side = None if room is None or user.organisation is None else context().collaborator(room, user)
    return Viewer(user, user.organisation, room, side)


def current_room(user: User) -> str | None:
    """The room in the URL (`?room=`), else the one looked at before, else the first this user may open.

    A room of others is treated as one that does not exist.
    """
    rooms = context().rooms_of(user)
    wanted = (st.query_params.get("room"), st.session_state.get(_ROOM))
    room = next((name for name in wanted if name in rooms), rooms[0] if rooms else None)
    st.session_state[_ROOM] = room
    return room


def choose_room(room: str) -> None:
    """Look at this room from now on; a link to something in another room has served its purpose."""
    st.session_state[_ROOM] = room
    st.query_params.clear()


@st.cache_resource(show_spinner=False)
def _context(folder: str) -> Context:
    """One per home and process; it holds connections and engines, no rows of anybody."""
    return Context.open(Path(folder))
