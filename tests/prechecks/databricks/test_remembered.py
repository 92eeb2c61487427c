"""What a home remembers is read back, and nothing else is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cleanroom_core.backends.databricks.facts_remembered import remembered_gatherers
from cleanroom_core.errors import InputError
from cleanroom_core.prechecks.check import Status, run
from cleanroom_core.prechecks.databricks import OWN, agreement
from cleanroom_core.prechecks.databricks.asked import Asked
from cleanroom_core.prechecks.databricks.region import Place
from cleanroom_core.prechecks.databricks.remembered import FILE, PARTNER_FILE, Remembered

FULL = Asked(
    "joint", False, Place("aws", "us-west-2"), ("a.b.c",), ("ana",), ("robot",), ("c1",), frozenset({"PCI_DSS", "HIPAA"}),
    "x", 7, 3, "w",
)  # fmt: skip


@pytest.mark.parametrize("asked", [Asked(), FULL])
def test_it_is_read_back(asked: Asked) -> None:
    kept = Remembered("bank", "", asked)
    assert Remembered.from_text(kept.to_text()) == kept


def text(**changed: Any) -> str:
    found = json.loads(Remembered("bank", "", FULL).to_text())
    found["asked"].update(changed)
    return json.dumps(found)


@pytest.mark.parametrize(
    "wrong",
    [
        "", "[]", "{}", "5", "[" * 60_000, '{"format": 2, "profile": "", "account_profile": "", "asked": {}}',
        '{"format": 1, "profile": 1, "account_profile": "", "asked": {}}',
        '{"format": 1, "profile": "", "account_profile": "", "asked": [], "token": "x"}',
        text(token="x"), text(tables="a.b.c"), text(tables=[1]), text(place={"cloud": "aws"}), text(place="aws"),
        text(room_limit="5"), text(collaborators=True), text(room=5),
    ],
)  # fmt: skip
def test_anything_else_is_refused(wrong: str) -> None:
    with pytest.raises(InputError) as caught:
        Remembered.from_text(wrong)
    assert caught.value.code == "REMEMBERED"


@pytest.mark.parametrize(
    ("kept", "partner", "said"),
    [
        ("[]", None, "REMEMBERED"),
        (Remembered("nobody", "", FULL).to_text(), None, "CONNECTION"),
        (Remembered("nobody", "", FULL).to_text(), "{}", "PARTNER_FACTS"),
    ],
)
def test_what_cannot_be_used_is_said_by_every_check_and_tried_once(
    tmp_path: Path, kept: str, partner: str | None, said: str
) -> None:
    (tmp_path / FILE).write_text(kept, encoding="utf-8")
    if partner is not None:
        (tmp_path / PARTNER_FILE).write_text(partner, encoding="utf-8")
    asked: list[int] = []

    def clock() -> datetime:
        asked.append(1)
        return datetime(2026, 11, 23, tzinfo=UTC)

    gatherers = remembered_gatherers(tmp_path, clock)
    found = run([check for check in OWN if check is not agreement.CHECK], gatherers)
    assert {checked.result.status for checked in found} == {Status.CANNOT_TELL}
    assert len({checked.result.found for checked in found}) == 1
    assert len(asked) == 1
    with pytest.raises(InputError) as caught:
        gatherers[found[0].check.facts]()
    assert caught.value.code == said
