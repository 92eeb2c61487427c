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
