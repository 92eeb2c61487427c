"""Following a notebook: what is known about a relation on its way, and that nothing breaks the reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleanroom_core.notebooks.facts import Fact, Guarded, Hashed, Matched, Unread, Written
from cleanroom_core.notebooks.flow import LOST, facts_of
from cleanroom_core.notebooks.reading import read_notebook
from cleanroom_core.notebooks.relation import Guard, Meaning, Origin, Relation, joined
from cleanroom_core.notebooks.settings import Settings

CASES = sorted((Path(__file__).parent / "cases").rglob("*.[ps][yq]*"))  # half a Jupyter file is no notebook
OUT = "IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.x')"
F = "from pyspark.sql import functions as F\n"


def facts(text: str, name: str = "a.py", settings: Settings | None = None) -> tuple[Fact, ...]:
    return facts_of(read_notebook(name, text), settings or Settings())


def written(text: str, name: str = "a.py") -> Written:
    (found,) = [fact for fact in facts(text, name) if isinstance(fact, Written)]
    return found


def test_the_same_groups_in_sql_and_in_python() -> None:
    in_sql = written(
        f"CREATE TABLE {OUT} AS SELECT ward, count(DISTINCT patient_id) AS people FROM creator.care.visits"
        " GROUP BY ward HAVING people >= 100",
        "a.sql",
    )
    in_python = written(
        F + "cells = spark.table('creator.care.visits').groupBy('ward').agg(F.countDistinct('patient_id').alias('people'))\n"
        "catalog, schema = dbutils.widgets.get('cr_output_catalog'), dbutils.widgets.get('cr_output_schema')\n"
        "cells.filter('people >= 100').write.saveAsTable(f'{catalog}.{schema}.x')"
    )
    assert in_sql.relation == in_python.relation
    assert in_sql.target == in_python.target == ":cr_output_catalog.:cr_output_schema.x"
    assert in_sql.relation.guard is Guard.PEOPLE
    assert in_sql.relation.keys == {"ward"}


@pytest.mark.parametrize(
    ("condition", "guard"),
    [
        ("people >= 100", Guard.PEOPLE),
        ("people > 9", Guard.PEOPLE),
        ("people > 8", Guard.SMALL),
        ("100 <= people", Guard.PEOPLE),
        ("NOT people < 100", Guard.PEOPLE),
        ("NOT (people < 100 OR cost IS NULL)", Guard.PEOPLE),
        ("people BETWEEN 100 AND 200", Guard.PEOPLE),
        ("people >= 100 AND ward <> 'x'", Guard.PEOPLE),
        ("people >= 100 OR ward <> 'x'", Guard.NONE),
        ("people >= 100 OR people >= 50", Guard.PEOPLE),
        ("people >= 100 OR visits >= 50", Guard.ROWS),
        ("people <= 100", Guard.NONE),
        ("people = 100", Guard.NONE),
        ("people >= visits", Guard.SMALL),
        ("people >= :minimum", Guard.SMALL),
        ("people >= greatest(100, :minimum)", Guard.PEOPLE),
        ("people >= least(100, :minimum)", Guard.SMALL),
        ("coalesce(people, 0) >= 100", Guard.PEOPLE),
        ("CAST(people AS INT) >= 100", Guard.PEOPLE),
        ("people * 100 >= 100", Guard.NONE),
        ("round(people, -2) >= 100", Guard.NONE),
        ("max(patient_id) >= 100", Guard.NONE),
        ("people >= 100 AND count(*) >= 5", Guard.PEOPLE),
        ("visits >= 100", Guard.ROWS),
        ("(people >= 100) = true", Guard.PEOPLE),
        ("count(*) >= 100", Guard.ROWS),
        ("size(collect_set(patient_id)) >= 100", Guard.PEOPLE),
        ("size(collect_list(patient_id)) >= 100", Guard.NONE),
        ("count(DISTINCT patient_id, day) >= 100", Guard.ROWS),
        ("count(DISTINCT concat(patient_id, day)) >= 100", Guard.ROWS),
        ("count(DISTINCT coalesce(patient_id, uuid())) >= 100", Guard.ROWS),
        ("count(DISTINCT trim(patient_id)) >= 100", Guard.PEOPLE),
        ("count(DISTINCT patient_id) FILTER (WHERE day > '2026') >= 100", Guard.PEOPLE),
        ("count(patient_id) >= 100", Guard.ROWS),
        ("least(people, count(DISTINCT person_token)) >= 100", Guard.PEOPLE),
        ("greatest(people, visits) >= 100", Guard.NONE),
    ],
)
def test_what_a_condition_guards(condition: str, guard: Guard) -> None:
    found = written(
        f"CREATE TABLE {OUT} AS SELECT ward, avg(cost) AS cost, count(DISTINCT patient_id) AS people, count(*) AS visits"
        f" FROM creator.care.visits GROUP BY ward HAVING {condition}",
        "a.sql",
    )
    assert found.relation.guard is guard


def test_rows_of_one_person_each_count_people() -> None:
    text = (
        F + "per_person = spark.table('creator.care.visits').groupBy('ward', 'patient_id').agg(F.sum('cost').alias('cost'))\n"
        "cells = per_person.groupBy({keys}).agg(F.count('*').alias('n'), F.avg('cost').alias('cost')).filter('n >= 100')\n"
        "cells.write.saveAsTable('x')"
    )
    assert written(text.format(keys="'ward'")).relation.guard is Guard.PEOPLE
    assert written(text.format(keys="'patient_id'")).relation.guard is Guard.ROWS
    assert written(text.format(keys="")).relation.guard is Guard.ROWS  # a person who lay in two wards counts twice


def test_one_row_left_of_each_person_counts_people_but_is_no_group() -> None:
    text = (
        F + "rows = spark.table('creator.care.visits').dropDuplicates(['ward', 'patient_id'])\n"
        "safe = rows.groupBy('ward').count().filter('count >= 100')\n"
        "{what}.write.saveAsTable('x')"
    )
    assert written(text.format(what="safe")).relation.guard is Guard.PEOPLE
    assert not written(text.format(what="rows")).relation.aggregated
    assert not written(text.format(what="rows.dropDuplicates(['ward']).join(safe, 'ward')")).relation.aggregated


def test_a_join_with_guarded_groups_guards_by_their_keys_only() -> None:
    table = Relation.table("t")
    ward = {"ward": Meaning(frozenset({Origin("t", "ward")}))}
    groups = table.grouped(frozenset({"ward"}), ward)
    safe = groups.filtered(Guard.PEOPLE, frozenset({"ward"}))
    assert joined(groups, safe, frozenset({"ward"}), "inner").guard is Guard.PEOPLE
    assert joined(groups, safe, frozenset({"ward"}), "left").guard is Guard.NONE
    assert joined(groups, safe, frozenset(), "cross").guard is Guard.NONE
    rows = joined(table, safe, frozenset({"ward"}), "semi")
    assert not rows.aggregated
    assert rows.grouped(frozenset({"ward"}), ward).guard is Guard.PEOPLE
    assert rows.grouped(frozenset({"ward", "day"}), ward).guard is Guard.NONE


def test_places_in_sql_within_python() -> None:
    text = 'x = 1\nspark.sql(f"""\n  CREATE TEMP VIEW v AS\n  SELECT md5(\n    email) AS e FROM {x}.t\n""")\n'
    (hashed,) = [fact for fact in facts(text) if isinstance(fact, Hashed)]
    assert hashed.place == (4, 10)


def test_a_place_after_letters_of_several_bytes() -> None:
    text = 'x = "äöü"; df = spark.sql("SELECT sha1(email) AS ü FROM t")'
    (hashed,) = [fact for fact in facts(text) if isinstance(fact, Hashed)]
    assert text[hashed.place.column - 1 :].startswith("sha1")


def test_a_join_in_python_knows_its_sides() -> None:
    text = "a, b = spark.table('a.b.c'), spark.table('d.e.f')\nc = a.join(b, a.email == b.email)"
    (matched,) = [fact for fact in facts(text) if isinstance(fact, Matched)]
    assert matched.left.carries == {Origin("a.b.c", "email")}
    assert matched.right.carries == {Origin("d.e.f", "email")}


def test_both_branches_leave_the_lesser_guard() -> None:
    text = (
        F + "c = spark.table('t').groupBy('ward').agg(F.countDistinct('patient_id').alias('n'), F.count('*').alias('m'))\n"
        "if dbutils.widgets.get('x'):\n    c = c.filter('n >= 100')\nelse:\n    c = c.filter('m >= 100')\n"
        "c.write.saveAsTable('x')"
    )
    assert written(text).relation.guard is Guard.ROWS
    assert sum(isinstance(fact, Guarded) for fact in facts(text)) == 1


GROUPS = F + "c = spark.table('t').groupBy('ward').agg(F.countDistinct('patient_id').alias('n'))\n"


@pytest.mark.parametrize(
    "text",
    [
        "safe = c.filter('n >= 100')\nfor i in names():\n    if i:\n        safe = c\n        break\n"
        "safe.write.saveAsTable('x')",
        "def f():\n    if strict():\n        c.createOrReplaceTempView('v')\n        return\n"
        "    c.filter('n >= 100').createOrReplaceTempView('v')\nf()\nspark.table('v').write.saveAsTable('x')",
        "safe = c.filter('n >= 100')\nwhile more():\n    safe = c\n    continue\nsafe.write.saveAsTable('x')",
        "safe = c\ntry:\n    check()\n    safe = c.filter('n >= 100')\nexcept* ValueError:\n    pass\n"
        "safe.write.saveAsTable('x')",
        "match level():\n    case 1:\n        c = c.filter('n >= 100')\nc.write.saveAsTable('x')",
        "f = lambda d: d.filter('n >= 100') if strict() else d\nf(c).write.saveAsTable('x')",
    ],
)
def test_no_way_around_the_guard_is_lost(text: str) -> None:
    assert written(GROUPS + text).relation.guard is Guard.NONE


def test_a_class_of_the_notebook_is_followed() -> None:
    text = (
        F + "class Sheets:\n"
        "    minimum = 100\n"
        "    def __init__(self, frame):\n        self.frame = frame\n"
        "    def cells(self):\n"
        "        return self.frame.groupBy('ward').agg(F.countDistinct('patient_id').alias('n'))\n"
        "    def write(self, cells):\n        cells.write.saveAsTable('x')\n"
        "class Other:\n    def __init__(self):\n        self.frame = 3\n"
        "sheets = Sheets(spark.table('t'))\nOther()\n"
    )
    assert written(text + "sheets.write(sheets.cells().filter(F.col('n') >= sheets.minimum))").relation.guard is Guard.PEOPLE
    assert written(text + "sheets.write(sheets.cells())").relation.guard is Guard.NONE
    assert written(text).relation.guard is Guard.NONE  # never called: nobody knows with what


def test_a_branch_that_ends_the_run_does_not_count() -> None:
    text = (
        F + "c = spark.table('t').groupBy('ward').agg(F.countDistinct('patient_id').alias('n'))\n"
        "if dbutils.widgets.get('x'):\n    c = c.filter('n >= 100')\nelse:\n    raise ValueError('no')\n"
        "c.write.saveAsTable('x')"
    )
    assert written(text).relation.guard is Guard.PEOPLE


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n    return f(f(x)) + f(x)\nf(1)",
        "def f(x):\n" + "    x = [f(x), f(x)]\n" * 3 + "    return x\nf(1)",
        "x = 'a'\n" + "x = x + x\n" * 60 + "spark.sql(x)",
        "x = F.col('a')\n" + "x = x + x\n" * 60 + "print(x)",
        "x = ''\n" + "x += 'SELECT 1 '\n" * 3000 + "spark.sql(x)",
        "x = " + "(" * 80 + "1" + ")" * 80,
        "x = " + "-" * 5000 + "1",
        "x" + ".filter('a')" * 3000,
        "spark.sql('SELECT " + "(" * 3000 + "')",
        "for a in [1,2,3,4,5,6]:\n for b in [1,2,3,4,5,6]:\n  for c in [1,2,3,4,5,6]:\n   for d in [1,2,3,4,5,6]:\n"
        "    for e in [1,2,3,4,5,6]:\n     for f in [1,2,3,4,5,6]:\n      x = 1",
    ],
    ids=range(10),
)
def test_code_made_to_tire_the_reader_ends(text: str) -> None:
    found = facts(text)
    assert all(isinstance(fact.place.line, int) for fact in found)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_cut_anywhere_a_notebook_never_breaks_the_reader(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for end in range(0, len(text), max(1, len(text) // 8)):
        found = facts(text[:end], path.name)
        assert not [fact for fact in found if isinstance(fact, Unread) and fact.reason == LOST]
