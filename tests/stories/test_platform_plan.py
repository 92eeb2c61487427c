"""The notebook of the plan in force: the same from both sides' own copies, and only while nothing of the period is out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cleanroom_core.errors import ConflictError, InputError, NotReadyError
from cleanroom_core.guard.template import Template
from cleanroom_core.identity.permissions import Role
from cleanroom_core.notebooks.lint import lint
from cleanroom_core.notebooks.release.verify import verified
from cleanroom_core.notebooks.settings import Settings
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.stories.plan import propose_plan, sign_plan
from cleanroom_core.stories.platform_plan import plan_notebook
from tests.stories.tiny_room import TinyRoom

pytestmark = pytest.mark.usefixtures("same_process")

TABLES = {
    "north.baskets": ObjectName("north", "share", "baskets"),
    "south.members": ObjectName("south", "share", "members"),
}


def test_both_sides_make_the_same_notebook_before_anything_is_out(at: Callable[[str], TinyRoom]) -> None:
    tiny = at("signed")
    one, other = (plan_notebook(tiny.side(alias), "north", TABLES, "aisles", ["north"]) for alias in ("north", "south"))
    assert one == other
    plan = tiny.side("north").state().plan_in_force
    assert plan is not None
    found = verified(one.source)
    assert (found.plan["plan"], found.plan["once"]) == (plan.text_hash, True)
    assert [sheet["template"] for sheet in found.plan["sheets"]] == ["aisles"]
    assert lint("aisles.py", one.source, Settings(minimum=20)) == ()
    with pytest.raises(InputError, match="south keeps no sheet"):
        plan_notebook(tiny.side("north"), "south", TABLES, "aisles", ["south"])


@pytest.mark.parametrize("alias", ["north", "south"])
def test_no_notebook_beside_figures_that_are_out(at: Callable[[str], TinyRoom], alias: str) -> None:
    with pytest.raises(ConflictError) as refused:
        plan_notebook(at("quarantined").side(alias), "north", TABLES, "aisles", ["north"])
    assert refused.value.code == "RUNS_ONCE", "no row of this room has a date"


def test_what_the_other_custodian_computed_may_be_out(at: Callable[[str], TinyRoom]) -> None:
    """It is certified as if all of it were; what this side itself computed is not."""
    tiny = at("quarantined")
    tiers = Template("tiers", "north", "assortment", "SELECT m.tier, count(*) AS members FROM south.members m GROUP BY m.tier")
    digest = propose_plan(tiny.side("north"), tiny.user("north", Role.ANALYST), [tiers])
    for alias in ("north", "south"):
        sign_plan(tiny.side(alias), tiny.user(alias, Role.REVIEWER), digest)
    one, other = (plan_notebook(tiny.side(alias), "south", TABLES, "tiers", ["south"]) for alias in ("north", "south"))
    assert one == other
    found = verified(one.source)
    assert [sheet["template"] for sheet in found.plan["sheets"]] == ["tiers"]
    assert len(found.plan["job"]["assumed"]) == 1
    with pytest.raises(ConflictError):
        plan_notebook(tiny.side("south"), "north", TABLES, "aisles", ["north"])


def test_no_notebook_without_a_plan(at: Callable[[str], TinyRoom]) -> None:
    with pytest.raises(NotReadyError) as refused:
        plan_notebook(at("registered").side("north"), "north", TABLES, "aisles", ["north"])
    assert refused.value.code == "NO_PLAN"
