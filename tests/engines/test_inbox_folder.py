from __future__ import annotations

import io
import os
import pickle
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest

from cleanroom_core.engines import inbox as inboxes
from cleanroom_core.errors import InputError, TableError


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "inbox"
    folder.mkdir(parents=True)
    (folder / "accounts 2026 ü.csv").write_text("a,b\n1,2\n")
    (folder / "noending").write_text("a,b\n1,2\n")
    (folder / "notes.docx").write_bytes(b"PK\x03\x04")
    (folder / ".hidden.csv").write_text("a\n1\n")
    (folder / "folder").mkdir()
    (folder / "folder" / "inner.csv").write_text("a\n1\n")
    deltalake.write_deltalake(str(folder / "delta"), pa.table({"a": [1]}))
    outside = tmp_path / "outside.csv"
    outside.write_text("secret\n1\n")
    (folder / "link.csv").symlink_to(outside)
    (folder / "linked").symlink_to(folder / "delta")
    (tmp_path / "home" / "keys.csv").write_text("key\n1\n")
    return folder


def test_listing_shows_usable_tables_only(inbox: Path) -> None:
    os.utime(inbox / "noending", (0, 86400))
    found = {entry.name: entry for entry in inboxes.listing(inbox)}
    assert {name: entry.kind for name, entry in found.items()} == {
        "accounts 2026 ü.csv": "csv", "noending": "csv", "delta": "delta",
    }  # fmt: skip
    assert found["accounts 2026 ü.csv"].size == 8
    assert found["delta"].size > 500
    assert found["noending"].modified == datetime(1970, 1, 2, tzinfo=UTC)
    assert inboxes.listing(inbox / "nowhere") == []


def test_resolve_by_name(inbox: Path) -> None:
    for entry in inboxes.listing(inbox):
        assert inboxes.resolve(inbox, entry.name) == inbox / entry.name


@pytest.mark.parametrize(
    "name",
    [
        "../keys.csv", "..", ".", "", "/etc/passwd", "folder/inner.csv", "folder", "link.csv", "linked", ".hidden.csv",
        "notes.docx", "missing.csv", "delta/../../keys.csv", "a\\b.csv", "C:x.csv", "a\0.csv", "a\n.csv", " noending", "~",
        "\u202evsc.csv", "x" * 300,
    ],
)  # fmt: skip
def test_resolve_refuses(inbox: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        inboxes.resolve(inbox, name)
    assert caught.value.code == "INBOX_NAME"


def test_a_linked_inbox_or_a_link_inside_a_delta_folder_is_refused(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "other").symlink_to(inbox)
    assert inboxes.listing(tmp_path / "other") == []
    with pytest.raises(InputError):
        inboxes.resolve(tmp_path / "other", "noending")
    (inbox / "delta" / "part.parquet").symlink_to(tmp_path / "outside.csv")
    with pytest.raises(InputError):
        inboxes.resolve(inbox, "delta")


def test_upload_is_kept_whole_private_and_never_over_another(inbox: Path) -> None:
    first = inboxes.save_upload(inbox, "new table.csv", b"a,b\n1,2\n")
    second = inboxes.save_upload(inbox, "new table.csv", b"a,b\n3,4\n")
    assert (first, second) == ("new table.csv", "new table-2.csv")
    assert (inbox / first).read_bytes() == b"a,b\n1,2\n"
    assert (inbox / second).read_bytes() == b"a,b\n3,4\n"
    assert (inbox / first).stat().st_mode & 0o777 == 0o600
    assert not list(inbox.glob(".upload*"))
    assert inboxes.save_upload(inbox, "link.csv", b"a\n1\n") == "link-2.csv"  # not through the link


def test_upload_makes_the_inbox(tmp_path: Path) -> None:
    assert inboxes.save_upload(tmp_path / "inbox", "a.csv", b"a\n1\n") == "a.csv"
    assert (tmp_path / "inbox").stat().st_mode & 0o777 == 0o700


def _zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a", "b")
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.csv", _zip(), TableError),
        ("a.csv", pickle.dumps([1]), TableError),
        ("a.csv", b"PAR1xxxxPAR1", TableError),
        ("a.csv", b"a,b\n1,\x00\n", TableError),
        ("a.csv", b"", TableError),
        ("a.parquet", b"a,b\n1,2\n", TableError),
        ("a.exe", b"a,b\n1,2\n", InputError),
        ("a.csv.py", b"a,b\n1,2\n", InputError),
        ("a", b"a,b\n1,2\n", InputError),
        ("../a.csv", b"a,b\n1,2\n", InputError),
        ("/tmp/a.csv", b"a,b\n1,2\n", InputError),
        (".a.csv", b"a,b\n1,2\n", InputError),
        ("a.csv", b"a\n" + b"1\n" * (inboxes.UPLOAD_BYTES // 2), InputError),
    ],
)
def test_uploads_refused(inbox: Path, name: str, content: bytes, error: type[Exception]) -> None:
    before = sorted(inbox.parent.rglob("*"))
    with pytest.raises(error):
        inboxes.save_upload(inbox, name, content)
    assert sorted(inbox.parent.rglob("*")) == before
