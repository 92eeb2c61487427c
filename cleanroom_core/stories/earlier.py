"""What of a room is out already, or may be: everything a new certification has to count in.

A result counts from the moment it lies in quarantine. Its figures are read where this side may: in its own quarantine, and in
releases to it. Of the others only the questions are known; every cell they may have is then taken to be out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cleanroom_core.engines.job_json import concealed_from_json, concealed_to_json
from cleanroom_core.engines.protocol import Concealed
from cleanroom_core.errors import CleanRoomError
from cleanroom_core.guard import World, judge
from cleanroom_core.guard.sheet import Part
from cleanroom_core.guard.template import Template
from cleanroom_core.rooms.state import ResultState, RoomState, Verdict
from cleanroom_core.rooms.texts import text_hash
from cleanroom_core.stories.certified import Released
from cleanroom_core.stories.figures import released_sheets, sheets_of
from cleanroom_core.stories.world import period_then

if TYPE_CHECKING:
    from cleanroom_core.stories.collaborator import Collaborator


@dataclass
class Earlier:
    """`released`: cells that can be read; `assumed`: parts whose cells cannot. `blocked`: asset -> why nothing more can be said
    about it for now: figures of it are out that cannot be certified together with new ones."""

    released: list[Released] = field(default_factory=list)
    assumed: list[Part] = field(default_factory=list)
    blocked: dict[str, str] = field(default_factory=dict)


def earlier_parts(side: Collaborator, state: RoomState, world: World) -> Earlier:
    """Everything of the room but what counts rows of earlier periods only: no row stands in two of them."""
    found = Earlier()
    for result in state.results:
        if result.verdict not in (Verdict.QUARANTINED, Verdict.RELEASED) or _is_over(result, world):
            continue
        touched = result.snapshot or dict.fromkeys(state.assets, "")
        if any(name not in state.assets or state.assets[name].digest != digest for name, digest in touched.items()):
            found.blocked |= dict.fromkeys(touched, f"figures of {result.template} came from an earlier state of it")
        elif not _counted_in(side, state, world, result, found):
            found.blocked |= dict.fromkeys(touched, f"what was released of {result.template} was judged by other rules")
    return found


def _is_over(result: ResultState, world: World) -> bool:
    """Whether it counts dated rows of an earlier period alone."""
    begins = None if world.period is None else world.period.start
    return result.dated and result.period is not None and begins is not None and result.period[1] <= begins


def _counted_in(side: Collaborator, state: RoomState, world: World, result: ResultState, found: Earlier) -> bool:
    """Judge its template as it was judged then and take its parts in; False when they are not the same any more."""
    payload = _payload(side, result)
    template = _template(state, result, payload)
    if template is None:
        return False
    then = replace(world, purposes=(*world.purposes, template.purpose), period=period_then(result))
    verdict = judge(template, then)
    parts = {part.canonical: part for sheet in verdict.sheets for part in sheet.parts}
    if not verdict.ok or set(verdict.sheets[0].query.assets) != set(result.snapshot):
        return False
    if payload is None:
        found.assumed += parts.values()
        return True
    cells = {figures.canonical: figures.cells for figures in sheets_of(payload)}
    if set(cells) != set(parts) or any(cells[name].layout.keys != parts[name].layout.keys for name in parts):
        return False
    hidden = _concealed(side, result)
    found.released += [
        Released(parts[name], cells[name], concealed=concealed_from_json(hidden.get(name, ()), parts[name].layout))
        for name in sorted(parts)
    ]
    return True


def kept_of(concealed: Mapping[str, Concealed]) -> dict[str, Any]:
    """What must not be known of each part, by its canonical form, as the outcome of its run keeps it for its custodian."""
    return {"concealed": {name: concealed_to_json(each) for name, each in concealed.items()}}


def _concealed(side: Collaborator, result: ResultState) -> Mapping[str, Any]:
    if result.custodian != side.alias or result.run is None:
        return {}
    for record in side.log.records(result.run.origin, start=result.run.seq):
        if record.entry.kind == "outcome" and result.run in record.entry.refs:
            kept: Mapping[str, Any] = (record.payload or {}).get("concealed", {})
            return kept
    return {}


def _payload(side: Collaborator, result: ResultState) -> Mapping[str, Any] | None:
    """The figures with what they follow from, where this side may read them."""
    if result.custodian == side.alias:
        payload: Mapping[str, Any] | None = side.log.records(result.ref.origin, start=result.ref.seq, stop=result.ref.seq + 1)[
            0
        ].payload
        return payload
    if result.release is None or result.receiver != side.alias:
        return None
    try:
        released_sheets(side, result)  # what was committed to, and nothing else
    except CleanRoomError:
        return None
    release = result.release
    read: Mapping[str, Any] = side.log.records(release.origin, start=release.seq, stop=release.seq + 1)[0].payload["result"]
    return read


def _template(state: RoomState, result: ResultState, payload: Mapping[str, Any] | None) -> Template | None:
    if payload is not None:
        return Template.from_json(payload["basis"]["template"])
    plan = state.plan_in_force
    if plan is None or result.template not in plan.text.templates:
        return None
    template = plan.text.templates[result.template].template
    return template if text_hash(template.as_json()) == result.template_hash else None
