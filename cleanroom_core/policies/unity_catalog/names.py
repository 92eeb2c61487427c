"""Names as Unity Catalog takes them, checked once here and quoted by `sql.quoting` alone.

Source: Databricks, "Unity Catalog requirements": object names have at most 255 characters, no full stop, space, slash or
control character, and are stored in lower case. Column names are freer, but a Delta table without column mapping refuses some.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp

from cleanroom_core.errors import InputError
from cleanroom_core.sql.quoting import identifier

LONGEST = 255
_NOT_IN_OBJECTS = re.compile(r"[./ \x00-\x1f\x7f]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NOT_IN_DELTA = re.compile(r"[ ,;{}()=]")


@dataclass(frozen=True)
class SchemaName:
    """A schema in its catalog, both in lower case."""

    catalog: str
    schema: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "catalog", object_part(self.catalog, "catalog"))
        object.__setattr__(self, "schema", object_part(self.schema, "schema"))

    def named(self, name: str) -> ObjectName:
        return ObjectName(self.catalog, self.schema, name)

    def tree(self) -> exp.Expr:
        return exp.Table(this=identifier(self.schema), db=identifier(self.catalog))


@dataclass(frozen=True)
class ObjectName:
    """A table, view or function by its three names, all in lower case; two of them are equal when Unity Catalog says so."""

    catalog: str
    schema: str
    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "catalog", object_part(self.catalog, "catalog"))
        object.__setattr__(self, "schema", object_part(self.schema, "schema"))
        object.__setattr__(self, "name", object_part(self.name, "table, view or function"))

    @classmethod
    def parse(cls, text: str) -> ObjectName:
        """Read `catalog.schema.name` as the API writes it. Raises InputError."""
        parts = text.split(".")
        if len(parts) != 3:
            raise _wrong(f"{text!r} is not a name of three parts.", "Write catalog.schema.name.")
        return cls(*parts)

    @property
    def place(self) -> SchemaName:
        return SchemaName(self.catalog, self.schema)

    def tree(self) -> exp.Expr:
        return exp.Table(this=identifier(self.name), db=identifier(self.schema), catalog=identifier(self.catalog))

    def __str__(self) -> str:
        return f"{self.catalog}.{self.schema}.{self.name}"


def object_part(text: str, what: str) -> str:
    """One part of an object's name in lower case. Raises InputError that says which rule it breaks."""
    _require(text, what)
    if (found := _NOT_IN_OBJECTS.search(text)) is not None:
        raise _wrong(
            f"The {what} {text!r} has {_word(found[0])} in its name.",
            "Unity Catalog takes no full stop, space, slash or control character in a name.",
        )
    return text.lower()


def column_name(text: str) -> str:
    """A column's name as it is. Raises InputError."""
    _require(text, "column")
    if (found := _CONTROL.search(text)) is not None:
        raise _wrong(f"The column {text!r} has {_word(found[0])} in its name.", "Rename it in the source table.")
    return text


def shared_column_name(text: str) -> str:
    """A column's name that every Delta table takes. Raises InputError."""
    if (found := _NOT_IN_DELTA.search(column_name(text))) is not None:
        hint = "Share it under another name: a Delta table takes no blank and none of , ; { } ( ) = there."
        raise _wrong(f"The shared column {text!r} has {_word(found[0])} in its name.", hint)
    return text


def principal(text: str) -> exp.Expr:
    """A user, group or service principal (its application id), quoted. Raises InputError."""
    _require(text, "principal")
    if (found := _CONTROL.search(text)) is not None:
        raise _wrong(f"The principal {text!r} has {_word(found[0])} in its name.", "Copy the name of the group again.")
    return identifier(text)


def _require(text: str, what: str) -> None:
    if not text or len(text) > LONGEST:
        raise _wrong(f"The name of a {what} has {len(text)} characters.", f"Use 1 to {LONGEST}.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise _wrong(f"The name of a {what} is not valid Unicode.", "Type it again.")


def _word(character: str) -> str:
    return {" ": "a space", ".": "a full stop", "/": "a slash"}.get(
        character, "a control character" if _CONTROL.match(character) else f"a {character}"
    )


def _wrong(message: str, hint: str) -> InputError:
    return InputError(message, hint=hint, code="NAME")
