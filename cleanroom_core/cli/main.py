"""`cleanroom`: one sub-command per noun, each loaded when it is called, so that `cleanroom --help` stays quick.

A new noun is one module `cli/<noun>.py` with a click command called `command`, and one line in NOUNS.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import secrets
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NoReturn

import click

from cleanroom_core.cli.home import home
from cleanroom_core.errors import CleanRoomError, InputError

NOUNS: dict[str, str] = {
    "demo": "Play the whole story in a fresh folder, both sides, headless.",
    "serve": "Serve the wizard on this machine.",
    "home": "Make the home of one party.",
    "exchange": "Meet the other party; exchange logs with it by folder or file.",
    "room": "Check and import rooms written as files.",
    "user": "Add, disable and re-key the people who may sign in.",
    "log": "Read the signed logs.",
    "table": "Look at a CSV, Parquet or Delta table before it is used.",
    "policy": "Policies as Unity Catalog SQL.",
    "token": "Token keys, specs and their vectors.",
    "guard": "Ask the guard for its verdict on a query; try to break a room.",
    "notebook": "Lint clean-room notebooks written by hand.",
    "precheck": "Check this machine and the room: pass, fail or cannot tell.",
    "platform": "Databricks: test a connection, say where a room really is.",
    "simulate": "Two strict Databricks workspaces to rehearse against.",
    "reset": "Throw the rehearsal away (asks first).",
}


class Nouns(click.Group):
    """A group that knows its sub-commands' names and help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [noun for noun in NOUNS if importlib.util.find_spec(_module(noun))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(_module(cmd_name)).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(noun, NOUNS[noun]) for noun in self.list_commands(ctx)])


def _module(noun: str) -> str:
    return f"cleanroom_core.cli.{noun}"


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"cleanroom {version('cleanroom-core')} on Python {sys.version.split()[0]}")
        ctx.exit()


@click.group(cls=Nouns, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option(
    "--version", is_flag=True, callback=_print_version, expose_value=False, is_eager=True, help="Show the version and exit."
)
def cli() -> None:
    """Two organisations learn from data that neither may hand over.

    The state lies in CLEANROOM_HOME (var/ in the clone when it is not set). CLEANROOM_DEBUG=1 shows tracebacks.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 could not be done, 2 what was given cannot be used, 130 stopped by Ctrl-C."""
    try:
        status = cli.main(args=None if arguments is None else list(arguments), prog_name="cleanroom", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        sys.exit(0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nStopped.", err=True)
        sys.exit(130)
    except CleanRoomError as error:
        click.echo(error.diagnostics(), err=True)
        sys.exit(2 if isinstance(error, InputError) else 1)
    except Exception as error:
        if os.environ.get("CLEANROOM_DEBUG") == "1":
            raise
        click.echo(keep(error), err=True)
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


def keep(error: Exception) -> str:
    """Write the traceback where only this user can read it, and return the one sentence for the screen.

    A traceback may quote a data value, so it never goes to the screen or into another log.
    """
    number = secrets.token_hex(4)
    path = home() / "errors.log"
    text = f"{datetime.now(UTC).isoformat(timespec='seconds')} error {number}\n{''.join(traceback.format_exception(error))}\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as log:
            log.write(text)
    except OSError:
        return f"Something went wrong that we did not foresee (error {number}, not kept: {path} cannot be written)."
    return f"Something went wrong that we did not foresee: error {number} is described in {path}. [UNEXPECTED]"


if __name__ == "__main__":
    main()
