"""What is there against what is wanted: the changes with their way back, and a check of what is read back afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlglot
import sqlglot.errors

from cleanroom_core.errors import Problem
from cleanroom_core.policies.columns import Path
from cleanroom_core.policies.unity_catalog.catalog import CatalogFunction, CatalogTable, FunctionUse
from cleanroom_core.policies.unity_catalog.functions import SqlFunction, drop_function, is_ours
from cleanroom_core.policies.unity_catalog.governance import Governance
from cleanroom_core.policies.unity_catalog.grants import Grant
from cleanroom_core.policies.unity_catalog.protection import drop_filter, drop_mask, set_filter, set_mask
from cleanroom_core.policies.unity_catalog.spelling import DIALECT, Statement


@dataclass(frozen=True)
class Change:
    """One line of the diff. `before` and `after` in words, empty for nothing; `undo` brings `before` back."""

    what: str
    before: str
    after: str
    do: tuple[Statement, ...]
    undo: tuple[Statement, ...]


def apply_all(changes: Sequence[Change]) -> tuple[Statement, ...]:
    return tuple(statement for change in changes for statement in change.do)


def undo_all(changes: Sequence[Change]) -> tuple[Statement, ...]:
    """The last change first: grants go before the protection they were given under."""
    return tuple(statement for change in reversed(changes) for statement in change.undo)


def changes_of(
    wanted: Governance,
    found: CatalogTable,
    functions: Sequence[CatalogFunction],
    granted: frozenset[Grant] | None = None,
) -> tuple[Change, ...]:
    """What to do, nothing twice. `functions`: those of `access.functions`' schema. `granted`: grants that are there already;
    None when that is not known: all are given then, and the way back takes SELECT only, as a reader may have had the rest.

    A filter or mask somebody else has set is replaced where the policy wants one, and left alone elsewhere. Functions that are
    no longer used stay until `leftovers` drops them, because the way back needs them. Raises PolicyError.
    """
    wanted.enforce()
    return (
        *_functions(wanted, functions),
        *_filter(wanted, found),
        *_masks(wanted, found),
        *_grants(wanted, granted),
    )


def leftovers(wanted: Governance, found: CatalogTable, functions: Sequence[CatalogFunction]) -> tuple[Statement, ...]:
    """Drops of this asset's functions that neither the policy wants nor the table uses. After them there is no way back."""
    used = {use.function for use in (found.row_filter, *(column.mask for column in found.columns)) if use is not None}
    used |= {function.name for function in wanted.functions}
    old = [function for function in functions if is_ours(function.name, wanted.asset) and function.name not in used]
    return tuple(drop_function(function.name) for function in old)


def check(wanted: Governance, found: CatalogTable, functions: Sequence[CatalogFunction]) -> tuple[Problem, ...]:
    """What was read back against what was asked for: empty when the table is protected exactly so."""
    wanted.enforce()
    return (*_check_filter(wanted, found), *_check_masks(wanted, found), *_check_functions(wanted, functions),
            *check_types(found, functions))  # fmt: skip


def check_types(found: CatalogTable, functions: Sequence[CatalogFunction]) -> Iterator[Problem]:
    """Whatever is set on a table, by whomever: parameters that differ in type from their columns can let every row through."""
    known = {function.name: function for function in functions}
    if found.row_filter is not None:
        yield from _types_of_use(
            found, known.get(found.row_filter.function), found.row_filter.columns, ("row_filter",), "boolean"
        )
    for column in found.columns:
        if column.mask is not None:
            names = (column.name, *column.mask.columns)
            yield from _types_of_use(
                found, known.get(column.mask.function), names, ("masks", column.name), _plain(column.type.text)
            )


def _grants(wanted: Governance, granted: frozenset[Grant] | None) -> Iterator[Change]:
    for grant in wanted.grants:
        if grant not in (granted or ()):
            undo = (grant.take(),) if granted is not None or grant.kind == "TABLE" else ()
            yield Change(f"grant to {grant.to}", "", grant.give().purpose, (grant.give(),), undo)


def _functions(wanted: Governance, functions: Sequence[CatalogFunction]) -> Iterator[Change]:
    known = {function.name: function for function in functions}
    for function in dict.fromkeys(wanted.functions):
        there = known.get(function.name)
        if there is None:
            yield Change(f"function {function.name}", "", function.body_sql(), (function.create(),), (function.drop(),))
        elif _differs(function, there):
            # under a name that says what is in it: somebody changed the text by hand, and that is not brought back
            yield Change(f"function {function.name}", there.body, function.body_sql(), (function.create(),), ())


def _filter(wanted: Governance, found: CatalogTable) -> Iterator[Change]:
    before = found.row_filter
    if wanted.row_filter is None:
        if before is not None and is_ours(before.function, wanted.asset):
            yield Change("row filter", str(before), "", (drop_filter(found.name),), (set_filter(found.name, before),))
        return
    after = wanted.row_filter.use(mask=False)
    if before is None or not before.same_as(after):
        undo = drop_filter(found.name) if before is None else set_filter(found.name, before)
        yield Change("row filter", _said(before), str(after), (set_filter(found.name, after),), (undo,))


def _masks(wanted: Governance, found: CatalogTable) -> Iterator[Change]:
    for column in found.columns:
        function = _mask_of(wanted, column.name)
        before = column.mask
        if function is None:
            if before is not None and is_ours(before.function, wanted.asset):
                back = set_mask(found.name, column.name, before)
                yield Change(f"mask of {column.name}", str(before), "", (drop_mask(found.name, column.name),), (back,))
            continue
        after = function.use(mask=True)
        if before is None or not before.same_as(after):
            undo = drop_mask(found.name, column.name) if before is None else set_mask(found.name, column.name, before)
            do = set_mask(found.name, column.name, after)
            yield Change(f"mask of {column.name}", _said(before), str(after), (do,), (undo,))


def _check_filter(wanted: Governance, found: CatalogTable) -> Iterator[Problem]:
    use = None if wanted.row_filter is None else wanted.row_filter.use(mask=False)
    yield from _check_use(("row_filter",), "The row filter", use, found.row_filter, wanted.asset)


def _check_masks(wanted: Governance, found: CatalogTable) -> Iterator[Problem]:
    for name in wanted.masks:
        if found.get(name) is None:
            yield _problem(("masks", name), f"The column {name} is not in {found.name} any more.", "Look at the table again.")
    for column in found.columns:
        function = _mask_of(wanted, column.name)
        use = None if function is None else function.use(mask=True)
        yield from _check_use(("masks", column.name), f"The mask of {column.name}", use, column.mask, wanted.asset)


def _check_use(path: Path, what: str, wanted: FunctionUse | None, found: FunctionUse | None, asset: str) -> Iterator[Problem]:
    if wanted is None:
        if found is not None and is_ours(found.function, asset):
            yield _problem(
                path, f"{what} is still {found.function}, which the policy does not want.", "Apply the policy again."
            )
    elif found is None:
        yield _problem(path, f"{what} is not set.", "Apply the policy again; look whether the statement failed.")
    elif found.function != wanted.function:
        yield _problem(path, f"{what} is {found.function}, not {wanted.function}.", "Somebody has set another; apply again.")
    elif not found.same_as(wanted):
        message = f"{what} takes {', '.join(found.columns) or 'nothing'}, not {', '.join(wanted.columns) or 'nothing'}."
        yield _problem(path, message, "Apply the policy again.")


def _check_functions(wanted: Governance, functions: Sequence[CatalogFunction]) -> Iterator[Problem]:
    known = {function.name: function for function in functions}
    for function in wanted.functions:
        there = known.get(function.name)
        if there is None:
            yield _problem(
                ("functions", str(function.name)), f"There is no function {function.name}.", "Apply the policy again."
            )
        elif _differs(function, there):
            message = f"The function {function.name} does not say what the policy says."
            yield _problem(("functions", str(function.name)), message, "Find out who changed it, then apply the policy again.")


def _types_of_use(
    table: CatalogTable, function: CatalogFunction | None, names: Sequence[str], path: Path, returns: str
) -> Iterator[Problem]:
    if function is None:
        return
    where = f"{function.name} on {table.name}"
    if len(names) != len(function.parameters):
        yield _problem(
            path, f"{where} is given {len(names)} columns for {len(function.parameters)} parameters.", "Set it again."
        )
    if _plain(function.returns.text) != returns:
        yield _problem(path, f"{where} returns {function.returns.text}, not {returns}.", f"Make it return {returns}.", "TYPE")
    for name, (parameter, type_) in zip(names, function.parameters, strict=False):
        column = table.get(name)
        if column is None:
            yield _problem(path, f"{where} takes {name}, which is not a column of the table.", "Set it again.", "TYPE")
        elif _plain(column.type.text) != _plain(type_.text):
            yield _problem(
                path,
                f"{where}: {name} is {column.type.text}, its parameter {parameter} is {type_.text}. Values that do not fit "
                "become NULL without an error, and rows can get through.",
                f"Make the parameter {column.type.text}.",
                "TYPE",
            )


def _mask_of(wanted: Governance, name: str) -> SqlFunction | None:
    return next((function for known, function in wanted.masks.items() if known.casefold() == name.casefold()), None)


def _differs(function: SqlFunction, there: CatalogFunction) -> bool:
    wanted = [(parameter.name, _plain(parameter.type.text)) for parameter in function.parameters]
    known = [(name.lower(), _plain(type_.text)) for name, type_ in there.parameters]
    same_result = _plain(function.returns.text) == _plain(there.returns.text)
    return wanted != known or not same_result or _meaning(function.body_sql()) != _meaning(there.body)


def _meaning(body: str) -> str:
    """An expression in one spelling: a catalog may give it back with other blanks, capitals or escapes than it was given."""
    try:
        return sqlglot.parse_one(body, read=DIALECT).sql(dialect=DIALECT)
    except sqlglot.errors.SqlglotError:
        return body  # never equal to one of ours


def _plain(type_text: str) -> str:
    """VARCHAR columns go into STRING parameters unchanged; other spellings of one type are made one."""
    return {"integer": "int", "long": "bigint"}.get(type_text, "string" if type_text.startswith("varchar(") else type_text)


def _said(use: FunctionUse | None) -> str:
    return "" if use is None else str(use)


def _problem(path: Path, message: str, hint: str, code: str = "READ_BACK") -> Problem:
    return Problem(message, hint, path, code=code)
