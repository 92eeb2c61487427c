"""Every generated statement is Databricks SQL by the word of others: sqlfluff's dialect, and the documentation's grammar."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlfluff.core import Linter

from cleanroom_core.cli.policy import command
from cleanroom_core.errors import InputError
from cleanroom_core.policies.unity_catalog.abac import abac_statements, abac_undo
from cleanroom_core.policies.unity_catalog.catalog import CatalogTable
from cleanroom_core.policies.unity_catalog.difference import changes_of, undo_all
from cleanroom_core.policies.unity_catalog.grants import Grant, room_grants
from cleanroom_core.policies.unity_catalog.names import ObjectName, column_name, object_part, principal, shared_column_name
from cleanroom_core.policies.unity_catalog.spelling import Statement, spell
from cleanroom_core.sql.quoting import identifier
from cleanroom_core.tokens.secret_expression import secret_texts
from tests.policies.catalogs import CARD, COLUMNS, KEY, MAIL, RULE, TYPES, governed, policy, shared, table

LINTER = Linter(dialect="databricks")
AWKWARD = table(TYPES | {"Card Number": "string", "o`ne; --": "int", "zwei\"'": "timestamp", "日本": "float"})
UNKNOWN = re.compile(r"(CREATE OR REPLACE|DROP) POLICY |GRANT [A-Z ]+ ON CLEAN ROOM |REVOKE [A-Z ]+ ON CLEAN ROOM ")

MADE: dict[str, Callable[[], tuple[Statement, ...]]] = {
    "governance": lambda: governed().statements(),
    "governance of awkward columns": lambda: governed(
        AWKWARD,
        {"o`ne; --": "`o``ne; --` + 1", "zwei\"'": None},
        ("o'neill", "a`b"),
        row_filter="`o``ne; --` > 1 AND `zwei\"'` < '2024-01-01' AND `日本` IS NULL AND consent = 'it\\'s \\\\ \\'q\\' 日本'",
    ).statements(),
    "a filter of no column": lambda: governed(masks={}, row_filter="1 = 1").statements(),
    "the way back": lambda: undo_all(changes_of(governed(), table(), ())),
    "the way back to somebody else's filter": lambda: undo_all(changes_of(governed(), protected(), ())),
    "abac": lambda: abac_statements(governed()),
    "abac undone": lambda: abac_undo(governed()),
    "share": lambda: shared().statements(),
    "share, native": lambda: shared(native=True, view=False).statements(),
    "share of awkward columns": lambda: shared(
        AWKWARD, view=False, columns={"card_token": COLUMNS["card_token"], "t": {"expression": "`zwei\"'`"}, "日本": {}},
        rule={**RULE, "period_column": "t", "dimensions": {}, "measures": {"日本": {"min": 0, "max": 1}}},
    ).statements(),
    "share undone": lambda: shared().undo(),
    "room": lambda: tuple(grant.give() for grant in room_grants("fraud_signals", "cleanroom owners")),
    "execute": lambda: (Grant("EXECUTE", "FUNCTION", ObjectName("a", "b", "c"), "cleanroom publishers").give(),),
}  # fmt: skip


def protected() -> CatalogTable:
    return table(
        row_filter={"function_name": "spark_catalog.other.their_filter", "input_column_names": ["n"]},
    )


def unparsable(sql: str) -> bool:
    parsed = LINTER.parse_string(sql)
    return bool(parsed.violations) or parsed.tree is None or "unparsable" in parsed.tree.type_set()


@pytest.mark.parametrize("what", MADE)
def test_sqlfluff_takes_every_statement_but_the_two_kinds_it_does_not_know(what: str) -> None:
    statements = [statement.sql for statement in MADE[what]()]
    assert statements
    assert [sql for sql in dict.fromkeys(statements) if unparsable(sql) != bool(UNKNOWN.match(sql))] == []


@pytest.mark.parametrize("asset", ["hospital.admissions", "insurer.members"])
def test_sqlfluff_takes_what_the_command_line_prints_for_an_example(asset: str) -> None:
    room = Path(__file__).parents[2] / "examples" / "hospital" / "room.yaml"
    done = CliRunner().invoke(command, ["sql", "--room", str(room), "--asset", asset, "--json", "--reader", "o'neill"])
    assert done.exit_code == 0, done.exception
    statements = [json.loads(line)["sql"] for line in done.stdout.splitlines()]
    assert len(statements) > 8
    assert [sql for sql in statements if unparsable(sql)] == []


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE ROW ACCESS POLICY p AS (flag STRING) RETURNS BOOLEAN -> flag = 'X'",
        "ALTER TABLE a.b.c ADD ROW ACCESS POLICY p ON (flag)",
        "ALTER TABLE a.b.c ALTER COLUMN x SET MASKING POLICY p",
        "ALTER TABLE a.b.c SET ROW FILTER ON (x)",
        "CREATE OR REPLACE FUNCTION a.b.f(x STRING) RETURNS BOOLEAN x = 'X'",
    ],
)
def test_the_judge_can_say_no(sql: str) -> None:
    assert unparsable(sql)


NAME = r"`(?:[^`]|``)+`"
THREE = rf"{NAME}\.{NAME}\.{NAME}"
MATCH = rf"HAS_TAG_VALUE\('[^']+', '[^']+'\) AS {NAME}"
LIST = r"{0}(?: , {0})*"
CREATE_POLICY = re.compile(
    rf"CREATE OR REPLACE POLICY {NAME} ON TABLE {THREE} "
    rf"(?:ROW FILTER|(?P<mask>COLUMN MASK)) {THREE} TO {LIST.format(NAME)} EXCEPT {LIST.format(NAME)} FOR TABLES "
    rf"(?:MATCH COLUMNS {LIST.format(MATCH)})?(?(mask) ON COLUMN {NAME})(?: USING COLUMNS \({NAME}(?:, {NAME})*\))?"
)


def test_abac_policies_follow_the_grammar_of_the_documentation() -> None:
    """CREATE POLICY: ON, body, TO, EXCEPT, FOR TABLES, MATCH COLUMNS, ON COLUMN for a mask, USING COLUMNS; in this order."""
    statements = [statement.sql for statement in abac_statements(governed(), to=("account users", "b`c"))]
    policies = [sql for sql in statements if "POLICY" in sql]
    assert len(policies) == 6
    assert [sql for sql in policies if CREATE_POLICY.fullmatch(sql) is None] == []
    row_filter = policies[0]
    assert "TO `account users` , `b``c` EXCEPT `cleanroom publishers` FOR TABLES MATCH COLUMNS" in row_filter
    assert row_filter.endswith("USING COLUMNS (`c1`, `c2`, `c3`, `c4`, `c5`)")
    tags = [sql for sql in statements if "SET TAGS" in sql]
    for sql in policies:
        for tag in re.findall(r"HAS_TAG_VALUE\(('[^']+'), ('[^']+')\)", sql):
            assert sum(f"SET TAGS ({tag[0]} = {tag[1]})" in one for one in tags) == 1


def test_the_way_back_of_abac_takes_the_grants_first_and_the_functions_last() -> None:
    kinds = [statement.sql.split()[0:2] for statement in abac_undo(governed())]
    order = ["REVOKE SELECT", "DROP POLICY", "ALTER TABLE", "DROP FUNCTION"]
    places = [order.index(" ".join(kind)) for kind in kinds]
    assert places == sorted(places)
    assert set(places) == {0, 1, 2, 3}


def test_the_native_form_is_the_keyed_hash_over_the_secret_key() -> None:
    text = " ".join(next(found.sql for found in shared(native=True).statements() if "HMAC" in found.sql).split())
    assert (
        "THEN LOWER( HEX( HMAC( UNBASE64(SPLIT_PART(SECRET('cleanroom', 'card-2026-1'), '.', 2)), "
        "ENCODE(`normalised_1`, 'UTF-8'), 'SHA-256' ) ) )" in text
    )
    assert text.count("HMAC(") == 2
    assert "SHA2(" not in text
    assert secret_texts(CARD, KEY, native=True)["card-2026-1"].split(".")[1] == "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.mark.parametrize("native", [True, False])
def test_no_statement_holds_a_key_and_every_secret_it_names_is_one_to_put(native: bool) -> None:
    secrets = secret_texts(CARD, KEY, native=native) | secret_texts(MAIL, KEY, native=native)
    text = "\n".join(statement.sql + statement.purpose for statement in shared(native=native).statements())
    assert set(re.findall(r"SECRET\('cleanroom', '([^']+)'\)", text)) == set(secrets)
    for value in secrets.values():
        assert not any(part in text for part in value.split(".") if len(part) > 4)


def test_what_is_shared_says_nothing_about_itself() -> None:
    statements = [statement.sql for statement in shared().statements()]
    assert "COMMENT ON TABLE `spark_catalog`.`share`.`tx` IS ''" in statements
    for name in COLUMNS:
        assert f"ALTER TABLE `spark_catalog`.`share`.`tx` ALTER COLUMN `{name}` COMMENT ''" in statements
    assert all("--" not in sql and "/*" not in sql for sql in statements)


# names: whatever Unity Catalog takes comes back as it was, whatever it does not is refused

CHARACTERS = (
    st.sampled_from("./ `'\"\\${};-*\x00\t\n\x7f\u2028")
    | st.characters(max_codepoint=127)
    | st.characters(exclude_categories=["Cs"])
)
TEXTS = st.text(CHARACTERS, min_size=1, max_size=260)


def unquoted(text: str) -> str:
    """An independent reader of one backquoted name."""
    assert re.fullmatch(r"`(?:[^`]|``)+`", text, re.DOTALL)
    return text[1:-1].replace("``", "`")


@settings(deadline=None)
@given(TEXTS)
def test_an_object_s_name_is_quoted_whole_or_refused(text: str) -> None:
    allowed = len(text) <= 255 and not any(char in "./ \x7f" or char < " " for char in text)
    if not allowed:
        with pytest.raises(InputError):
            object_part(text, "table")
        return
    found = object_part(text, "table")
    assert found == text.lower()
    if "${" not in text:
        assert unquoted(spell(identifier(found))) == found


@settings(deadline=None)
@given(TEXTS)
def test_a_column_s_and_a_principal_s_name_is_quoted_whole_or_refused(text: str) -> None:
    allowed = len(text) <= 255 and not any(char == "\x7f" or char < " " for char in text)
    for read in (lambda: spell(identifier(column_name(text))), lambda: spell(principal(text))):
        if allowed and "${" not in text:
            assert unquoted(read()) == text
        else:
            with pytest.raises(InputError):
                read()


@settings(deadline=None)
@given(TEXTS)
def test_no_text_becomes_a_word_of_a_statement(text: str) -> None:
    if re.fullmatch(r"[A-Z]+( [A-Z]+)*|,", text) is None:
        with pytest.raises(ValueError, match="capitals"):
            spell("DROP TABLE", text)


@settings(deadline=None)
@given(TEXTS)
def test_a_value_stays_one_literal(text: str) -> None:
    """A person's text in a row filter comes out as a literal that a reader of Databricks' escapes reads as the same text."""
    from sqlglot import exp

    if "${" in text:
        return
    found = spell(exp.Literal.string(text))
    assert re.fullmatch(r"'(?:[^'\\]|\\.|'')*'", found, re.DOTALL)


def test_what_nobody_sees_is_written_so_that_everybody_sees_it() -> None:
    for statement in (
        *shared().statements(),
        *governed(row_filter="region = 'a\u2028b\u200b' OR region = '\U000e0001'").statements(),
    ):
        assert all(char.isprintable() or char == "\n" for char in statement.sql), statement.sql
    text = governed(row_filter="region = 'a\u2028b\u200b' OR region = '\U000e0001'").statements()[0].sql
    assert r"= 'a\u2028b\u200B'" in text
    assert r"= '\U000E0001'" in text


@pytest.mark.parametrize("name", ["a.b", "a b", "a/b", "a\x00", "a\nb", "a\x7f", "", "x" * 256, "\udc00"])
def test_an_object_has_a_name_unity_catalog_takes(name: str) -> None:
    with pytest.raises(InputError) as caught:
        object_part(name, "table")
    assert caught.value.hint


@pytest.mark.parametrize("name", ["a b", "a,b", "a;b", "a{b", "a}b", "a(b", "a)b", "a=b", "a\tb", "", "x" * 256, "\ud800"])
def test_a_shared_column_has_a_name_every_delta_table_takes(name: str) -> None:
    with pytest.raises(InputError) as caught:
        shared_column_name(name)
    assert caught.value.hint


def test_names_are_compared_as_unity_catalog_does() -> None:
    assert ObjectName.parse("Main.Gold.TX") == ObjectName("main", "gold", "tx")
    with pytest.raises(InputError, match="three parts"):
        ObjectName.parse("gold.tx")


@pytest.mark.parametrize(
    ("path", "other"),
    [
        (("row_filter",), {"row_filter": "region = '${env:HOME}'"}),
        (("columns", "x", "expression"), {"columns": {**COLUMNS, "x": {"expression": "concat('${', region)"}}}),
    ],
)
def test_a_text_that_databricks_would_replace_is_refused_with_its_place(
    path: tuple[str, ...], other: dict[str, object]
) -> None:
    assert [problem.path for problem in shared(**other).problems] == [path]
    assert policy(**other)
    with pytest.raises(InputError, match=r"\$\{"):
        spell(identifier("a${b}"))


def test_an_unknown_privilege_is_refused() -> None:
    with pytest.raises(InputError, match="not granted here"):
        Grant("ALL PRIVILEGES", "TABLE", ObjectName("a", "b", "c"), "x")
