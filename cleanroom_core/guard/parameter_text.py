"""Enumerated parameters as people type them: one line each, `flag: 0, 1`. Text in quotes stays text: `mcc: "0742", "5411"`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cleanroom_core.errors import InputError, PolicyError, Problem
from cleanroom_core.guard.template import Parameter, ParameterValue

_NAME = re.compile(r"[A-Za-z_]\w{0,62}", re.ASCII)
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")
_QUOTED = re.compile(r"""^(["'])(.*)\1$""")


def read_parameters(text: str) -> dict[str, Parameter]:
    """Raises PolicyError that names every line which is no parameter."""
    found: dict[str, Parameter] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, colon, values = line.partition(":")
        try:
            if not colon:
                raise InputError("A parameter has a colon after its name.", hint="Write flag: 0, 1", code="TEMPLATE")
            name = name.strip()
            if _NAME.fullmatch(name) is None:
                raise InputError("That is no name of a parameter.", hint="Letters, digits and underscores.", code="TEMPLATE")
            if name in found:
                raise InputError(f"{name} is there twice.", hint="One line for each parameter.", code="TEMPLATE")
            found[name] = Parameter(tuple(read_values(values)))
        except InputError as error:
            problems.append(Problem(error.message, error.hint, ("parameters",), line=number, code=error.code))
    if problems:
        raise PolicyError(problems)
    return found


def write_parameters(parameters: Mapping[str, Parameter]) -> str:
    return "\n".join(f"{name}: {write_values(parameter.of)}" for name, parameter in parameters.items())


def read_values(text: str) -> list[ParameterValue]:
    """Values between commas: whole numbers, true, false, everything else text. A comma inside quotes belongs to the text."""
    pieces = re.findall(r"""\s*("[^"]*"|'[^']*'|[^,]*)\s*(?:,|$)""", text)
    return [_value(piece.strip()) for piece in pieces if piece.strip()]


def write_values(values: tuple[ParameterValue, ...]) -> str:
    return ", ".join(_written(value) for value in values)


def _value(text: str) -> ParameterValue:
    if (quoted := _QUOTED.match(text)) is not None:
        return quoted.group(2)
    if text in ("true", "false"):
        return text == "true"
    return int(text) if _WHOLE.fullmatch(text) else text


def _written(value: ParameterValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    plain = _value(value) == value and value == value.strip() and "," not in value and value != ""
    if plain:
        return value
    return f"'{value}'" if '"' in value else f'"{value}"'
