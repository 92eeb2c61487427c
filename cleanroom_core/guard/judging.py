"""Judge a template, or a question in SQL, against a world: every finding there is, or one sheet per parameter choice."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import date
from typing import TypeVar

from cleanroom_core.guard.calendar import following
from cleanroom_core.guard.dialect import parse
from cleanroom_core.guard.finding import Finding, Refusal
from cleanroom_core.guard.inline import inlined
from cleanroom_core.guard.logic import NEVER, Condition, both, region_of
from cleanroom_core.guard.meaning import meaning
from cleanroom_core.guard.question import Key, Question, bearer, canonical_hash
from cleanroom_core.guard.reading.outputs import Frame
from cleanroom_core.guard.reading.parts import PartFigures
from cleanroom_core.guard.reading.projection import frame_of, having_of, limit_of, order_of, outputs_of, with_aliases
from cleanroom_core.guard.reading.scope import Reading
from cleanroom_core.guard.regions import Labels, Region, Spans
from cleanroom_core.guard.rules import STAGES
from cleanroom_core.guard.safe_query import sealed
from cleanroom_core.guard.sheet import Output, Part, Sheet, Sorting
from cleanroom_core.guard.template import Template
from cleanroom_core.guard.verdict import Verdict
from cleanroom_core.guard.world import Asset, World
from cleanroom_core.sql.cells import CellLayout, FigureLayout, KeyLayout, Label, UnitLayout, label_order

T = TypeVar("T", Output, Sorting)


def judge(template: Template, world: World) -> Verdict:
    """The verdict on a template: parsed once, judged, and one sheet per parameter choice. Never raises for what a text says."""
    text = unicodedata.normalize("NFC", template.sql)
    try:
        reading = Reading(text, parse(text), world, template.parameters, {}, template.receiver, template.purpose)
        for number, stage in enumerate(STAGES):
            if number == 1:  # the closed grammar is about the text as it was written, all others about what it means
                reading = replace(reading, select=inlined(reading.select, world))
            found = [finding for rule in stage for finding in rule(reading)]
            if found:
                return Verdict(tuple(dict.fromkeys(found)), ())
        return Verdict((), tuple(_sheet(replace(reading, choice=choice), template.name) for choice in template.choices()))
    except Refusal as refusal:  # a reader knows better than the rules: refused all the same
        return Verdict((refusal.finding(text),), ())
    except RecursionError:
        return Verdict((_too_complex(),), ())
    except Exception:  # a text no reader has foreseen, in a plan somebody else proposed: refused, and the page still opens
        return Verdict((_unforeseen(),), ())


def judge_sql(sql: str, by: str, world: World, *, purpose: str | None = None) -> Verdict:
    """The verdict on a question asked in SQL by the collaborator `by`; its one sheet may equal, in its canonical form, or be
    covered by, a released one. Nothing is computed for it."""
    template = Template(name="", receiver=by, purpose=purpose or "", sql=sql)
    if purpose is not None:
        return judge(template, world)
    return judge(template, replace(world, purposes=(*world.purposes, "")))


def _sheet(reading: Reading, name: str) -> Sheet:
    frame = frame_of(reading)
    outputs = [_read(found) for found in outputs_of(frame)]
    having = having_of(with_aliases(frame, outputs, hide_keys=True))
    order = tuple(_read(found) for found in order_of(with_aliases(frame, outputs, hide_keys=False), outputs))
    questions = [_question(frame, part) for part in frame.aggregates.parts]
    thresholds = reading.world.thresholds
    return Sheet(
        template=name,
        parameters=dict(reading.choice),
        receiver=reading.receiver,
        purpose=reading.purpose,
        parts=tuple(Part(sealed(one, thresholds), one.layout, _canonical(one.layout)) for one in questions),
        outputs=tuple(outputs),
        where=questions[0].where,
        keys=frame.keys,
        having=having,
        order=order,
        limit=limit_of(reading),
    )


def _question(frame: Frame, part: PartFigures) -> Question:
    assets = tuple(sorted(frame.reading.scope.assets.values(), key=lambda asset: asset.qualified))
    collected, where = dict(sorted(part.figures.items())), part.where
    period = frame.reading.world.period
    said = {
        "assets": [[asset.qualified, asset.rule.join_key.casefold(), asset.rule.privacy_unit.casefold()] for asset in assets],
        "where": meaning(where),
        "keys": [key.name for key in frame.keys],
    }
    if len(assets) > 1:
        said |= {"rows of": bearer(assets).qualified}
    if frame.aggregates.optional:
        dated = period is not None and any(
            asset.rule.period_column is not None for asset in assets if asset.qualified in frame.aggregates.optional
        )
        said |= {"optional": sorted(frame.aggregates.optional), "period": str(period) if dated else None}
    partition = canonical_hash(said)
    layout = CellLayout(
        partition,
        tuple(KeyLayout(key.name, key.type, _labels(key, where, assets, frame.aggregates.optional)) for key in frame.keys),
        tuple(layout for _, layout in collected.values()),
        tuple(UnitLayout(unit, unit[0] in frame.aggregates.optional) for unit in frame.aggregates.units),
    )
    figures = {name: ref for name, (ref, _) in collected.items()}
    return Question(assets, where, frame.keys, figures, layout, frame.aggregates.optional, period)


def _labels(key: Key, where: Condition, assets: tuple[Asset, ...], optional: frozenset[str]) -> tuple[Label, ...] | None:
    """The domain of a key, as far as the filter lets it through; of a plain one, the filter on this column alone."""
    if key.ref is None:
        return tuple(label for label, rows in key.branches if both([where, rows]) != NEVER)
    missing = key.ref.asset in optional  # rows in which its asset is unmatched are a cell too
    asset = next(asset for asset in assets if asset.qualified == key.ref.asset)
    region = region_of(key.ref, where)
    if key.grid is None:
        column = asset.schema.get(key.ref.column)
        domain = asset.domain(column) if column is not None else None
        if domain is None:
            return None
        kept: set[Label] = {label for label in domain if region is None or label in region}
        if None not in domain and (None in region if region is not None else missing):
            kept.add(None)  # the filter asks for missing values by name
    else:
        periods = asset.periods(key.ref.column, key.grid)
        if periods is None:
            return None
        among = dict.fromkeys((*periods, None) if missing else periods)
        kept = {start for start in among if region is None or _meets(start, key.grid, region)}
    return tuple(sorted(kept, key=lambda label: label_order((label,))))


def _meets(start: date | None, grid: str, region: Region) -> bool:
    """Whether some day of the period is let through."""
    if start is None or isinstance(region, Labels):
        return None in region
    return not (Spans((((start, 0), (following(start, grid), 0)),)) & region).is_empty


def _canonical(layout: CellLayout) -> str:
    return canonical_hash({"partition": layout.partition, "figures": [_figure(figure) for figure in layout.figures]})


def _figure(figure: FigureLayout) -> list[object]:
    said = [figure.name, figure.summed, figure.scale, list(figure.clip or ())]
    return said if figure.step is None else [*said, figure.step]


def _read(found: T | Refusal) -> T:
    if isinstance(found, Refusal):
        raise found
    return found


def _unforeseen() -> Finding:
    return Finding(
        "UNREADABLE",
        "The guard cannot read this text.",
        "Write its constants and positions plainly.",
        "grammar.statement",
        "room",
    )


def _too_complex() -> Finding:
    return Finding("TOO_COMPLEX", "This text is nested too deeply.", "Write it with fewer parts.", "grammar.statement", "room")
