"""Requests held against the databricks-sdk's own dataclasses and signatures: what those do not know is refused.

A lenient fake would hide a caller's mistakes; the real platform answers several of them with silence or with another default.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import inspect
import types
import typing
from collections.abc import Callable, Collection
from typing import Any

from cleanroom_core.simulator.refusal import Refusal, invalid

Json = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Field:
    """What one field of a request may hold."""

    type: Any
    required: bool


@functools.cache
def of_dataclass(cls: type) -> dict[str, Field]:
    hints = typing.get_type_hints(cls)
    return {
        field.name: Field(
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(cls)
    }


@functools.cache
def of_call(call: Callable[..., Any]) -> dict[str, Field]:
    """The fields of a call that has no dataclass of its own for its body: its parameters."""
    hints = typing.get_type_hints(call)
    parameters = inspect.signature(call).parameters.values()
    return {
        each.name: Field(hints[each.name], each.default is inspect.Parameter.empty)
        for each in parameters
        if each.name != "self"
    }


def check_object(value: object, fields: dict[str, Field], where: str, but: Collection[str] = ()) -> Json:
    """Return `value` without its nulls, or raise Refusal for a field nobody knows, a missing one or one of another type."""
    if not isinstance(value, dict):
        raise Refusal(400, "MALFORMED_REQUEST", f"{where} must be a JSON object.")
    allowed = {name: field for name, field in fields.items() if name not in but}
    unknown = sorted(set(value) - set(allowed))
    if unknown:
        raise invalid(f"{where} has no field '{unknown[0]}'. Known fields: {', '.join(sorted(allowed)) or 'none'}.")
    given = {name: each for name, each in value.items() if each is not None}
    for name, field in allowed.items():
        if field.required and name not in given:
            raise invalid(f"{where} is missing the required field '{name}'.")
    for name, each in given.items():
        _check(each, allowed[name].type, f"{where}.{name}")
    return given


def _check(value: object, expected: Any, where: str) -> None:
    origin = typing.get_origin(expected)
    if origin in (typing.Union, types.UnionType):
        inner = [each for each in typing.get_args(expected) if each is not type(None)]
        if len(inner) == 1:
            _check(value, inner[0], where)
    elif origin is list:
        _expect(value, list, where)
        for index, each in enumerate(typing.cast("list[object]", value)):
            _check(each, typing.get_args(expected)[0], f"{where}[{index}]")
    elif origin is dict:
        _expect(value, dict, where)
        for key, each in typing.cast(Json, value).items():
            _check(each, typing.get_args(expected)[1], f"{where}.{key}")
    elif dataclasses.is_dataclass(expected):
        check_object(value, of_dataclass(typing.cast(type, expected)), where)
    elif isinstance(expected, type) and issubclass(expected, enum.Enum):
        known = [member.value for member in expected]
        if value not in known:
            raise invalid(f"{where} must be one of {', '.join(known)}, not {value!r}.")
    elif expected in (str, bool, int, float):
        _expect(value, expected, where)


def _expect(value: object, expected: type, where: str) -> None:
    accepted = {int: (int, str), float: (int, float)}.get(expected, (expected,))
    fits = isinstance(value, accepted) and (expected is bool or not isinstance(value, bool))
    if expected is int and isinstance(value, str):  # JSON of protocol buffers may write 64-bit numbers as text
        fits = value.removeprefix("-").isdecimal()
    if not fits:
        raise invalid(f"{where} must be {_NAMES.get(expected, expected.__name__)}.")


_NAMES = {str: "a text", bool: "true or false", int: "a whole number", float: "a number", list: "a list", dict: "an object"}
