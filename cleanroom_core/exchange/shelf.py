"""One directory of numbered letters: `00000007-<16 hex digits of its SHA-256>.letter`. Written whole, read whole or not at all.

Made for directories that two machines share: no locks, no links, no appending. A letter is written under another name, flushed,
and renamed; a name is never used for other bytes, because the bytes' digest is a part of it. Directories below the shared one
are opened one by one without following symlinks, so nobody who may write there can lead a reader or a writer elsewhere.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cleanroom_core.errors import ExchangeError
from cleanroom_core.exchange.letter import LETTER_LIMIT, Letter, altered, torn

NAME_LIMIT = 10_000
NOT_WHOLE = ("GONE", "FOREIGN", "TOO_LARGE", "TORN", "ALTERED")
_NAME = re.compile(r"([0-9]{8})-([0-9a-f]{16})\.letter")
_PARTIAL = re.compile(r"\.[0-9]{8}-[0-9a-f]{16}\.[0-9a-f]{8}\.partial")
_CANNOT_FLUSH = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EISDIR, errno.ENOSYS)  # directories of some network volumes


@dataclass(frozen=True)
class Listing:
    """`letters`: names in the order of their numbers. `partial`: left by a writer who was cut short, or is at work.
    `foreign`: what nobody of us wrote."""

    letters: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()

    @property
    def newest(self) -> tuple[str, ...]:
        """The letters with the largest number: one, unless two copies of one home wrote at once."""
        return tuple(name for name in self.letters if name[:8] == self.letters[-1][:8])


def number_of(name: str | None) -> int:
    return 0 if name is None else int(name[:8])


def name_of(number: int, data: bytes) -> str:
    """Raises ExchangeError when no number is left: somebody wrote one that this home could not have reached."""
    if number >= 10**8:
        raise ExchangeError(
            "No letter can be numbered any more.", hint="Take away the letter with the largest number.", code="FOREIGN"
        )
    return f"{number:08d}-{sha256(data).hexdigest()[:16]}.letter"


@dataclass(frozen=True)
class Shelf:
    """`base`: a directory that exists; `parts`: names below it, made where they are missing once something is put there.

    `group`: the owner's group may read as well. `limit`: bytes of the largest letter that is read.
    """

    base: Path
    parts: tuple[str, ...]
    group: bool = False
    limit: int = LETTER_LIMIT

    @property
    def place(self) -> str:
        return str(self.base.joinpath(*self.parts))

    def list(self) -> Listing:
        """Raises ExchangeError when the shared directory cannot be reached; a shelf not yet there is empty."""
        with self._directory() as handle:
            if handle is None:
                return Listing()
            names = sorted(os.listdir(handle))  # noqa: PTH208  a handle has no path
        if len(names) > NAME_LIMIT:
            raise ExchangeError(
                f"{self.place} holds more than {NAME_LIMIT} files.",
                hint="Have its owner take away what is old.",
                code="FOREIGN",
            )
        letters = tuple(name for name in names if _NAME.fullmatch(name))
        partial = tuple(name for name in names if _PARTIAL.fullmatch(name))
        return Listing(letters, partial, tuple(name for name in names if name not in {*letters, *partial}))

    def glance(self) -> tuple[str, int]:
        """Name and size of the newest letter, ("", 0) where there is none. Raises ExchangeError as `list` does."""
        letters = self.list().letters
        with self._directory() as handle:
            if handle is None or not letters:
                return "", 0
            try:
                return letters[-1], os.stat(letters[-1], dir_fd=handle, follow_symlinks=False).st_size
            except FileNotFoundError:
                return "", 0

    def read(self, name: str) -> bytes:
        """The bytes of a letter, if they are those its name promises. Raises ExchangeError: GONE, FOREIGN, TOO_LARGE, TORN,
        ALTERED, or what stands in the way of reading."""
        with self._directory() as handle:
            if handle is None:
                raise _gone(name)
            data = read_file(name, self.limit, handle)
        if _NAME.fullmatch(name) is None or sha256(data).hexdigest()[:16] != name[9:25]:
            Letter.parse(data, name)  # says what is wrong with it, if it is not the name alone
            raise altered(name)
        return data

    def holds(self, name: str) -> bool:
        """Whether the letter lies there whole."""
        try:
            self.read(name)
        except ExchangeError as error:
            if error.code in NOT_WHOLE:
                return False
            raise
        return True

    def put(self, name: str, data: bytes) -> None:
        """Write a letter: it is there whole once this returns. Raises ExchangeError; then nothing is under its name."""
        with self._directory(make=True) as handle:
            assert handle is not None  # noqa: S101  it was made
            write_file(name, data, f".{name.removesuffix('.letter')}.{secrets.token_hex(4)}.partial", self.group, handle)

    def remove(self, names: tuple[str, ...]) -> None:
        """Take away own files; those that are gone already do not matter."""
        with self._directory() as handle:
            for name in names if handle is not None else ():
                try:
                    os.unlink(name, dir_fd=handle)
                except FileNotFoundError:
                    continue

    @contextmanager
    def _directory(self, make: bool = False) -> Iterator[int | None]:
        """A handle of the directory, None where it is not there yet."""
        with told(self.place):
            handle = os.open(self.base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                for part in self.parts:
                    inner = self._step(handle, part, make)
                    os.close(handle)
                    handle = -1
                    if inner is None:
                        break
                    handle = inner
                yield None if handle < 0 else handle
            finally:
                if handle >= 0:
                    os.close(handle)

    def _step(self, handle: int, part: str, make: bool) -> int | None:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            return os.open(part, flags, dir_fd=handle)
        except FileNotFoundError:
            if not make:
                return None
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            raise ExchangeError(
                f"{part} in {self.place} is a link or a file, and should be a directory.",
                hint="Take it away, and ask who may write there.",
                code="FOREIGN",
            ) from None
        with suppress(FileExistsError):
            os.mkdir(part, 0o750 if self.group else 0o700, dir_fd=handle)
        inner = os.open(part, flags, dir_fd=handle)
        _set_mode(inner, 0o750 if self.group else 0o700)
        flush(handle)
        return inner


def read_file(path: str | Path, limit: int, directory: int | None = None) -> bytes:
    """All bytes of a regular file. Raises ExchangeError (GONE, FOREIGN, TOO_LARGE, TORN), OSError for the rest."""
    name = Path(path).name
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        raise _gone(name) from None
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO):
            raise
        raise _no_file(name) from None
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        raise _no_file(name)
    with os.fdopen(handle, "rb") as file:
        if found.st_size > limit:
            raise ExchangeError(
                f"{name} is larger than any letter ({limit} bytes). It was not read.",
                hint="Take it away, and ask its writer what it is.",
                code="TOO_LARGE",
            )
        data = file.read(found.st_size + 1)
    if len(data) != found.st_size:  # it grew or shrank while it was read
        raise torn(name)
    return data


def write_file(name: str, data: bytes, partial: str, group: bool, directory: int) -> None:
    """Write under the name `partial`, flush, rename. Raises OSError; then the partial file is taken away again."""
    mode = 0o640 if group else 0o600
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=directory)
    try:
        with os.fdopen(handle, "wb") as file:
            _set_mode(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(partial, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        with suppress(OSError):
            os.unlink(partial, dir_fd=directory)
        raise
    flush(directory)


def flush(directory: int) -> None:
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno not in _CANNOT_FLUSH:
            raise


def _set_mode(handle: int, mode: int) -> None:
    """Whatever the umask is; a volume that keeps no modes decides by itself who may read."""
    try:
        os.fchmod(handle, mode)
    except OSError:
        return


@contextmanager
def told(place: str) -> Iterator[None]:
    """What the operating system says, in words."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else type(error).__name__
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            hint, code = "Free some space there and do it again; the logs are not touched.", "FULL"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            hint, code = "Have its owner let this user read it, and write the folder of this side.", "NOT_ALLOWED"
        elif error.errno in (errno.ENOENT, errno.ENOTDIR):
            hint, code = "Mount it, or name the right one: cleanroom exchange folder ROOM DIR.", "AWAY"
        else:
            hint, code = "Look at the volume and do it again; the logs are not touched.", "EXCHANGE"
        raise ExchangeError(f"{place} cannot be used: {why}.", hint=hint, code=code) from None


def _gone(name: str) -> ExchangeError:
    return ExchangeError(f"{name} is not there.", hint="Try again; a newer one may have taken its place.", code="GONE")


def _no_file(name: str) -> ExchangeError:
    return ExchangeError(
        f"{name} is a link or no plain file. It was not read.",
        hint="Take it away, and ask who may write there.",
        code="FOREIGN",
    )
