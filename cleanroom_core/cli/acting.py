"""Who acts, and for which side, when a command tells a story: a user of this home, who signs in as in the wizard.

Whoever may read the home holds its keys, so this keeps nobody out; it puts the right name under each entry.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from cleanroom_core.cli.home import home
from cleanroom_core.errors import InputError, NotPermittedError

if TYPE_CHECKING:
    from cleanroom_core.context import Context
    from cleanroom_core.identity.permissions import User
    from cleanroom_core.stories.collaborator import Collaborator


@contextmanager
def acting(named: str, username: str, password_stdin: bool) -> Iterator[tuple[Collaborator, User]]:
    """The side of ROOM:ALIAS and the user signed in for it; what an earlier process left open is looked at first.

    Raises InputError for a side this home does not hold, NotPermittedError for a name or password that is not right."""
    from cleanroom_core.context import Context as Opened
    from cleanroom_core.stories.reconcile import reconcile

    context = Opened.open(home())
    try:
        room, _, alias = named.partition(":")
        info = context.info(room)
        alias = alias or (info.here[0] if len(info.here) == 1 else "")
        if alias not in info.here:
            raise InputError(
                f"{alias or 'Nobody'} is no side of {room} in this home.",
                hint=f"Write ROOM:ALIAS; here: {', '.join(info.here)}.",
                code="ALIAS",
            )
        user = _signed_in(context, username, password_stdin)
        side = context.side(room, alias)
        reconcile(side)
        yield side, user
    finally:
        context.close()


def _signed_in(context: Context, username: str, password_stdin: bool) -> User:
    """A demo user of a rehearsal has no password."""
    user = context.users.get(username)
    if user is not None and user.demo and not user.disabled:
        return user
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = click.prompt(f"Password of {username}", hide_input=True, err=True)
    attempt = context.users.sign_in(username, password, "cli")
    if attempt.user is None:
        wait = f" Wait {attempt.wait.total_seconds():.0f} seconds." if attempt.wait else ""
        raise NotPermittedError(
            "This name and password do not fit.",
            hint=f"Look at cleanroom user list; cleanroom user password NAME gives a new one.{wait}",
            code="SIGN_IN",
        )
    return attempt.user
