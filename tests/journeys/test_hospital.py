"""A hospital and an insurer, from a room file and users of their own: passwords, a rejected agreement, a rejected result."""

from __future__ import annotations

import csv
import io
import re
import secrets
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.people import REPOSITORY, Company, Person, cleanroom, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOSPITAL, INSURER = "City Hospital", "Regional Health Insurance"
ROOM_FILE = REPOSITORY / "examples" / "hospital" / "room.yaml"
# Who works here: user name -> organisation, roles, name.
STAFF = {
    "ines": (HOSPITAL, ("engineer", "steward"), "Ines Holt"),
    "rita": (HOSPITAL, ("officer", "reviewer"), "Rita Voss"),
    "anton": (HOSPITAL, ("analyst",), "Anton Weil"),
    "pia": (INSURER, ("engineer", "steward"), "Pia Lund"),
    "otto": (INSURER, ("officer", "reviewer"), "Otto Kern"),
}
TOO_SMALL = "Fifty people are too few for us. Sixty, please."
TOO_COARSE = "Leave the plan type out: it is the same in every row."
BY_AGE = """SELECT a.age_band, count(*) AS admissions, avg(m.annual_cost) AS avg_cost
FROM hospital.admissions a JOIN insurer.members m ON a.patient_token = m.patient_token
WHERE m.plan_type = :plan
GROUP BY a.age_band"""


def test_hospital(tmp_path: Path, chromium: Any) -> None:
    home = tmp_path / "home"
    cleanroom(home, "room", "import", str(ROOM_FILE), "--no-demo-users")
    first = {username: secrets.token_urlsafe(12) for username in STAFF}
    for username, (organisation, roles, name) in STAFF.items():
        granted = [word for role in roles for word in ("--role", role)]
        cleanroom(home, "user", "add", username, "--organisation", organisation, "--name", name, *granted, "--password-stdin",
                  typed=first[username])  # fmt: skip
    with serving(home) as served, Company(chromium, served) as company:
        ines, rita, anton, pia, otto = (first_sign_in(company, username, first[username]) for username in STAFF)
        company.tell("everybody signed in and chose a password")
        for engineer in (ines, pia):
            engineer.go_to("Prechecks").click("Run all prechecks").sees("All prechecks were run.")
        negotiate(rita, otto)
        company.tell("agreement rejected, edited and signed")
        prepare_tables(ines, pia)
        company.tell("tables published, tokens aligned, room open")
        ask_and_sign(anton, rita, otto)
        compute(pia)
        review(otto, anton)
        company.tell("one result released, one rejected")
        ask_differently(anton)
        company.tell("the rejected question was edited and is on the table again")
        read(anton, otto)
        company.tell("the journey is over")
        assert company.disturbances == []


def first_sign_in(company: Company, username: str, password: str) -> Person:
    """With the password somebody else chose, and so at once to one of their own."""
    organisation, roles, name = STAFF[username]
    person = company.person(name).open("/agreement")
    assert person.page.get_by_text("Continue as").count() == 0
    person.sign_in(username, password).on("Choose your password")
    chosen = "quiet rivers turn old mills"
    person.fill("New password", chosen).fill("The same again", chosen).click("Set password").on("Agreement")
    return person.sees(f"{name}, {', '.join(sorted(roles))}, {organisation}")


def negotiate(rita: Person, otto: Person) -> None:
    """Offered, rejected with a reason, edited, offered again, signed by both."""
    rita.go_to("Agreement").click("Show what would be offered").click("Offer this text").sees("The text on the table")
    rita.click("Sign").click("Sign this text").sees("The agreement is signed for your side.")
    otto.go_to("Agreement").click("Reject with a reason").fill("Reason", TOO_SMALL).click("Reject with this reason")
    otto.sees("The offer is rejected.", TOO_SMALL)
    rita.go_to("Timeline").next_task("The offer was rejected").on("Agreement").sees(TOO_SMALL)
    rita.fill("Minimum cohort", "60").click("Show what would be offered")
    rita.sees(re.compile(r"\+.*60"))
    rita.click("Offer this text").sees("The text is on the table")
    for officer in (rita, otto):
        officer.go_to("Timeline").next_task("Read and sign the agreement").on("Agreement")
        officer.click("Sign").click("Sign this text").sees("The agreement is signed for your side.")
    otto.sees("In force")


def prepare_tables(ines: Person, pia: Person) -> None:
    for steward, asset in ((ines, "hospital.admissions"), (pia, "insurer.members")):
        steward.go_to("Policies").click("Show the preview").sees(re.compile("The filter drops"))
        steward.click("Publish ...").sees(re.compile(f"{re.escape(asset)}.*is written anew")).click("Publish")
        steward.sees("Published, version 1")
    for engineer in (ines, pia):
        engineer.go_to("Tokens").click("Run the vectors").sees("The vectors of patient are on record.")
    pia.sees("Aligned")
    ines.go_to("Room").click(f"Create the room and invite {INSURER}").sees(re.compile("the invitation is on record"))
    pia.go_to("Room").click("Accept the invitation").sees("The invitation is accepted.")
    pia.click("Register insurer.members").sees("insurer.members is registered.")
    ines.go_to("Room").click("Register hospital.admissions").sees("hospital.admissions is registered.")


def ask_and_sign(anton: Person, rita: Person, otto: Person) -> None:
    anton.go_to("Release plan").click("Propose these templates").sees("Proposal on the table")
    sign(rita, otto)


def sign(*reviewers: Person) -> None:
    for reviewer in reviewers:
        reviewer.go_to("Release plan").click("Sign this text").sees("Signed.")


def compute(pia: Person) -> None:
    pia.go_to("Release plan").click("Compute the plan").sees("Everything in the plan has been computed.")


def review(otto: Person, anton: Person) -> None:
    otto.go_to("Review")
    card = otto.card("cost_by_age")
    otto.click("Reject ...", within=card).fill("Reason", TOO_COARSE).click("Reject")
    otto.sees("Rejected.", re.compile(re.escape(TOO_COARSE)))
    otto.click("Show the figures").sees(re.compile("Figures of readmissions, in quarantine"))
    otto.click("Release ...").click("Release").sees("No result waits for a decision.")
    anton.go_to("Review").sees(re.compile(re.escape(TOO_COARSE)))


def ask_differently(anton: Person) -> None:
    """What becomes of a proposal has been played by then."""
    anton.go_to("Release plan").choose("Start from", "cost_by_age").sees_field("Name", "cost_by_age")
    anton.fill("Question in SQL", BY_AGE).click("Show the verdict").sees(re.compile("The guard lets it pass: 2 sheets"))
    anton.click("Propose this template").sees("Proposal on the table", re.compile("Changed: cost_by_age"))


def read(anton: Person, otto: Person) -> None:
    anton.go_to("Results").choose("Template", "readmissions").sees_label("Released figures of readmissions, ")
    anton.sees_label("Bar chart: ")
    rows = list(csv.DictReader(io.StringIO(anton.download("Download CSV").decode("utf-8"))))
    assert {"gp", "emergency"} <= {row["referral_path"] for row in rows}
    assert all(int(row["admissions"]) >= 60 for row in rows)
    anton.fill("Your question", "SELECT a.patient_token FROM hospital.admissions a").click("Ask").sees(re.compile("Refused: "))
    otto.go_to("Log").click("Verify both logs").sees(re.compile(f"Log of {HOSPITAL}: \\d+ entries signed"))
