"""The three ways two homes exchange, behind one face for the conformance suite. All state lies on disk."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cleanroom_core.exchange.file import export_letter, import_letter
from cleanroom_core.exchange.folder import FolderExchange
from cleanroom_core.exchange.in_process import hand_over
from cleanroom_core.stores.signed_log import SignedLog


class Carrier(Protocol):
    def turn(self, log: SignedLog, other: SignedLog) -> None:
        """`log` takes what the other sent and sends what the other does not have. Only in-process touches `other` itself."""
        ...

    def sent(self, giver: SignedLog, taker: SignedLog) -> list[bytes]:
        """What was ever put under way and is still to be seen, oldest first."""
        ...

    def lose(self, giver: SignedLog, taker: SignedLog) -> None:
        """The newest message never arrives."""
        ...

    def deliver_old(self, giver: SignedLog, taker: SignedLog) -> None:
        """The taker is shown the oldest message there is, and nothing newer, as a stale listing or a replay would."""
        ...


@dataclass
class InProcess:
    root: Path

    def __post_init__(self) -> None:
        self.messages: dict[tuple[str, str], list[bytes]] = {}

    def turn(self, log, other):
        message = log.update(other.alias, 0)
        if message is not None:
            self.messages.setdefault((log.alias, other.alias), []).append(message)
        hand_over(log, other)

    def sent(self, giver, taker):
        return self.messages.get((giver.alias, taker.alias), [])

    def lose(self, giver, taker):
        """The taker takes it, and the answer never arrives."""
        message = giver.update(taker.alias, taker.size(giver.origin))
        if message is not None:
            taker.receive(message)

    def deliver_old(self, giver, taker):
        for message in self.sent(giver, taker)[:1]:
            taker.receive(message)


@dataclass
class Folder:
    root: Path

    def of(self, log):
        (self.root / "shared").mkdir(exist_ok=True)
        return FolderExchange(log, self.root / "shared", self.root / log.alias / "exchange")

    def shelf(self, giver, taker):
        return self.of(giver)._mine(taker.alias)

    def turn(self, log, other):
        self.keep(log, other)
        for problem in self.of(log).sync(other.alias).problems:
            raise problem
        self.keep(log, other)

    def keep(self, log, other):
        """Own letters are tidied away; the suite wants to see all that were ever written."""
        for giver, taker in ((log, other), (other, log)):
            for path in Path(self.shelf(giver, taker).place).glob("*.letter"):
                kept = self.root / "kept" / giver.alias / taker.alias / path.name
                if not kept.exists():
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, kept)

    def sent(self, giver, taker):
        return [path.read_bytes() for path in sorted((self.root / "kept" / giver.alias / taker.alias).glob("*.letter"))]

    def lose(self, giver, taker):
        self.turn(giver, taker)
        for name in self.shelf(giver, taker).list().letters[-1:]:
            self.shelf(giver, taker).remove((name,))

    def deliver_old(self, giver, taker):
        place = Path(self.shelf(giver, taker).place)
        old = sorted((self.root / "kept" / giver.alias / taker.alias).glob("*.letter"))[:1]
        if not old:
            return
        aside = place.rename(place.with_name("aside"))
        place.mkdir()
        shutil.copyfile(old[0], place / old[0].name)
        self.of(taker).sync(giver.alias)
        shutil.rmtree(place)
        aside.rename(place)


@dataclass
class ByHand:
    root: Path

    def files(self, giver, taker):
        folder = self.root / "stick" / giver.alias / taker.alias
        folder.mkdir(parents=True, exist_ok=True)
        return sorted(folder.iterdir())

    def turn(self, log, other):
        for path in self.files(other, log)[-1:]:
            if not path.name.startswith("."):
                import_letter(log, path)
        mine = self.files(log, other)
        target = self.root / "stick" / log.alias / other.alias / f"{len(mine):08d}"
        export_letter(log, other.alias, target)

    def sent(self, giver, taker):
        return [path.read_bytes() for path in self.files(giver, taker)]

    def lose(self, giver, taker):
        self.turn(giver, taker)
        self.files(giver, taker)[-1].unlink()

    def deliver_old(self, giver, taker):
        for path in self.files(giver, taker)[:1]:
            import_letter(taker, path)


CARRIERS = {"in-process": InProcess, "folder": Folder, "file": ByHand}
