"""Check a room file against its data and the guard: what the text alone cannot tell, each finding with its line in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from cleanroom_core.engines.protocol import OwnerEngine, Source
from cleanroom_core.errors import CleanRoomError, ExpressionError, InputError, Problem, RoomFileError
from cleanroom_core.guard import Asset, World, judge, judge_sql
from cleanroom_core.guard.finding import Finding
from cleanroom_core.policies.combine import combine
from cleanroom_core.policies.compile import compile_policy
from cleanroom_core.policies.policy import Policy
from cleanroom_core.rooms.definition import RoomDefinition
from cleanroom_core.rooms.roomfile import check_room_text, locate, problem_at, room_text
from cleanroom_core.sql.types import Schema
from cleanroom_core.tokens.hmac_expression import token_expressions


def check_room_file(path: Path, engine: OwnerEngine, today: date) -> tuple[RoomDefinition | None, tuple[Problem, ...]]:
    """All problems of a room file, sorted by line. Tables whose data is not there are judged as far as the text allows."""
    text = room_text(path)
    definition, problems = check_room_text(text, path.parent, today=today)
    if definition is None:
        return None, problems
    found = {_said(problem): problem for problem in (*problems, *_deep(text, definition, engine))}  # a line may hold one twice
    return definition, tuple(found[said] for said in sorted(found))


def _deep(text: str, definition: RoomDefinition, engine: OwnerEngine) -> Iterator[Problem]:
    schemas: dict[str, Schema] = {}
    for name, policy in definition.policies.items():
        path = definition.data.get(name)
        if path is None or not path.exists():
            continue
        try:
            source = engine.describe(Source(path, {column: str(type_) for column, type_ in policy.types.items()}))
        except CleanRoomError as error:
            where = ("assets", name, "data")
            line = locate(text, where)  # the error's own line is one of the data
            yield Problem(f"assets.{name}.data ({path.name}): {error.message}", error.hint, where, line, None, error.code)
            continue
        compiled = compile_policy(policy, source, token_expressions(definition.tokens))
        for problem in compiled.problems:
            yield _placed(text, ("assets", name, *problem.path), problem)
        if not compiled.problems:
            schemas[name] = compiled.schema
    if len(schemas) == len(definition.policies):
        yield from _templates(text, definition, schemas)


def judge_in_room_file(path: Path, engine: OwnerEngine, by: str, sql: str) -> tuple[Finding, ...]:
    """The guard's findings on a question, against the rules of a room file. Raises RoomFileError when the file has problems."""
    definition, problems = check_room_file(path, engine, date.min)
    if definition is None or problems:
        raise RoomFileError(problems)
    if by not in definition.collaborators:
        raise InputError(f"{by!r} is no collaborator.", hint=f"Use {', '.join(definition.collaborators)}.", code="COLLABORATOR")
    schemas: dict[str, Schema] = {}
    for name, policy in definition.policies.items():
        source = engine.describe(Source(definition.data[name], {column: str(type_) for column, type_ in policy.types.items()}))
        schemas[name] = compile_policy(policy, source, token_expressions(definition.tokens)).schema
    return judge_sql(sql, by, world_of_definition(definition, schemas)).findings


def _said(problem: Problem) -> tuple[int, int, str, str]:
    return problem.line or 0, problem.column or 0, problem.message, problem.hint


def _placed(text: str, path: tuple[str | int, ...], problem: Problem) -> Problem:
    error = ExpressionError(problem.message, hint=problem.hint, code=problem.code, line=problem.line, column=problem.column)
    return problem_at(text, path, error)


def _templates(text: str, definition: RoomDefinition, schemas: Mapping[str, Schema]) -> Iterator[Problem]:
    world = world_of_definition(definition, schemas)
    for name, template in definition.templates.items():
        if name in definition.may_be_refused:
            continue
        for finding in judge(template, world).findings:
            message = f"templates.{name}: {finding.message}"
            found = Problem(message, finding.hint, (), finding.line, finding.column, finding.code)
            yield _placed(text, ("templates", name, "sql"), found)


def world_of_definition(definition: RoomDefinition, schemas: Mapping[str, Schema]) -> World:
    """What the guard would know once everything of the file is published.

    Which labels a dimension without a domain will have, only publishing tells; until then it has none, which no rule of the
    guard minds. To leave them unknown would hide every finding behind that one.
    """
    policies: list[Policy] = list(definition.policies.values())
    assets = {
        policy.qualified: Asset(
            policy.owner,
            policy.asset,
            schemas[policy.asset],
            policy.rule,
            labels=dict.fromkeys(policy.rule.dimensions, ()),
            key_token=policy.key_token,
        )
        for policy in policies
    }
    return World(
        assets, combine(definition.agreement, policies), definition.agreement.purposes, tuple(definition.collaborators)
    )
