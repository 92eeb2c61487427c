"""Two banks, from the first sign-in to the released chart, in Chromium, on the demo's million rows.

One stranger plays everybody of both sides in one window, as the rehearsal offers; in the hospital's journey everybody has a
browser and a password of their own."""

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
ASSETS = ("provider.transaction_signals", "consumer.account_behavior")
# Who plays, as `Continue as` names them.
ENGINEERS, STEWARDS, OFFICERS = ("Nora Lind", "Hana Sato"), ("Nils Berg", "Hugo Brandt"), ("Nina Falk", "Holly Reed")
ANALYSTS, REVIEWERS = ("Nadia Rossi", "Hedda Moen"), ("Noel Marsh", "Henri Caron")


def test_two_banks(tmp_path: Path, chromium: Any) -> None:
    with serving(tmp_path / "home") as served, Company(chromium, served) as company:
        stranger = company.person(ENGINEERS[0])
        look_around(stranger)
        check_both_sides(stranger)
        agree(stranger)
        publish(stranger)
        align(stranger)
        open_the_room(stranger)
        sign_the_plan(stranger)
        compute_with_a_crash(stranger)
        release(stranger)
        read_the_results(stranger)
        read_the_log(stranger)
        company.tell("the journey is over")
        assert company.disturbances == []


def look_around(stranger: Person) -> None:
    """The first thing a stranger sees: whose turn it is, and one button."""
    stranger.continue_as().sees("Your turn")
    assert stranger.page.get_by_test_id("stBaseButton-primary").count() == 1
    stranger.picture("01-home.png")


def check_both_sides(stranger: Person) -> None:
    stranger.next_task("Run the prechecks")
    for name in ENGINEERS:
        if name == ENGINEERS[1]:
            stranger.becomes(name)
        stranger.on("Prechecks").click("Run all prechecks").sees("All prechecks were run.").sees(re.compile("0 failed"))
    stranger.company.tell("prechecks of both sides")


def agree(stranger: Person) -> None:
    provider, consumer = OFFICERS
    stranger.becomes(provider).on("Agreement")
    stranger.click("Show what would be offered").click("Offer this text").sees("The text on the table")
    sign_agreement(stranger, PROVIDER)
    stranger.becomes(consumer).on("Agreement")
    sign_agreement(stranger, CONSUMER)
    stranger.sees("In force")
    stranger.picture("02-agreement.png", of=stranger.page.get_by_role("heading", name="The text on the table"))
    stranger.company.tell("agreement signed by both officers")


def sign_agreement(officer: Person, organisation: str) -> None:
    officer.click("Sign").sees(re.compile(f"You sign for.*{organisation}"))
    officer.click("Sign this text").sees("The agreement is signed for your side.")


def publish(stranger: Person) -> None:
    """Each steward sees exactly what the partner will get, then publishes it; the two jobs run side by side."""
    for name, partner, asset in zip(STEWARDS, (CONSUMER, PROVIDER), ASSETS, strict=True):
        stranger.becomes(name).on("Policies")
        stranger.click("Show the preview").sees(re.compile(f"exactly what {partner} gets"), re.compile("The filter drops"))
        if name == STEWARDS[0]:
            stranger.picture("03-policies.png", of=stranger.page.get_by_text("Draft, not published"))
        stranger.click("Publish ...").sees(re.compile(f"{re.escape(asset)}.*is written anew"))
        stranger.click("Publish").sees(re.compile(f"Publishing {re.escape(asset)}: "))
        stranger.company.tell(f"{asset}: previewed, publishing")
    stranger.sees("Published, version 1")
    stranger.company.tell("the second table published")


def align(stranger: Person) -> None:
    stranger.click("Go there").on("Tokens").click("Run the vectors").sees(re.compile(r"Vectors of Harbour Bank: run by"))
    stranger.becomes(ENGINEERS[0]).on("Tokens").click("Run the vectors")
    stranger.sees("Aligned", re.compile(r"Compared with Harbour Bank: (\d+) of \1 cases match"))
    stranger.picture("04-tokens.png")
    stranger.company.tell("tokens aligned")


def open_the_room(stranger: Person) -> None:
    stranger.click("Go there").on("Room")
    stranger.click(f"Create the room and invite {CONSUMER}").sees(re.compile("the invitation is on record"))
    stranger.becomes(ENGINEERS[1]).on("Room").click("Accept the invitation").sees("The invitation is accepted.")
    for name, asset in zip(STEWARDS, ASSETS, strict=True):
        stranger.becomes(name).on("Room").click(re.compile(f"^Register {re.escape(asset)}")).sees(f"{asset} is registered.")
    stranger.company.tell("room accepted, both tables registered")


def sign_the_plan(stranger: Person) -> None:
    """The consumer's steward proposes what the room's file prepared; both reviewers read and sign it."""
    stranger.click("Go there").on("Release plan").click("Propose these templates").sees("Proposal on the table")
    for name in REVIEWERS:
        stranger.becomes(name).on("Release plan")
        if name == REVIEWERS[1]:
            stranger.picture("05-plan.png", of=stranger.page.get_by_role("heading", name="Proposal on the table"))
        stranger.click("Sign this text").sees("Plan in force" if name == REVIEWERS[1] else "Signed")
    stranger.company.tell("plan signed by both reviewers")


def compute_with_a_crash(stranger: Person) -> None:
    """The plug is pulled while the plan is computed: the run counts for nothing and is run again."""
    company = stranger.company
    stranger.becomes(ANALYSTS[1]).on("Release plan").click("Compute the plan").sees(re.compile("Computing the plan: "))
    company.watch.away = True
    company.served.kill()
    company.tell("the server was killed while it computed")
    company.served.start()
    stranger.open("/plan").sees(re.compile("Interrupted: nothing of it counts"))
    company.watch.away = False
    company.tell("started again: the run is interrupted")
    # One side after the other: each certifies with what the other has computed, and is told to wait while it computes.
    stranger.click("Compute the plan").sees(re.compile("Computing the plan: "))
    stranger.page.get_by_text("Computing the plan: ").wait_for(state="detached")
    company.tell("computed by the first custodian")
    stranger.becomes(ANALYSTS[0]).on("Release plan")
    stranger.click("Compute the plan").sees(re.compile("Everything in the plan has been computed"))
    company.tell("computed by both custodians")


def release(stranger: Person) -> None:
    """The provider's reviewer sees the figures; the consumer's sees the checks and the commitment."""
    noel, henri = REVIEWERS
    stranger.becomes(henri).on("Review").click("Show all results").sees(re.compile("because seeing them is the release"))
    release_all(stranger)
    stranger.becomes(noel).on("Review").click("Show all results")
    card = stranger.card("segments")
    stranger.click("Show the figures", within=card).sees(re.compile("Figures of segments, in quarantine"))
    stranger.picture("06-review.png", of=card.get_by_text("Why it waits"))
    release_all(stranger)
    stranger.sees("No result waits for a decision.")
    stranger.company.tell("released by the reviewers")


def release_all(reviewer: Person) -> None:
    decide = reviewer.page.get_by_role("button", name="Release ...")
    for left in range(decide.count() - 1, -1, -1):
        reviewer.click("Release ...").click("Release").sees_count(decide, left)


def read_the_results(stranger: Person) -> None:
    stranger.sign_out()
    stranger.click(re.compile(f"^Continue as {ANALYSTS[1]} ")).go_to("Results")
    stranger.choose("Template", "segments").sees_label("Released figures of segments, ")
    stranger.sees_label("Bar chart: record_count")
    stranger.company.tell("the released chart")
    check_download(stranger)
    stranger.choose("Figure", "outcome_rate").choose("Colour by", "(no colour)")
    stranger.sees("Where account_age_band is").sees_label("Bar chart: outcome_rate")
    stranger.picture("07-results.png", of=stranger.page.get_by_text("Segments by"))
    stranger.fill("Your question", CHEAT).click("Ask")
    stranger.sees(re.compile("Refused: "), re.compile("clause "), re.compile(f"owned by {PROVIDER}"))
    stranger.company.tell("downloaded, and a cheating question refused")


def check_download(stranger: Person) -> None:
    """The file holds the table of the page, each figure on a cohort, and the proof in each row."""
    rows = list(csv.DictReader(io.StringIO(stranger.download("Download CSV").decode("utf-8"))))
    assert rows
    stranger.sees_label(f"Released figures of segments, {len(rows)} segments")
    columns = ["merchant_category_code", "account_age_band", "cross_border_flag", "record_count", "outcome_rate"]
    assert list(rows[0])[:5] == columns
    for row in rows:
        assert int(row["record_count"]) >= 100
        assert row["merchant_category_code"].isdigit()
        assert len(row["merchant_category_code"]) == 4
        assert row["proof_entry"].isdigit()
        assert row["proof_root_hash"]
    assert len({(row["merchant_category_code"], row["account_age_band"]) for row in rows}) == len(rows)


def read_the_log(stranger: Person) -> None:
    stranger.go_to("Log").click("Verify both logs")
    stranger.sees(re.compile("Log of North Bank: \\d+ entries signed"), re.compile("Log of Harbour Bank: \\d+ entries signed"))
    stranger.picture("08-log.png")
    stranger.choose("Kind of entry", "Begun").sees(re.compile(r"\(interrupted\)"))
    stranger.company.tell("both logs verified")
