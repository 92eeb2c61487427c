"""The whole story on real tables: what is released, what is refused, and what each log says of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pandas as pd
import pyarrow.parquet as pq
import pytest

from cleanroom_core.errors import ConflictError, InputError, IntegrityError, NotPermittedError, NotReadyError
from cleanroom_core.guard.template import Template
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.rooms.state import Verdict
from cleanroom_core.rooms.texts import text_hash
from cleanroom_core.stories.agree import offer_agreement, sign_agreement
from cleanroom_core.stories.answer import Outcome, ask_sql, ask_template
from cleanroom_core.stories.compute import compute_plan
from cleanroom_core.stories.plan import plan_text, propose_plan, sign_plan
from cleanroom_core.stories.review import find_result, reject_result, release_result, result_id, see_figures, waiting_results
from cleanroom_core.stories.tables import as_csv, as_parquet, escaped, proof_of
from tests.stories.tiny_room import TinyRoom

At = Callable[[str], TinyRoom]


def expected_aisles(tiny: TinyRoom) -> pd.DataFrame:
    """The same question in pandas, on the raw files: normalise, filter, join, at least 20 people."""
    files = tiny.home.parent / "files"
    baskets = pd.read_csv(files / "baskets.csv", dtype=str)
    members = pd.read_csv(files / "members.csv", dtype=str)
    baskets = baskets[baskets.consent == "yes"]
    baskets["person"] = baskets.mail.str.strip().str.lower()
    members["person"] = members.address.str.strip().str.lower()
    joined = baskets.merge(members, on="person")
    joined["spent"] = joined.spent.astype(int)
    cells = joined.groupby(["aisle", "tier"]).agg(
        people=("person", "nunique"), baskets=("spent", "size"), average_spent=("spent", "mean")
    )
    return cells[cells.people >= 20].reset_index()


def test_released_figures_are_those_of_the_raw_tables_and_small_cells_are_absent(at: At) -> None:
    tiny = at("released")
    answered = ask_template(tiny.side("south"), tiny.user("south", Role.ANALYST), "aisles")
    assert answered.answer is not None
    want = expected_aisles(tiny)
    got = {(row[0], row[1]): (row[2], row[3]) for row in answered.answer.rows}
    assert set(got) == {(aisle, tier) for aisle, tier in zip(want.aisle, want.tier, strict=True)}
    for _, row in want.iterrows():
        baskets, average = got[row.aisle, row.tier]
        assert baskets == row.baskets
        assert abs(Decimal(str(average)) - Decimal(str(row.average_spent))) < Decimal("1e-9")
    assert answered.answer.withheld
    assert all(row[0] != "truffles" for row in answered.answer.rows)


def test_no_raw_identifier_or_figure_in_quarantine_reaches_the_other_home(at: At) -> None:
    tiny = at("quarantined")
    tiny.context.close()
    bytes_of_south = b"".join(path.read_bytes() for path in (tiny.home / "rooms/shops/south").rglob("*") if path.is_file())
    assert b"person0001@example.org" not in bytes_of_south  # north's own spelling; south's file has capitals
    state = tiny.side("south").state()
    result = next(found for found in state.results if found.verdict is Verdict.QUARANTINED)
    south = tiny.side("south").log.records(result.ref.origin, start=result.ref.seq, stop=result.ref.seq + 1)[0]
    assert south.payload is None
    with pytest.raises(NotPermittedError):
        see_figures(tiny.side("south"), tiny.user("south", Role.REVIEWER), result_id(result))


def test_nothing_runs_without_agreement_and_signatures(at: At) -> None:
    tiny = at("imported")
    south, analyst = tiny.side("south"), tiny.user("south", Role.ANALYST)
    with pytest.raises(NotReadyError) as refused:
        propose_plan(south, analyst, tiny.definition.templates.values())
    assert refused.value.code == "NO_AGREEMENT"
    tiny = at("proposed")
    with pytest.raises(NotReadyError) as refused:
        compute_plan(tiny.side("north"), tiny.user("north", Role.ENGINEER))
    assert refused.value.code == "NO_PLAN"


def test_nobody_signs_their_own_proposal_and_a_stale_hash_is_refused(at: At) -> None:
    tiny = at("proposed")
    south = tiny.side("south")
    plan = south.state().plan
    assert plan is not None
    both = User(plan.by.user, "South Shop", frozenset({Role.ANALYST, Role.REVIEWER}))
    with pytest.raises(NotReadyError) as refused:
        sign_plan(south, both, plan.text_hash)
    assert refused.value.code == "OWN_PROPOSAL"
    with pytest.raises(ConflictError):
        sign_plan(south, tiny.user("south", Role.REVIEWER), "0" * 64)


def test_a_result_is_decided_once_and_a_rejection_has_a_reason(at: At) -> None:
    tiny = at("quarantined")
    north, reviewer = tiny.side("north"), tiny.user("north", Role.REVIEWER)
    (waiting,) = waiting_results(north, reviewer)
    assert waiting.may_decide
    (seen_by_south,) = waiting_results(tiny.side("south"), tiny.user("south", Role.REVIEWER))
    assert not seen_by_south.may_decide
    with pytest.raises(InputError):
        reject_result(north, reviewer, result_id(waiting.result), " ")
    reject_result(north, reviewer, result_id(waiting.result), "the wine aisle was closed in May")
    with pytest.raises(ConflictError):
        release_result(north, reviewer, result_id(waiting.result))
    south_view = find_result(tiny.side("south").state(), result_id(waiting.result))
    assert (south_view.verdict, south_view.reason) == (Verdict.REJECTED, "the wine aisle was closed in May")
    answered = ask_template(tiny.side("south"), tiny.user("south", Role.ANALYST), "aisles")
    assert (answered.outcome, answered.findings[0].code) == (Outcome.REFUSED, "NOT_RELEASED")


def test_the_same_question_in_other_words_is_answered_from_released_cells(at: At) -> None:
    tiny = at("released")
    south, analyst = tiny.side("south"), tiny.user("south", Role.ANALYST)
    sizes = {origin: south.log.size(origin) for origin in south.log.origins}
    answered = ask_sql(
        south,
        analyst,
        'SELECT x."AISLE", y.tier, count(*) n FROM south.members y JOIN north.baskets x USING (member_token) '
        "GROUP BY 2, 1 ORDER BY n DESC LIMIT 2 -- the two largest",
    )
    assert answered.outcome is Outcome.RELEASED
    assert answered.answer is not None
    counts = [row[2] for row in answered.answer.rows]
    assert len(counts) == 2
    assert counts == sorted(counts, reverse=True)  # type: ignore[type-var]
    unsigned = ask_sql(south, analyst, "SELECT m.tier, count(*) AS n FROM south.members m GROUP BY m.tier")
    assert [finding.code for finding in unsigned.findings] == ["NOT_IN_PLAN"]
    assert sizes == {origin: south.log.size(origin) for origin in south.log.origins}  # asking writes nothing


def test_only_the_receiver_reads_a_release(at: At) -> None:
    tiny = at("released")
    north = tiny.side("north")
    answered = ask_template(north, tiny.user("north", Role.ANALYST), "aisles")
    assert answered.outcome is Outcome.REFUSED
    with pytest.raises(NotPermittedError):
        ask_template(tiny.side("south"), tiny.user("south", Role.ENGINEER), "aisles")


def test_an_unchanged_template_is_released_at_once_the_second_time(at: At) -> None:
    """New terms make the plan be signed and computed anew; its template is unchanged and was released by a person before."""
    tiny = at("released")
    terms = replace(tiny.definition.agreement, minimum_cohort=25)
    digest = offer_agreement(tiny.side("north"), tiny.user("north", Role.OFFICER), terms)
    for alias in ("north", "south"):
        sign_agreement(tiny.side(alias), tiny.user(alias, Role.OFFICER), digest)
    with pytest.raises(NotReadyError) as refused:
        compute_plan(tiny.side("north"), tiny.user("north", Role.ENGINEER))
    assert refused.value.code == "PLAN_STALE"
    plan = propose_plan(tiny.side("south"), tiny.user("south", Role.ANALYST), tiny.definition.templates.values())
    for alias in ("north", "south"):
        sign_plan(tiny.side(alias), tiny.user(alias, Role.REVIEWER), plan)
    compute_plan(tiny.side("north"), tiny.user("north", Role.ENGINEER))
    newest = tiny.side("south").state().results[-1]
    assert (newest.verdict, newest.automatic) == (Verdict.RELEASED, True)
    assert newest.reason is not None
    assert "was released before" in newest.reason


def test_a_refused_template_never_becomes_a_plan(at: At) -> None:
    tiny = at("registered")
    bad = Template("members", "south", "assortment", "SELECT member_token FROM north.baskets")
    with pytest.raises(InputError) as refused:
        propose_plan(tiny.side("south"), tiny.user("south", Role.ANALYST), [bad])
    assert "IDENTITY" in refused.value.message
    assert tiny.side("south").state().plan is None


def test_downloads_name_their_entry_and_root_and_disarm_formulas(at: At) -> None:
    tiny = at("released")
    south, analyst = tiny.side("south"), tiny.user("south", Role.ANALYST)
    answered = ask_template(south, analyst, "aisles")
    proof = proof_of(south, answered)
    rows = list(csv.DictReader(io.StringIO(as_csv(south, analyst, answered).decode())))
    assert answered.answer is not None
    assert len(rows) == len(answered.answer.rows)
    assert {row["proof_root_hash"] for row in rows} == {proof["root_hash"]}
    table = pq.read_table(io.BytesIO(as_parquet(south, analyst, answered)))
    assert table.num_rows == len(rows)
    assert table.schema.metadata[b"cleanroom.entry"].decode() == proof["entry"]
    assert escaped("=1+1") == "'=1+1"
    assert escaped("bread") == "bread"
    with pytest.raises(NotPermittedError):
        as_csv(south, tiny.user("south", Role.STEWARD), answered)


def test_the_other_side_must_be_there(at: At) -> None:
    """Without the other side's acknowledgement nothing is computed; afterwards it goes on."""
    tiny = at("signed")
    north = tiny.side("north")
    reachable = north.hand_over
    north.hand_over = lambda: ("south",)
    with pytest.raises(NotReadyError) as refused:
        compute_plan(north, tiny.user("north", Role.ENGINEER))
    assert refused.value.code == "NOT_ACKNOWLEDGED"
    assert north.state().results == ()
    north.hand_over = reachable
    assert compute_plan(north, tiny.user("north", Role.ENGINEER)) == ("aisles",)


def test_a_plan_that_makes_its_receiver_the_custodian_is_not_signed(at: At) -> None:
    """Written by other software than ours: the figures would lie with the receiver before any review."""
    tiny = at("registered")
    south, north = tiny.side("south"), tiny.side("north")
    text = plan_text(south.state(), tiny.definition.templates.values()).as_json()
    text["templates"][0]["custodian"] = "south"  # type: ignore[index]
    digest = text_hash(text)
    actor = {"organisation": "south", "role": "analyst", "id": "south.analyst"}
    south.log.append("plan", actor, {"action": "propose", "hash": digest, "templates": ["aisles"]}, {"plan": text})
    south.hand_over()
    with pytest.raises(IntegrityError) as refused:
        sign_plan(north, tiny.user("north", Role.REVIEWER), digest)
    assert refused.value.code == "PLAN_TEXT"


def test_nobody_releases_what_they_computed_themselves(at: At) -> None:
    tiny = at("signed")
    north = tiny.side("north")
    everything = User("north.both", "North Shop", frozenset({Role.ENGINEER, Role.REVIEWER}))
    compute_plan(north, everything)
    (waiting,) = waiting_results(north, everything)
    with pytest.raises(NotReadyError) as refused:
        release_result(north, everything, result_id(waiting.result))
    assert refused.value.code == "OWN_RESULT"
    release_result(north, tiny.user("north", Role.REVIEWER), result_id(waiting.result))
    with pytest.raises(ConflictError):
        release_result(north, tiny.user("north", Role.REVIEWER), result_id(waiting.result))
