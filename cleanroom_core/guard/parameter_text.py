"""Enumerated parameters as people type them: one line each, `flag: 0, 1`. Text in quotes stays text: `mcc: "0742", "5411"`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cleanroom_core.errors import InputError, PolicyError, Problem
from cleanroom_core.guard.template import Parameter
from cleanroom_core.sql.value_text import read_values, write_values

_NAME = re.compile(r"[A-Za-z_]\w{0,62}", re.ASCII)


def read_parameters(text: str) -> dict[str, Parameter]:
    """Raises PolicyError that names every line which is no parameter."""
    found: dict[str, Parameter] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, colon, values = line.partition(":")
        name = name.strip()
        try:
            if not colon or _NAME.fullmatch(name) is None:
                raise InputError("That is no parameter.", hint="A name, a colon, values: flag: 0, 1", code="TEMPLATE")
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
