"""What kind of table a path holds, told from its bytes and not from its name. Standard library only."""

from __future__ import annotations

from pathlib import Path

from cleanroom_core.errors import TableError

ENDINGS = (".csv", ".parquet")
_CSV_HINT = "Export the table as CSV in UTF-8, as Parquet, or as a Delta folder."
# First bytes of files that people take for tables (source: each format's own specification).
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive or a spreadsheet"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet (xls)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh91AY&SY", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"\x7fELF", "a program"),
    (b"%PDF-", "a PDF"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"ARROW1", "an Arrow file"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
)
_PICKLE = tuple(bytes((0x80, version)) for version in range(2, 6))


def foreign_kind(head: bytes) -> str | None:
    """What these first bytes belong to when they are neither CSV nor Parquet; None when they may be one of them."""
    if head.startswith(_PICKLE):
        return "a Python pickle"
    return next((what for magic, what in _FOREIGN if head.startswith(magic)), None)


def content_kind(head: bytes, ending: str = "") -> str:
    """`csv` or `parquet`, by first bytes; raises TableError for anything else and where the ending says otherwise."""
    if not head:
        raise TableError("The file is empty.", hint=_CSV_HINT, code="TABLE_EMPTY")
    if (what := foreign_kind(head)) is not None:
        raise TableError(f"The file is {what}, not a table.", hint=_CSV_HINT, code="TABLE_KIND")
    kind = "parquet" if head.startswith(b"PAR1") else "csv"
    if ending.lower() in ENDINGS and ending.lower() != f".{kind}":
        known = {"parquet": "The file is Parquet inside, whatever its name says.", "csv": "The file is not Parquet inside."}
        raise TableError(known[kind], hint=f"Give it the ending .{kind} if that is what it is.", code="TABLE_KIND")
    return kind


def kind_of(path: Path) -> str:
    """`csv`, `parquet` or `delta`; raises TableError when the path holds none of them."""
    try:
        if path.is_dir():
            if (path / "_delta_log").is_dir():
                return "delta"
            raise TableError(
                f"The folder {path.name} is not a Delta table.",
                hint="A Delta table has a folder _delta_log.",
                code="TABLE_KIND",
            )
        if path.exists() and not path.is_file():
            raise TableError(f"{path.name} is not a file.", hint="Name a file or a Delta folder.", code="TABLE_KIND")
        with path.open("rb") as file:
            return content_kind(file.read(64), path.suffix)
    except FileNotFoundError:
        raise TableError(f"There is no file {path.name}.", hint="Check the name.", code="TABLE_MISSING") from None
    except OSError as error:
        raise TableError(
            f"The file {path.name} cannot be opened ({error.strerror}).",
            hint="Check that it is a file and who may read it.",
            code="TABLE_MISSING",
        ) from None


def fingerprint(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Changes whenever the table may have changed: name, size and mtime of the file, or of every file of a Delta log."""
    try:
        files = sorted((path / "_delta_log").iterdir()) if path.is_dir() else [path]
        return tuple((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files)
    except OSError:
        return ()
