"""Tables and functions of a workspace as data, read from the bodies of the Unity Catalog API (TableInfo, FunctionInfo)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cleanroom_core.errors import InputError
from cleanroom_core.policies.unity_catalog.names import ObjectName, column_name
from cleanroom_core.policies.unity_catalog.types import CatalogType


@dataclass(frozen=True)
class FunctionUse:
    """A function set as row filter or mask. `columns`: for a filter all its arguments, for a mask those after the first, which
    is the column itself."""

    function: ObjectName
    columns: tuple[str, ...] = ()

    def same_as(self, other: FunctionUse) -> bool:
        """Names of columns are compared without case, as Unity Catalog does; their order counts."""
        return self.function == other.function and _folded(self.columns) == _folded(other.columns)

    def __str__(self) -> str:
        return f"{self.function} ({', '.join(self.columns)})"

    @classmethod
    def from_json(cls, data: Mapping[str, Any], columns: str, arguments: str) -> FunctionUse:
        """`columns` and `arguments`: the two fields in which the API names the arguments. Raises InputError for constants."""
        given: Sequence[Mapping[str, str]] = data.get(arguments) or ()
        if any(argument.get("constant") is not None for argument in given):
            raise InputError(
                f"{data['function_name']} was set with a constant as an argument, which only the API can write.",
                hint="Take it off by hand first, or set it without the constant.",
                code="UNITY_CATALOG",
            )
        names = data.get(columns) or [argument["column"] for argument in given]
        return cls(ObjectName.parse(data["function_name"]), tuple(names))


@dataclass(frozen=True)
class CatalogColumn:
    name: str
    type: CatalogType
    mask: FunctionUse | None = None
    comment: str = ""

    def __post_init__(self) -> None:
        column_name(self.name)


@dataclass(frozen=True)
class CatalogTable:
    """A table or view as it was found."""

    name: ObjectName
    columns: tuple[CatalogColumn, ...]
    row_filter: FunctionUse | None = None
    comment: str = ""

    def get(self, name: str) -> CatalogColumn | None:
        """A column by its name, without regard to case."""
        return next((column for column in self.columns if column.name.casefold() == name.casefold()), None)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CatalogTable:
        """Read a TableInfo. Raises InputError where it names what SQL cannot."""
        found = data.get("row_filter")
        return cls(
            ObjectName(data["catalog_name"], data["schema_name"], data["name"]),
            tuple(_column(column) for column in data.get("columns") or ()),
            None if not found else FunctionUse.from_json(found, "input_column_names", "input_arguments"),
            data.get("comment") or "",
        )


@dataclass(frozen=True)
class CatalogFunction:
    """A function as it was found. `parameters`: name and type; `body`: what stands after RETURN."""

    name: ObjectName
    parameters: tuple[tuple[str, CatalogType], ...]
    returns: CatalogType
    body: str

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CatalogFunction:
        """Read a FunctionInfo."""
        given = (data.get("input_params") or {}).get("parameters") or ()
        ordered = sorted(given, key=lambda parameter: parameter.get("position", 0))
        return cls(
            ObjectName(data["catalog_name"], data["schema_name"], data["name"]),
            tuple((parameter["name"], CatalogType.parse(parameter["type_text"])) for parameter in ordered),
            CatalogType.parse(data.get("full_data_type") or data.get("data_type") or ""),
            data.get("routine_definition") or "",
        )


def _column(data: Mapping[str, Any]) -> CatalogColumn:
    mask = data.get("mask")
    return CatalogColumn(
        data["name"],
        CatalogType.parse(data.get("type_text") or ""),
        None if not mask else FunctionUse.from_json(mask, "using_column_names", "using_arguments"),
        data.get("comment") or "",
    )


def _folded(names: Sequence[str]) -> list[str]:
    return [name.casefold() for name in names]
