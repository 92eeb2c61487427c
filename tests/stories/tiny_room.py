"""A room of two shops and two CSV files, small enough to play in a second or two and real in every part."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cleanroom_core.context import Context, create_home
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.rehearsal import DEMO_ROLES, demo_users, import_room
from cleanroom_core.rooms.definition import RoomDefinition
from cleanroom_core.rooms.roomfile import read_room_file
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.play import Played, play

ROOM = """
room: shops
collaborators:
  north: {organisation: North Shop}
  south: {organisation: South Shop}
agreement:
  purposes: [assortment]
  minimum_cohort: 20
  ends_on: 2099-12-31
tokens:
  member: {identifier: email, normalise: [strip, lower], algorithm: hmac-sha256, key_id: member-1}
assets:
  baskets:
    owner: north
    data: baskets.csv
    row_filter: consent = 'yes'
    columns:
      member_token: {token: member, from: mail}
      aisle: {}
      spent: {}
      returned: {}
    rule:
      privacy_unit: member_token
      join_key: member_token
      dimensions: {aisle: {domain: [bread, fruit, wine, truffles]}}
      measures: {spent: {min: 0, max: 100}, returned: {min: 0, max: 1}}
  members:
    owner: south
    data: members.csv
    columns:
      member_token: {token: member, from: address}
      tier: {}
    rule:
      privacy_unit: member_token
      join_key: member_token
      dimensions: {tier: {domain: [basic, gold]}}
templates:
  aisles:
    receiver: south
    purpose: assortment
    sql: |
      SELECT b.aisle, m.tier, count(*) AS baskets, avg(b.spent) AS average_spent
      FROM north.baskets b JOIN south.members m ON b.member_token = m.member_token
      GROUP BY b.aisle, m.tier
requests:
  - {template: aisles, by: south, expect: released}
"""


def write_files(folder: Path, seed: int = 5) -> Path:
    """The room file and its two tables; returns the room file."""
    dice = random.Random(seed)  # noqa: S311  test data
    mails = [f"person{number:04d}@example.org" for number in range(300)]
    rows = ["mail,aisle,spent,returned,consent"]
    for mail in mails:
        for _ in range(dice.randint(1, 4)):
            aisle = dice.choices(["bread", "fruit", "wine", "truffles"], [60, 30, 15, 1])[0]
            dirty = f"{mail} " if dice.random() < 0.01 else mail
            rows.append(
                f"{dirty},{aisle},{dice.randint(1, 60)},{int(dice.random() < 0.2)},{'no' if dice.random() < 0.1 else 'yes'}"
            )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "baskets.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    lines = ["address,tier"] + [f"{mail.upper()},{'gold' if dice.random() < 0.4 else 'basic'}" for mail in mails[:280]]
    (folder / "members.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "room.yaml").write_text(ROOM, encoding="utf-8")
    return folder / "room.yaml"


STAGES: dict[str, Callable[[Played], bool]] = {
    "imported": lambda step: (step.step, step.side) == ("prechecks", "north"),
    "agreed": lambda step: (step.step, step.side, step.outcome) == ("agreement", "south", "signed"),
    "aligned": lambda step: (step.step, step.side) == ("tokens", "south"),
    "registered": lambda step: (step.step, step.side) == ("assets", "south"),
    "proposed": lambda step: (step.step, step.outcome) == ("plan", "proposed"),
    "signed": lambda step: (step.step, step.side, step.outcome) == ("plan", "south", "signed"),
    "quarantined": lambda step: step.step == "compute",
    "released": lambda step: step.step == "review",
}


@dataclass
class TinyRoom:
    """`folder` holds `files/` (room file and raw tables) and `home/`."""

    context: Context
    definition: RoomDefinition

    @classmethod
    def open(cls, folder: Path) -> TinyRoom:
        return cls(Context.open(folder / "home"), read_room_file(folder / "files" / "room.yaml"))

    @property
    def home(self) -> Path:
        return self.context.home

    def side(self, alias: str) -> Collaborator:
        return self.context.side(self.definition.name, alias)

    def user(self, alias: str, role: Role) -> User:
        return demo_users(self.definition.collaborators)[f"{alias}.{role}"]

    @property
    def cast(self) -> dict[str, dict[Role, User]]:
        return {alias: {role: self.user(alias, role) for role in DEMO_ROLES} for alias in self.definition.collaborators}

    def steps(self) -> Iterator[Played]:
        sides = {alias: self.side(alias) for alias in self.definition.collaborators}
        return play(sides, self.cast, self.definition)

    def play_all(self) -> list[Played]:
        return list(self.steps())


def make_tiny_room(folder: Path) -> TinyRoom:
    """A home with the room imported and nothing said yet."""
    definition = read_room_file(write_files(folder / "files"))
    create_home(folder / "home")
    context = Context.open(folder / "home")
    import_room(context, definition)
    return TinyRoom(context, definition)
