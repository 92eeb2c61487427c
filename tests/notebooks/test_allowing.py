"""Comments that set one finding aside: with a reason, on one line, and never for nothing."""

from __future__ import annotations

import json

from cleanroom_core.notebooks.lint import lint
from cleanroom_core.notebooks.settings import Settings

REASON = "because the list of wards is public"


def told(text: str, name: str = "a.py") -> list[tuple[int, str]]:
    return [(finding.line, finding.code) for finding in lint(name, text, Settings())]


def test_on_the_line_itself_or_the_line_before() -> None:
    assert told(f"display(spark.table('w'))  # cleanroom: allow OUTPUT_SHOWN {REASON}") == []
    assert told(f"# cleanroom: allow OUTPUT_SHOWN {REASON}\n\ndisplay(spark.table('w'))") == []
    assert told(f"SELECT * FROM w -- cleanroom: allow output_shown {REASON}", "a.sql") == []


def test_only_that_line_and_only_that_code() -> None:
    line = "display(spark.table('w'))"
    assert told(f"{line}  # cleanroom: allow OUTPUT_SHOWN {REASON}\n{line}") == [(2, "OUTPUT_SHOWN")]
    assert sorted(told(f"{line}  # cleanroom: allow UDF {REASON}")) == [(1, "ALLOW"), (1, "OUTPUT_SHOWN")]


def test_without_a_reason_it_counts_for_nothing() -> None:
    for reason in ("", "because", "ok", "because ok"):
        found = told(f"display(spark.table('w'))  # cleanroom: allow OUTPUT_SHOWN {reason}")
        assert sorted(found) == [(1, "ALLOW"), (1, "OUTPUT_SHOWN")]


def test_what_hides_nothing_is_told() -> None:
    assert told(f"x = 1  # cleanroom: allow OUTPUT_SHOWN {REASON}") == [(1, "ALLOW")]
    assert told(f"x = 1  # cleanroom: allow EVERYTHING {REASON}") == [(1, "ALLOW")]


def test_in_sql_within_python_and_in_jupyter() -> None:
    allowed = f"-- cleanroom: allow UNKEYED_HASH {REASON}"
    text = f'spark.sql("""\n  CREATE TEMP VIEW v AS\n  {allowed}\n  SELECT md5(email) AS e FROM t\n""")'
    assert told(text) == []
    cell = {"cell_type": "code", "source": [f"# cleanroom: allow OUTPUT_SHOWN {REASON}\n", "display(spark.table('w'))"]}
    assert told(json.dumps({"cells": [cell]}, indent=1), "a.ipynb") == []
