"""Every statement of the engine `warehouse` is Databricks SQL by sqlfluff's word, over a table with awkward names.

What a policy compiles to is put into them to the letter, and is judged in tests/policies.
"""

from __future__ import annotations

import pytest

from cleanroom_core.engines.protocol import ShareSelect
from cleanroom_core.engines.warehouse import statements
from cleanroom_core.errors import InputError
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.policies.unity_catalog.source import SourceColumns
from cleanroom_core.sql.types import STRING, TIMESTAMP, Column, Schema
from tests.policies.catalogs import table
from tests.policies.test_unity_catalog_spelling import unparsable

AWKWARD = table({"region": "string", "ts": "timestamp", "o`ne; --": "int", "日本": "float", "row_of_pool": "smallint"})
TARGET = ObjectName("fraud", "share", "o`ne")
PROPERTIES = {statements.INTENT: "0f" * 32, statements.VERSION: "3", statements.ROOM: "o'neill"}
SELECT = ShareSelect(
    "WITH kept AS (SELECT `region`, `ts` FROM `source` WHERE `region` <> 'O\\'Hare' AND `o``ne; --` > 1) "
    "SELECT UPPER(`region`) AS `region`, CAST(`ts` AS TIMESTAMP_NTZ) AS `ts` FROM kept",
    Schema((Column("region", STRING), Column("ts", TIMESTAMP))),
    {},
    {"dropped": "SELECT COUNT(*) AS `rows` FROM `source` WHERE NOT (`o``ne; --` > 1)"},
)
LABELS = "SELECT `region` AS `label` FROM `shared` GROUP BY 1 HAVING COUNT(DISTINCT `ts`) >= 20 ORDER BY 1 LIMIT 5001"


@pytest.fixture(scope="module")
def source() -> SourceColumns:
    return SourceColumns(AWKWARD, Schema(tuple(Column(each.name, each.type.type or STRING) for each in AWKWARD.columns)), ())


def test_sqlfluff_takes_every_statement(source: SourceColumns) -> None:
    pairs = statements.Pairs(source, SELECT)
    said = [
        statements.publish(source, SELECT, TARGET, PROPERTIES),
        statements.counts(source, SELECT.counts),
        pairs.kept(),
        pairs.values([1, 5, 100]),
        statements.over_shared(TARGET, SELECT.schema, LABELS),
        statements.history(TARGET),
        statements.properties(TARGET),
        statements.number_of_rows(TARGET),
        statements.drop(TARGET),
        statements.is_exempt("o'neill"),
    ]
    assert [sql for sql in said if unparsable(sql)] == []


def test_what_is_published_is_the_compiled_select_to_the_letter(source: SourceColumns) -> None:
    found = statements.publish(source, SELECT, TARGET, PROPERTIES)
    assert f"({SELECT.sql}) AS `compiled` ORDER BY `region`, `ts`" in found
    assert "'cleanroom.intent' = '" + "0f" * 32 in found
    assert "MAKE_DT_INTERVAL" in found  # an instant is read as the time in UTC before anything is made of it
    assert "`row_of_pool_`" in statements.Pairs(source, SELECT).kept()


def test_what_the_platform_would_change_before_it_reads_it_is_refused(source: SourceColumns) -> None:
    with pytest.raises(InputError) as raised:
        statements.publish(source, ShareSelect("SELECT '${x}' AS a FROM source", SELECT.schema, {}, {}), TARGET, {})
    assert raised.value.code == "SUBSTITUTION"
    with pytest.raises(InputError, match="a space"):
        statements.publish(source, ShareSelect("", Schema((Column("a b", STRING),)), {}, {}), TARGET, {})
