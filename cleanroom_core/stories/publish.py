"""Preview a policy, publish its share-safe table, register it in the room. What is previewed is exactly what is published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from cleanroom_core.engines.inbox import InboxFile, listing, save_upload
from cleanroom_core.engines.protocol import Described, Preview, Progress, Row, ShareSelect, ShareTable, Source
from cleanroom_core.errors import InputError, IntegrityError, NotReadyError, Problem
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.policies.combine import combine
from cleanroom_core.policies.compile import CompiledPolicy, compile_policy
from cleanroom_core.policies.labels import LABEL_LIMIT, label_queries
from cleanroom_core.policies.policy import Policy
from cleanroom_core.policies.preview import masked_shape
from cleanroom_core.policies.sizes import keyed_rows_query, keys_query
from cleanroom_core.rooms.state import EffectStage, Intent
from cleanroom_core.rooms.texts import text_hash
from cleanroom_core.sql.cells import label_to_json
from cleanroom_core.sql.types import Schema
from cleanroom_core.stories.align import propose_token
from cleanroom_core.stories.bracket import bracket
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.drafts import draft_policy, read_draft
from cleanroom_core.stories.token_keys import required_key
from cleanroom_core.tokens.hmac_expression import binary_parameters
from cleanroom_core.tokens.spec import TokenSpec


@dataclass(frozen=True)
class PolicyPreview:
    """What publishing would share. `problems` and nothing else when the policy cannot be published; `sample` is None then."""

    problems: tuple[Problem, ...]
    source: Schema
    schema: Schema | None = None
    select: str = ""
    sample: Preview | None = None


@dataclass(frozen=True)
class Published:
    table: ShareTable
    counts: Mapping[str, int]


def known_specs(side: Collaborator) -> dict[str, TokenSpec]:
    """Token specs on record, and drafts of those that are not yet."""
    return {**read_draft(side).tokens, **{name: token.spec for name, token in side.state().tokens.items()}}


def describe_source(side: Collaborator, user: User, source: str, types: Mapping[str, str] | None = None) -> Schema:
    """The columns of a table in this side's inbox. Raises InputError or TableError that says what is wrong with it."""
    user.require(Permission.POLICY_PREVIEW, side.organisation)
    return side.owner_engine.describe(Source(side.raw_table(source), dict(types or {})))


def inspect_source(side: Collaborator, user: User, source: str, types: Mapping[str, str] | None = None) -> Described:
    """The same with what cannot be used and why, and the number of rows."""
    user.require(Permission.POLICY_PREVIEW, side.organisation)
    return side.owner_engine.inspect(Source(side.raw_table(source), dict(types or {})))


def inbox_tables(side: Collaborator, user: User) -> list[InboxFile]:
    """The tables of this side's own inbox, by name."""
    user.require(Permission.POLICY_PREVIEW, side.organisation)
    return listing(side.inbox)


def upload_table(side: Collaborator, user: User, name: str, content: bytes) -> str:
    """Put a small table into this side's inbox; returns the name it got. Raises InputError or TableError."""
    user.require(Permission.POLICY_PUBLISH, side.organisation)
    return save_upload(side.inbox, name, content)


def check_policy(side: Collaborator, user: User, policy: Policy, source: str) -> PolicyPreview:
    """Every problem of a policy, each with its place, and the shared columns as far as they compile. Reads no row."""
    user.require(Permission.POLICY_PREVIEW, side.organisation)
    columns = side.owner_engine.describe(_source(side, policy, source))
    compiled = compile_policy(policy, columns, side.owner_engine.tokens(known_specs(side)))
    return PolicyPreview(compiled.problems, columns, compiled.schema)


def preview_policy(side: Collaborator, user: User, policy: Policy, source: str, sample: int = 10) -> PolicyPreview:
    """The same sample rows before and after, what the filter drops, and the exact SELECT. Writes nothing.

    Of the raw rows only the shape of each value is in it (`policies.preview.masked_shape`); the values are `see_raw`'s.
    """
    user.require(Permission.POLICY_PREVIEW, side.organisation)
    origin = _source(side, policy, source)
    columns = side.owner_engine.describe(origin)
    compiled = compile_policy(policy, columns, side.owner_engine.tokens(known_specs(side)))
    if compiled.problems:
        return PolicyPreview(compiled.problems, columns)
    select = _share_select(side, policy, compiled)
    shown = compiled.sql(side.owner_engine.dialect, pretty=True)
    found = side.owner_engine.preview(origin, select, sample)
    masked = replace(found, raw=tuple(tuple(masked_shape(value) for value in row) for row in found.raw))
    return PolicyPreview((), columns, compiled.schema, shown, masked)


def see_raw(side: Collaborator, user: User, policy: Policy, source: str, sample: int = 10) -> tuple[Row, ...]:
    """The sample's raw rows of the own table, for its steward; that this person looked is on record before they are read."""
    user.require(Permission.POLICY_RAW, side.organisation)
    if policy.owner != side.alias:
        raise InputError(f"{policy.qualified} belongs to another side.", hint="Choose a table of your own.", code="POLICY")
    origin = _source(side, policy, source)
    compiled = compile_policy(policy, side.owner_engine.describe(origin), side.owner_engine.tokens(known_specs(side)))
    select = _share_select(side, policy, compiled)
    side.append(user, Permission.POLICY_RAW, "access", {"object": "raw rows"}, {"asset": policy.qualified})
    side.hand_over()
    return side.owner_engine.preview(origin, select, sample).raw


def publish_policy(
    side: Collaborator,
    user: User,
    policy: Policy,
    source: str,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Published:
    """Say the policy, write the share-safe Delta table, and remove the files of the versions it takes the place of.

    Raises PolicyError with every problem, NotReadyError without an agreement in force, TokenKeyError without the key.
    """
    user.require(Permission.POLICY_PUBLISH, side.organisation)
    agreement = side.require_agreement()
    if policy.owner != side.alias:
        raise InputError(f"{policy.qualified} belongs to another side.", hint="Choose a table of your own.", code="POLICY")
    origin = _source(side, policy, source)
    specs = known_specs(side)
    compiled = compile_policy(policy, side.owner_engine.describe(origin), side.owner_engine.tokens(specs))
    compiled.enforce()
    used = sorted({column.token for column in policy.columns.values() if column.token is not None})
    for name in used:
        propose_token(side, user, specs[name])
    select = _share_select(side, policy, compiled)
    draft_policy(side, user, policy, source)
    digest = _say(side, user, policy)
    minimum = combine(agreement.terms, [policy]).minimum_cohort[policy.qualified]
    target = side.share_folder(policy.qualified)
    payload = {"asset": policy.qualified, "policy": digest}
    with bracket(side, user, Permission.POLICY_PUBLISH, "publish", policy.qualified, payload) as effect:
        table, counts = side.owner_engine.publish(origin, select, target, effect.id, {}, progress, cancelled)
        labels, per_key = _labels(side, policy, table, minimum), _rows_per_key(side, policy, table)
        side.owner_engine.forget(target, table)
        effect.public = {"policy": digest}
        effect.payload = _outcome(side, table, counts, labels, per_key)
    return Published(table, counts)


def register_asset(side: Collaborator, user: User, qualified: str) -> None:
    """Register the published table as an asset of the room; registering the same again changes nothing."""
    user.require(Permission.POLICY_PUBLISH, side.organisation)
    side.require_agreement()
    state = side.state()
    policy = state.policies.get(qualified)
    if not state.room_active:
        raise NotReadyError("The room is not accepted by everybody yet.", hint="See the room page for who must act.")
    if policy is None or policy.policy.owner != side.alias or policy.published is None:
        raise NotReadyError(f"{qualified} is not published as its policy says.", hint="Publish it on the policies page first.")
    ref = policy.published.ref
    outcome = side.log.records(start=ref.seq, stop=ref.seq + 1)[0].payload
    if outcome.get("place") != _place(side, qualified):
        raise NotReadyError(
            f"{qualified} was published elsewhere, before this side was connected as it is now.",
            hint="Publish it again on the policies page.",
            code="PUBLISHED_ELSEWHERE",
        )
    known, there = state.assets.get(qualified), side.name_there(qualified)
    if known is not None and (known.policy_hash, known.digest, known.there) == (policy.policy_hash, outcome["digest"], there):
        return
    public = {"asset": qualified, "policy": policy.policy_hash}
    told = ("version", "digest", "schema", "labels", "rows_per_key")
    payload = {name: outcome[name] for name in told if name in outcome} | {"policy": policy.policy_hash}
    if there is not None:
        payload["there"] = str(there)
    side.append(user, Permission.POLICY_PUBLISH, "asset", public, payload, refs=(policy.by.ref, ref))
    side.hand_over()


def published_counts(side: Collaborator, user: User, qualified: str) -> Mapping[str, Any] | None:
    """What the newest publish of an own asset wrote: rows, and what was dropped and why. Private to this side."""
    user.require(Permission.POLICY_PREVIEW, side.organisation)
    policy = side.state().policies.get(qualified)
    if policy is None or policy.published is None or policy.policy.owner != side.alias:
        return None
    ref = policy.published.ref
    payload: Mapping[str, Any] = side.log.records(start=ref.seq, stop=ref.seq + 1)[0].payload
    return payload


def reconcile_publish(
    side: Collaborator, intent: Intent, payload: Mapping[str, Any]
) -> tuple[EffectStage, dict[str, Any], dict[str, Any]]:
    """The intent's id is in the Delta commit: with it the table is there whole, without it nothing of it counts."""
    target = side.share_folder(intent.object)
    try:
        table = side.owner_engine.published(target, intent.ref.leaf)
    except IntegrityError:
        table = None  # committed, and not whole on disk: a power cut between commit and flush
    state = side.state()
    known = state.policies[intent.object]
    agreement = state.agreement_in_force
    if table is None or agreement is None or known.policy_hash != payload["policy"]:
        _forget_uncommitted(side, intent.object)
        return EffectStage.INTERRUPTED, {}, {}
    minimum = combine(agreement.terms, [known.policy]).minimum_cohort[intent.object]
    labels, per_key = _labels(side, known.policy, table, minimum), _rows_per_key(side, known.policy, table)
    side.owner_engine.forget(target, table)
    return EffectStage.DONE, {"policy": payload["policy"]}, _outcome(side, table, {}, labels, per_key)


def published_table(side: Collaborator, qualified: str) -> ShareTable | None:
    """The own share table as it lies there now, if it is the newest publish of the newest policy; None otherwise.

    Raises IntegrityError when it is, and is no longer whole."""
    policy = side.state().policies.get(qualified)
    if policy is None or policy.published is None:
        return None
    ref = policy.published.ref
    intent = next(ref for ref in side.log.records(start=ref.seq, stop=ref.seq + 1)[0].entry.refs)
    return side.owner_engine.published(side.share_folder(qualified), intent.leaf)


def _forget_uncommitted(side: Collaborator, qualified: str) -> None:
    """Keep the registered version's files, if there is one; everything else of the folder goes."""
    side.owner_engine.forget(side.share_folder(qualified), published_table(side, qualified))


def _place(side: Collaborator, qualified: str) -> str | None:
    """The table's name in this side's workspace; None where share tables lie in the home."""
    return None if side.share_schema is None else str(side.share_folder(qualified))


def _outcome(
    side: Collaborator, table: ShareTable, counts: Mapping[str, int], labels: Mapping[str, list[Any]], rows_per_key: str
) -> dict[str, Any]:
    place = {} if side.share_schema is None else {"place": str(table.path)}
    return {
        **place,
        "version": table.version,
        "digest": table.digest,
        "rows": table.rows,
        "counts": dict(counts),
        "schema": table.schema.as_json(),
        "labels": dict(labels),
        "rows_per_key": rows_per_key,
    }


def _say(side: Collaborator, user: User, policy: Policy) -> str:
    """The policy entry, unless exactly this policy is the newest on record."""
    text = policy.as_json()
    digest = text_hash(text)
    known = side.state().policies.get(policy.qualified)
    if known is None or known.policy_hash != digest:
        public = {"asset": policy.qualified, "hash": digest}
        side.append(user, Permission.POLICY_PUBLISH, "policy", public, {"policy": text})
        side.hand_over()
    return digest


def _source(side: Collaborator, policy: Policy, source: str) -> Source:
    return Source(side.raw_table(source), {name: str(type_) for name, type_ in policy.types.items()})


def _share_select(side: Collaborator, policy: Policy, compiled: CompiledPolicy) -> ShareSelect:
    specs = known_specs(side)
    binary: dict[str, bytes] = {}
    used = {column.token for column in policy.columns.values() if column.token is not None}
    for name in sorted(used) if compiled.parameters else ():  # else the keys are not here: the platform looks them up
        binary |= binary_parameters(specs[name], required_key(side, specs[name].key_id))
    return ShareSelect(
        compiled.sql(side.owner_engine.dialect), compiled.schema, binary, compiled.counts(side.owner_engine.dialect)
    )


def _labels(side: Collaborator, policy: Policy, table: ShareTable, minimum_cohort: int) -> dict[str, list[Any]]:
    """Published labels per dimension, those of a date per grid (`column@month`), as JSON. Raises InputError for a dimension
    that is really an identifier."""
    labels = side.owner_engine.labels(
        table, label_queries(policy.rule, table.schema, minimum_cohort, side.owner_engine.dialect)
    )
    for name, known in labels.items():
        if len(known) > LABEL_LIMIT:
            raise InputError(
                f"{policy.qualified}: {name} has more than {LABEL_LIMIT} labels.",
                hint="Group it into bands, or name its domain in the rule.",
                code="LABELS",
            )
    ordered = {name: sorted(known, key=lambda value: (value is not None, str(value))) for name, known in labels.items()}
    return {name: [label_to_json(value) for value in known] for name, known in ordered.items()}  # type: ignore[arg-type]


def _rows_per_key(side: Collaborator, policy: Policy, table: ShareTable) -> str:
    """How many rows stand behind one join key, to two places as text: the other side needs to know who fans out, no count.
    Exactly 1.00 only when no key occurs twice."""
    queries = {
        "keys": keys_query(policy.rule, side.owner_engine.dialect),
        "rows": keyed_rows_query(policy.rule, side.owner_engine.dialect),
    }
    found = side.owner_engine.labels(table, queries)
    keys, rows = (int(str(found[name][0])) for name in ("keys", "rows"))
    return "1.00" if rows == keys else str(max(Decimal("1.01"), (Decimal(rows) / keys).quantize(Decimal("0.01"))))
