"""The diff does what it says, its way back brings back what was there, and what is read back is compared to the letter."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cleanroom_core.errors import InputError
from cleanroom_core.policies.unity_catalog.catalog import CatalogColumn, CatalogFunction, CatalogTable, FunctionUse
from cleanroom_core.policies.unity_catalog.difference import apply_all, changes_of, check, leftovers, undo_all
from cleanroom_core.policies.unity_catalog.governance import Governance
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.policies.unity_catalog.share import check_share
from cleanroom_core.policies.unity_catalog.spelling import Statement
from cleanroom_core.policies.unity_catalog.types import CatalogType
from tests.policies.catalogs import COLUMNS, governed, shared, table

NAME = r"`((?:[^`]|``)+)`"
THREE = rf"{NAME}\.{NAME}\.{NAME}"
THEIRS = ObjectName.parse("spark_catalog.other.their_filter")


@dataclass
class Workspace:
    """Understands the statements of governance, and no others; a function is there before it is used and as long as it is."""

    table: CatalogTable
    functions: dict[ObjectName, CatalogFunction] = field(default_factory=dict)
    granted: set[tuple[str, ...]] = field(default_factory=set)

    def run(self, statements: Sequence[Statement]) -> None:
        for statement in statements:
            matches = [(step, found) for pattern, step in STEPS if (found := re.fullmatch(pattern, statement.sql, re.DOTALL))]
            assert len(matches) == 1, statement.sql
            matches[0][0](self, *matches[0][1].groups())

    def all_functions(self) -> list[CatalogFunction]:
        return list(self.functions.values())

    def state(self) -> tuple[Any, ...]:
        return self.table, dict(self.functions), set(self.granted)

    def create(self, catalog: str, schema: str, name: str, parameters: str, returns: str, body: str) -> None:
        found = [part.split(" ", 1) for part in re.split(r", (?![^(]*\))", parameters) if part]
        given = [{"name": word, "type_text": type_, "position": place} for place, (word, type_) in enumerate(found)]
        info = {
            "catalog_name": catalog, "schema_name": schema, "name": name, "full_data_type": returns, "routine_definition": body,
            "input_params": {"parameters": given[::-1]},
        }  # fmt: skip
        function = CatalogFunction.from_json(info)
        self.functions[function.name] = function

    def drop(self, *name: str) -> None:
        uses = [self.table.row_filter, *(column.mask for column in self.table.columns)]
        assert ObjectName(*name) not in [use.function for use in uses if use is not None], "still in use"
        self.functions.pop(ObjectName(*name))

    def filter(self, *words: str) -> None:
        name, columns = ObjectName(*words[3:6]), re.findall(NAME, words[6])
        assert name == THEIRS or len(self.functions[name].parameters) == len(columns)
        self.table = replace(self.table, row_filter=FunctionUse(name, tuple(unquoted(column) for column in columns)))

    def unfilter(self, *_: str) -> None:
        assert self.table.row_filter is not None
        self.table = replace(self.table, row_filter=None)

    def mask(self, *words: str | None) -> None:
        name, others = ObjectName(*(str(word) for word in words[4:7])), re.findall(NAME, words[7] or "")
        assert name == THEIRS or len(self.functions[name].parameters) == 1 + len(others)
        self._mask(str(words[3]), FunctionUse(name, tuple(unquoted(column) for column in others)))

    def unmask(self, *words: str) -> None:
        self._mask(words[3], None)

    def grant(self, *words: str) -> None:
        self.granted.add(words)

    def revoke(self, *words: str) -> None:
        self.granted.remove(words)

    def _mask(self, column: str, use: FunctionUse | None) -> None:
        assert self.table.get(unquoted(column)) is not None
        self.table = with_column(self.table, unquoted(column), mask=use)


def unquoted(text: str) -> str:
    return text.replace("``", "`")


def with_column(found: CatalogTable, name: str, **change: Any) -> CatalogTable:
    return replace(found, columns=tuple(replace(one, **change) if one.name == name else one for one in found.columns))


STEPS: list[tuple[str, Callable[..., None]]] = [
    (rf"CREATE OR REPLACE FUNCTION {THREE} \((.*?)\) RETURNS (\S+(?: \d+\))?) RETURN (.*)", Workspace.create),
    (rf"DROP FUNCTION IF EXISTS {THREE}", Workspace.drop),
    (rf"ALTER TABLE {THREE} SET ROW FILTER {THREE} ON \((.*)\)", Workspace.filter),
    (rf"ALTER TABLE {THREE} DROP ROW FILTER", Workspace.unfilter),
    (rf"ALTER TABLE {THREE} ALTER COLUMN {NAME} SET MASK {THREE}(?: USING COLUMNS \((.*)\))?", Workspace.mask),
    (rf"ALTER TABLE {THREE} ALTER COLUMN {NAME} DROP MASK", Workspace.unmask),
    (r"GRANT ([A-Z ]+) ON ([A-Z]+) (.*) TO (.*)", Workspace.grant),
    (r"REVOKE ([A-Z ]+) ON ([A-Z]+) (.*) FROM (.*)", Workspace.revoke),
]


def applied(wanted: Governance, there: Workspace) -> tuple[Statement, ...]:
    """Apply, check, and return the way back."""
    changes = changes_of(wanted, there.table, there.all_functions(), frozenset())
    there.run(apply_all(changes))
    assert check(wanted, there.table, there.all_functions()) == ()
    again = changes_of(wanted, there.table, there.all_functions(), frozenset(wanted.grants))
    assert again == ()
    return undo_all(changes)


def test_apply_and_its_way_back_from_nothing() -> None:
    there = Workspace(table())
    before = there.state()
    back = applied(governed(), there)
    assert there.table.row_filter is not None
    assert [column.name for column in there.table.columns if column.mask] == ["Card Number", "mail", "region", "amount", "n"]
    assert len(there.granted) == 3
    there.run(back)
    assert there.state() == before


def test_all_statements_at_once_come_to_the_same_as_the_diff() -> None:
    one, other = Workspace(table()), Workspace(table())
    applied(governed(), one)
    other.run(governed().statements())
    assert one.state() == other.state()


def test_a_changed_policy_puts_new_functions_in_place_and_the_way_back_has_the_old_ones() -> None:
    there = Workspace(table())
    applied(old := governed(), there)
    before = there.table
    new = governed(row_filter="consent = 'YES'", masks={"region": None}, readers=("others",))
    changes = changes_of(new, there.table, there.all_functions(), frozenset())
    assert [change.what.split(" ")[0] for change in changes] == [
        "function", "function", "row", "mask", "mask", "mask", "grant", "grant", "grant",
    ]  # fmt: skip
    assert {change.what: (bool(change.before), bool(change.after)) for change in changes if change.what.startswith("mask")} == {
        "mask of region": (True, True), "mask of amount": (True, False), "mask of n": (True, False),
    }  # fmt: skip
    there.run(apply_all(changes))
    assert check(new, there.table, there.all_functions()) == ()
    assert check(old, there.table, there.all_functions()) != ()
    there.run(undo_all(changes))
    assert there.table == before
    assert check(old, there.table, there.all_functions()) == ()


def test_where_the_grants_of_before_are_not_known_the_way_back_takes_only_what_gave_access_to_the_table() -> None:
    undone = [found.sql for found in undo_all(changes_of(governed(), table(), ())) if found.sql.startswith("REVOKE")]
    assert undone == ["REVOKE SELECT ON TABLE `spark_catalog`.`gold`.`tx` FROM `fraud analysts`"]


def test_leftovers_are_ours_and_unused() -> None:
    there = Workspace(table())
    applied(governed(), there)
    theirs = CatalogFunction(
        ObjectName.parse("spark_catalog.security.cleanroom_signals_of_ours"), (), CatalogType.parse("int"), "1"
    )
    there.functions[theirs.name] = theirs
    applied(new := governed(row_filter="consent = 'YES'", masks={}), there)
    there.run(leftovers(new, there.table, there.all_functions()))
    assert set(there.functions) == {function.name for function in new.functions} | {theirs.name}


def test_what_others_have_set_is_shown_and_brought_back_and_where_nothing_is_wanted_left_alone() -> None:
    theirs = table(row_filter={"function_name": str(THEIRS), "input_column_names": ["n", "o`ne"]})
    theirs = with_column(with_column(theirs, "n", mask=FunctionUse(THEIRS, ("day",))), "rate", mask=FunctionUse(THEIRS))
    there = Workspace(theirs)
    changes = changes_of(governed(), theirs, ())
    assert [change.before for change in changes if change.before] == [f"{THEIRS} (n, o`ne)", f"{THEIRS} (day)"]
    back = applied(governed(), there)
    assert there.table.get("rate") == theirs.get("rate")
    there.run(back)
    assert there.table == theirs
    none = governed(masks={}, row_filter=None)
    assert all(change.what != "row filter" for change in changes_of(none, theirs, ()))


def test_a_policy_without_a_filter_takes_its_own_filter_off() -> None:
    there = Workspace(table())
    applied(governed(), there)
    none = governed(row_filter=None)
    assert [problem.path for problem in check(none, there.table, there.all_functions())] == [("row_filter",)]
    applied(none, there)
    assert there.table.row_filter is None


MISTAKES: dict[str, tuple[Callable[[CatalogTable], CatalogTable], list[tuple[tuple[str, ...], str]]]] = {
    "no filter": (lambda found: replace(found, row_filter=None), [(("row_filter",), "READ_BACK")]),
    "another filter": (
        lambda found: replace(found, row_filter=FunctionUse(THEIRS, ("n",))), [(("row_filter",), "READ_BACK")],
    ),
    "columns in another order": (
        lambda found: replace(found, row_filter=FunctionUse(use(found).function, use(found).columns[::-1])),
        [(("row_filter",), code) for code in ("READ_BACK", "TYPE", "TYPE", "TYPE", "TYPE")],
    ),
    "a column less": (
        lambda found: replace(found, row_filter=FunctionUse(use(found).function, use(found).columns[:-1])),
        [(("row_filter",), "READ_BACK"), (("row_filter",), "READ_BACK")],
    ),
    "no mask": (lambda found: with_column(found, "Card Number", mask=None), [(("masks", "Card Number"), "READ_BACK")]),
    "a mask without its other column": (
        lambda found: with_column(found, "n", mask=FunctionUse(found.get("n").mask.function)),  # type: ignore[union-attr]
        [(("masks", "n"), "READ_BACK"), (("masks", "n"), "READ_BACK")],
    ),
    "a column's type changed": (
        lambda found: with_column(found, "amount", type=CatalogType.parse("string")),
        [(("row_filter",), "TYPE"), (("masks", "amount"), "TYPE"), (("masks", "amount"), "TYPE")],
    ),
    "a column gone": (
        lambda found: replace(found, columns=tuple(column for column in found.columns if column.name != "flag")),
        [(("row_filter",), "TYPE"), (("masks", "n"), "TYPE")],
    ),
}  # fmt: skip


def use(found: CatalogTable) -> FunctionUse:
    assert found.row_filter is not None
    return found.row_filter


@pytest.mark.parametrize("what", MISTAKES)
def test_what_is_read_back_is_compared_with_what_was_asked(what: str) -> None:
    there = Workspace(table())
    applied(governed(), there)
    change, expected = MISTAKES[what]
    problems = check(governed(), change(there.table), there.all_functions())
    assert [(problem.path, problem.code) for problem in problems] == expected
    assert all(problem.hint for problem in problems)


def test_a_function_changed_by_hand_is_found_and_put_right() -> None:
    there = Workspace(table())
    applied(wanted := governed(), there)
    name = use(there.table).function
    there.functions[name] = replace(there.functions[name], body="TRUE")
    assert [problem.path for problem in check(wanted, there.table, there.all_functions())] == [("functions", str(name))]
    there.functions[name] = replace(there.functions[name], returns=CatalogType.parse("int"))
    assert {problem.code for problem in check(wanted, there.table, there.all_functions())} == {"READ_BACK", "TYPE"}
    applied(wanted, there)
    del there.functions[name]
    assert [problem.path for problem in check(wanted, there.table, there.all_functions())] == [("functions", str(name))]


def test_spaces_and_spellings_of_a_type_are_no_difference() -> None:
    there = Workspace(table())
    applied(wanted := governed(), there)
    name = use(there.table).function
    function = there.functions[name]
    there.functions[name] = replace(function, body=f"\n  {function.body.replace(' OR ', '  OR  ', 1)}\n")
    assert check(wanted, there.table, there.all_functions()) == ()


def test_a_table_set_up_with_constants_is_refused_with_a_way_out() -> None:
    arguments = [{"column": "n"}, {"constant": "5"}]
    with pytest.raises(InputError, match="constant") as caught:
        table(row_filter={"function_name": str(THEIRS), "input_column_names": ["n"], "input_arguments": arguments})
    assert "by hand" in caught.value.hint
    by_arguments = table(row_filter={"function_name": str(THEIRS), "input_arguments": [{"column": "n"}]})
    assert by_arguments.row_filter == FunctionUse(THEIRS, ("n",))


def test_tables_and_functions_are_read_as_the_sdk_writes_them() -> None:
    from databricks.sdk.service import catalog as sdk

    function = sdk.FunctionInfo(
        catalog_name="Main", schema_name="s", name="f", full_data_type="DECIMAL(12,2)", data_type=sdk.ColumnTypeName.DECIMAL,
        routine_definition="p + 1",
        input_params=sdk.FunctionParameterInfos(parameters=[
            sdk.FunctionParameterInfo(name="b", type_text="string", type_name=sdk.ColumnTypeName.STRING, position=1),
            sdk.FunctionParameterInfo(name="a", type_text="decimal(12,2)", type_name=sdk.ColumnTypeName.DECIMAL, position=0),
        ]),
    )  # fmt: skip
    found = CatalogFunction.from_json(function.as_dict())
    assert [(name, type_.text) for name, type_ in found.parameters] == [("a", "decimal(12,2)"), ("b", "string")]
    assert (found.name, found.returns.text, found.body) == (ObjectName("main", "s", "f"), "decimal(12,2)", "p + 1")
    info = sdk.TableInfo(
        catalog_name="main", schema_name="s", name="T", comment="for ourselves",
        row_filter=sdk.TableRowFilter(function_name="main.s.f", input_column_names=["a", "b"]),
        columns=[
            sdk.ColumnInfo(name="a", type_text="decimal(12,2)", type_name=sdk.ColumnTypeName.DECIMAL, comment="why",
                           mask=sdk.ColumnMask(function_name="main.s.F", using_column_names=["b"])),
            sdk.ColumnInfo(name="b", type_text="string", type_name=sdk.ColumnTypeName.STRING),
        ],
    )  # fmt: skip
    assert CatalogTable.from_json(info.as_dict()) == CatalogTable(
        ObjectName("main", "s", "t"),
        (
            CatalogColumn("a", CatalogType.parse("decimal(12,2)"), FunctionUse(found.name, ("b",)), "why"),
            CatalogColumn("b", CatalogType.parse("string")),
        ),
        FunctionUse(found.name, ("a", "b")),
        "for ourselves",
    )


WRITTEN = ["string"] * 4 + ["decimal(12,2)", "bigint", "bigint", "string", "date", "timestamp_ntz"]


def read_back(types: dict[str, str] | None = None, **other: Any) -> CatalogTable:
    found = dict(zip(COLUMNS, WRITTEN, strict=True)) | (types or {})
    return table(found, "spark_catalog.share.tx", **other)


@pytest.mark.parametrize(
    ("found", "path"),
    [
        (read_back(comment="all clients of the Oslo branch"), ("comment",)),
        (read_back(row_filter={"function_name": str(THEIRS), "input_column_names": []}), ("row_filter",)),
        (with_column(read_back(), "n", mask=FunctionUse(THEIRS)), ("columns", "n")),
        (with_column(read_back(), "n", comment="number of visits"), ("columns", "n")),
        (read_back(types={"Card Number": "string"}), ("columns", "Card Number")),
        (read_back(types={"amount": "double"}), ("columns", "amount")),
        (replace(read_back(), columns=read_back().columns[1:]), ("columns", "card_token")),
        (replace(read_back(), name=ObjectName.parse("spark_catalog.gold.tx")), ()),
    ],
)
def test_what_must_not_go_into_a_room_is_found(found: CatalogTable, path: tuple[str, ...]) -> None:
    assert [problem.path for problem in check_share(shared(view=False), found)] == [path]


def test_a_share_as_it_was_written_may_go_into_a_room_unless_a_policy_holds_for_it() -> None:
    assert check_share(shared(view=False), read_back()) == ()
    problems = check_share(shared(view=False), read_back(), policies=["hide_all"])
    assert [problem.path for problem in problems] == [("policies", "hide_all")]
