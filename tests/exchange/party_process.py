"""One party's process: `python -m tests.exchange.party_process FILES OTHER_HOME`, with its own home in CLEANROOM_HOME.

It reads one command per line (a JSON list: a word and its arguments) and answers each with one line of JSON. Opening anything
below OTHER_HOME ends it: what it knows of the other party came by the exchange.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from cleanroom_core.context import Context, home_path
from cleanroom_core.errors import CleanRoomError
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.party import prepare_room
from cleanroom_core.rooms.roomfile import read_room_file
from cleanroom_core.stories.agree import offer_agreement, sign_agreement
from cleanroom_core.stories.align import propose_token, run_token_vectors
from cleanroom_core.stories.open_room import accept, create_room, invite
from cleanroom_core.stories.publish import publish_policy, register_asset
from cleanroom_core.stories.token_keys import take_key


def plain(value: object) -> object:
    """A value whose text does not depend on the process: sets and mappings in order."""
    if dataclasses.is_dataclass(value):
        return [type(value).__name__, *(plain(getattr(value, field.name)) for field in dataclasses.fields(value))]
    if isinstance(value, Mapping):
        return sorted(([repr(key), plain(one)] for key, one in value.items()), key=str)
    if isinstance(value, set | frozenset):
        return sorted((plain(one) for one in value), key=str)
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return repr(value)


TOUCHING = ("open", "os.listdir", "os.scandir", "sqlite3.connect", "os.mkdir", "os.rename")


class PartyProcess:
    def __init__(self, files: Path, forbidden: Path) -> None:
        self.forbidden = forbidden
        self.context = Context.open(home_path())
        self.context.patience_seconds = 0  # the other side looks when it is told to
        self.definition = read_room_file(files / "room.yaml")
        self.party = self.context.party
        self.side = self.context.side("shops", self.party.alias)

    def user(self, role: Role) -> User:
        return User(f"{self.party.alias}.{role}", self.party.organisation, frozenset({role}), "Somebody")

    def prepare(self) -> None:
        prepare_room(self.context, self.definition)

    def key(self, text: str) -> None:
        take_key(self.side, self.user(Role.ENGINEER), "member-1", text)

    def offer(self) -> str:
        return offer_agreement(self.side, self.user(Role.OFFICER), self.definition.agreement)

    def sign(self, digest: str) -> None:
        sign_agreement(self.side, self.user(Role.OFFICER), digest)

    def token(self) -> None:
        propose_token(self.side, self.user(Role.ENGINEER), self.definition.tokens["member"])

    def vectors(self) -> None:
        run_token_vectors(self.side, self.user(Role.ENGINEER), "member")

    def create(self) -> None:
        create_room(self.side, self.user(Role.ENGINEER))
        invite(self.side, self.user(Role.ENGINEER), "south")

    def accept(self) -> None:
        accept(self.side, self.user(Role.ENGINEER))

    def publish(self, asset: str) -> int:
        policy = self.definition.policies[asset]
        return publish_policy(self.side, self.user(Role.STEWARD), policy, self.definition.inbox_name(asset)).table.rows

    def register(self, asset: str) -> None:
        register_asset(self.side, self.user(Role.STEWARD), self.definition.policies[asset].qualified)

    def look(self) -> None:
        """What a page does at every rerun: nothing but ask for the side."""
        self.context.collaborator("shops", self.user(Role.ANALYST))

    def sync(self) -> list[str]:
        return [problem.code for one in self.context.sync("shops") for problem in one.problems]

    def acknowledged(self) -> None:
        self.side.require_acknowledged()

    def foreign_table(self) -> None:
        self.side.share_folder("north.baskets" if self.party.alias == "south" else "south.members")

    def foreign_side(self) -> None:
        self.context.side("shops", next(alias for alias in self.side.collaborators if alias != self.party.alias))

    def trespass(self) -> None:
        (self.forbidden / "home.json").read_text()

    def state(self) -> dict[str, object]:
        state, log = self.side.state(), self.side.log
        return {
            "hash": sha256(json.dumps(plain(state)).encode()).hexdigest(),
            "agreement": None if state.agreement_in_force is None else state.agreement_in_force.text_hash,
            "published": [name for name, policy in state.policies.items() if policy.published is not None],
            "assets": sorted(state.assets),
            "active": state.room_active,
            "sizes": {alias: [log.size(origin), log.acknowledged(origin)] for origin, alias in self.side.origins.items()},
            "verified": log.verify().status.value,
            "held": {
                alias: sorted({record.entry.kind for record in log.records(origin) if record.payload is not None})
                for origin, alias in self.side.origins.items()
            },
        }


def main(files: Path, forbidden: Path) -> None:
    def closed(what: str, arguments: tuple[object, ...]) -> None:
        paths = [one for one in arguments if isinstance(one, str | os.PathLike)] if what in TOUCHING else []
        if any(Path(one).absolute().is_relative_to(forbidden) for one in paths):
            os._exit(9)

    sys.addaudithook(closed)
    process = PartyProcess(files, forbidden)
    for line in sys.stdin:
        word, *arguments = json.loads(line)
        try:
            answer: object = {"done": getattr(process, word)(*arguments)}
        except CleanRoomError as error:
            answer = {"error": error.code}
        print(json.dumps(answer), flush=True)
    process.context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
