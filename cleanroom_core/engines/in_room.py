"""Compute a release plan where a clean-room notebook runs: all of it is in the notebook's text, and this is its last step.

Only the guard's cell queries and the deduplicated classes of rows come out of Spark, both over Spark Connect's API; what is
protected and certified is written to the schema of the run and nothing else leaves: no print, no row, no error text of Spark's.
docs/release-notebook.md.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from cleanroom_core.engines.arrow import naive, numbers_of, rows_of
from cleanroom_core.engines.computing import compute
from cleanroom_core.engines.job_json import job_from_json
from cleanroom_core.errors import CleanRoomError, IntegrityError, NotReadyError, QueryFailedError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

    from cleanroom_core.engines.protocol import Computed, Row

TABLES: Final = {
    "cells": "part INT, number INT, cell STRING",
    "certificate": "certificate STRING",
    "manifest": "manifest STRING, seed STRING",
}
_CREATE: Final = {
    "cells": """CREATE TABLE IDENTIFIER('`' || :cr_output_catalog || '`.`' || :cr_output_schema || '`.cells')
        AS SELECT part, number, cell FROM cleanroom_cells""",
    "certificate": """CREATE TABLE IDENTIFIER('`' || :cr_output_catalog || '`.`' || :cr_output_schema || '`.certificate')
        AS SELECT certificate FROM cleanroom_certificate""",
    "manifest": """CREATE TABLE IDENTIFIER('`' || :cr_output_catalog || '`.`' || :cr_output_schema || '`.manifest')
        AS SELECT manifest, seed FROM cleanroom_manifest""",
}
# What decides the meaning of a statement. Platforms refuse to have some of it set; `_PROBE` then tells whether they agree.
_SETTINGS: Final = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    "spark.sql.parser.quotedRegexColumnNames": "false",
    "spark.sql.variable.substitute": "false",
}
_PROBE: Final = """
SELECT current_timezone() AS zone, "text" AS quoted, try_divide(1, 0) IS NULL AS total,
       typeof(CAST(1 AS DECIMAL(38, 10)) * CAST(1 AS DECIMAL(38, 10))) AS product,
       CAST(TIMESTAMP_NTZ '2026-03-29 02:30:00' AS STRING) AS moment,
       CAST('2026-03-29 02:30:00' AS TIMESTAMP) = TIMESTAMP_NTZ '2026-03-29 02:30:00' AS same
"""
_MEANS: Final = ("UTC", "text", True, "decimal(38,6)", "2026-03-29 02:30:00", True)
_MOST_CELLS: Final = 200_000  # of one query
_NAME: Final = re.compile(r"[^`./ \x00-\x1f\x7f]{1,255}")


def release(
    spark: SparkSession,
    catalog: str,
    schema: str,
    plan: Mapping[str, Any],
    statements: Mapping[str, str],
    told: Mapping[str, Any],
) -> None:
    """Compute `plan` (`notebooks.release`) and write the tables of TABLES to `catalog`.`schema`, the manifest last: without it
    the run did not end well. `told`: the hashes of the notebook's header, for the manifest.

    Raises CleanRoomError without a word of Spark's, whose messages quote values of rows."""
    if not (_NAME.fullmatch(catalog) and _NAME.fullmatch(schema)):
        raise NotReadyError("The run has no output schema.", hint="Give cr_output_catalog and cr_output_schema their names.")
    try:
        _agree_on_meaning(spark)
        seed = secrets.token_hex(32)
        _write(spark, catalog, schema, output_of(_computed(spark, plan, statements, seed), plan, told), seed)
    except Exception as error:
        raise _opaque(error) from None


def output_of(computed: Computed, plan: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """The three tables as values: cells of each part, certificate and manifest, all of it JSON text but the numbers."""
    cells = [
        (part, number, _json(cell))
        for part, cells in enumerate(computed.cells)
        for number, cell in enumerate(cells.as_json()["cells"])
    ]
    certificate = _json(dict(computed.certificate))
    manifest = {
        **{name: plan[name] for name in ("format", "room", "plan", "period", "once")},
        **told,
        "sheets": [[sheet["template"], sheet["parameters"], sheet["part"], sheet["canonical"]] for sheet in plan["sheets"]],
        "cells": [len(part.cells) for part in computed.cells],
        "cells_hash": rows_hash(cells),
        "certificate_hash": hashlib.sha256(certificate.encode()).hexdigest(),
    }
    return {"cells": cells, "certificate": certificate, "manifest": _json(manifest)}


def rows_hash(cells: Sequence[tuple[int, int, str]]) -> str:
    """SHA-256 over the rows of the table of cells, in their order."""
    return hashlib.sha256("".join(f"{part} {number} {cell}\n" for part, number, cell in sorted(cells)).encode()).hexdigest()


def _computed(spark: SparkSession, plan: Mapping[str, Any], statements: Mapping[str, str], seed: str) -> Computed:
    for name, statement in statements.items():
        if name.startswith("view "):
            spark.sql(statement)

    def rows(name: str, assets: tuple[str, ...]) -> tuple[Row, ...]:
        found = _arrow(spark, statements[name], _MOST_CELLS + 1)
        if found.num_rows > _MOST_CELLS:
            raise IntegrityError(
                "A query has more cells than can be protected.", hint="Group by fewer dimensions.", code="CELLS"
            )
        return rows_of(found)

    def arrays(name: str, assets: tuple[str, ...]) -> list[NDArray[np.int64]]:
        return numbers_of(_arrow(spark, statements[name]))

    job = job_from_json({**plan["job"], "seed": seed})  # a statement's name stands where its text belongs
    return compute(job, "", rows, arrays, lambda what, done: None)


def _arrow(spark: SparkSession, statement: str, limit: int | None = None) -> pa.Table:
    found = spark.sql(statement)
    return naive((found if limit is None else found.limit(limit)).toArrow())


def _agree_on_meaning(spark: SparkSession) -> None:
    """Raises NotReadyError where statements mean something else than they do to those who signed them, or code would fail."""
    import numpy as np
    from pyspark.sql import DataFrame

    if not (hasattr(np.random.Generator, "spawn") and hasattr(DataFrame, "toArrow")):
        raise NotReadyError("numpy or Spark is too old here.", hint="Run it in environment version 4 or newer.")
    for key, value in _SETTINGS.items():
        with suppress(Exception):  # platforms that refuse it have a value of their own, which the probe looks at
            spark.conf.set(key, value)
    if tuple(spark.sql(_PROBE).toArrow().to_pylist()[0].values()) != _MEANS:
        raise NotReadyError(
            "Spark reads statements otherwise here.", hint="Run it on serverless compute of version 4 or newer."
        )


def _write(spark: SparkSession, catalog: str, schema: str, output: Mapping[str, Any], seed: str) -> None:
    content = {
        "cells": output["cells"],
        "certificate": [(output["certificate"],)],
        "manifest": [(output["manifest"], seed)],
    }
    for name, columns in TABLES.items():
        spark.createDataFrame(content[name], columns).createOrReplaceTempView(f"cleanroom_{name}")
        spark.sql(_CREATE[name], args={"cr_output_catalog": catalog, "cr_output_schema": schema})


def _opaque(error: Exception) -> CleanRoomError:
    if isinstance(error, CleanRoomError):
        return error
    condition = getattr(error, "getCondition", lambda: None)()  # the name of a Spark error; its text may quote values
    name = f"{type(error).__name__} {condition}" if condition else type(error).__name__
    return QueryFailedError(f"The plan could not be computed ({name}).", hint="Use nothing of this run; run it again.")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
