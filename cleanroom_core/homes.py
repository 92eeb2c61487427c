"""What a home and its rooms say of themselves in two small files. The layout stands in `context`, which opens them.

home.json                 {"format": 1}, and {"party": {"alias", "organisation"}} in the home of one party
rooms/<room>/room.json    a `RoomInfo`
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cleanroom_core.errors import HomeError

FORMAT = 1
DEFAULT_HOME = "var"


def home_path() -> Path:
    """The home of this process: CLEANROOM_HOME, or `var` in the working directory."""
    return Path(os.environ.get("CLEANROOM_HOME") or DEFAULT_HOME).resolve()


@dataclass(frozen=True)
class Party:
    """Whose home this is, where it is the home of one: the alias in every room of it, and the organisation."""

    alias: str
    organisation: str


@dataclass(frozen=True)
class RoomInfo:
    """`collaborators`: alias -> organisation, the creator first. `own`: the only one whose folder lies in this home; None in a
    rehearsal, where all do. `shared`: the directory the others are reached through, `group`: whose group may read there."""

    name: str
    collaborators: Mapping[str, str]
    engine: str = "duckdb"
    own: str | None = None
    shared: str | None = None
    group: bool = False

    @property
    def here(self) -> tuple[str, ...]:
        """The collaborators whose folders lie in this home, the creator first."""
        return tuple(self.collaborators) if self.own is None else (self.own,)

    @classmethod
    def load(cls, room_home: Path) -> RoomInfo:
        """Raises FileNotFoundError when there is no such room."""
        found = json.loads((room_home / "room.json").read_text(encoding="utf-8"))
        return cls(**{name: found[name] for name in cls.__dataclass_fields__ if name in found})

    def save(self, room_home: Path) -> None:
        fields: dict[str, object] = {"name": self.name, "collaborators": dict(self.collaborators), "engine": self.engine}
        if self.own is not None:
            fields |= {"own": self.own, "shared": self.shared, "group": self.group}
        write_json(room_home / "room.json", fields)


def check_format(home: Path) -> None:
    """Raise HomeError unless `home` was made by this version of the format."""
    path = home / "home.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["format"]
    except FileNotFoundError:
        raise HomeError(f"There is no rehearsal in {home}.", hint="Start it with: make run", code="NO_HOME") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise HomeError(
            f"{path} cannot be read.", hint="Move the folder away and start anew, or restore it from a backup.", code="HOME"
        ) from None
    if found != FORMAT:
        raise HomeError(
            f"{home} was made by another version (format {found}; this version reads {FORMAT}).",
            hint="Use that version, or set CLEANROOM_HOME to a new folder.",
            code="HOME_FORMAT",
        )


def create_home(home: Path, party: Party | None = None) -> None:
    """Make an empty home, of one party or for rehearsals; does nothing when there is one of this format.

    Raises HomeError when there is one that is not this party's.
    """
    if (home / "home.json").exists():
        check_format(home)
        if party is not None and read_party(home) != party:
            raise HomeError(
                f"{home} is another home than that of {party.organisation} ({party.alias}).",
                hint="Set CLEANROOM_HOME to a new folder: each party has a home of its own.",
                code="HOME_TAKEN",
            )
        return
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / "rooms").mkdir(mode=0o700, exist_ok=True)
    write_json(home / "home.json", {"format": FORMAT} | ({} if party is None else {"party": vars(party)}))


def read_party(home: Path) -> Party | None:
    """Whose home this is; None for a rehearsal, which holds all sides."""
    try:
        found = json.loads((home / "home.json").read_text(encoding="utf-8")).get("party")
    except FileNotFoundError:
        return None
    return None if found is None else Party(**found)


def write_json(path: Path, value: object) -> None:
    """Write a small file so that it is there whole or not at all."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
