"""Are this Python and this databricks-sdk ones the clean-room calls work with?"""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.prechecks.check import ADMINISTRATOR, Check, Result
from cleanroom_core.prechecks.databricks.wording import cannot_tell, failed, listed, passed, unread
from cleanroom_core.prechecks.fact import Absent, Fact, Known

OLDEST, TOO_NEW = (0, 122), (1, 0)
WHY = "The clean-room classes were moved, removed and brought back between releases; only these have the calls made here."
_INSTALL = "python -m pip install -r requirements.txt"


@dataclass(frozen=True)
class SdkFacts:
    """`python`: of this process. `sdk`: version of databricks-sdk. `lacking`: services and parameters looked for in vain."""

    python: tuple[int, int]
    sdk: Fact[str]
    lacking: tuple[str, ...]


def judge(facts: SdkFacts) -> Result:
    python = f"Python {facts.python[0]}.{facts.python[1]}"
    if facts.python < (3, 10):
        return failed(
            f"{python}; the SDK needs 3.10", WHY, "Use Python 3.11 or later.", ADMINISTRATOR, "make install PYTHON=python3.12"
        )
    if isinstance(facts.sdk, Absent):
        return failed("databricks-sdk is not installed", WHY, "Install the pinned packages.", ADMINISTRATOR, _INSTALL)
    if not isinstance(facts.sdk, Known):
        return unread("The version of databricks-sdk", facts.sdk, WHY, ADMINISTRATOR, "Install the pinned packages.", _INSTALL)
    found = f"{python}, databricks-sdk {facts.sdk.value}"
    if facts.lacking:
        return failed(
            f"{found} lacks {listed(list(facts.lacking))}", WHY, "Install the pinned packages.", ADMINISTRATOR, _INSTALL
        )
    version = _version(facts.sdk.value)
    if version is None or not OLDEST <= version < TOO_NEW:
        return cannot_tell(f"{found}; tested are 0.122 up to 1.0", WHY, "Install the pinned packages.", ADMINISTRATOR, _INSTALL)
    return passed(found, WHY)


def _version(text: str) -> tuple[int, int] | None:
    parts = text.split(".")
    return (int(parts[0]), int(parts[1])) if len(parts) > 1 and parts[0].isdecimal() and parts[1].isdecimal() else None


CHECK = Check("sdk", "Python and Databricks SDK", WHY, SdkFacts, judge)
