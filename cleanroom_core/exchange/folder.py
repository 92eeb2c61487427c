"""Exchange through a directory that both sides can reach: a shared folder, a network volume, a mounted bucket.

    <shared>/<sender>/<room>-<16 hex digits of the genesis digest>/to-<receiver>/00000007-<digest>.letter

Each side writes below its own name only and reads what the others wrote to it. The newest letter to a receiver says everything
(see `letter`), so of the own ones only the last few stay. In the own home a copy of the newest is kept (`outbox`), written
first: it can be put there again byte for byte, without signing anything, when the shared copy is lost or damaged; and
`<peer>.read.json` says which letter of the peer was taken last.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cleanroom_core.errors import EquivocationError, ExchangeError, IntegrityError
from cleanroom_core.exchange.letter import LETTER_LIMIT, Letter
from cleanroom_core.exchange.letters import (
    Correspondent,
    Taken,
    says_the_same,
    signed_size,
    take_letter,
    wants_whole,
    write_letter,
)
from cleanroom_core.exchange.shelf import NOT_WHOLE, Shelf, name_of, number_of, told

KEPT = 4
Waiting = tuple[tuple[str, int], tuple[str, int], int]


@dataclass(frozen=True)
class Synced:
    """What one round with one other home did. `received`: new entries of its log; `sent`: whether a letter was written.
    `problems`: what was found in the folder and not taken, each with what to do."""

    peer: str
    received: int = 0
    sent: bool = False
    problems: tuple[ExchangeError, ...] = ()


@dataclass(frozen=True)
class _Read:
    """The letter taken last, and what it claimed: how many of our entries its sender holds, and whether it wants them all."""

    name: str | None = None
    holds: int = 0
    whole: bool = False


@dataclass(frozen=True)
class FolderExchange:
    """`shared`: the directory both sides reach. `own`: a directory of this home alone, for the outbox.

    `group`: letters may be read by the directory's group too; otherwise by their owner only (a volume may know no modes).
    """

    home: Correspondent
    shared: Path
    own: Path
    group: bool = False
    limit: int = LETTER_LIMIT

    def waiting(self, peer: str) -> Waiting:
        """The newest letter of either side as it lies there, and the own log's size. Cheap: while none of it changes after a
        `sync` without problems, another one does nothing."""
        return self._theirs(peer).glance(), self._mine(peer).glance(), self.home.size()

    def sync(self, peer: str) -> Synced:
        """Take what the peer wrote, then write what it does not know. Idempotent; safe after any crash, at any moment.

        What lies in the folder and cannot be read is told in `problems`, and while the peer's newest letter is among it nothing
        new is signed for it. Raises ExchangeError when the folder cannot be used; IntegrityError and EquivocationError when the
        peer's letter does not hold: nothing of it was kept then.
        """
        self.home.genesis.by_alias(peer)
        with self._lock(peer):
            self._mend(peer)
            listing = self._theirs(peer).list()
            problems = [_foreign(self._theirs(peer), name) for name in listing.foreign]
            read = self._read_mark(peer)
            taken: list[Taken] = []
            refused: IntegrityError | None = None
            if listing.letters and number_of(listing.letters[-1]) < number_of(read.name):
                problems.append(_older(self._theirs(peer)))
            elif listing.letters and listing.letters[-1] != read.name:
                try:
                    for name in listing.newest:
                        letter = Letter.parse(self._theirs(peer).read(name), name)
                        try:
                            taken.append(self._take(peer, letter, name))
                        except IntegrityError as error:
                            if isinstance(error, EquivocationError) or not wants_whole(error, letter):
                                raise
                            refused = error
                except ExchangeError as damaged:
                    return Synced(peer, sum(one.entries for one in taken), False, (*problems, damaged))
                if taken:
                    read = _Read(listing.letters[-1], min(one.holds for one in taken), any(one.whole for one in taken))
                    problems += [_behind(peer) for one in taken if one.behind]
            sent = self._send(peer, 0 if read.whole else read.holds, whole=refused is not None)
            if refused is not None:
                raise refused
            if taken:
                self._mark(peer, read)
            return Synced(peer, sum(one.entries for one in taken), sent, tuple(problems))

    def _take(self, peer: str, letter: Letter, name: str) -> Taken:
        if letter.sender != peer:
            raise ExchangeError(
                f"{name} lies in the folder of {peer} and says it is by {letter.sender}. Nothing of it was taken over.",
                hint="Take it away, and ask who may write there.",
                code="FOREIGN",
            )
        return take_letter(self.home, letter)

    # -- sending ---------------------------------------------------------------------------------------------------------

    def _send(self, peer: str, since: int, *, whole: bool) -> bool:
        outbox, shelf = self._outbox(peer), self._mine(peer)
        before, mine = self._newest_own(peer), shelf.list()
        letter = write_letter(self.home, peer, since, whole=whole)
        last, there = (number_of(names[-1] if names else None) for names in ((before or ())[:1], mine.letters))
        if before is not None and there <= last and says_the_same(Letter.parse(before[1], before[0]), letter):
            return False
        number = 1 + max(last, there)  # never used again, even where the listing is old or the folder new: the outbox remembers
        data = letter.encode()
        name = name_of(number, data)
        outbox.put(name, data)
        kept = outbox.list()
        outbox.remove((*kept.partial, *(old for old in kept.letters if old != name)))
        shelf.put(name, data)
        shelf.remove((*mine.partial, *mine.letters[: -KEPT + 1]))  # the lock is held: nobody else is writing
        return True

    def _mend(self, peer: str) -> None:
        """Put the newest own letter there again if a crash, a full disk or somebody else kept it from lying there whole.

        Raises IntegrityError (LOG_BEHIND) if this home sent more than it holds: it was restored from an old copy, and signing
        would make a second history.
        """
        newest, shelf = self._newest_own(peer), self._mine(peer)
        later = [name for name in shelf.list().letters if number_of(name) > number_of(newest[0] if newest else None)]
        for name in later:
            try:
                signed = signed_size(self.home, Letter.parse(shelf.read(name), name))
            except (ExchangeError, IntegrityError) as planted:
                if isinstance(planted, ExchangeError) and planted.code not in NOT_WHOLE:
                    raise  # it cannot be read now, and may say that this home is behind
                shelf.remove((name,))  # not whole, or not signed by this home: somebody else put it there
                continue
            if signed > self.home.size():
                raise _restored(shelf, name)
        if newest is not None and not shelf.holds(newest[0]):
            shelf.put(*newest)

    def _newest_own(self, peer: str) -> tuple[str, bytes] | None:
        """The own letter sent last, from the outbox. A copy that a crash cut short was never sent."""
        outbox = self._outbox(peer)
        for name in reversed(outbox.list().letters):
            if outbox.holds(name):
                return name, outbox.read(name)
        return None

    # -- places ----------------------------------------------------------------------------------------------------------

    def _room(self) -> str:
        return f"{self.home.genesis.room}-{self.home.genesis.digest()[:16]}"

    def _mine(self, peer: str) -> Shelf:
        return Shelf(self.shared, (self.home.alias, self._room(), f"to-{peer}"), self.group, self.limit)

    def _theirs(self, peer: str) -> Shelf:
        return Shelf(self.shared, (peer, self._room(), f"to-{self.home.alias}"), self.group, self.limit)

    def _outbox(self, peer: str) -> Shelf:
        return Shelf(self.own, (f"to-{peer}",))

    @contextmanager
    def _lock(self, peer: str) -> Iterator[None]:
        """One process of this home at a time talks to a peer; the lock lies in the own home, not on the shared volume."""
        with told(str(self.own)):
            self.own.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.own / f"{peer}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _read_mark(self, peer: str) -> _Read:
        try:
            found = json.loads((self.own / f"{peer}.read.json").read_text(encoding="utf-8"))
            return _Read(found["name"], found["holds"], found["whole"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return _Read()  # reading a letter again changes nothing

    def _mark(self, peer: str, read: _Read) -> None:
        with told(str(self.own)):
            temporary = self.own / f"{peer}.read.tmp"
            with temporary.open("w", encoding="utf-8") as file:
                json.dump(vars(read), file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.own / f"{peer}.read.json")


def _foreign(shelf: Shelf, name: str) -> ExchangeError:
    return ExchangeError(
        f"{shelf.place} holds {name!r}, which is no letter. It was not read.",
        hint="Have it taken away, and ask who may write there.",
        code="FOREIGN",
    )


def _older(shelf: Shelf) -> ExchangeError:
    return ExchangeError(
        f"{shelf.place} shows only letters older than the one read last.",
        hint="The volume may show an old listing: try again in a minute. If it stays so, somebody put an old copy back.",
        code="STALE",
    )


def _behind(peer: str) -> ExchangeError:
    return ExchangeError(
        f"The newest letter of {peer} ends before what is held of its log here; nothing was lost.",
        hint=f"It is an old letter, or {peer} went back to an old copy of its home: ask, and have it restored from here.",
        code="BEHIND",
    )


def _restored(shelf: Shelf, name: str) -> IntegrityError:
    return IntegrityError(
        f"This home sent more of its log ({name} in {shelf.place}) than it holds. Nothing was signed.",
        hint="It was restored from an old copy. Take the log back first: the other side's `cleanroom exchange copy-back`.",
        code="LOG_BEHIND",
    )
