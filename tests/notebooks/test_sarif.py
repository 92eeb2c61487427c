"""SARIF 2.1.0: the structure its schema asks for, and a result for every finding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

from cleanroom_core.notebooks.lint import lint
from cleanroom_core.notebooks.sarif import as_sarif
from cleanroom_core.notebooks.settings import Settings

FAULTY = sorted((Path(__file__).parent / "cases/faulty").iterdir())


def closed(required: list[str], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


# What the OASIS schema requires of the objects used here; its optional properties that are not used are left out, so that a
# misspelt one is found.
LEVEL = {"enum": ["none", "note", "warning", "error"]}
TEXT = closed(["text"], {"text": {"type": "string", "minLength": 1}})
RULE = closed(
    ["id"],
    {
        "id": {"type": "string"}, "shortDescription": TEXT, "fullDescription": TEXT, "help": TEXT,
        "defaultConfiguration": closed([], {"level": LEVEL}),
    },
)  # fmt: skip
DRIVER = closed(
    ["name"],
    {
        "name": {"type": "string"},
        "semanticVersion": {"type": "string"},
        "rules": {"type": "array", "uniqueItems": True, "items": RULE},
    },
)
POSITIVE = {"type": "integer", "minimum": 1}
PHYSICAL = closed(
    ["artifactLocation"],
    {
        "artifactLocation": closed([], {"uri": {"type": "string", "format": "uri-reference", "pattern": "^[^ \\\\]+$"}}),
        "region": closed([], {"startLine": POSITIVE, "startColumn": POSITIVE}),
    },
)
RESULT = closed(
    ["message"],
    {
        "ruleId": {"type": "string"}, "ruleIndex": {"type": "integer", "minimum": -1}, "level": LEVEL, "message": TEXT,
        "locations": {"type": "array", "items": closed([], {"physicalLocation": PHYSICAL})},
    },
)  # fmt: skip
RUN = closed(
    ["tool"],
    {
        "tool": closed(["driver"], {"driver": DRIVER}),
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "results": {"type": "array", "items": RESULT},
    },
)
LOG = closed(
    ["version", "runs"],
    {"$schema": {"type": "string", "format": "uri"}, "version": {"enum": ["2.1.0"]}, "runs": {"type": "array", "items": RUN}},
)


def test_every_finding_of_every_faulty_case_is_a_valid_result() -> None:
    findings = [
        finding for path in FAULTY for finding in lint(f"note books/{path.name}", path.read_text(encoding="utf-8"), Settings())
    ]
    log = json.loads(as_sarif(findings, "1.2.3"))
    jsonschema.validate(log, LOG, cls=jsonschema.Draft7Validator)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules) == 16
    assert len(run["results"]) == len(findings) > 100
    for result, finding in zip(run["results"], findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.code
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == f"note%20books/{finding.file.removeprefix('note books/')}"
        assert place["region"] == {"startLine": finding.line, "startColumn": finding.column}


def test_nothing_found_is_a_log_with_no_results() -> None:
    log = json.loads(as_sarif((), "1.2.3"))
    jsonschema.validate(log, LOG, cls=jsonschema.Draft7Validator)
    assert log["runs"][0]["results"] == []
