"""What a home remembers is read back, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cleanroom_core.errors import InputError
from cleanroom_core.prechecks.databricks.asked import Asked
from cleanroom_core.prechecks.databricks.region import Place
from cleanroom_core.prechecks.databricks.remembered import Remembered

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
