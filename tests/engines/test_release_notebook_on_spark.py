"""The very bytes of a release notebook, run over Spark Connect, give what the embedded engine gives, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
from cleanroom_core.engines.duckdb.room import DuckDBRoomEngine
from cleanroom_core.engines.run_output import output_columns, read_output
from cleanroom_core.notebooks.release.verify import verified
from cleanroom_core.stories.certified import compute_parts
from tests.engines.awkward_tables import published
from tests.engines.release_notebooks import TABLES, notebook, parts, played, world
from tests.spark import MARKS, TestSpark

pytestmark = MARKS
OUTPUT = {"cr_output_catalog": "spark_catalog", "cr_output_schema": "cleanroom_run_1"}


def without_views(session: Any) -> None:
    """A notebook ends with its session; this one goes on with other tests."""
    for view in session.catalog.listTables():
        if view.isTemporary:
            session.catalog.dropTempView(view.name)


def test_the_notebook_gives_what_the_embedded_engine_gives(
    spark: TestSpark, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session, judged = spark.connect.session(), world()
    tables = published(judged, DuckDBOwnerEngine(tmp_path / "owner"), tmp_path / "share")
    for schema in ("cleanroom_shared", OUTPUT["cr_output_schema"]):
        session.sql(f"CREATE DATABASE {schema}")
    try:
        for name, place in TABLES.items():
            session.sql(f"CREATE TABLE {place} USING parquet LOCATION '{(tmp_path / 'share' / name / 'raw.parquet').as_uri()}'")
        text = notebook()
        played(text, session, OUTPUT)
        schema = ".".join(OUTPUT.values())
        rows = {
            name: [tuple(map(str, row)) for row in session.sql(f"SELECT {', '.join(columns)} FROM {schema}.{name}").collect()]
            for name, columns in output_columns().items()
        }
    finally:
        for schema in ("cleanroom_shared", OUTPUT["cr_output_schema"]):
            session.sql(f"DROP DATABASE {schema} CASCADE")
        without_views(session)
    found = read_output(verified(text), rows)
    known, _ = compute_parts(DuckDBRoomEngine(tmp_path / "room"), parts(judged), [], judged.thresholds, tables, seed=found.seed)
    assert [sheet.cells for sheet in found.sheets] == list(known.cells)
    assert found.certificate == known.certificate
    assert found.certificate["certified"] is True
    assert sum(found.certificate["withheld"]) > 0, "nothing was withheld, so that little was compared"
    assert sum(len(cells.cells) for cells in known.cells) > 15
    with pytest.raises(Exception, match="could not be computed") as failed:  # the tables are gone
        played(text, session, OUTPUT)
    assert str(failed.value) == "The plan could not be computed (AnalysisException TABLE_OR_VIEW_NOT_FOUND)."
    assert (failed.value.__cause__, failed.value.__suppress_context__) == (None, True)
    without_views(session)
    assert capsys.readouterr() == ("", ""), "a notebook shows nothing"
