"""The guard's answer: sheets that may be computed, or findings that say what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.guard.finding import Finding
from cleanroom_core.guard.sheet import Sheet


@dataclass(frozen=True)
class Verdict:
    """Sheets in the order of the template's parameter choices, or findings; never both."""

    findings: tuple[Finding, ...]
    sheets: tuple[Sheet, ...]

    @property
    def ok(self) -> bool:
        return not self.findings
