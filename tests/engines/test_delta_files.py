"""Delta logs that plain Parquet readers get wrong, or that somebody has written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pytest

from cleanroom_core.engines import delta
from cleanroom_core.engines.protocol import ShareTable
from cleanroom_core.errors import IntegrityError, TableError
from cleanroom_core.sql.types import BIGINT, Column, Schema


@pytest.fixture
def table(tmp_path: Path) -> Path:
    deltalake.write_deltalake(str(tmp_path / "t"), pa.table({"a": [1, 2, 3]}))
    return tmp_path / "t"


def rewrite(table: Path, change: Callable[[str, dict[str, Any]], None]) -> None:
    log = table / "_delta_log" / f"{0:020}.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        for name, content in action.items():
            change(name, content)
    log.write_text("\n".join(map(json.dumps, actions)))


def with_features(*features: str) -> Callable[[str, dict[str, Any]], None]:
    def change(name: str, content: dict[str, Any]) -> None:
        if name == "protocol":
            content.update(minReaderVersion=3, minWriterVersion=7, readerFeatures=list(features), writerFeatures=list(features))

    return change


def test_deletion_vectors_are_refused_only_where_there_are_some(table: Path) -> None:
    rewrite(table, with_features("deletionVectors"))
    assert len(delta.snapshot(table).files) == 1

    def delete(name: str, content: dict[str, Any]) -> None:
        if name == "add":
            content["deletionVector"] = {
                "storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^", "offset": 4, "sizeInBytes": 40,
                "cardinality": 1,
            }  # fmt: skip

    rewrite(table, delete)
    with pytest.raises(TableError, match="deletion vectors"):
        delta.snapshot(table)


def test_column_mapping_is_refused(table: Path) -> None:
    def mapped(name: str, content: dict[str, Any]) -> None:
        if name == "protocol":
            content.update(minReaderVersion=2, minWriterVersion=5)
        if name == "metaData":
            content["configuration"] = {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "1"}
            schema = json.loads(content["schemaString"])
            schema["fields"][0]["metadata"] = {"delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "col-1"}
            content["schemaString"] = json.dumps(schema)

    rewrite(table, mapped)
    with pytest.raises(TableError, match="column mapping"):
        delta.snapshot(table)


def test_unknown_features_are_refused(table: Path) -> None:
    rewrite(table, with_features("somethingNew"))
    with pytest.raises(TableError):
        delta.snapshot(table)


@pytest.mark.parametrize("how", ["absolute", "above", "link"])
def test_a_log_that_names_files_elsewhere(table: Path, tmp_path: Path, how: str) -> None:
    secret = tmp_path / "secret.parquet"
    (data,) = (file.path for file in delta.snapshot(table).files)
    secret.write_bytes(data.read_bytes())
    named = {"absolute": str(secret), "above": "../secret.parquet", "link": "link.parquet"}[how]
    if how == "link":
        (table / "link.parquet").symlink_to(secret)
    rewrite(table, lambda name, content: content.update(path=named) if name == "add" else None)
    with pytest.raises(TableError, match="outside its own folder"):
        delta.snapshot(table)


def test_not_a_delta_table(tmp_path: Path) -> None:
    (tmp_path / "t" / "_delta_log").mkdir(parents=True)
    with pytest.raises(TableError, match="cannot be read as a Delta table"):
        delta.snapshot(tmp_path / "t")


def test_digest_and_verification(table: Path) -> None:
    found = delta.snapshot(table)
    published = ShareTable(table, 0, delta.digest(found), 3, Schema((Column("a", BIGINT),)), "i")
    assert delta.verify(published) == found
    deltalake.write_deltalake(str(table), pa.table({"a": [4]}), mode="overwrite")
    assert delta.verify(published) == found  # a later version changes nothing about this one
    assert delta.digest(delta.snapshot(table)) != published.digest
    (file,) = found.files
    moved = file.path.rename(file.path.with_name("gone"))
    with pytest.raises(IntegrityError):
        delta.verify(published)
    moved.rename(file.path)
    assert delta.verify(published) == found


def test_forget_touches_data_files_of_the_table_only(table: Path) -> None:
    (table / "notes.txt").write_text("not ours")
    assert delta.forget(table, None) == 1
    assert [path.name for path in table.iterdir()] == ["notes.txt"]
