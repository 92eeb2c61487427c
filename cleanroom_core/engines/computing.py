"""Compute a job where the tables are read: cells, protection, classes of rows, certification. The same code for every engine,
which gives two callables; run in DuckDB's locked process, and beside the session on Spark.

Nothing exact leaves: how many people stand in a cell orders what is withheld and ends here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from cleanroom_core.engines.protocol import Computed, ComputeJob, Concealed, Progress, Row
from cleanroom_core.errors import IntegrityError
from cleanroom_core.privacy.protect import concealed, protect
from cleanroom_core.sql.cells import Cells

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cleanroom_core.privacy.certify import Certified, Universe
    from cleanroom_core.privacy.class_rows import ClassRows
    from cleanroom_core.privacy.classes import Part, Side

# (SQL, qualified names it reads) -> what it returns
Rows = Callable[[str, tuple[str, ...]], Sequence[Row]]
Arrays = Callable[[str, tuple[str, ...]], "Sequence[NDArray[np.int64]]"]  # the columns in order; -1 where a value is NULL

CLAIM: Final = (
    "No linear combination of the released counts of rows and sums, over all sheets, receivers and snapshots of this room"
    " together, that uses a figure of this run, is other than zero only on rows of fewer people than the minimum of the asset."
)
_ROUNDED: Final = 10  # numbers about people are said rounded down to it


def compute(job: ComputeJob, run: str, rows: Rows, arrays: Arrays, progress: Progress) -> Computed:
    """Raises IntegrityError when the engine's figures do not have the shape the guard asked for."""
    from cleanroom_core.privacy.certify import certify
    from cleanroom_core.privacy.class_rows import ClassRows
    from cleanroom_core.privacy.classes import Part, Plan, Side, may_be_dominated, without_cells

    asked = [(part, False) for part in job.parts] + [(part, True) for part in job.assumed]
    steps = len(asked) + len(job.beside) + len(job.classes) + 1
    parts: list[Part] = []
    for number, (part, fixed) in enumerate(asked):
        progress("computing", number / steps)
        found = rows(part.query.sql, part.query.assets)
        hidden = concealed(found, part.layout, job.thresholds)
        parts.append(_part(protect(found, part.layout, job.thresholds), found, fixed, hidden))
    read: list[ClassRows] = []
    for number, classes in enumerate(job.classes, start=len(asked)):
        progress("reading the classes of rows", number / steps)
        person, *words = arrays(classes.sql, classes.assets)
        read.append(ClassRows.of(classes.plan, person, words))
        del person, words  # millions of numbers
    for number, part in enumerate(job.beside, start=len(asked)):
        progress("computing", (len(job.classes) + number) / steps)
        enough = may_be_dominated(number, part.layout, read)  # most differences are of nobody or of few, and cost no query
        found = rows(part.query.sql, part.query.assets) if enough else ()
        hidden = concealed(found, part.layout, job.thresholds)
        parts.append(Part(Cells(part.layout, 0, ()), fixed=True, concealed=hidden, beside=True))
    known = [*job.concealed, *({} for _ in job.released[len(job.concealed) :])]
    parts += [Part(cells, fixed=True, concealed=of) for cells, of in zip(job.released, known, strict=True)]
    plan = Plan.of(parts, [classes.plan for classes in job.classes])
    progress("certifying", 1 - 1 / steps)
    universes = [plan.universe(each) for each in read]
    if not plan.fits(universes):
        raise IntegrityError("The cells and the rows do not fit together.", hint="Nothing was released.", code="CELLS")
    certified = certify(plan.table, plan.infos, universes, job.seed)
    back: list[set[int]] = [set() for _ in parts]
    unsaid: list[dict[str, set[int]]] = [{} for _ in parts]
    for cell in certified.withheld.tolist():
        part_number, at = plan.owner[cell]
        figure = plan.sheets[plan.table.sheet[cell]].figure
        (back[part_number] if figure is None else unsaid[part_number].setdefault(figure, set())).add(at)
    if not certified.certified:  # nothing can be said: nothing goes out
        back = [set() if part.fixed else set(range(len(part.cells.cells))) for part in parts]
    remaining = [
        part if part.fixed else without_cells(_without_figures(part, figures), frozenset(gone))
        for part, figures, gone in zip(parts, unsaid, back, strict=True)
    ]
    for figure in sorted({layout.name for part in remaining for layout in part.cells.layout.figures if layout.binary}):
        for side in Side:
            remaining = _without_sums(figure, remaining, read, job.seed, side, job.thresholds.numerator_minimum)
    for figure in sorted({name for part in remaining for name in _names(part) if part.must_not_be_known(name)}):
        remaining = _without_sums(figure, remaining, read, job.seed)
    new = range(len(job.parts))
    return Computed(
        run,
        tuple(remaining[number].cells for number in new),
        tuple(tuple(parts[number].cells.cells[at].labels for at in sorted(back[number])) for number in new),
        _certificate(job, parts, certified, universes, [len(back[number]) for number in new]),
        tuple(parts[number].concealed for number in new),
    )


def _without_figures(part: Part, cells: Mapping[str, set[int]]) -> Part:
    from cleanroom_core.privacy.classes import without_figure

    for figure, places in cells.items():
        part = without_figure(part, figure, places)
    return part


def _names(part: Part) -> Iterator[str]:
    return (layout.name for layout in part.cells.layout.figures)


def _without_sums(
    figure: str, parts: Sequence[Part], read: Sequence[ClassRows], seed: bytes,
    side: Side | None = None, minimum: int | None = None,
) -> list[Part]:  # fmt: skip
    """The parts without the sums of one figure that lead to one which must not be known, or about too few people of a side.

    What earlier releases alone lead to is known already, and withholding more would only hurt."""
    from cleanroom_core.privacy.certify import certify
    from cleanroom_core.privacy.classes import Plan, without_sums

    plan = Plan.of_figure(figure, parts, [each.plan for each in read], side)
    certified = certify(plan.table, plan.infos, [plan.universe(each, minimum) for each in read], seed)
    gone: dict[int, set[int]] = {}
    for cell, (part, at) in enumerate(plan.owner):
        if at >= 0 and not parts[part].fixed and (not certified.certified or cell in certified.withheld):
            gone.setdefault(part, set()).add(at)
    return [without_sums(part, figure, gone[number]) if number in gone else part for number, part in enumerate(parts)]


def _certificate(
    job: ComputeJob, parts: Sequence[Part], certified: Certified, universes: Sequence[Universe], withheld: Sequence[int]
) -> dict[str, Any]:
    """What everybody may know. Nothing in it tells which cell is withheld or how many people there are exactly."""
    sizes = [each.sizes() for each in universes]
    return {
        "claim": CLAIM,
        "certified": certified.certified,
        "whole": certified.whole,
        "prime": certified.prime,
        "seed_commitment": certified.commitment,
        "sheets": len(parts) - len(job.beside),
        "earlier": len(job.assumed) + len(job.released),
        "earlier_alone": "too few people" if certified.earlier else "certified",
        "cells": sum(len(part.cells.cells) for part in parts) - sum(withheld),
        "withheld": list(withheld),
        "rank": dict(certified.rank),
        "rounds": dict(certified.rounds),
        "universes": [
            {"asset": each.name, "minimum": each.minimum, "vectors": _rounded(vectors), "people": _rounded(people)}
            for each, (vectors, people) in zip(universes, sizes, strict=True)
        ],
    }


def _rounded(number: int) -> int:
    return number - number % _ROUNDED


def _part(cells: Cells, rows: Sequence[Row], fixed: bool, hidden: Concealed) -> Part:
    """Protected cells with the people that stand in them, the fewest of any unit."""
    from cleanroom_core.privacy.classes import Part

    layout, units = cells.layout, range(len(cells.layout.units))
    at = {name: number for number, name in enumerate(layout.columns)}
    exact = {tuple(row[: len(layout.keys)]): row for row in rows}
    ordered = [exact[cell.labels] for cell in cells.cells]

    def fewest(names: Sequence[str]) -> list[int]:
        columns = [at[name] for name in names if name in at]  # not every figure is about every unit's people
        return [min(int(str(row[column] or 0)) for column in columns) for row in ordered]

    return Part(
        cells,
        fixed,
        people=fewest([f"u{u}_people" for u in units]),
        figure_people={figure.name: fewest([f"u{u}_f{f}_people" for u in units]) for f, figure in enumerate(layout.figures)},
        concealed=hidden,
    )
