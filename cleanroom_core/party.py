"""Rooms in the home of one party: introduce oneself, meet the others, compare fingerprints. Only public keys come in.

`introduce` makes the own keys and says their public side; `meet` makes the genesis document of all introductions and begins the
own log with it. Between the two the room is not there yet. After it the homes exchange (`exchange`), by folder or by hand.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from cleanroom_core.audit.checkpoint import is_origin
from cleanroom_core.audit.genesis import Genesis
from cleanroom_core.context import Context, RoomInfo
from cleanroom_core.errors import ConflictError, HomeError, InputError, IntegrityError, NotReadyError
from cleanroom_core.exchange.introduction import INTRODUCTION_LIMIT, SPOKEN, Introduction, fingerprint, genesis_of, is_spoken
from cleanroom_core.exchange.shelf import read_file, told
from cleanroom_core.homes import Party
from cleanroom_core.rehearsal import hand_over_data
from cleanroom_core.rooms.definition import RoomDefinition
from cleanroom_core.sql.names import checked_name
from cleanroom_core.stores.keys import load_keys, make_keys
from cleanroom_core.stories.drafts import draft_of, save_draft

_OWN = "introduction.note"


def introduce(
    context: Context, room: str, *, creates: bool = False, domain: str = "", contract: str = ""
) -> tuple[Introduction, bytes]:
    """Make this party's keys for the room (once) and say who it is; the file's bytes go to the other side.

    Saying it again gives the same bytes. Raises HomeError in a rehearsal's home, InputError for names that cannot be,
    ConflictError when it was said otherwise before.
    """
    party = _party(context)
    home = context.room_home(room) / party.alias
    path = home / _OWN
    if path.exists():
        said = Introduction.parse(path.read_bytes(), path.name)
        if (said.creates, said.contract) != (creates, contract):
            raise ConflictError(
                f"This side introduced itself to {room} before, and otherwise: creates={said.creates}, "
                f"contract={said.contract!r}.",
                hint=f"Say the same again, or take {home} away if nobody has the file yet.",
            )
        return said, path.read_bytes()
    domain = domain or f"{party.alias}.invalid"
    origin = f"{domain}/cleanroom/{checked_name(room, 'a room')}/{secrets.token_hex(4)}"
    if not is_origin(origin):
        raise InputError(f"{domain!r} is no domain.", hint="Give one of your own, such as bank.example.", code="DOMAIN")
    for folder in ("inbox", "share", "work"):
        (home / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    shutil.rmtree(home / "keys", ignore_errors=True)  # of an introduction that a crash cut short: nobody has seen these
    keys = make_keys(home / "keys", origin)
    introduction = Introduction(
        checked_name(room, "a room"), party.organisation, keys.collaborator(party.alias), creates, contract=contract
    )
    data = introduction.sign(keys.log)
    _write(path, data)
    return introduction, data


def meet(
    context: Context, room: str, others: Mapping[str, bytes], *, shared: Path | None = None, group: bool = False
) -> Genesis:
    """Begin this party's log of the room with all introductions (file name -> bytes). The room is there when this returns.

    Meeting the same again changes nothing. Raises NotReadyError before `introduce`, ExchangeError for a file that is none,
    InputError for introductions that do not fit together, ConflictError when the room was begun with others.
    """
    from cleanroom_core.stores.signed_log import SignedLog
    from cleanroom_core.stores.sqlite import open_sqlite

    party = _party(context)
    home = context.room_home(room) / party.alias
    own = _own_introduction(home, room)
    if shared is not None and not shared.is_dir():
        raise InputError(f"{shared} is no directory.", hint="Make or mount it first.", code="EXCHANGE_FOLDER")
    found = [Introduction.parse(data, name) for name, data in others.items()]
    everybody = [own, *(one for one in found if one != own)]
    genesis = genesis_of(everybody)
    known = context.log(room, party.alias).genesis if room in context.rooms() else None
    if known is not None and known != genesis:
        raise ConflictError(
            f"{room} was begun with other introductions (fingerprint {fingerprint(known)[:49]}).",
            hint="Give a new room another name; one that has begun stays with the keys it began with.",
        )
    if known is None:
        store = open_sqlite(home / "log.db")
        actor = {"organisation": party.alias, "role": "engineer", "id": "home"}
        SignedLog.begin(store, load_keys(home / "keys"), genesis, actor, context.clock)
        store.close()
        names = {one.collaborator.alias: one.organisation for one in everybody}
        collaborators = {one.alias: names[one.alias] for one in genesis.collaborators}
        folder = None if shared is None else str(shared.absolute())
        RoomInfo(room, collaborators, own=party.alias, shared=folder, group=group).save(context.room_home(room))
    return genesis


def prepare_room(context: Context, definition: RoomDefinition) -> None:
    """Take this party's part of a room file as drafts, and its own tables into its inbox where the file's data is here.

    Nothing is signed by it. Raises NotReadyError before `meet`, ConflictError when the file names other collaborators.
    """
    party, info = _party(context), context.info(definition.name)
    if dict(definition.collaborators) != dict(info.collaborators):
        met = ", ".join(f"{alias} ({name})" for alias, name in info.collaborators.items())
        raise ConflictError(
            f"The file's collaborators are not those met in {definition.name}: {met}.",
            hint="Write them in the file as they are called here.",
        )
    inbox = context.room_home(definition.name) / party.alias / "inbox"
    for asset, source in definition.data.items():
        if definition.policies[asset].owner == party.alias and source.exists():
            hand_over_data(source, inbox / definition.inbox_name(asset))
    save_draft(context.side(definition.name, party.alias), draft_of(definition, party.alias))


def confirm(context: Context, room: str, heard: str, by: str) -> None:
    """Record in the own log that `by` compared the fingerprint with the other side. Raises IntegrityError when it differs."""
    party = _party(context)
    log = context.log(room, party.alias)
    digits = "".join(heard.split())
    if len(digits) < SPOKEN:
        raise InputError(f"Ten groups of four are needed, these are {len(digits)} digits.", hint="Have all ten read to you.")
    if not is_spoken(log.genesis, heard):
        raise IntegrityError(
            "The fingerprint is not this room's: the two homes did not meet each other.",
            hint="Stop. Begin a room of another name, and carry the introductions by a way nobody else writes to.",
            code="FINGERPRINT",
        )
    if not compared(context, room)[party.alias]:
        actor = {"organisation": party.alias, "role": "engineer", "id": by}
        log.append("key", actor, {"action": "compared", "sha256": log.genesis.digest()})
        context.sync(room)


def compared(context: Context, room: str) -> dict[str, bool]:
    """Per collaborator: whether its log says that somebody there compared the fingerprint, as far as this home knows."""
    log = context.log(room, context.info(room).here[0])
    digest = log.genesis.digest()
    return {
        one.alias: any(
            (record.entry.kind, record.entry.public.get("action"), record.entry.public.get("sha256"))
            == ("key", "compared", digest)
            for record in log.records(one.origin)
        )
        for one in log.genesis.collaborators
    }


def read_introduction(path: Path) -> bytes:
    with told(str(path)):
        return read_file(path, INTRODUCTION_LIMIT)


def _own_introduction(home: Path, room: str) -> Introduction:
    path = home / _OWN
    if not path.exists():
        raise NotReadyError(
            f"This side has not introduced itself to {room} yet.", hint=f"First: cleanroom exchange introduce {room} --to FILE"
        )
    return Introduction.parse(path.read_bytes(), path.name)


def _party(context: Context) -> Party:
    if context.party is None:
        raise HomeError(
            f"{context.home} is a home for rehearsals, which hold every side.",
            hint="Make one of your own: CLEANROOM_HOME=DIR cleanroom home create --party ALIAS --organisation NAME",
            code="NO_PARTY",
        )
    return context.party


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
