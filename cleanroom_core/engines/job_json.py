"""A ComputeJob and what it gave, as the JSON two processes of one machine say to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cleanroom_core.engines.protocol import CellQuery, Computed, ComputeJob, Concealed, NewPart, RowClasses
from cleanroom_core.sql.cells import CellLayout, Cells, Label, Thresholds, label_from_json, label_to_json
from cleanroom_core.sql.classes import ClassPlan


def job_to_json(job: ComputeJob) -> dict[str, Any]:
    limits = job.thresholds
    return {
        "parts": [_part_to_json(part) for part in job.parts],
        "assumed": [_part_to_json(part) for part in job.assumed],
        "beside": [_part_to_json(part) for part in job.beside],
        "released": [cells.as_json() for cells in job.released],
        "classes": [{"sql": each.sql, "assets": list(each.assets), "plan": each.plan.as_json()} for each in job.classes],
        "thresholds": [dict(limits.minimum_cohort), limits.numerator_minimum, limits.dominance_percent],
        "seed": job.seed.hex(),
        "concealed": [concealed_to_json(each) for each in job.concealed],
    }


def job_from_json(data: Mapping[str, Any]) -> ComputeJob:
    released = tuple(Cells.from_json(cells) for cells in data["released"])
    return ComputeJob(
        tuple(_part_from_json(part) for part in data["parts"]),
        released,
        tuple(RowClasses(each["sql"], tuple(each["assets"]), ClassPlan.from_json(each["plan"])) for each in data["classes"]),
        Thresholds(*data["thresholds"]),
        bytes.fromhex(data["seed"]),
        tuple(_part_from_json(part) for part in data["assumed"]),
        tuple(concealed_from_json(each, cells.layout) for each, cells in zip(data["concealed"], released, strict=False)),
        tuple(_part_from_json(part) for part in data["beside"]),
    )


def _part_to_json(part: NewPart) -> dict[str, Any]:
    query, layout = part.query, Cells(part.layout, 0, ()).as_json()
    return {"id": query.id, "sql": query.sql, "assets": list(query.assets), "layout": layout}


def _part_from_json(data: Mapping[str, Any]) -> NewPart:
    return NewPart(CellQuery(data["id"], data["sql"], tuple(data["assets"])), Cells.from_json(data["layout"]).layout)


def computed_to_json(computed: Computed) -> dict[str, Any]:
    return {
        "cells": [cells.as_json() for cells in computed.cells],
        "withheld": [[[label_to_json(label) for label in labels] for labels in part] for part in computed.withheld],
        "certificate": dict(computed.certificate),
        "concealed": [concealed_to_json(each) for each in computed.concealed],
    }


def computed_from_json(run: str, data: Mapping[str, Any], layouts: Sequence[CellLayout]) -> Computed:
    return Computed(
        run,
        tuple(Cells.from_json(cells) for cells in data["cells"]),
        tuple(
            tuple(_labels_from_json(labels, layout) for labels in part)
            for part, layout in zip(data["withheld"], layouts, strict=True)
        ),
        data["certificate"],
        tuple(concealed_from_json(each, layout) for each, layout in zip(data["concealed"], layouts, strict=True)),
    )


def concealed_to_json(concealed: Concealed) -> list[Any]:
    """What must not be known of the cells of a part; also as its custodian keeps it."""
    return [[[label_to_json(label) for label in labels], sorted(names)] for labels, names in concealed.items()]


def concealed_from_json(data: Sequence[Any], layout: CellLayout) -> Concealed:
    return {_labels_from_json(labels, layout): frozenset(names) for labels, names in data}


def _labels_from_json(labels: Sequence[Any], layout: CellLayout) -> tuple[Label, ...]:
    return tuple(label_from_json(label, key.type) for label, key in zip(labels, layout.keys, strict=True))
