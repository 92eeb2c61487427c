"""Rehearsals: a whole room on one machine, both sides, made from a room file. Never a live room.

`import_room` makes the homes of all collaborators, introduces them to each other (genesis), hands each its own raw tables and
drafts, and makes the token keys. Nothing is signed by it: that is what people do, in the wizard or by `stories.play`.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path

from cleanroom_core.context import Context, RoomInfo, create_home
from cleanroom_core.errors import ConflictError, HomeError, IntegrityError
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.rooms.definition import RoomDefinition
from cleanroom_core.stories.drafts import draft_of, save_draft

DEMO_ROLES = (Role.ENGINEER, Role.STEWARD, Role.ANALYST, Role.REVIEWER, Role.OFFICER)
DEMO_NAMES = ("Nora Lind", "Nils Berg", "Nadia Rossi", "Noel Marsh", "Nina Falk",
              "Hana Sato", "Hugo Brandt", "Hedda Moen", "Henri Caron", "Holly Reed")  # fmt: skip
AUDITOR = "auditor"
Say = Callable[[str], None]


def prepare(home: Path, examples: Path | None = None, say: Say = lambda _: None) -> Context:
    """Make the rehearsal of the banks example in this home, or take up the one that is there; reconcile what was cut short.
    The home of one party stays as it is.

    Raises HomeError when the home was made by another version or the example's data cannot be made.
    """
    create_home(home)
    context = Context.open(home)
    if not context.rooms() and examples is not None and context.party is None:
        from cleanroom_core.rooms.roomfile import read_room_file

        say("Making the demo tables of two banks (once) ...")
        generate(examples / "banks")
        say("Making the homes of both banks, their keys and logs ...")
        definition = read_room_file(examples / "banks" / "room.yaml")
        import_room(context, definition)
        add_demo_users(context, definition)
    reconcile_all(context)
    return context


def generate(example: Path) -> None:
    """Run an example's own generator; it writes into the example's `data/` and does nothing when that is complete."""
    done = subprocess.run(
        [sys.executable, str(example / "generate.py"), "--out", str(example / "data"), "--if-missing"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise HomeError(
            f"The demo tables of {example.name} could not be made.",
            hint=f"Run {example / 'generate.py'} by itself to see why.",
            code="DEMO_DATA",
        )


def import_room(context: Context, definition: RoomDefinition) -> None:
    """Make the room of a definition, as a rehearsal, with drafts of everything the definition says.

    Raises ConflictError when there is a room of this name, HomeError in the home of one party. A crash in the middle leaves no
    room behind.
    """
    if context.party is not None:
        raise HomeError(
            f"This is the home of {context.party.organisation} alone, and a rehearsal plays every side.",
            hint="Set CLEANROOM_HOME to another folder for it, or begin a real room: cleanroom exchange introduce.",
            code="HOME_TAKEN",
        )
    final = context.room_home(definition.name)
    if (final / "room.json").exists():
        raise ConflictError(
            f"There is a room {definition.name} already.", hint="Reset it, or give the file's room another name."
        )
    shutil.rmtree(final, ignore_errors=True)  # what an import cut short left behind; room.json is written last
    _make_homes(context, definition)
    _make_token_keys(context, definition)
    for asset, source in definition.data.items():
        hand_over_data(source, final / definition.policies[asset].owner / "inbox" / definition.inbox_name(asset))
    RoomInfo(definition.name, definition.collaborators, definition.engine).save(final)
    for alias in definition.collaborators:
        side = context.side(definition.name, alias)
        save_draft(side, draft_of(definition, alias))


def _make_homes(context: Context, definition: RoomDefinition) -> None:
    """Keys, logs and entry 0 of every collaborator; then each has cosigned the others."""
    from cleanroom_core.audit.genesis import Genesis
    from cleanroom_core.stores.keys import make_keys
    from cleanroom_core.stores.signed_log import SignedLog
    from cleanroom_core.stores.sqlite import open_sqlite

    home = context.room_home(definition.name)
    number = secrets.token_hex(4)  # two rehearsals of one room file are two rooms, and their logs cannot be mixed up
    keys = {}
    for alias in definition.collaborators:
        (home / alias).mkdir(mode=0o700, parents=True)
        for folder in ("inbox", "share", "work"):
            (home / alias / folder).mkdir(mode=0o700)
        keys[alias] = make_keys(home / alias / "keys", f"{alias}.rehearsal.invalid/cleanroom/{definition.name}/{number}")
    genesis = Genesis(definition.name, tuple(keys[alias].collaborator(alias) for alias in keys))
    for alias, own in keys.items():
        store = open_sqlite(home / alias / "log.db")
        SignedLog.begin(store, own, genesis, {"organisation": alias, "role": "engineer", "id": "rehearsal"}, context.clock)
        store.close()


def _make_token_keys(context: Context, definition: RoomDefinition) -> None:
    """One key per key_id, in every home: in a rehearsal nobody has to carry it. Real partners hand it over themselves."""
    from cleanroom_core.stores.token_key_files import write_token_key
    from cleanroom_core.tokens.key import format_key

    home = context.room_home(definition.name)
    for key_id in sorted({spec.key_id for spec in definition.tokens.values()}):
        text = format_key(secrets.token_bytes(32))
        for alias in definition.collaborators:
            write_token_key(home / alias, key_id, text)


def hand_over_data(source: Path, target: Path) -> None:
    """Copy a raw table, a file or a Delta folder, into an inbox."""
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)


def add_demo_users(context: Context, definition: RoomDefinition) -> None:
    """Five users for each organisation and one auditor; they sign in by *Continue as*, on loopback only."""
    known = {user.username for user in context.users.list()}
    for user in demo_users(definition.collaborators).values():
        if user.username not in known:
            context.users.add(user)


def demo_users(collaborators: Mapping[str, str]) -> dict[str, User]:
    """User name -> demo user: `<alias>.<role>` of every collaborator, and `auditor`."""
    names = cycle(DEMO_NAMES)
    found = [
        User(f"{alias}.{role.value}", organisation, frozenset({role}), next(names), demo=True)
        for alias, organisation in collaborators.items()
        for role in DEMO_ROLES
    ]
    found.append(User(AUDITOR, None, frozenset({Role.AUDITOR}), "Independent auditor", demo=True))
    return {user.username: user for user in found}


def reconcile_all(context: Context) -> None:
    """Look what became of every effect that was cut short, in every home."""
    from cleanroom_core.stories.reconcile import reconcile

    for room in context.rooms():
        for alias in context.info(room).here:
            try:
                reconcile(context.side(room, alias))
            except IntegrityError:
                continue  # the other side's log was refused: every act in this room says so, and other rooms open all the same
