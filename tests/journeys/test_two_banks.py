"""Two banks, from the first sign-in to the released chart: everybody of both sides, in Chromium, on the demo's million rows."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.people import Company, Person, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHEAT = "SELECT t.card_token FROM provider.transaction_signals t"
PROVIDER, CONSUMER = "North Bank", "Harbour Bank"
# Who plays, as `Continue as` names them.
ENGINEERS, STEWARDS, OFFICERS = ("Nora Lind", "Hana Sato"), ("Nils Berg", "Hugo Brandt"), ("Nina Falk", "Holly Reed")
ANALYST, REVIEWERS = "Hedda Moen", ("Noel Marsh", "Henri Caron")


def test_two_banks(tmp_path: Path, chromium: Any) -> None:
    with serving(tmp_path / "home") as served, Company(chromium, served) as company:
        look_around(company)
        check_both_sides(company)
        agree(company)
        publish(company)
        align(company)
        open_the_room(company)
        sign_the_plan(company)
        compute_with_a_crash(company)
        release(company)
        read_the_results(company)
        read_the_log(company)
        company.tell("the journey is over")
        assert company.disturbances == []


def look_around(company: Company) -> None:
    """The first thing a stranger sees: whose turn it is, and one button."""
    nora = company.person(ENGINEERS[0]).continue_as()
    nora.sees("Your turn")
    assert nora.page.get_by_test_id("stBaseButton-primary").count() == 1
    nora.picture("01-home.png")


def check_both_sides(company: Company) -> None:
    for name in ENGINEERS:
        engineer = company.person(name)
        if name == ENGINEERS[1]:
            engineer.continue_as()
        engineer.next_task("Run the prechecks").on("Prechecks")
        engineer.click("Run all prechecks").sees("All prechecks were run.")
        engineer.sees(re.compile("0 failed"))
    company.tell("prechecks of both sides")


def agree(company: Company) -> None:
    nina, holly = (company.person(name) for name in OFFICERS)
    nina.continue_as().next_task("Offer the agreement").on("Agreement")
    nina.click("Show what would be offered").click("Offer this text").sees("The text on the table")
    sign_agreement(nina, PROVIDER)
    holly.continue_as().next_task("Read and sign the agreement").on("Agreement")
    sign_agreement(holly, CONSUMER)
    holly.sees("In force")
    holly.picture("02-agreement.png", of=holly.page.get_by_role("heading", name="The text on the table"))
    company.tell("agreement signed by both officers")


def sign_agreement(officer: Person, organisation: str) -> None:
    officer.click("Sign").sees(re.compile(f"You sign for.*{organisation}"))
    officer.click("Sign this text").sees("The agreement is signed for your side.")


def publish(company: Company) -> None:
    """Each steward sees exactly what the partner will get, then publishes it; the two jobs run side by side."""
    for name, partner, asset in zip(
        STEWARDS, (CONSUMER, PROVIDER), ("provider.transaction_signals", "consumer.account_behavior"), strict=True
    ):
        steward = company.person(name).continue_as().next_task("Publish a share-safe table").on("Policies")
        steward.click("Show the preview").sees(re.compile(f"exactly what {partner} gets"), re.compile("The filter drops"))
        if name == STEWARDS[0]:
            steward.picture("03-policies.png", of=steward.page.get_by_text("Draft, not published"))
        steward.click("Publish ...").sees(re.compile(f"{re.escape(asset)}.*is written anew"))
        steward.click("Publish")
        company.tell(f"{asset}: previewed, publishing")
    for name in STEWARDS:
        company.person(name).sees("Published, version 1")
    company.tell("both tables published")


def align(company: Company) -> None:
    nora, hana = (company.person(name) for name in ENGINEERS)
    nora.go_to("Tokens").click("Run the vectors")
    nora.sees(re.compile(r"Vectors of North Bank: run by"))
    hana.go_to("Tokens").click("Run the vectors").sees(
        "Aligned", re.compile(r"Compared with North Bank: (\d+) of \1 cases match")
    )
    hana.picture("04-tokens.png")
    company.tell("tokens aligned")


def open_the_room(company: Company) -> None:
    nora, hana = (company.person(name) for name in ENGINEERS)
    nora.go_to("Room").click("Create the room").click(f"Invite {CONSUMER}").sees("The invitation is on record.")
    hana.go_to("Room").click("Accept the invitation").sees("The invitation is accepted.")
    for name, asset in zip(STEWARDS, ("provider.transaction_signals", "consumer.account_behavior"), strict=True):
        company.person(name).go_to("Room").click(re.compile(f"^Register {re.escape(asset)}")).sees(f"{asset} is registered.")
    company.tell("room accepted, both tables registered")


def sign_the_plan(company: Company) -> None:
    hedda = company.person(ANALYST).continue_as().next_task("Propose the release plan").on("Release plan")
    hedda.click("Propose these templates").sees("Proposal on the table")
    for name in REVIEWERS:
        reviewer = company.person(name).continue_as().next_task("Read and sign the release plan").on("Release plan")
        if name == REVIEWERS[1]:
            reviewer.picture("05-plan.png", of=reviewer.page.get_by_role("heading", name="Proposal on the table"))
        reviewer.click("Sign this text")
        reviewer.sees("Plan in force" if name == REVIEWERS[1] else "Signed")
    company.tell("plan signed by both reviewers")


def compute_with_a_crash(company: Company) -> None:
    """The plug is pulled while the plan is computed: the run counts for nothing and is run again."""
    nora, hana = (company.person(name) for name in ENGINEERS)
    nora.go_to("Release plan").click("Compute the plan").sees(re.compile("Computing the plan: "))
    company.watch.away = True
    company.served.kill()
    company.tell("the server was killed while it computed")
    company.served.start()
    nora.open("/plan").sees(re.compile("Interrupted: nothing of it counts"))
    hana.open("/plan")
    company.watch.away = False
    company.tell("started again: the run is interrupted")
    # One side after the other: each certifies with what the other has computed, and is told to wait while it computes.
    nora.click("Compute the plan").sees(re.compile("Computing the plan: "))
    nora.page.get_by_text("Computing the plan: ").wait_for(state="detached")
    hana.open("/plan").click("Compute the plan").sees(re.compile("Everything in the plan has been computed"))
    company.tell("computed by both custodians")


def release(company: Company) -> None:
    """The provider's reviewer sees the figures; the consumer's sees the checks and the commitment."""
    noel, henri = (company.person(name) for name in REVIEWERS)
    henri.open("/review").sees(re.compile("because seeing them is the release"))
    noel.open("/review").on("Review")
    card = noel.card("segments")
    noel.click("Show the figures", within=card).sees(re.compile("Figures of segments, in quarantine"))
    noel.picture("06-review.png", of=card.get_by_text("Why it waits"))
    for reviewer in (noel, henri):
        decide = reviewer.on("Review").page.get_by_role("button", name="Release ...")
        for left in range(decide.count() - 1, -1, -1):
            reviewer.click("Release ...").click("Release").sees_count(decide, left)
    henri.sees("No result waits for a decision.")
    company.tell("released by the reviewers")


def read_the_results(company: Company) -> None:
    hedda = company.person(ANALYST).open("/results")
    hedda.choose("Template", "segments").sees_label("Released figures of segments, ")
    hedda.sees_label("Bar chart: record_count")
    company.tell("the released chart")
    check_download(hedda)
    hedda.choose("Figure", "outcome_rate").choose("Colour by", "(no colour)")
    hedda.sees("Where account_age_band is").sees_label("Bar chart: outcome_rate")
    hedda.picture("07-results.png", of=hedda.page.get_by_text("Segments by"))
    hedda.fill("Your question", CHEAT).click("Ask")
    hedda.sees(re.compile("Refused: "), re.compile("clause "), re.compile(f"owned by {PROVIDER}"))
    company.tell("downloaded, and a cheating question refused")


def check_download(hedda: Person) -> None:
    """The file holds the table of the page, each figure on a cohort, and the proof in each row."""
    rows = list(csv.DictReader(io.StringIO(hedda.download("Download CSV").decode("utf-8"))))
    assert rows
    hedda.sees_label(f"Released figures of segments, {len(rows)} segments")
    columns = ["merchant_category_code", "account_age_band", "cross_border_flag", "record_count", "outcome_rate"]
    assert list(rows[0])[:5] == columns
    for row in rows:
        assert int(row["record_count"]) >= 100
        assert row["merchant_category_code"].isdigit()
        assert len(row["merchant_category_code"]) == 4
        assert row["proof_entry"].isdigit()
        assert row["proof_root_hash"]
    assert len({(row["merchant_category_code"], row["account_age_band"]) for row in rows}) == len(rows)


def read_the_log(company: Company) -> None:
    nora = company.person(ENGINEERS[0]).go_to("Log").click("Verify both logs")
    nora.sees(re.compile("Log of North Bank: \\d+ entries signed"), re.compile("Log of Harbour Bank: \\d+ entries signed"))
    nora.picture("08-log.png")
    nora.choose("Kind of entry", "Begun").sees(re.compile(r"\(interrupted\)"))
    company.tell("both logs verified")
