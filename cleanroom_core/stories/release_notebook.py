"""The release plan of a period as one notebook for a clean room: the signed plan and the tables' names in, its text out. Pure.

Both sides make it from their own copy of the plan and compare the bytes before they approve it. docs/release-notebook.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from cleanroom_core.engines.job_json import job_to_json
from cleanroom_core.engines.spark.statement import with_views
from cleanroom_core.errors import InputError, NotReadyError
from cleanroom_core.guard import World, judge
from cleanroom_core.guard.world import Asset, Period
from cleanroom_core.notebooks.release.write import FORMAT, notebook_text
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.rooms.state import PlanText
from cleanroom_core.rooms.texts import text_hash
from cleanroom_core.sql import quoting
from cleanroom_core.sql.types import Column, Kind
from cleanroom_core.stories.certified import compute_job

if TYPE_CHECKING:
    from cleanroom_core.engines.protocol import ComputeJob
    from cleanroom_core.guard.sheet import Sheet

_DIALECT = "spark"


def release_notebook(
    room: str, plan: PlanText, world: World, tables: Mapping[str, ObjectName], custodian: str | None = None
) -> str:
    """Every sheet of the plan in one notebook, for the period of `world`. `tables`: qualified asset -> its name in the room.
    `custodian`: only the sheets this side keeps until their review; all the others are taken to be out, whole.

    Nothing released earlier is certified with it, so it is for the first computation of a period only (`runs_once` for one
    without periods). Raises InputError for a plan that cannot be certified or put into a notebook, NotReadyError where the
    guard refuses a template as things stand."""
    judged = {name: _judged(plan, name, world) for name in sorted(plan.templates)}
    own = [name for name in judged if custodian in (None, plan.templates[name].custodian)]
    sheets = [sheet for name in own for sheet in judged[name]]
    parts = {part.canonical: part for sheet in sheets for part in sheet.parts}  # two sheets may share a part
    if not parts:
        raise InputError(f"{custodian} keeps no sheet of this plan.", hint="Its other side computes it.", code="NOTEBOOK")
    others = {part.canonical: part for name in judged for sheet in judged[name] for part in sheet.parts}
    assumed = [part for canonical, part in others.items() if canonical not in parts]
    job = compute_job(_DIALECT, list(parts.values()), [], world.thresholds, b"", assumed)
    read = sorted({asset for each in (*job.parts, *job.assumed, *job.beside) for asset in each.query.assets})
    read = sorted({*read, *(asset for classes in job.classes for asset in classes.assets)})
    views = {asset: f"cleanroom_asset_{number}" for number, asset in enumerate(read)}
    statements = {f"view {asset}": _view(world.assets[asset], views[asset], _place(asset, tables)) for asset in read}
    statements |= {name: _readable(with_views(sql, views)) for name, sql in _queries(job)}
    for name, sql in statements.items():
        if "${" in sql:  # some sessions put variables of the platform there
            raise InputError(f"{name}: a label has ${{ in it.", hint="Leave it out of the domain.", code="NOTEBOOK")
    text = {
        "format": FORMAT,
        "room": room,
        "plan": text_hash(plan.as_json()),
        "period": None if world.period is None else {at: day and day.isoformat() for at, day in asdict(world.period).items()},
        "once": runs_once([sheet for each in judged.values() for sheet in each], world),
        "sheets": [
            {
                "template": sheet.template,
                "parameters": dict(sheet.parameters),
                "part": number,
                "canonical": part.canonical,
                "at": list(parts).index(part.canonical),
            }
            for sheet in sheets
            for number, part in enumerate(sheet.parts)
        ],
        "job": _named(job_to_json(job)),
    }
    return notebook_text(text, statements)


def runs_once(sheets: Sequence[Sheet], world: World) -> bool:
    """Whether some sheet counts rows of all times, so that its figures of another day would not compose with these."""
    if world.period is None or world.period == Period(None, None):
        return True
    return not all(part.query.is_dated for sheet in sheets for part in sheet.parts)


def _judged(plan: PlanText, name: str, world: World) -> tuple[Sheet, ...]:
    verdict = judge(plan.templates[name].template, world)
    if not verdict.ok:
        raise NotReadyError(f"The guard refuses {name} as things stand.", hint="Propose the plan anew.", code="GUARD")
    return verdict.sheets


def _place(asset: str, tables: Mapping[str, ObjectName]) -> ObjectName:
    if asset not in tables:
        raise InputError(f"{asset} has no name in the room.", hint="Say which table it is, as alias.schema.table.", code="NAME")
    return tables[asset]


def _view(asset: Asset, view: str, table: ObjectName) -> str:
    """The table as exactly the agreed columns and types: what else it has, or has become, is not read."""
    columns = [exp.alias_(_typed(each), each.name, quoted=True) for each in asset.schema]
    select = exp.Select(expressions=columns).from_(table.tree())
    return f"CREATE OR REPLACE TEMPORARY VIEW {view} AS\n{select.sql(_DIALECT, pretty=True)}"


def _typed(column: Column) -> exp.Expr:
    type_ = "TIMESTAMP_NTZ" if column.type.kind is Kind.TIMESTAMP else str(column.type)
    return exp.cast(quoting.column(column.name), type_, dialect=_DIALECT)


def _queries(job: ComputeJob) -> Iterator[tuple[str, str]]:
    for kind, parts in (("part", job.parts), ("assumed", job.assumed), ("beside", job.beside)):
        yield from ((f"{kind} {number}", each.query.sql) for number, each in enumerate(parts))
    yield from ((f"classes {number}", each.sql) for number, each in enumerate(job.classes))


def _named(job: dict[str, Any]) -> dict[str, Any]:
    """The job with the names of its statements in their place, and without a seed, which is drawn in the room."""
    for kind, word in (("parts", "part"), ("assumed", "assumed"), ("beside", "beside"), ("classes", "classes")):
        for number, each in enumerate(job[kind]):
            each["sql"] = f"{word} {number}"
    return {name: value for name, value in job.items() if name != "seed"}


@lru_cache(maxsize=512)  # parsing twice is most of the work of writing a notebook, and whoever compares writes it again
def _readable(sql: str) -> str:
    """The statement over several lines, if read again it is the same statement to the letter."""
    pretty = sqlglot.parse_one(sql, read=_DIALECT).sql(_DIALECT, pretty=True)
    return pretty if sqlglot.parse_one(pretty, read=_DIALECT).sql(_DIALECT) == sql else sql
