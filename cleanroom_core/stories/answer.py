"""Answer a question from released cells, or say which clause stands in the way. Tells nothing that was not released before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cleanroom_core.audit.entry import Ref
from cleanroom_core.errors import IntegrityError
from cleanroom_core.guard import judge, judge_sql
from cleanroom_core.guard.answer import Answer, not_released_labels, project
from cleanroom_core.guard.finding import Finding
from cleanroom_core.guard.sheet import Sheet
from cleanroom_core.guard.template import ParameterValue, Template
from cleanroom_core.guard.units import units_of
from cleanroom_core.guard.verdict import Verdict
from cleanroom_core.guard.world import Period
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.rooms.state import ResultState
from cleanroom_core.sql.cells import Cells, Label
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.figures import SheetFigures, released_sheets
from cleanroom_core.stories.world import period_then, world_of


class Outcome(StrEnum):
    RELEASED = "released"
    REFUSED = "refused"
    SUPPRESSED = "suppressed"  # no row reached the agreed minimum


@dataclass(frozen=True)
class Answered:
    """`answer` and `release` are there when figures are; `findings` say what stands in the way when they are not.

    `units`: column -> `label` or what its figures count (`guard.units`). `not_released`: per key of the sheet, the labels of
    the agreed domain without any released cell, without a reason.
    """

    outcome: Outcome
    answer: Answer | None = None
    release: Ref | None = None
    template: str | None = None
    findings: tuple[Finding, ...] = field(default=())
    units: Mapping[str, str] = field(default_factory=dict)
    not_released: Mapping[str, tuple[Label, ...]] = field(default_factory=dict)


def released_templates(side: Collaborator, user: User) -> dict[str, tuple[Template, ResultState]]:
    """The templates of the plan in force with a release to this side, each with its newest release."""
    user.require(Permission.ANSWER_READ, side.organisation)
    planned = side.state().plan_in_force
    found = {} if planned is None else {name: newest(side, name) for name in sorted(planned.text.templates)}
    return {
        name: (planned.text.templates[name].template, result)
        for name, result in found.items()
        if planned is not None and result is not None
    }


def ask_template(
    side: Collaborator, user: User, template: str, parameters: Mapping[str, ParameterValue] | None = None
) -> Answered:
    """The figures of one parameter choice of a released template, for its receiver."""
    user.require(Permission.ANSWER_READ, side.organisation)
    wanted = dict(parameters or {})
    result = newest(side, template)
    planned = side.state().plan_in_force
    if result is None or planned is None or template not in planned.text.templates:
        return _refused(_not_released(template))
    verdict = judge(planned.text.templates[template].template, world_of(side.state(), period_then(result)))
    if not verdict.ok:
        return Answered(Outcome.REFUSED, template=template, findings=verdict.findings)
    sheet = next((sheet for sheet in verdict.sheets if dict(sheet.parameters) == wanted), None)
    if sheet is None:
        message, hint = f"{template} has no such parameter choice.", "Take one of the values the plan lists."
        return _refused(Finding("PARAMETER", message, hint, "template.parameters", "both"))
    return _from(side, result, sheet)


def ask_sql(side: Collaborator, user: User, sql: str, purpose: str | None = None) -> Answered:
    """Judge a question in SQL; when it is, in other words, a sheet that was released to this side, answer from its cells."""
    user.require(Permission.ANSWER_READ, side.organisation)
    state = side.state()
    verdict = judge_sql(sql, side.alias, world_of(state), purpose=purpose)
    if not verdict.ok:
        return Answered(Outcome.REFUSED, findings=verdict.findings)
    then: dict[Period | None, Verdict] = {None: verdict}  # the same question about the rows of a period is another one
    for result in reversed(state.released(side.alias)):
        if result.receiver != side.alias:
            continue
        period = period_then(result)
        if period not in then:
            then[period] = judge_sql(sql, side.alias, world_of(state, period), purpose=purpose)
        if not then[period].ok:
            continue
        sheet = then[period].sheets[0]
        try:
            sheets = released_sheets(side, result)
        except IntegrityError:
            continue  # said where its template is asked for by name; it must not stand in the way of the others
        if (cells := _answering(sheet, sheets)) is not None:
            return _shown(result, sheet, cells)
    message = "This question would pass the guard, but no released sheet answers it."
    hint = "Propose it as a template on the plan page; both sides sign the plan, then it is computed."
    return _refused(Finding("NOT_IN_PLAN", message, hint, "plan.templates", "both"))


def newest(side: Collaborator, template: str) -> ResultState | None:
    """The newest release of a template to this side."""
    found = [result for result in side.state().released(side.alias) if result.template == template]
    return next((result for result in reversed(found) if result.receiver == side.alias), None)


def _from(side: Collaborator, result: ResultState, sheet: Sheet) -> Answered:
    cells = _answering(sheet, released_sheets(side, result))
    if cells is None:
        return _refused(_not_released(result.template))
    return _shown(result, sheet, cells)


def _answering(sheet: Sheet, released: Sequence[SheetFigures]) -> tuple[Cells, ...] | None:
    """Released cells for every part of the sheet, in order; None when some part has none."""
    found = [
        next((figures.cells for figures in released if figures.cells.layout.covers(part.layout)), None) for part in sheet.parts
    ]
    cells = tuple(one for one in found if one is not None)
    return cells if len(cells) == len(found) else None


def _shown(result: ResultState, sheet: Sheet, cells: tuple[Cells, ...]) -> Answered:
    answer = project(sheet, cells)
    outcome = Outcome.RELEASED if answer.rows else Outcome.SUPPRESSED
    missing = not_released_labels(sheet, cells[0])
    return Answered(outcome, answer, result.release, result.template, (), units_of(sheet), missing)


def _refused(finding: Finding) -> Answered:
    return Answered(Outcome.REFUSED, findings=(finding,))


def _not_released(template: str) -> Finding:
    return Finding(
        "NOT_RELEASED", f"No result of {template} has been released to this side.",
        "See on the home page what it waits for.", "plan.templates", "both",
    )  # fmt: skip
