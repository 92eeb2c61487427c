"""`cleanroom log`: read the signed logs of a room, and verify them."""

from __future__ import annotations

import json

import click

from cleanroom_core.cli.home import home


@click.group()
def command() -> None:
    """The signed logs: show, verify, checkpoint."""


_SIDE = click.option("--side", "alias", help="Read them as this collaborator's home holds them (the first one if not given).")


@command.command()
@click.argument("room")
@_SIDE
@click.option("--json", "as_json", is_flag=True, help="One JSON line per entry, payloads left out.")
def show(room: str, alias: str | None, as_json: bool) -> None:
    """Show the entries of all logs in one order. Payloads are not shown: they may be private."""
    from cleanroom_core.context import Context
    from cleanroom_core.rooms.merge import merge

    context = Context.open(home())
    side = context.side(room, alias or context.info(room).here[0])
    for logged in merge({origin: side.log.records(origin) for origin in side.origins}):
        entry, owner = logged.entry, side.origins[logged.entry.origin]
        if as_json:
            line = {"log": entry.origin, "seq": entry.seq, "time": entry.time, "kind": entry.kind, "actor": dict(entry.actor)}
            click.echo(json.dumps(line | {"public": dict(entry.public), "leaf": logged.leaf_hash.hex()}, ensure_ascii=False))
        else:
            facts = " ".join(f"{name}={value}" for name, value in entry.public.items() if isinstance(value, str | int))
            click.echo(
                f"{owner:<12} {entry.seq:>4}  {entry.time}  {entry.kind:<10} {entry.actor.get('id', ''):<24} {facts[:120]}"
            )
    context.close()


@command.command()
@click.argument("room")
@_SIDE
def verify(room: str, alias: str | None) -> int:
    """Verify every log this home holds against the keys of the room; exits 1 unless all of it holds."""
    from cleanroom_core.audit.verify import Status
    from cleanroom_core.context import Context

    context = Context.open(home())
    side = context.side(room, alias or context.info(room).here[0])
    verdict = side.log.verify()
    click.echo(f"{room}: {verdict.status.value}")
    for finding in verdict.findings:
        click.echo(f"  {finding.message} [{finding.code}]")
    for origin, owner in side.origins.items():
        size, acknowledged = side.log.size(origin), side.log.acknowledged(origin)
        click.echo(f"  {owner:<12} {size} entries, acknowledged by the others up to {acknowledged}  {origin}")
    context.close()
    return 0 if verdict.status in (Status.ACKNOWLEDGED, Status.TAIL) else 1


@command.command()
@click.argument("room")
@_SIDE
def checkpoint(room: str, alias: str | None) -> None:
    """Print the newest checkpoint of the own log with its cosignatures, as a signed note."""
    from cleanroom_core.context import Context

    context = Context.open(home())
    side = context.side(room, alias or context.info(room).here[0])
    click.echo(side.log.checkpoint().decode(), nl=False)
    context.close()
