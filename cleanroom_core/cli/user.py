"""`cleanroom user`: add, disable and re-key the people who may sign in."""

from __future__ import annotations

import secrets
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click

from cleanroom_core.cli.home import open_home
from cleanroom_core.errors import InputError
from cleanroom_core.identity.permissions import Role, User

if TYPE_CHECKING:
    from cleanroom_core.stores.users import UserStore


@click.group()
def command() -> None:
    """People who may sign in to the wizard of this home."""


@command.command()
@click.argument("username")
@click.option("--organisation", help="The organisation the user acts for; none for an auditor.")
@click.option(
    "--role", "roles", multiple=True, required=True, type=click.Choice([role.value for role in Role]), help="May be repeated."
)
@click.option("--name", default="", help="The person's name, as shown to colleagues.")
@click.option("--password-stdin", is_flag=True, help="Read the first password from standard input instead of making one.")
def add(username: str, organisation: str | None, roles: tuple[str, ...], name: str, password_stdin: bool) -> None:
    """Add a user. The first password is shown once (or read from standard input) and changed at the first sign-in."""
    _require_own(organisation)
    password = sys.stdin.readline().rstrip("\n") if password_stdin else secrets.token_urlsafe(18)
    with _users() as users:
        users.add(
            User(username, organisation, frozenset(Role(role) for role in roles), name, must_change_password=True), password
        )
    click.echo(f"Added {username}.")
    if not password_stdin:
        click.echo(f"First password, shown once: {password}")


@command.command()
@click.argument("username")
@click.option("--again", is_flag=True, help="Let the user sign in again.")
def disable(username: str, again: bool) -> None:
    """Sign a user out everywhere and let nobody sign in under this name."""
    with _users() as users:
        users.disable(username, disabled=not again)
    click.echo(f"{username} may sign in again." if again else f"{username} is disabled and signed out everywhere.")


@command.command(name="password")
@click.argument("username")
@click.option("--password-stdin", is_flag=True, help="Read the new password from standard input instead of making one.")
def password_(username: str, password_stdin: bool) -> None:
    """Give a user a new first password and sign them out everywhere; it is changed at the next sign-in."""
    new = sys.stdin.readline().rstrip("\n") if password_stdin else secrets.token_urlsafe(18)
    with _users() as users:
        users.set_password(username, new, must_change=True)
    click.echo(f"{username} has a new first password and is signed out everywhere.")
    if not password_stdin:
        click.echo(f"First password, shown once: {new}")


@command.command(name="list")
def list_() -> None:
    """List users, their organisation and roles."""
    with _users() as users:
        for user in users.list():
            marks = [mark for mark, on in (("demo", user.demo), ("disabled", user.disabled)) if on]
            click.echo(
                f"{user.username:<28} {user.organisation or '-':<24} {' '.join(sorted(user.roles))} {' '.join(marks)}".rstrip()
            )


def _require_own(organisation: str | None) -> None:
    """In the home of one party nobody acts for another. Raises InputError."""
    from cleanroom_core.homes import read_party

    party = read_party(open_home())
    if party is not None and organisation not in (None, party.organisation):
        raise InputError(
            f"This is the home of {party.organisation}; {organisation} adds its people to its own.",
            hint=f"Use --organisation {party.organisation!r}.",
            code="OTHER_PARTY",
        )


def _users() -> closing[UserStore]:
    from cleanroom_core.context import Context, create_home

    home = open_home()
    create_home(home)
    return closing(Context.open(home).users)
