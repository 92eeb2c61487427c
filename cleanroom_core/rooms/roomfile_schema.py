"""The structure of a room file, by JSON Schema (draft 2020-12); each violation becomes one sentence and what to do.

The schema's own descriptions are the hints, so that an editor's completion and `cleanroom room check` say the same words.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from cleanroom_core.errors import InputError, Problem
from cleanroom_core.rooms.roomfile_yaml import Path, RoomText
from cleanroom_core.sql.names import checked_name

_KINDS = {
    "object": "a mapping of keys to values", "array": "a list", "string": "text", "integer": "a whole number",
    "number": "a number", "boolean": "true or false", "null": "nothing",
}  # fmt: skip
_NAMED = {"room": "a room", "collaborators": "a collaborator", "tokens": "a token spec", "assets": "an asset",
          "columns": "a shared column", "templates": "a template", "parameters": "a parameter"}  # fmt: skip


@cache
def room_schema() -> dict[str, Any]:
    """The packaged JSON Schema of the room file, as `docs/room.schema.json` shows it."""
    text = files("cleanroom_core.rooms").joinpath("room.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def structure_problems(text: RoomText) -> Iterator[Problem]:
    """Every violation of the schema, each with the line of the key concerned (of the parent, for a missing key)."""
    from jsonschema import Draft202012Validator

    seen: set[tuple[Path, str]] = set()
    for error in Draft202012Validator(room_schema()).iter_errors(text.data):
        for problem in _translated(error, text):
            if (problem.path, problem.message) not in seen:
                seen.add((problem.path, problem.message))
                yield problem


def did_you_mean(word: str, known: Iterable[str], taken: Container[str] = ()) -> str:
    """The hint for a word that is not among the known ones; `taken` ones are not guessed."""
    words = list(known)
    guesses = {each.lower(): each for each in words if each not in taken}
    for close in get_close_matches(word[:64].lower(), list(guesses), n=1, cutoff=0.6):
        return f"Did you mean {guesses[close]}?"
    return f"Known are {', '.join(words[:12])}{' and others' if len(words) > 12 else ''}." if words else "There is none yet."


def place(path: Path) -> str:
    """A path as a person reads it: `assets.transaction_signals.rule`, `requests[1]`."""
    found = ""
    for part in path:
        found += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if found else str(part)
    return found or "the room file"


def shown(value: object) -> str:
    """A value of the file as it may stand in a message: short, in the file's own spelling."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _translated(error: Any, text: RoomText) -> Iterator[Problem]:
    path: Path = tuple(error.absolute_path)
    schema, value, rule = error.schema, error.instance, error.validator
    if rule == "required":
        for name in error.validator_value:
            if name not in value:
                inner = schema["properties"][name]
                yield text.problem((*path, name), f"{place(path)}: the key {name} is missing.", f"Add {name}: {_about(inner)}.")
    elif rule == "additionalProperties":
        for name in value:
            if name not in schema["properties"]:
                hint = did_you_mean(name, schema["properties"], taken=value)
                yield text.problem((*path, name), f"{place(path)}: there is no key {shown(name)}.", hint)
    elif "propertyNames" in error.absolute_schema_path:
        yield _bad_name((*path, str(value)), value, text)
    elif rule == "pattern" and _is_name(schema):
        yield _bad_name(path, value, text)
    else:
        message, hint = _value_words(rule, error.validator_value, value)
        described = _about(_schema_at(error))
        yield text.problem(path, f"{place(path)} {message}", f"{hint} Meant: {described}." if described else hint)


def _value_words(rule: str, wanted: Any, value: Any) -> tuple[str, str]:
    """What is wrong with one value, and what to do, for the schema's remaining keywords."""
    if rule == "type":
        kinds = [wanted] if isinstance(wanted, str) else [kind for kind in wanted if kind != "null"]
        hint = "Put it in quotes." if "string" in kinds and not isinstance(value, (Mapping, list, type(None))) else ""
        hint = hint or ("Write it without quotes." if isinstance(value, str) and set(kinds) <= {"integer", "number"} else "")
        return f"must be {' or '.join(_KINDS[kind] for kind in kinds)}, not {shown(value)}.", hint or "Correct the value."
    if rule == "enum":
        hint = did_you_mean(value, wanted) if isinstance(value, str) else f"Known are {', '.join(map(str, wanted))}."
        return f"cannot be {shown(value)}.", hint
    words = {
        "minimum": (f"must be at least {wanted}, not {shown(value)}.", "Correct the number."),
        "maximum": (f"must be at most {wanted}, not {shown(value)}.", "Correct the number."),
        "minLength": ("is empty.", "Write its text."),
        "maxLength": (f"is longer than {wanted} characters.", "Shorten it."),
        "minItems": ("is an empty list.", "Name at least one, or leave the key out if it is optional."),
        "minProperties": ("is empty.", "Name at least one."),
        "uniqueItems": ("lists a value twice.", "Keep one of them."),
        "pattern": (f"cannot be {shown(value)}.", "Write it in the form described."),
    }
    return words.get(rule, (f"does not fit ({rule}).", "Compare it with docs/room-file.md."))


def _bad_name(path: Path, value: object, text: RoomText) -> Problem:
    section = next((part for part in reversed(path[:-1] or path) if part in _NAMED), "room")
    try:
        checked_name(str(value), _NAMED[str(section)])
    except InputError as error:
        return text.problem(path, error.message, error.hint, code=error.code)
    return text.problem(path, f"{shown(value)} cannot be a name.", "Use letters, digits and underscores.", code="NAME")


def _is_name(schema: Mapping[str, Any]) -> bool:
    return bool(schema.get("pattern") == room_schema()["$defs"]["name"]["pattern"])


def _about(schema: Mapping[str, Any]) -> str:
    """What the schema says a value is for, without the final stop."""
    if "description" not in schema and "$ref" in schema:
        return _about(room_schema()["$defs"][schema["$ref"].rsplit("/", 1)[1]])
    return str(schema.get("description", "")).rstrip(".")


def _schema_at(error: Any) -> dict[str, Any]:
    """The schema of the key an error is about: its description stands beside a `$ref`, not behind it."""
    found: Any = room_schema()
    for part in error.absolute_path:
        while "$ref" in found and not ({"properties", "items", "additionalProperties"} & found.keys()):
            found = room_schema()["$defs"][found["$ref"].rsplit("/", 1)[1]]
        if isinstance(part, int):
            found = found.get("items", {})
        else:
            found = found.get("properties", {}).get(part) or found.get("additionalProperties") or {}
        found = found if isinstance(found, dict) else {}
    return dict(found)
