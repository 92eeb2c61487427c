"""Worlds and cases from data files, for every test of the guard."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from cleanroom_core.guard.template import Parameter, Template
from cleanroom_core.guard.world import Asset, World
from cleanroom_core.policies.rule import AnalysisRule
from cleanroom_core.sql.cells import Thresholds
from cleanroom_core.sql.types import Column, Schema, SqlType

CASES = Path(__file__).parents[1] / "guard_cases"


def read_yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path)


@cache
def world_named(name: str) -> World:
    return world_from(read_yaml(CASES / "_worlds.yaml")[name])


def world_from(data: dict[str, Any]) -> World:
    assets = {}
    for qualified, spec in data["assets"].items():
        owner, name = qualified.split(".")
        schema = Schema(tuple(Column(column, SqlType.parse(type_)) for column, type_ in spec["columns"].items()))
        labels = {dimension: tuple(labels) for dimension, labels in (spec.get("labels") or {}).items()}
        assets[qualified] = Asset(owner, name, schema, AnalysisRule.from_json(spec["rule"]), labels, spec.get("key_token"))
    thresholds = Thresholds(
        dict.fromkeys(assets, data["minimum_cohort"]), data.get("numerator_minimum", 3), data.get("dominance_percent", 10)
    )
    return World(assets, thresholds, tuple(data["purposes"]), tuple({asset.owner: None for asset in assets.values()}))


def template_of(case: dict[str, Any], world: World) -> Template:
    return Template(
        name="case",
        receiver=case.get("receiver", world.collaborators[-1]),
        purpose=case.get("purpose", world.purposes[0]),
        sql=case["sql"],
        parameters={name: Parameter(tuple(values)) for name, values in (case.get("parameters") or {}).items()},
    )
