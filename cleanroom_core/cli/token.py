"""`cleanroom token`: make a token key, check one, run the vectors of a spec. No command prints a key that exists already."""

from __future__ import annotations

import json
import os
import secrets
import sys
from pathlib import Path

import click

from cleanroom_core.errors import InputError


@click.group()
def command() -> None:
    """Token keys and the vectors both sides compare."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
def key(file: Path) -> None:
    """Make a new token key as a 0600 FILE; carry it to the partner by a way both trust, never through the room."""
    from cleanroom_core.tokens.key import check_value, format_key

    made = secrets.token_bytes(32)
    try:
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise InputError(
            f"{file} exists already.", hint="Name a new file; keys are never overwritten.", code="KEY_EXISTS"
        ) from None
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(format_key(made) + "\n")
    click.echo(f"Made {file} (mode 0600). Its check value, to be compared aloud: {check_value(made)}")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def check(file: Path) -> None:
    """Check a key FILE and print its check value; says by name what is wrong with it."""
    from cleanroom_core.tokens.key import check_value, parse_key

    click.echo(f"{file} is a token key with the check value {check_value(parse_key(_text(file)))}")


@command.command()
@click.argument("room_file", type=click.Path(path_type=Path))
@click.argument("token")
@click.option(
    "--key", "key_file", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The key file."
)
@click.option(
    "--compare",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The partner's vectors (JSON of this command); exits 1 when they differ.",
)
def vectors(room_file: Path, token: str, key_file: Path, compare: Path | None) -> int:
    """Run the vectors of a TOKEN of a room file with a key, as JSON; or compare with the partner's, case by case."""
    from cleanroom_core.rooms.roomfile import read_room_file
    from cleanroom_core.tokens.key import parse_key
    from cleanroom_core.tokens.vectors import compare as compared
    from cleanroom_core.tokens.vectors import run_vectors

    specs = read_room_file(room_file, need_data=False).tokens
    if token not in specs:
        raise InputError(f"The room file has no token {token!r}.", hint=f"It has {', '.join(specs)}.", code="TOKEN_SPEC")
    own = {vector.case: vector.token for vector in run_vectors(specs[token], parse_key(_text(key_file)))}
    if compare is None:
        click.echo(json.dumps({"token": token, "vectors": own}, ensure_ascii=False, indent=1))
        return 0
    try:
        partner = json.loads(compare.read_text(encoding="utf-8"))["vectors"]
    except (ValueError, KeyError, TypeError):
        raise InputError(
            "The partner's file is not the output of this command.", hint="Ask for it again.", code="VECTORS"
        ) from None
    cases = compared(specs[token], own, partner)
    for case in cases:
        click.echo(f"{'same     ' if case.match else 'DIFFERENT'}  {case.case}" + (f": {case.why}" if case.why else ""))
    return 0 if all(case.match for case in cases) else 1


def _text(file: Path) -> str:
    if file.stat().st_mode & 0o077:
        click.echo(f"Warning: {file} may be read by others; run: chmod 600 {file}", file=sys.stderr)
    return file.read_text(encoding="utf-8").removesuffix("\n")
