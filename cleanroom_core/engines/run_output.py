"""What a run of a release notebook has written, read by whoever may read the run's output schema: tables of texts in, protected
cells and their certificate out, as the engines of this machine give them (`protocol.Computed`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from cleanroom_core.engines.in_room import TABLES, rows_hash
from cleanroom_core.errors import IntegrityError
from cleanroom_core.notebooks.release.verify import ReleaseNotebook
from cleanroom_core.notebooks.release.write import query_hash
from cleanroom_core.sql.cells import Cells, Thresholds

Tables = Mapping[str, Sequence[Sequence[Any]]]  # name of an output table -> its rows, in any order; values may all be text


@dataclass(frozen=True)
class SheetOutput:
    """One part of a sheet, as the plan has it; `withheld`: how many of its cells stayed back for the certificate's sake."""

    template: str
    parameters: Mapping[str, Any]
    part: int
    canonical: str
    cells: Cells
    withheld: int


@dataclass(frozen=True)
class RunOutput:
    """`certificate`: for everybody. `seed`: of its draws, for the custodian alone. `manifest`: what ran, and the hashes."""

    sheets: tuple[SheetOutput, ...]
    certificate: Mapping[str, Any]
    manifest: Mapping[str, Any]
    seed: bytes


def output_columns() -> dict[str, tuple[str, ...]]:
    """The tables of a run's output schema, and the columns in the order in which `read_output` takes them."""
    return {name: tuple(column.split()[0] for column in columns.split(", ")) for name, columns in TABLES.items()}


def read_output(notebook: ReleaseNotebook, tables: Tables) -> RunOutput:
    """The figures of a run of exactly this notebook. Raises IntegrityError where anything is missing, changed, or from another
    notebook. Whether cells, certificate and contract hold up is the review's question."""
    try:
        ((written, seed),), ((certificate,),) = tables["manifest"], tables["certificate"]
        manifest = json.loads(written)
        rows = sorted((int(part), int(number), str(cell)) for part, number, cell in tables["cells"])
        told = (manifest["content_hash"], manifest["query_hash"], manifest["plan"])
    except (KeyError, TypeError, ValueError):
        _refuse("The run's output is not complete.")
    if told != (notebook.content_hash, query_hash(notebook.statements), notebook.plan["plan"]):
        _refuse("This output is not of the notebook that was approved.")
    if (
        manifest["cells_hash"] != rows_hash(rows)
        or manifest["certificate_hash"] != hashlib.sha256(certificate.encode()).hexdigest()
    ):
        _refuse("The run's output has been changed.")
    counts, job = manifest["cells"], notebook.plan["job"]
    if [sum(part == each for part, _, _ in rows) for each in range(len(job["parts"]))] != counts or sum(counts) != len(rows):
        _refuse("The run's output has been changed.")
    thresholds, said = Thresholds(*job["thresholds"]), json.loads(certificate)
    cells = [
        _cells(part["layout"], thresholds, [json.loads(cell) for of, _, cell in rows if of == number])
        for number, part in enumerate(job["parts"])
    ]
    sheets = tuple(
        SheetOutput(each["template"], each["parameters"], each["part"], each["canonical"], cells[at], said["withheld"][at])
        for each in notebook.plan["sheets"]
        for at in [each["at"]]
    )
    return RunOutput(sheets, said, manifest, bytes.fromhex(seed))


def _cells(layout: Mapping[str, Any], thresholds: Thresholds, cells: list[Any]) -> Cells:
    units = Cells.from_json(layout).layout.units
    minimums = [thresholds.minimum(unit.assets) for unit in units]
    rules = {"numerator_minimum": thresholds.numerator_minimum, "minimum_cohort": minimums}
    return Cells.from_json({**layout, **rules, "cells": cells})


def _refuse(message: str) -> NoReturn:
    raise IntegrityError(message, hint="Do not use it. Run the approved notebook again.", code="RUN_OUTPUT")
