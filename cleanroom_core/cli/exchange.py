"""`cleanroom exchange`: first contact with the other party, and logs back and forth by a shared folder or a file."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cleanroom_core.cli.home import home
from cleanroom_core.errors import InputError, NotReadyError

if TYPE_CHECKING:
    from cleanroom_core.audit.genesis import Genesis
    from cleanroom_core.context import Context

_FILE = click.Path(path_type=Path)


@click.group()
def command() -> None:
    """Two homes, one per party: introduce, meet, compare fingerprints; then sync by folder, or export and import by hand."""


@command.command()
@click.argument("room")
@click.option("--to", "target", type=_FILE, required=True, help="The file for the other side; it holds public keys only.")
@click.option("--creates", is_flag=True, help="This side creates the room. Exactly one side does.")
@click.option("--domain", default="", help="A domain of this organisation, to name its log by.")
@click.option("--contract", default="", help="Reference of the paper contract; the creating side's counts.")
def introduce(room: str, target: Path, creates: bool, domain: str, contract: str) -> None:
    """Make this side's keys for ROOM and write who it is into a file for the other side."""
    from cleanroom_core.exchange.file import write_new
    from cleanroom_core.party import introduce as say

    with _context() as context:
        introduction, data = say(context, room, creates=creates, domain=domain, contract=contract)
    write_new(target, data, group=True)
    click.echo(f"{target} introduces {introduction.organisation} to {room}. Bring it to the other side, and theirs here.")
    click.echo(f"Then: cleanroom exchange meet {room} THEIR_FILE")


@command.command()
@click.argument("room")
@click.argument("files", type=_FILE, nargs=-1, required=True)
@click.option("--folder", "shared", type=_FILE, help="A directory both sides reach; without it files are carried by hand.")
@click.option("--group", is_flag=True, help="Letters in the folder may be read by its group (needed when the users differ).")
def meet(room: str, files: tuple[Path, ...], shared: Path | None, group: bool) -> None:
    """Begin ROOM with the introductions of all other sides, and show the fingerprint to be read aloud."""
    from cleanroom_core.party import meet as begin
    from cleanroom_core.party import read_introduction

    with _context() as context:
        genesis = begin(context, room, {path.name: read_introduction(path) for path in files}, shared=shared, group=group)
        _show_fingerprint(genesis)
        if shared is not None:
            _say_synced(context, room)


@command.command()
@click.argument("room")
@click.argument("groups", nargs=-1, required=True)
@click.option("--by", default=getpass.getuser, show_default="the user of this machine", help="Who compared it.")
def confirm(room: str, groups: tuple[str, ...], by: str) -> None:
    """Record that the other side read the same fingerprint: GROUPS are the ten groups heard from it."""
    from cleanroom_core.party import confirm as record

    with _context() as context:
        record(context, room, " ".join(groups), by)
    click.echo(f"It is the same. {by}'s comparison stands in this side's log.")


@command.command()
@click.argument("room")
@click.argument("directory", type=_FILE, required=False)
@click.option("--group", is_flag=True, help="Letters may be read by the directory's group.")
def folder(room: str, directory: Path | None, group: bool) -> None:
    """Exchange ROOM through this DIRECTORY from now on; without one, by files carried by hand."""
    with _context() as context:
        context.choose_folder(room, directory, group)
    click.echo(f"{room} is exchanged through {directory.absolute()}." if directory else f"{room} is exchanged by hand.")


@command.command()
@click.argument("rooms", nargs=-1)
def sync(rooms: tuple[str, ...]) -> int:
    """Exchange with the others through the shared folder; exits 1 when something there could not be used."""
    with _context() as context:
        return max([_say_synced(context, room) for room in rooms or context.rooms()], default=0)


@command.command()
@click.argument("room")
@click.option("--to", "target", type=_FILE, required=True, help="The new file to bring to the other side.")
@click.option("--for", "peer", help="For whom, where there are several others.")
@click.option("--whole", is_flag=True, help="Everything from the first entry on, when the other side asks for it.")
@click.option("--group", is_flag=True, help="The file may be read by its group.")
def export(room: str, target: Path, peer: str | None, whole: bool, group: bool) -> None:
    """Write everything the other side has not acknowledged, and what is acknowledged here, into one file."""
    from cleanroom_core.exchange.file import export_letter

    with _context() as context:
        log = context.log(room, context.info(room).here[0])
        others = [one.alias for one in log.peers]
        if peer is None and len(others) > 1:
            raise InputError(f"For whom? There are {', '.join(others)}.", hint="Add --for ALIAS.", code="COLLABORATOR")
        letter = export_letter(log, peer or others[0], target, whole=whole, group=group)
    entries = letter.size - letter.since
    click.echo(
        f"{target} is for {letter.receiver}: {entries} {'entry' if entries == 1 else 'entries'} and our acknowledgement."
    )


@command.command(name="import")
@click.argument("room")
@click.argument("file", type=_FILE)
def import_(room: str, file: Path) -> None:
    """Take over what the other side exported. Importing twice does nothing."""
    from cleanroom_core.exchange.file import import_letter

    with _context() as context:
        log = context.log(room, context.info(room).here[0])
        taken = import_letter(log, file)
        waiting = log.size() - log.cosigned()[taken.sender]
    click.echo(f"{taken.entries} new from {taken.sender}; {waiting} of ours are not yet acknowledged there.")
    if taken.behind:
        click.echo(f"It is an old file, or {taken.sender} went back to an old copy of its home: ask.")
    if taken.lost or taken.whole:
        click.echo(f"{taken.sender} lacks what it had: cleanroom exchange export {room} --whole --to FILE")
    elif taken.entries or waiting:
        click.echo(f"Answer with: cleanroom exchange export {room} --to FILE")


@command.command(name="copy-back")
@click.argument("room")
@click.option("--for", "peer", required=True, help="Who lost its log.")
@click.option("--to", "target", type=_FILE, required=True, help="The new file to bring to that side.")
def copy_back(room: str, peer: str, target: Path) -> None:
    """Write everything held here of another side's log, for that side to restore."""
    from cleanroom_core.exchange.file import export_mirror

    with _context() as context:
        export_mirror(context.log(room, context.info(room).here[0]), peer, target)
    click.echo(f"{target} is for {peer}, who takes it with: cleanroom exchange restore {room} FILE")


@command.command()
@click.argument("room")
@click.argument("file", type=_FILE)
def restore(room: str, file: Path) -> None:
    """Take this side's own log back from what another side mirrored, after this home was put back to an old copy."""
    from cleanroom_core.exchange.file import import_mirror

    with _context() as context:
        back = import_mirror(context.log(room, context.info(room).here[0]), file)
    click.echo(f"{back} {'entry' if back == 1 else 'entries'} came back. Private payloads of these are lost with the old copy.")


@command.command()
@click.argument("room")
def status(room: str) -> None:
    """Say how far each side has acknowledged the other, by which way, and whether the fingerprint was compared."""
    from cleanroom_core.party import compared

    with _context() as context:
        info = context.info(room)
        log = context.log(room, info.here[0])
        _show_fingerprint(log.genesis)
        click.echo(f"By {'folder ' + info.shared if info.shared else 'files carried by hand'}.")
        told = compared(context, room)
        for one in log.genesis.collaborators:
            words = "compared the fingerprint" if told[one.alias] else "has not compared the fingerprint"
            acknowledged = log.acknowledged(one.origin)
            click.echo(f"  {one.alias:<12} {log.size(one.origin)} entries held, {acknowledged} acknowledged; {words}")


def _say_synced(context: Context, room: str) -> int:
    done = context.sync(room)
    if not done:
        click.echo(f"{room}: no folder; use export and import.")
    for one in done:
        click.echo(f"{room}: {one.received} new from {one.peer}; {'a letter was' if one.sent else 'nothing new was'} sent.")
        for problem in one.problems:
            click.echo(f"  {problem.diagnostics()}", err=True)
    return 1 if any(one.problems for one in done) else 0


def _show_fingerprint(genesis: Genesis) -> None:
    from cleanroom_core.exchange.introduction import fingerprint

    groups = fingerprint(genesis).split()
    click.echo(f"Fingerprint of {genesis.room}: {' '.join(groups[:10])}")
    click.echo(f"  the rest, for the contract: {' '.join(groups[10:])}")
    click.echo("Read the first ten groups to the other side over the phone, and have theirs read to you:")
    click.echo(f"  cleanroom exchange confirm {genesis.room} THE TEN GROUPS YOU HEARD")


@contextmanager
def _context() -> Iterator[Context]:
    from cleanroom_core.context import Context as Opened

    context = Opened.open(home())
    try:
        if context.party is None:
            raise NotReadyError(
                "This home holds every side of its rooms, and they exchange by themselves.",
                hint="For a home of one party: CLEANROOM_HOME=DIR cleanroom home create --party ALIAS --organisation NAME",
                code="NO_PARTY",
            )
        yield context
    finally:
        context.close()
