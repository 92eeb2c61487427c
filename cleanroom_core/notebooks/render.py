"""Findings for people and for programs: text and JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from cleanroom_core.notebooks.finding import Finding


def as_text(findings: Sequence[Finding]) -> str:
    """One paragraph per finding; why and fix stand with the first of a code only."""
    told: set[str] = set()
    lines: list[str] = []
    for finding in findings:
        lines.append(f"{finding.file}:{finding.line}:{finding.column}: {finding.code} {finding.message}")
        if finding.code not in told:
            lines += [f"    why: {finding.why}", f"    fix: {finding.fix}"]
            told.add(finding.code)
    counted = Counter(finding.code for finding in findings)
    total = f"{len(findings)} finding{'s' if len(findings) != 1 else ''}"
    each = ", ".join(f"{code} {number}" for code, number in sorted(counted.items()))
    return "\n".join([*lines, f"{total}: {each}." if findings else "Nothing found."])


def as_json(findings: Sequence[Finding]) -> str:
    return json.dumps({"findings": [finding.as_json() for finding in findings]}, ensure_ascii=False, indent=2)
