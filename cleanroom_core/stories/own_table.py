"""One own table on the bench: its side of a template, computed and certified on this table alone, in the locked engine.

What comes out is for this side's planning and is never stored or handed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleanroom_core.engines.protocol import CellQuery, Limits, Progress, ShareTable
from cleanroom_core.errors import InputError
from cleanroom_core.guard.own_side import OwnSide, whole
from cleanroom_core.privacy.protect import protect
from cleanroom_core.rooms.state import AssetState
from cleanroom_core.sql.cells import Cell, Cells, Thresholds
from cleanroom_core.stories.certified import Released, compute_parts

if TYPE_CHECKING:
    from cleanroom_core.stories.collaborator import Collaborator

LIMITS = Limits(seconds=120.0)


@dataclass(frozen=True)
class Measured:
    """By partition: the cells that would show, and how many besides have enough people and would stay back for the
    certificate's sake. `unchecked`: why nothing was certified; None when it was."""

    cells: Mapping[str, Cells]
    withheld: Mapping[str, int]
    unchecked: str | None = None

    def shown(self, own: OwnSide) -> tuple[Cell, ...]:
        return self.cells[own.part.layout.partition].cells

    def back(self, own: OwnSide) -> int:
        return self.withheld[own.part.layout.partition]

    def back_in_all(self) -> int:
        return sum(self.withheld.values())


class OwnTable:
    """`asset`: a registered one of this side."""

    def __init__(
        self,
        side: Collaborator,
        asset: AssetState,
        thresholds: Thresholds,
        progress: Progress | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self.asset = asset.qualified
        self.thresholds = thresholds
        self.minimum = thresholds.minimum((self.asset,))
        self._engine, self._progress, self._cancelled = side.room_engine, progress, cancelled
        folder = side.share_files(asset)
        table = ShareTable(folder, asset.version, asset.digest, rows=0, schema=asset.schema, intent="")
        self._tables = {self.asset: table}

    def wholes(self, owns: Iterable[OwnSide]) -> Mapping[str, Cell | None]:
        """By partition all rows asked about as one cell; None where they are not enough people."""
        bare = {own.part.layout.partition: whole(own, self.thresholds) for own in owns}
        found = self._run({one.part.layout.partition: one for one in bare.values()})
        cells = {name: found[one.part.layout.partition].cells for name, one in bare.items()}
        return {name: some[0] if some else None for name, some in cells.items()}

    def measure(self, owns: Iterable[OwnSide], earlier: Sequence[Released] = ()) -> Measured:
        """These together, certified with what is out or planned `earlier`; uncertified where that cannot be done."""
        distinct = {own.part.layout.partition: own for own in owns}
        try:
            computed, _ = compute_parts(
                self._engine, [own.part for own in distinct.values()], earlier, self.thresholds, self._tables, LIMITS,
                self._progress, self._cancelled,
            )  # fmt: skip
        except InputError as error:  # its label combinations are not known, or too many
            return Measured(self._run(distinct), dict.fromkeys(distinct, 0), f"{error.message} {error.hint}")
        return Measured(
            dict(zip(distinct, computed.cells, strict=True)),
            dict(zip(distinct, map(len, computed.withheld), strict=True)),
        )

    def released(self, owns: Iterable[OwnSide]) -> list[Released]:
        """What would be out of these if they were computed first; nothing where that cannot be certified."""
        distinct = {own.part.layout.partition: own for own in owns}
        if not distinct:
            return []
        found = self.measure(distinct.values())
        return [] if found.unchecked else [Released(own.part, found.cells[name]) for name, own in distinct.items()]

    def _run(self, distinct: Mapping[str, OwnSide]) -> dict[str, Cells]:
        dialect = self._engine.dialect
        queries = [CellQuery(name, own.part.query.render(dialect), (self.asset,)) for name, own in distinct.items()]
        found = self._engine.run(queries, self._tables, LIMITS, self._progress, self._cancelled)
        return {one.id: protect(one.rows, distinct[one.id].part.layout, self.thresholds) for one in found}
