"""`cleanroom notebook lint`: formats, exit codes, options."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cleanroom_core.cli.main import main

CASES = Path(__file__).parents[1] / "notebooks/cases"
FAULTY = str(CASES / "faulty/article_fraud_segments.py")
CLEAN = str(CASES / "clean/article_done_right.py")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["notebook", "lint", *arguments])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


def test_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, CLEAN) == (0, "Nothing found.\n", "")


def test_findings_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, CLEAN, FAULTY)
    assert code == 1
    assert f"{FAULTY}:21:1: COHORT_ROWS" in out
    assert out.count("why: ") == out.count("fix: ") == 3
    assert out.rstrip().endswith("3 findings: COHORT_ROWS 1, OUTPUT_SHOWN 1, OUTSIDE_OUTPUT 1.")


def test_findings_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--format", "json", FAULTY)
    found = json.loads(out)["findings"]
    assert code == 1
    assert [finding["code"] for finding in found] == ["COHORT_ROWS", "OUTSIDE_OUTPUT", "OUTPUT_SHOWN"]
    assert set(found[0]) == {"file", "line", "column", "code", "message", "why", "fix"}


def test_findings_as_sarif(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--format", "sarif", FAULTY)
    assert code == 1
    assert json.loads(out)["version"] == "2.1.0"
    assert run(capsys, "--format", "sarif", CLEAN)[0] == 0


def test_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--minimum", "101", CLEAN)[0] == 1
    assert "COHORT_ROWS" in run(capsys, "--person", "cardholder", CLEAN)[1]
    assert (
        run(capsys, "--person", "person_token", "--identifier", "merchant_category_code", CLEAN)[1].count("RAW_IDENTIFIER") == 2
    )
    assert run(capsys, "--minimum", "1", CLEAN)[0] == 2


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"{}"])
def test_unusable_input_ends_with_2_and_says_what_to_do(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "room.ipynb"
    if content is not None:
        path.write_bytes(content)
    code, out, err = run(capsys, CLEAN, str(path))
    assert (code, out) == (2, "")
    assert "[NOTEBOOK]" in err


def test_no_file_is_unusable_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys)[0] == 2
    assert run(capsys, str(CASES / "faulty"))[0] == 2


ROOM = """
room: visits
collaborators: {clinic: {organisation: Clinic}, insurer: {organisation: Insurer}}
agreement:
  purposes: [care]
  minimum_cohort: 20
  period: month
  ends_on: 2099-12-31
  at_end: {outputs: delete, share_tables: delete, tokens: delete}
  contacts: {clinic: the data office, insurer: the data office}
tokens: {person: {identifier: text, normalise: [strip], algorithm: hmac-sha256, key_id: person-1}}
assets:
  visits:
    owner: clinic
    data: visits.csv
    columns: {person_token: {token: person, from: patient}, ward: {}, day: {}}
    rule: {privacy_unit: person_token, join_key: person_token, period_column: day, dimensions: {ward: {domain: [north, south]}}}
templates:
  wards: {receiver: insurer, purpose: care, sql: "SELECT ward, count(*) AS n FROM clinic.visits GROUP BY ward"}
  refused: {receiver: insurer, purpose: care, sql: "SELECT person_token FROM clinic.visits"}
requests:
  - {template: refused, by: insurer, expect: refused}
"""


def test_the_notebook_of_a_release_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def release(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["notebook", "release", "--room", str(tmp_path / "room.yaml"), *arguments])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    (tmp_path / "room.yaml").write_text(ROOM)
    rows = "".join(f"p{i},{('north', 'south')[i % 2]},2026-01-{i % 28 + 1:02}\n" for i in range(60))
    (tmp_path / "visits.csv").write_text("patient,ward,day\n" + rows)
    out = tmp_path / "plan.py"
    asked = ("--table", "clinic.visits=creator.gold.visits", "--start", "2026-01-01", "--stop", "2026-02-01")
    code, said, _ = release("--out", str(out), *asked)
    assert (code, said.startswith(f"{out}: plan ")) == (0, True)
    assert "FROM `creator`.`gold`.`visits`" in out.read_text()
    assert "once" not in said
    assert release("--check", str(out), *asked)[0] == 0
    assert run(capsys, "--minimum", "20", str(out)) == (0, "Nothing found.\n", "")
    out.write_text(out.read_text().replace(">= 20", ">= 2"))
    code, said, _ = release("--check", str(out), *asked)
    assert (code, "is not the notebook of this plan" in said) == (1, True)
    assert release(*asked)[0] == 2
