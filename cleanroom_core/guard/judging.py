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
from cleanroom_core.guard.question import AllOf, Condition, Key, Question, Ref, Within, both, canonical_hash
from cleanroom_core.guard.reading.conditions import condition, conjuncts
from cleanroom_core.guard.reading.outputs import Frame
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
    where = both([condition(part, reading) for part in conjuncts(reading.select.args.get("where"))])
    frame = frame_of(reading)
    outputs = [_read(found) for found in outputs_of(frame)]
    having = having_of(with_aliases(frame, outputs, hide_keys=True))
    order = tuple(_read(found) for found in order_of(with_aliases(frame, outputs, hide_keys=False), outputs))
    question = _question(frame, where)
    return Sheet(
        template=name,
        parameters=dict(reading.choice),
        receiver=reading.receiver,
        purpose=reading.purpose,
        parts=(Part(sealed(question, reading.world.thresholds), question.layout, _canonical(question.layout)),),
        outputs=tuple(outputs),
        where=where,
        keys=frame.keys,
        having=having,
        order=order,
        limit=limit_of(reading),
    )


def _question(frame: Frame, where: Condition) -> Question:
    assets = tuple(sorted(frame.reading.scope.assets.values(), key=lambda asset: asset.qualified))
    collected = dict(sorted(frame.aggregates.figures.items()))
    partition = canonical_hash(
        {
            "assets": [
                [asset.qualified, asset.rule.join_key.casefold(), asset.rule.privacy_unit.casefold()] for asset in assets
            ],
            "where": where.as_json(),
            "keys": [key.name for key in frame.keys],
        }
    )
    layout = CellLayout(
        partition,
        tuple(KeyLayout(key.name, key.type, _labels(key, where, assets)) for key in frame.keys),
        tuple(layout for _, layout in collected.values()),
        tuple(UnitLayout(unit) for unit in frame.aggregates.units),
    )
    figures = {name: ref for name, (ref, _) in collected.items()}
    return Question(assets, where, frame.keys, figures, layout, period=frame.reading.world.period)


def _labels(key: Key, where: Condition, assets: tuple[Asset, ...]) -> tuple[Label, ...] | None:
    """The domain of a key, as far as the filter on this column alone lets it through."""
    if key.ref is None:
        return tuple(label for label, _ in key.branches)
    asset = next(asset for asset in assets if asset.qualified == key.ref.asset)
    region = _region(key.ref, where)
    if key.grid is None:
        column = asset.schema.get(key.ref.column)
        domain = asset.domain(column) if column is not None else None
        if domain is None:
            return None
        kept: set[Label] = {label for label in domain if region is None or label in region}
        if None not in domain and region is not None and None in region:
            kept.add(None)  # the filter asks for missing values by name
    else:
        periods = asset.periods(key.ref.column, key.grid)
        if periods is None:
            return None
        kept = {start for start in periods if region is None or _meets(start, key.grid, region)}
    return tuple(sorted(kept, key=lambda label: label_order((label,))))


def _meets(start: date | None, grid: str, region: Region) -> bool:
    """Whether some day of the period is let through."""
    if start is None or isinstance(region, Labels):
        return None in region
    return not (Spans((((start, 0), (following(start, grid), 0)),)) & region).is_empty


def _region(ref: Ref, where: Condition) -> Region | None:
    parts = where.parts if isinstance(where, AllOf) else (where,)
    return next((part.region for part in parts if isinstance(part, Within) and part.ref == ref), None)


def _canonical(layout: CellLayout) -> str:
    return canonical_hash({"partition": layout.partition, "figures": [_figure(figure) for figure in layout.figures]})


def _figure(figure: FigureLayout) -> list[object]:
    return [figure.name, figure.summed, figure.scale, list(figure.clip or ())]


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
