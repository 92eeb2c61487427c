"""Broken room files: each mistake is named once, at its line, in words that say what to do; and no text ever raises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from cleanroom_core.rooms.roomfile import BESIDE_THE_TEXT, check_room_text
from cleanroom_core.rooms.roomfile_yaml import read_text

HERE = Path(__file__).parent
CONTRACT = (HERE / "roomfile_contract.yaml").read_text(encoding="utf-8")
CASES: list[dict[str, Any]] = YAML(typ="safe").load((HERE / "roomfile_broken.yaml").read_text(encoding="utf-8"))


def text_problems(text: str) -> list[Any]:
    return [problem for problem in check_room_text(text, HERE)[1] if problem.code not in BESIDE_THE_TEXT]


def test_the_corpus_is_large_and_its_titles_are_its_own() -> None:
    assert len(CASES) >= 50
    assert len({case["title"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_a_mistake_is_named_at_its_line(case: dict[str, Any]) -> None:
    old, new = case["replace"]
    assert old in CONTRACT, "the contract has changed: this case changes nothing"
    text = CONTRACT.replace(old, new, 1)
    lines = text.split("\n")
    found = [number for number, line in enumerate(lines, 1) if line.startswith(case["at"])]
    expected = 1 if case["at"] == "" else found[case.get("nth", 1) - 1]

    assert check_room_text(text, HERE)[0] is None
    problems = text_problems(text)
    hits = [
        problem
        for problem in problems
        if problem.line == expected
        and problem.code == case.get("code", "ROOM_FILE")
        and all(word in str(problem) for word in case["says"])
    ]
    assert len(hits) == 1, "\n".join(map(str, problems))
    assert case.get("more") or len(problems) == 1, "\n".join(map(str, problems))
    assert all(problem.hint.endswith((".", "?", ")", "]", "}")) for problem in problems), [problem.hint for problem in problems]


def test_a_request_that_expects_a_refusal_may_ask_for_what_does_not_exist() -> None:
    for old, new in (("{flag: 1}", "{flag: 7}"), ("template: segments", "template: nobody"), ("{flag: 1}", "{}")):
        text = CONTRACT.replace(old, new, 1).replace("expect: released", "expect: refused")
        assert text_problems(text) == []


FRAGMENTS = [
    "[", "]", "{", "}", ":", ": ", "- ", "&a ", "*a", "!x ", "? ", "| ", "> ", "'", '"', "\t", "\n", "\n  ", "#", "%", "@",
    "null", "~", "true", "0x1", "1e999", ".inf", ".nan", "-", "9" * 40, "\\", "\\x00", "\u2028", "\ud800", "\x00", "é", "[]",
    "{}", "a: b", "both", "<<: {}", "---\n", "...\n", "NO", "", "room", "card_token", "''", '"\\UFFFFFFFF"', "0", "-1", "1.5",
    "2027-13-01",
]  # fmt: skip
LINES = CONTRACT.split("\n")


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The contract with one to four changes: lines taken out, doubled, moved, indented; pieces put in or cut out."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        change = draw(st.sampled_from(["drop", "double", "swap", "indent", "insert", "cut", "value"]))
        if change == "drop" and len(lines) > 1:
            del lines[at]
        elif change == "double":
            lines.insert(draw(st.integers(0, len(lines))), line)
        elif change == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], line
        elif change == "indent":
            lines[at] = draw(st.sampled_from([" ", "  ", "\t", "    "])) + line
        elif change == "insert":
            place = draw(st.integers(0, len(line)))
            lines[at] = line[:place] + draw(st.sampled_from(FRAGMENTS) | st.text(max_size=4)) + line[place:]
        elif change == "cut":
            start = draw(st.integers(0, len(line)))
            lines[at] = line[:start] + line[draw(st.integers(start, len(line))) :]
        elif ":" in line:
            lines[at] = line[: line.index(":") + 1] + " " + draw(st.sampled_from(FRAGMENTS))
    return "\n".join(lines)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_no_change_of_a_good_file_ever_raises(text: str) -> None:
    definition, problems = check_room_text(text, HERE)
    mistakes = [problem for problem in problems if problem.code not in BESIDE_THE_TEXT]
    assert (definition is None) == bool(mistakes)
    count = text.count("\n") + 1
    assert all(problem.line is not None and 1 <= problem.line <= count for problem in problems)
    assert list(problems) == sorted(problems, key=lambda problem: problem.line or 0)
    assert all(problem.message and problem.hint for problem in problems)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80) | st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join))
def test_no_text_at_all_ever_raises(text: str) -> None:
    assert check_room_text(text, HERE)[1] != ()


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    text = "a: &a [x, x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20))
    found = read_text(text)
    assert found.data is None
    assert [problem.line for problem in found.problems] == [1]
