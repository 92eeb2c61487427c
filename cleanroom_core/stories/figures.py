"""Protected cells as they lie in entries: read back, checked against their commitment, and shown as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cleanroom_core.audit.entry import commitment, encode_payload
from cleanroom_core.errors import IntegrityError
from cleanroom_core.rooms.state import ResultState
from cleanroom_core.sql.cells import Cells

if TYPE_CHECKING:
    from cleanroom_core.stories.collaborator import Collaborator


@dataclass(frozen=True)
class SheetFigures:
    """One part of a sheet of a result: the sheet's parameters, the part's number, the hash of its canonical form, its protected
    cells."""

    parameters: Mapping[str, Any]
    canonical: str
    cells: Cells
    part: int = 0


def sheets_of(payload: Mapping[str, Any]) -> tuple[SheetFigures, ...]:
    return tuple(
        SheetFigures(item["parameters"], item["canonical"], Cells.from_json(item["cells"]), item.get("part", 0))
        for item in payload["sheets"]
    )


def quarantined_sheets(side: Collaborator, result: ResultState) -> tuple[SheetFigures, ...]:
    """Figures of a result in this side's own quarantine."""
    record = side.log.records(result.ref.origin, start=result.ref.seq, stop=result.ref.seq + 1)[0]
    return sheets_of(record.payload)


def released_sheets(side: Collaborator, result: ResultState) -> tuple[SheetFigures, ...]:
    """Figures of a release this side may read. Raises IntegrityError unless they are those the custodian had committed to."""
    assert result.release is not None  # noqa: S101  who calls has looked at the verdict
    release = result.release
    payload = side.log.records(release.origin, start=release.seq, stop=release.seq + 1)[0].payload
    ref = result.ref
    try:
        data = encode_payload(payload["result"])
        if commitment(ref.origin, ref.seq, "result", bytes.fromhex(payload["salt"]), data) == result.commitment:
            return sheets_of(payload["result"])
    except Exception:  # noqa: S110  the custodian's software wrote it: whatever cannot be read is not what was committed to
        pass
    raise IntegrityError(
        f"The released figures of {result.template} are not those that were committed to before the review.",
        hint="Do not use them; raise a dispute with the other side.",
        code="COMMITMENT",
    )
