"""Compute new parts of a plan, certified together with everything that is out already."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cleanroom_core.engines.protocol import (
    CellQuery,
    Computed,
    ComputeJob,
    Concealed,
    Limits,
    NewPart,
    Progress,
    RoomEngine,
    RowClasses,
    ShareTable,
)
from cleanroom_core.errors import IntegrityError
from cleanroom_core.guard.classes import PlannedPart, class_queries
from cleanroom_core.guard.complement import complements
from cleanroom_core.guard.sheet import Part
from cleanroom_core.sql.cells import Cells, Thresholds

_SEED_BYTES = 32


@dataclass(frozen=True)
class Released:
    """Cells that are out, with the part they answer, judged as it was then. `snapshot`: of the data they were computed on; 0 is
    the present one, and the tables of N are called `owner@N.name`. `concealed`: as `Computed` gave it, where it is known."""

    part: Part
    cells: Cells
    snapshot: int = 0
    concealed: Concealed = field(default_factory=dict)


def compute_parts(
    engine: RoomEngine,
    parts: Sequence[Part],
    released: Sequence[Released],
    thresholds: Thresholds,
    tables: Mapping[str, ShareTable],
    limits: Limits | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    assumed: Sequence[Part] = (),
    seed: bytes | None = None,
) -> tuple[Computed, bytes]:
    """Protected and certified cells of each part, and the seed of the certificate, which the custodian keeps.

    Released parts that count other periods' rows are left out by the caller: no row stands in two periods. `assumed`: parts
    whose cells are out, or may be, and cannot be read here. `seed` only to repeat a certification.
    Raises InputError when the parts cannot be certified (`guard.classes`), and what engines raise.
    """
    seed = secrets.token_bytes(_SEED_BYTES) if seed is None else seed
    job = compute_job(engine.dialect, parts, released, thresholds, seed, assumed)
    return engine.compute(job, tables, limits or Limits(), progress, cancelled), seed


def compute_job(
    dialect: str,
    parts: Sequence[Part],
    released: Sequence[Released],
    thresholds: Thresholds,
    seed: bytes,
    assumed: Sequence[Part] = (),
) -> ComputeJob:
    """What an engine is asked to compute and certify, in SQL of `dialect`. Raises as `compute_parts` does."""
    for each in released:
        if each.cells.layout.keys != each.part.layout.keys or not each.cells.layout.covers(each.part.layout):
            raise IntegrityError(
                "Released figures do not fit the question they answer any more.",
                hint="Compute the plan in a new period, or in a new room.",
                code="OTHER_SHEET",
            )
    before = [*assumed, *(each.part for each in released if each.snapshot == 0)]
    beside = complements(parts, before, thresholds)
    planned = [PlannedPart(part.query) for part in (*parts, *assumed)]
    planned += [PlannedPart(part.query, beside=True) for part in beside]
    planned += [PlannedPart(each.part.query, each.snapshot) for each in released]
    return ComputeJob(
        parts=_asked(parts, dialect),
        assumed=_asked(assumed, dialect),
        released=tuple(each.cells for each in released),
        concealed=tuple(each.concealed for each in released),
        classes=tuple(
            RowClasses(query.render(dialect), query.assets, query.plan) for query in class_queries(planned, thresholds)
        ),
        thresholds=thresholds,
        seed=seed,
        beside=_asked(beside, dialect),
    )


def _asked(parts: Sequence[Part], dialect: str) -> tuple[NewPart, ...]:
    return tuple(
        NewPart(CellQuery(str(number), part.query.render(dialect), part.query.assets), part.layout)
        for number, part in enumerate(parts)
    )
