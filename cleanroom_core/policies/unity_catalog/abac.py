"""The same governance as ABAC policies, for DBR 16.4 and newer: set by tags, and with an exempt group, which is what allows
sharing at all. Limits and grammar: Databricks, "CREATE POLICY" and "ABAC requirements".

Needs MANAGE on the table and a governed tag of the name `tag` that allows the columns' names as values, which an account
administrator makes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from sqlglot import exp

from cleanroom_core.errors import PolicyError, Problem
from cleanroom_core.policies.unity_catalog.functions import PREFIX, SqlFunction
from cleanroom_core.policies.unity_catalog.governance import Governance
from cleanroom_core.policies.unity_catalog.names import ObjectName, object_part, principal
from cleanroom_core.policies.unity_catalog.spelling import Statement, spell, text
from cleanroom_core.sql.portable import call
from cleanroom_core.sql.quoting import identifier

EVERYBODY = "account users"
TAG = "cleanroom_column"
_MOST_PRINCIPALS = 20
_MOST_COLUMNS = {False: 6, True: 3}  # conditions on columns of a row-filter policy, of a mask policy


def abac_statements(wanted: Governance, *, tag: str = TAG, to: Sequence[str] = (EVERYBODY,)) -> tuple[Statement, ...]:
    """Functions, tags, policies, grants. Raises PolicyError, also where the platform's limits are passed."""
    wanted.enforce()
    if problems := tuple(_limits(wanted, to)):
        raise PolicyError(problems)
    made = [function.create() for function in wanted.functions]
    tags = [_tag(wanted.table.name, column, tag) for column in _columns(wanted)]
    return (*made, *tags, *_policies(wanted, tag, to), *(grant.give() for grant in wanted.grants))


def abac_undo(wanted: Governance, *, tag: str = TAG) -> tuple[Statement, ...]:
    """Grants, policies, tags, functions; in this order nobody sees more on the way."""
    wanted.enforce()
    table = wanted.table.name
    grants = [grant.take() for grant in reversed(wanted.grants) if grant.kind == "TABLE"]
    names = [
        *(() if wanted.row_filter is None else (_filter_name(wanted),)),
        *(_mask_name(wanted, name) for name in wanted.masks),
    ]
    dropped = [
        Statement(f"Drop the policy {name}.", spell("DROP POLICY", identifier(name), "ON TABLE", table.tree()))
        for name in names
    ]
    tags = [
        Statement(
            f"Take the tag off {column}.",
            spell(
                "ALTER TABLE",
                table.tree(),
                "ALTER COLUMN",
                identifier(column),
                "UNSET TAGS",
                exp.Tuple(expressions=[text(tag)]),
            ),
        )
        for column in _columns(wanted)
    ]
    return (*grants, *dropped, *tags, *(function.drop() for function in wanted.functions))


def _policies(wanted: Governance, tag: str, to: Sequence[str]) -> Iterator[Statement]:
    if wanted.row_filter is not None:
        use = wanted.row_filter
        arguments = [f"c{position}" for position, _ in enumerate(use.parameters, 1)]
        yield _policy(
            wanted,
            _filter_name(wanted),
            "ROW FILTER",
            use,
            to,
            tag,
            ("USING COLUMNS", _aliases(arguments)) if arguments else (),
        )
    for name, function in wanted.masks.items():
        others = [f"c{position}" for position, _ in enumerate(function.parameters, 1)][1:]
        rest = ("USING COLUMNS", _aliases(others)) if others else ()
        yield _policy(
            wanted, _mask_name(wanted, name), "COLUMN MASK", function, to, tag, ("ON COLUMN", identifier("c1"), *rest)
        )


def _policy(
    wanted: Governance,
    name: str,
    kind: str,
    function: SqlFunction,
    to: Sequence[str],
    tag: str,
    rest: tuple[str | exp.Expr, ...],
) -> Statement:
    parts: list[str | exp.Expr] = ["CREATE OR REPLACE POLICY", identifier(name), "ON TABLE", wanted.table.name.tree()]
    parts += [kind, function.name.tree(), "TO", *_commas([principal(one) for one in to])]
    parts += ["EXCEPT", principal(wanted.access.exempt), "FOR TABLES"]
    matched = [
        exp.Alias(this=call("HAS_TAG_VALUE", text(tag), text(_value(parameter.column))), alias=identifier(f"c{position}"))
        for position, parameter in enumerate(function.parameters, 1)
    ]
    if matched:
        parts += ["MATCH COLUMNS", *_commas(matched)]
    what = "rows" if kind == "ROW FILTER" else "the values"
    return Statement(f"The policy {name} holds {what} of {wanted.table.name} back.", spell(*parts, *rest))


def _tag(table: ObjectName, column: str, tag: str) -> Statement:
    pair = exp.EQ(this=text(tag), expression=text(_value(column)))
    words = ("ALTER TABLE", table.tree(), "ALTER COLUMN", identifier(column), "SET TAGS", exp.Tuple(expressions=[pair]))
    return Statement(f"Tag {column}, so that the policy finds it.", spell(*words))


def _limits(wanted: Governance, to: Sequence[str]) -> Iterator[Problem]:
    if not 1 <= len(to) <= _MOST_PRINCIPALS:
        yield Problem(
            f"A policy is for 1 to {_MOST_PRINCIPALS} principals, not {len(to)}.", "Use a group.", ("to",), code="LIMIT"
        )
    checked = [(("row_filter",), wanted.row_filter, False)] if wanted.row_filter is not None else []
    for path, function, mask in (*checked, *((("masks", name), function, True) for name, function in wanted.masks.items())):
        if function is not None and len(function.parameters) > _MOST_COLUMNS[mask]:
            yield Problem(
                f"It reads {len(function.parameters)} columns, an ABAC policy at most {_MOST_COLUMNS[mask]}.",
                "Set it on the table itself, or prepare a column of the source table that says the same.",
                path, code="LIMIT",
            )  # fmt: skip


def _columns(wanted: Governance) -> tuple[str, ...]:
    return tuple(dict.fromkeys(parameter.column for function in wanted.functions for parameter in function.parameters))


def _value(column: str) -> str:
    return column.lower()


def _filter_name(wanted: Governance) -> str:
    return object_part(f"{PREFIX}_{wanted.asset}_filter", "policy")


def _mask_name(wanted: Governance, column: str) -> str:
    """A column's name may hold what a policy's must not."""
    return object_part(f"{PREFIX}_{wanted.asset}_mask_{hashlib.sha256(_value(column).encode()).hexdigest()[:8]}", "policy")


def _aliases(names: Sequence[str]) -> exp.Expr:
    return exp.Tuple(expressions=[identifier(name) for name in names])


def _commas(trees: Sequence[exp.Expr]) -> Iterator[str | exp.Expr]:
    for position, tree in enumerate(trees):
        if position:
            yield ","
        yield tree
