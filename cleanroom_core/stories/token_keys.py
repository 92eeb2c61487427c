"""Make a token key, take one over from the partner, say which keys are here. The key itself is shown to nobody."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleanroom_core.errors import TokenKeyError
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.stores.token_key_files import environment_name, key_path, read_token_key, write_token_key

if TYPE_CHECKING:
    from cleanroom_core.stories.collaborator import Collaborator


def token_key(side: Collaborator, key_id: str) -> bytes | None:
    """This side's key, or None. Raises TokenKeyError when what is there cannot be one."""
    from cleanroom_core.tokens.key import parse_key

    text = read_token_key(side.home, key_id)
    return None if text is None else parse_key(text)


@dataclass(frozen=True)
class KeyState:
    """Whether this side has a key. `check`: 8 digits by which two people compare it aloud, for those who handle keys only.
    `file`: where it lies or would lie, within this side's home. `problem`: why what is there cannot be used."""

    key_id: str
    present: bool
    file: str
    check: str | None = None
    problem: TokenKeyError | None = None


def key_state(side: Collaborator, user: User, key_id: str) -> KeyState:
    """What a person of this side may know of its key; never the key."""
    from cleanroom_core.tokens.key import check_value

    user.require(Permission.ROOM_READ, side.organisation)
    file = f"keys/{key_path(side.home, key_id).name}"
    try:
        key = token_key(side, key_id)
    except TokenKeyError as error:
        return KeyState(key_id, present=True, file=file, problem=error)
    if key is None:
        return KeyState(key_id, present=False, file=file)
    return KeyState(key_id, present=True, file=file, check=check_value(key) if user.may(Permission.TOKEN_KEY) else None)


def required_key(side: Collaborator, key_id: str) -> bytes:
    key = token_key(side, key_id)
    if key is None:
        raise TokenKeyError(
            f"This side has no token key {key_id}.",
            hint=f"Make or take over one on the tokens page, or set {environment_name(key_id)}.",
            code="NO_TOKEN_KEY",
        )
    return key


def make_key(side: Collaborator, user: User, key_id: str) -> None:
    """Make a new key at random; it goes to the partner by a way both trust, never through the room."""
    from cleanroom_core.tokens.key import format_key

    user.require(Permission.TOKEN_KEY, side.organisation)
    write_token_key(side.home, key_id, format_key(secrets.token_bytes(32)))


def take_key(side: Collaborator, user: User, key_id: str, text: str) -> None:
    """Take over the key the partner made. Raises TokenKeyError that names what is wrong with the text, never the text."""
    from cleanroom_core.tokens.key import parse_key

    user.require(Permission.TOKEN_KEY, side.organisation)
    parse_key(text)
    write_token_key(side.home, key_id, text)
