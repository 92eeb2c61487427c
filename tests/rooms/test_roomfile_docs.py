"""The published schema and the reference say what the package does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cleanroom_core.rooms.roomfile_schema import room_schema
from cleanroom_core.rooms.roomfile_yaml import read_text

ROOT = Path(__file__).resolve().parents[2]
ROOMS = [ROOT / "tests" / "rooms" / "roomfile_contract.yaml", *sorted((ROOT / "examples").glob("*/room.yaml"))]


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Every subschema that describes a mapping."""
    if isinstance(schema, dict):
        if "properties" in schema and isinstance(schema["properties"], dict):
            yield schema
        for part in schema.values():
            yield from objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part)


def test_the_published_schema_is_the_packaged_one() -> None:
    assert json.loads((ROOT / "docs" / "room.schema.json").read_text(encoding="utf-8")) == room_schema()
    jsonschema.Draft202012Validator.check_schema(room_schema())


def test_every_mapping_is_closed_and_every_key_described() -> None:
    for schema in objects(room_schema()):
        assert schema["additionalProperties"] is False
        for name, part in schema["properties"].items():
            assert "description" in part or "$ref" in part, name
            if "description" not in part:
                assert "description" in room_schema()["$defs"][part["$ref"].rsplit("/", 1)[1]], name


@pytest.mark.parametrize("path", ROOMS, ids=str)
def test_real_rooms_validate(path: Path) -> None:
    data = read_text(path.read_text(encoding="utf-8")).data
    jsonschema.Draft202012Validator(room_schema()).validate(data)


def test_the_reference_names_every_key_and_every_choice() -> None:
    reference = (ROOT / "docs" / "room-file.md").read_text(encoding="utf-8")
    named = {name for schema in objects(room_schema()) for name in schema["properties"]} - {"type", "of", "min", "max", "bands"}
    choices = {word for schema in room_schema()["$defs"].values() for word in schema.get("enum", ())}
    for word in named | choices:
        assert f"`{word}`" in reference or f"{word}:" in reference, word
