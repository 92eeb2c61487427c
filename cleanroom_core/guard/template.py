"""A template: one question whose parameters are enumerated, so that the whole of what it can reveal is known in advance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from cleanroom_core.errors import InputError
from cleanroom_core.sql.kinds import require_labels, require_texts

ParameterValue = str | int | bool


@dataclass(frozen=True)
class Parameter:
    """An enumerated parameter. `type` is `choice` (values in `of`); calendar periods come with the certified plan."""

    of: tuple[ParameterValue, ...]
    type: str = "choice"

    def __post_init__(self) -> None:
        if self.type != "choice":
            raise InputError(
                f"Parameters of type {self.type!r} are not built yet.", hint="Use {type: choice, of: [...]}.", code="NOT_BUILT"
            )
        require_labels("A value of a parameter", self.of)
        if not self.of or len(set(self.of)) != len(self.of):
            raise InputError("A choice lists its values, each once.", hint="Write {type: choice, of: [0, 1]}.", code="TEMPLATE")

    def as_json(self) -> dict[str, Any]:
        return {"type": self.type, "of": list(self.of)}


@dataclass(frozen=True)
class Template:
    """One named question. `receiver`: alias of the collaborator who gets the result; `purpose` is one of the agreement's."""

    name: str
    receiver: str
    purpose: str
    sql: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_texts("A word of a template", (self.name, self.receiver, self.purpose, self.sql, *self.parameters))

    def choices(self) -> Iterator[dict[str, ParameterValue]]:
        """Every parameter choice, in order; one empty choice for a template without parameters."""
        return choices_of(self.parameters)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "receiver": self.receiver,
            "purpose": self.purpose,
            "parameters": {name: parameter.as_json() for name, parameter in self.parameters.items()},
            "sql": self.sql,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Template:
        return cls(
            name=data["name"],
            receiver=data["receiver"],
            purpose=data["purpose"],
            sql=data["sql"],
            parameters={
                name: Parameter(tuple(spec.get("of") or ()), spec.get("type", "choice"))
                for name, spec in (data.get("parameters") or {}).items()
            },
        )


def choices_of(parameters: Mapping[str, Parameter]) -> Iterator[dict[str, ParameterValue]]:
    """Every choice of one value for each parameter, in order; one empty choice when there are none."""
    for values in product(*(parameter.of for parameter in parameters.values())):
        yield dict(zip(parameters, values, strict=True))
