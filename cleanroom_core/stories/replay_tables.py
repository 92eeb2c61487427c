"""The share-safe tables of a room played in memory: published once from the room file's data, then one version per change.

Every version is a Delta table of its own in the replay's folder, made by the owner's engine as every published table is, and
stays there until the replay ends: what was released from it is certified together with what is released later.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from cleanroom_core.engines.protocol import OwnerEngine, ShareSelect, ShareTable, Source, Value
from cleanroom_core.errors import CleanRoomError, ExpressionError, InputError, Problem, RoomFileError, TableError
from cleanroom_core.policies.compile import CompiledPolicy, compile_policy
from cleanroom_core.policies.labels import LABEL_LIMIT, SHARED, label_queries
from cleanroom_core.policies.policy import Policy
from cleanroom_core.policies.rule import AnalysisRule
from cleanroom_core.policies.share_safe import ShareSafe, share_safe, undated
from cleanroom_core.policies.sizes import keyed_rows_query, keys_query, last_day_query
from cleanroom_core.policies.versions import (
    Condition,
    condition,
    people_of,
    rows_where,
    with_rows,
    with_values,
    without_people,
)  # fmt: skip
from cleanroom_core.rooms.definition import RoomDefinition
from cleanroom_core.rooms.roomfile import problem_at
from cleanroom_core.sql.cells import Label
from cleanroom_core.sql.types import Kind, Schema
from cleanroom_core.tokens.hmac_expression import binary_parameters, token_expressions
from cleanroom_core.tokens.key import KEY_BYTES

Say = Callable[[str], None]


@dataclass(frozen=True)
class Measured:
    """What a period knows of one table before any question: the labels that may be named, rows per join key, the last day."""

    labels: Mapping[str, tuple[Label, ...]]
    rows_per_key: float | None
    last_day: date | None


@dataclass(frozen=True)
class People:
    """Whom a condition means: over the shared columns, or over the source of a policy that does not share what it speaks of."""

    shared: Condition | None = None
    source: ShareSelect | None = None


@dataclass
class ReplayTable:
    """One asset. `now`: the table as its owner has it; `frozen`: as it is counted in this period; `gone`: who has opted out."""

    policy: Policy
    origin: Source
    engine: OwnerEngine
    folder: Path
    now: ShareTable
    frozen: ShareTable
    tokens: Mapping[str, bytes]
    made: CompiledPolicy | None = None
    gone: set[Value] = field(default_factory=set)
    _versions: int = 0

    @property
    def schema(self) -> Schema:
        return self.now.schema

    @property
    def unit(self) -> str:
        """The privacy unit, as the table spells it."""
        found = self.schema.get(self.policy.rule.privacy_unit)
        assert found is not None  # noqa: S101  the rule was checked against this schema
        return found.name

    def whom(self, where: str, definition: RoomDefinition) -> People:
        """Read the condition of an opt-out. Raises ExpressionError."""
        try:
            return People(shared=self.condition(where))
        except ExpressionError as error:
            if self.made is None:
                raise
            unit = next(name for name in self.policy.columns if name.casefold() == self.unit.casefold())
            only = AnalysisRule(privacy_unit=unit, join_key=unit)
            named = replace(self.policy, columns={unit: self.policy.columns[unit]}, rule=only, row_filter=where)
            compiled = compile_policy(named, self.engine.describe(self.origin), token_expressions(definition.tokens))
            if compiled.problems:
                raise error from None
            pads = {name: self.tokens[name] for name in compiled.parameters}
            return People(source=ShareSelect(compiled.sql(self.engine.dialect), compiled.schema, pads, {}))

    def condition(self, where: str) -> Condition:
        """Read a condition over the shared columns, and see that it can be computed. Raises ExpressionError."""
        found, is_total = condition(where, self.schema)
        if is_total:
            return found
        try:
            self.engine.labels(self.now, {"rows": rows_where(found, SHARED, self.engine.dialect)})
        except CleanRoomError:
            raise ExpressionError(
                "This condition cannot be computed.", hint="Compare columns with values of their type."
            ) from None
        return found

    def revoke(self, people: People) -> None:
        """All their rows leave the table at once, the frozen one too; nobody of them comes back."""
        everybody = people_of(self.unit, SHARED, self.engine.dialect, people.shared)
        same = self.now.path == self.frozen.path
        if people.source is not None:
            looked_at = [self._published(self.origin, people.source)]
        else:
            looked_at = [self.now] if same else [self.now, self.frozen]
        gone = {person for table in looked_at for person in self.engine.labels(table, {"people": everybody})["people"]}
        if gone <= self.gone:
            return
        gone |= self.gone
        now = self._without(self.now, gone)
        self.now, self.frozen, self.gone = now, now if same else self._without(self.frozen, gone), gone

    def append(self, rows: Sequence[Sequence[Value]]) -> None:
        """Rows of people who have opted out do not come in."""
        place = [known.name for known in self.schema].index(self.unit)
        kept = [row for row in rows if row[place] is None or row[place] not in self.gone]
        if not kept:
            return
        dialect = self.engine.dialect
        if self.now.rows:
            self.now = self._derived(self.now, with_rows(self.schema, kept, dialect))
        else:  # an empty table is nothing an engine reads; the raw one is there, and none of its rows is taken
            sql = with_rows(self.schema, kept, dialect, alone=True)
            self.now = self._published(self.origin, ShareSelect(sql, self.schema, {}, {}))

    def update(self, values: Mapping[str, Value], where: Condition) -> None:
        if self.now.rows:
            changed = self._derived(self.now, with_values(self.schema, values, where, self.engine.dialect))
            self.now = self._without(changed, self.gone) if self.unit in values else changed

    def freeze(self) -> None:
        self.frozen = self.now

    def measure(self, minimum_cohort: int) -> Measured:
        """Labels and sizes of the frozen table. Raises InputError for a dimension that is really an identifier."""
        rule, dialect = self.policy.rule, self.engine.dialect
        queries = {f"label {name}": sql for name, sql in label_queries(rule, self.schema, minimum_cohort, dialect).items()}
        queries |= {"keys": keys_query(rule, dialect), "keyed": keyed_rows_query(rule, dialect)}
        if (last := last_day_query(rule, dialect)) is not None:
            queries["last"] = last
        found = self.engine.labels(self.frozen, queries)
        labels = {name.removeprefix("label "): values for name, values in found.items() if name.startswith("label ")}
        for name, values in labels.items():
            if len(values) > LABEL_LIMIT:
                raise InputError(
                    f"{self.policy.qualified}: {name} has more than {LABEL_LIMIT} labels.",
                    hint="Group it into bands, or name its domain in the rule.",
                    code="LABELS",
                )
        keys, keyed = _number(found["keys"]), _number(found["keyed"])
        last_day = found["last"][0] if last is not None and found["last"] else None
        return Measured(
            {name: tuple(_label(value) for value in values) for name, values in labels.items()},
            keyed / keys if keys else None,
            last_day.date() if isinstance(last_day, datetime) else last_day if isinstance(last_day, date) else None,
        )

    def _without(self, table: ShareTable, gone: Collection[Value]) -> ShareTable:
        if not table.rows or not gone:
            return table
        people = sorted(gone, key=str)  # the same people, the same text
        return self._derived(table, without_people(self.schema, self.unit, people, self.engine.dialect))

    def _derived(self, table: ShareTable, sql: str) -> ShareTable:
        return self._published(Source(table.path, {}), ShareSelect(sql, self.schema, {}, {}))

    def _published(self, source: Source, select: ShareSelect) -> ShareTable:
        self._versions += 1
        table, _ = self.engine.publish(source, select, self.folder / str(self._versions), f"version {self._versions}", {})
        return table


def open_tables(definition: RoomDefinition, text: str, engine: OwnerEngine, work: Path, say: Say) -> dict[str, ReplayTable]:
    """Publish every asset of the room file, by bare name. `text` is the room file's, so that mistakes have their line there.

    Raises RoomFileError for what does not fit the data, TableError for data that cannot be read.
    """
    return _Opening(definition, text, engine, work, say).tables()


class _Opening:
    def __init__(self, definition: RoomDefinition, text: str, engine: OwnerEngine, work: Path, say: Say) -> None:
        self.definition, self.text, self.engine, self.work, self.say = definition, text, engine, work, say
        self.problems: list[Problem] = []
        keys = {spec.key_id: secrets.token_bytes(KEY_BYTES) for spec in definition.tokens.values()}
        self.pads = {name: binary_parameters(spec, keys[spec.key_id]) for name, spec in definition.tokens.items()}

    def tables(self) -> dict[str, ReplayTable]:
        sources = {name: found for name in self.definition.policies if (found := self._described(name)) is not None}
        if self.problems:
            raise RoomFileError(self.problems)
        as_text = self._keys_differ({name: schema for name, (_, schema) in sources.items()})
        made = {name: self._made(name, schema, as_text) for name, (_, schema) in sources.items()}
        if self.problems:
            raise RoomFileError(self.problems)
        tables = {name: self._table(name, *sources[name], found, as_text) for name, found in made.items()}
        if self.problems:
            raise RoomFileError(self.problems)
        return tables

    def _described(self, name: str) -> tuple[Source, Schema] | None:
        policy = self.definition.policies[name]
        source = Source(self.definition.data[name], {column: str(type_) for column, type_ in policy.types.items()})
        try:
            found = self.engine.inspect(source)
            for column, reason in found.unusable.items():
                self.say(f"{policy.qualified}: the column {column} is left out: {reason}.")
            if name in self.definition.share_safe and (texts := undated(policy, found.schema)):
                return self._dated(source, texts, found.schema)
        except CleanRoomError as error:
            shown = TableError(f"assets.{name}.data: {error.message}", hint=error.hint, code=error.code)
            self.problems.append(problem_at(self.text, ("assets", name, "data"), shown))
            return None
        return source, found.schema

    def _dated(self, source: Source, texts: Sequence[str], schema: Schema) -> tuple[Source, Schema]:
        """The same with these texts read as moments, when that is what they are."""
        dated = Source(source.path, {**source.types, **dict.fromkeys(texts, "timestamp")})
        try:
            return dated, self.engine.describe(dated)
        except TableError:
            return source, schema

    def _keys_differ(self, schemas: Mapping[str, Schema]) -> bool:
        kinds: set[Kind | None] = set()
        for name, schema in schemas.items():
            policy = self.definition.policies[name]
            known = schema.get(policy.rule.join_key)
            if name in self.definition.share_safe:
                found = share_safe(policy, schema).schema.get(policy.rule.join_key)
                kinds.add(None if found is None else found.type.kind)
            elif known is not None or policy.key_token is not None:
                kinds.add(Kind.STRING)
        return len(kinds) > 1

    def _made(self, name: str, schema: Schema, as_text: bool) -> ShareSafe | CompiledPolicy:
        policy = self.definition.policies[name]
        made: ShareSafe | CompiledPolicy
        if name in self.definition.share_safe:
            made = share_safe(policy, schema, keys_as_text=as_text)
        else:
            made = compile_policy(policy, schema, token_expressions(self.definition.tokens))
        self._note(name, made.problems)
        return made

    def _note(self, name: str, problems: Sequence[Problem]) -> None:
        for problem in problems:
            error = ExpressionError(
                problem.message, hint=problem.hint, code=problem.code, line=problem.line, column=problem.column
            )
            self.problems.append(problem_at(self.text, ("assets", name, *problem.path), error))

    def _table(self, name: str, source: Source, schema: Schema, made: ShareSafe | CompiledPolicy, as_text: bool) -> ReplayTable:
        folder, dialect = self.work / "share" / made.policy.owner / name, self.engine.dialect
        binary: dict[str, bytes] = {}
        for column in made.policy.columns.values():
            binary |= self.pads[column.token] if column.token is not None else {}
        counts = made.counts(dialect) if isinstance(made, ShareSafe) else {}
        select = ShareSelect(made.sql(dialect), made.schema, binary, counts)
        table, found = self.engine.publish(source, select, folder / "0", "version 0", {})
        fractions = frozenset(column for column, count in found.items() if count)
        if isinstance(made, ShareSafe) and fractions:
            made = share_safe(self.definition.policies[name], schema, keys_as_text=as_text, not_whole=fractions)
            self._note(name, made.problems)
            if not self.problems:
                select = ShareSelect(made.sql(dialect), made.schema, {}, {})
                table, _ = self.engine.publish(source, select, folder / "1", "version 1", {})
        policy = None if isinstance(made, ShareSafe) else made
        return ReplayTable(made.policy, source, self.engine, folder / "versions", table, table, binary, policy)


def _number(values: Sequence[Value]) -> int:
    return int(values[0]) if values and isinstance(values[0], int) else 0


def _label(value: Any) -> Label:
    return value.date() if isinstance(value, datetime) else value
