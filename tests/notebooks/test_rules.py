"""Every rule says what, why and how; findings differ by what is written, not by how it looks."""

from __future__ import annotations

import pytest

from cleanroom_core.notebooks.lint import CODES, lint
from cleanroom_core.notebooks.rules import RULES
from cleanroom_core.notebooks.settings import Settings

COUNT_PEOPLE = [
    "person_token", "customer_id", "CustomerID", "card_token", "patient_no", "memberHash", "user_uuid", "ssn",
    "account_number", "household_id", "token_person", "cardholder_pseudonym", "customer_ref_id", "pid",
]  # fmt: skip
TELL_NOBODY_APART = [
    "merchant_category_code", "card_type", "account_age_band", "customer_segment", "user_count", "cost_per_person", "n",
    "people", "ward", "day", "amount", "account_type_id", "email_opt_in", "phone_type", "zip", "merchant_id", "store_id",
    "number", "token_count", "description", "strip",
]  # fmt: skip


def codes(text: str, name: str = "a.py", settings: Settings | None = None) -> list[str]:
    return [finding.code for finding in lint(name, text, settings or Settings())]


def test_each_rule_has_a_code_of_its_own_and_plain_sentences() -> None:
    assert len(CODES) == len(RULES) == 15
    for rule in RULES:
        assert rule.code == rule.code.upper()
        assert rule.title
        assert rule.why.endswith(".")
        assert rule.fix.endswith(".")


@pytest.mark.parametrize("column", COUNT_PEOPLE)
def test_columns_that_count_people(column: str) -> None:
    assert Settings().is_person(column)
    assert Settings().is_identifier(column)


@pytest.mark.parametrize("column", TELL_NOBODY_APART)
def test_columns_that_tell_nobody_apart(column: str) -> None:
    assert not Settings().is_identifier(column)


@pytest.mark.parametrize(
    "column",
    ["email", "customer_email", "phone_number", "first_name", "dob", "ip_address", "iban", "transaction_id", "claim_no"],
)
def test_identifiers_that_count_no_people(column: str) -> None:
    assert Settings().is_identifier(column)
    assert not Settings().is_person(column)


def test_given_persons_replace_the_patterns_and_given_identifiers_add_to_them() -> None:
    settings = Settings(persons=("Sailor",), identifiers=("badge",))
    assert settings.is_person("sailor")
    assert not settings.is_person("customer_id")
    assert settings.is_identifier("customer_id")
    assert settings.is_identifier("BADGE")


@pytest.mark.parametrize(
    ("column", "written"),
    [
        ("person_token", True),
        ("upper(person_token)", True),
        ("substr(person_token, 1, 8)", True),
        ("sha2(concat(secret('a', 'b'), person_token), 256)", True),
        ("max(person_token)", True),
        ("collect_set(person_token)", True),
        ("array_join(collect_list(person_token), ',')", True),
        ("first(named_struct('p', person_token))", True),
        ("CASE WHEN max(amount) > 5 THEN max(person_token) END", True),
        ("count(DISTINCT person_token)", False),
        ("size(collect_set(person_token))", False),
        ("max(CASE WHEN person_token = 'x' THEN 1 ELSE 0 END)", False),
        ("max(person_token IS NULL)", False),
        ("avg(length(person_token))", False),
    ],
)
def test_raw_identifiers_are_told_from_figures_about_them(column: str, written: bool) -> None:
    text = (
        "CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.x') AS"
        f" SELECT segment, {column} AS c FROM creator.s.t GROUP BY segment HAVING count(DISTINCT person_token) >= 100"
    )
    assert codes(text, "a.sql") == (["RAW_IDENTIFIER"] if written else [])


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("print('done')", []),
        ("print('run of', dbutils.widgets.get('day'))", []),
        ("print(df)", []),
        ("print(df.columns)", []),
        ("print(df.count())", ["OUTPUT_SHOWN"]),
        ("n = df.count()\nprint(f'{n:,} rows')", ["OUTPUT_SHOWN"]),
        ("print(len([r for r in rows]))", ["OUTPUT_SHOWN"]),
        ("display(df)", ["OUTPUT_SHOWN"]),
        ("displayHTML('<b>done</b>')", []),
        ("df.printSchema()", []),
        ("df.explain()", []),
        ("import logging\nlogging.getLogger('x').warning(df.count())", ["OUTPUT_SHOWN"]),
    ],
)
def test_what_counts_as_showing_data(line: str, found: list[str]) -> None:
    assert codes(f"df = spark.table('creator.s.t')\n{line}") == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("password = dbutils.secrets.get('scope', 'password')", []),
        ("password = 'hunter2'", ["SECRET_IN_TEXT"]),
        ("password = ''", []),
        ("connect(client_secret='a b c')", ["SECRET_IN_TEXT"]),
        ("options = {'hmac_key': 'x1'}", ["SECRET_IN_TEXT"]),
        ("join_key = 'card_token'", []),
        ("token = 'person_token'", []),
        ("token = 'a8f3b2c1d4e5f60718'", ["SECRET_IN_TEXT"]),
        ("spark.conf.set('pepper', 'x')", ["SECRET_IN_TEXT"]),
        ("spark.conf.set('spark.sql.shuffle.partitions', '8')", []),
        ("url = 'jdbc:postgresql://anna:secret@db.example/x'", ["SECRET_IN_TEXT"]),
        ("dbutils.widgets.text('salt', 'abc')", ["SECRET_IN_TEXT"]),
        ("SECRET_SCOPE = 'consortium'", []),
    ],
)
def test_secrets_are_told_from_names(line: str, found: list[str]) -> None:
    assert codes(line) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import socket", ["NETWORK"]),
        ("import json, re, datetime", []),
        ("from databricks.sdk.runtime import dbutils", ["NETWORK"]),
        ("# MAGIC %pip install /Volumes/a/b/c/tools.whl", []),
        ("# MAGIC %pip install --no-index -f /Volumes/a/b/c tools", []),
        ("# MAGIC %pip install tools", ["NETWORK"]),
        ("# MAGIC %pip list", []),
        ("import subprocess\nsubprocess.run(['ls'])", ["NETWORK", "NETWORK"]),
        ("spark.read.parquet('/Volumes/a/b/c')", []),
        ("spark.read.parquet('gs://elsewhere/c')", ["NETWORK"]),
        ("spark.read.format('snowflake').load()", ["NETWORK"]),
        ("spark.sql('SELECT ai_query(\"m\", ward) AS a FROM creator.s.t')", ["NETWORK"]),
    ],
)
def test_what_leaves_the_room(line: str, found: list[str]) -> None:
    assert codes(line) == found


@pytest.mark.parametrize(
    ("left", "right", "found"),
    [
        ("a.email", "b.email", ["UNTRIMMED_KEY"]),
        ("trim(a.email)", "b.email", ["UNTRIMMED_KEY"]),
        ("trim(a.email)", "trim(b.email)", []),
        ("lower(trim(a.email))", "lower(btrim(b.email))", []),
        ("trim(a.email) || 'x'", "trim(b.email) || 'x'", []),
        ("a.card_token", "b.card_token", []),
        ("a.card_token", "b.card_number", ["UNTRIMMED_KEY"]),
        ("a.segment", "b.segment", []),
        ("a.email", "a.other_email", []),
        ("regexp_replace(a.phone, '[^0-9]', '')", "regexp_replace(b.phone, '[^0-9]', '')", []),
    ],
)
def test_which_keys_need_trimming(left: str, right: str, found: list[str]) -> None:
    text = f"CREATE TEMP VIEW j AS SELECT 1 AS x FROM creator.s.a a JOIN collaborator.s.b b ON {left} = {right}"
    assert codes(text, "a.sql") == found


@pytest.mark.parametrize(
    ("target", "inside"),
    [
        ("IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.x')", True),
        ("IDENTIFIER(concat(:cr_output_catalog, '.', :cr_output_schema, '.x'))", True),
        ("IDENTIFIER('`' || :cr_output_catalog || '`.`' || :cr_output_schema || '`.x')", True),
        ("${cr_output_catalog}.${cr_output_schema}.x", True),
        ("{{cr_output_catalog}}.{{cr_output_schema}}.x", True),
        ("IDENTIFIER(:cr_output_catalog || '.' || :schema || '.x')", False),
        ("IDENTIFIER(:cr_output_schema || '.' || :cr_output_catalog || '.x')", False),
        ("IDENTIFIER(:target)", False),
        ("cr_output_catalog.cr_output_schema.x", False),
        ("x", False),
        ("delta.`/Volumes/a/b/c`", False),
    ],
)
def test_what_lies_in_the_output_schema(target: str, inside: bool) -> None:
    text = (
        f"CREATE TABLE {target} AS SELECT ward FROM creator.care.visits GROUP BY ward HAVING count(DISTINCT patient_id) >= 100"
    )
    assert codes(text, "a.sql") == ([] if inside else ["OUTSIDE_OUTPUT"])


@pytest.mark.parametrize(
    "source",
    [
        "creator.care.visits",
        "(creator.care.visits)",
        "(SELECT * FROM creator.care.visits) v",
        "(creator.care.visits CROSS JOIN creator.care.wards)",
        "IDENTIFIER(:visits)",
        "creator.care.visits LATERAL VIEW explode(costs) c AS cost",
        "creator.care.visits TABLESAMPLE (10 PERCENT)",
        "creator.care.visits VERSION AS OF 3",
        "creator.care.visits PIVOT (sum(cost) FOR month IN (1, 2))",
        "some_function(1)",
        "(VALUES (1)) AS v (x), creator.care.visits",
        "(SELECT ward FROM creator.care.visits UNION SELECT 'x')",
    ],
)
def test_whatever_is_read_needs_a_guard(source: str) -> None:
    text = f"CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.x') AS SELECT * FROM {source}"
    assert set(codes(text, "a.sql")) & {"COHORT_MISSING", "NOT_READ"}


def test_no_finding_repeats_a_secret() -> None:
    text = (
        "password = 'hunter2-abc'\n"
        "df.write.jdbc('jdbc:postgresql://anna:hunter2-abc@db.example/x', 't')\n"
        "df.write.option('password', 'hunter2-abc').save('s3://hunter2-abc/x')\n"
        "spark.sql(\"SELECT hmac('hunter2-abc', card_number) AS t FROM c.s.t\")\n"
    )
    found = lint("a.py", text, Settings())
    assert {"SECRET_IN_TEXT", "NETWORK", "OUTSIDE_OUTPUT"} <= {finding.code for finding in found}
    assert "hunter2" not in "".join(str(finding.as_json()) for finding in found)


def test_a_finding_is_told_once_however_often_its_code_runs() -> None:
    assert codes("def show(df):\n    df.show()\n\nfor name in ['a', 'b']:\n    show(spark.table(name))") == ["OUTPUT_SHOWN"]
