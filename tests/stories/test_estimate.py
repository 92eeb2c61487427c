"""Planning: each side sees what a template would cost its own table, and nothing of the other's."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from cleanroom_core.errors import InputError, NotPermittedError
from cleanroom_core.guard.template import Parameter, Template
from cleanroom_core.identity.permissions import Role
from cleanroom_core.stories.estimate import Collision, Estimate, estimate_template
from tests.stories.tiny_room import TinyRoom

pytestmark = pytest.mark.usefixtures("same_process")  # tests/engines hold it to its own processes
JOINED = "FROM north.baskets b JOIN south.members m ON b.member_token = m.member_token"
AISLES = Template("aisles", "south", "assortment", f"SELECT b.aisle, m.tier, count(*) AS n {JOINED} GROUP BY b.aisle, m.tier")


@pytest.fixture
def room(at: Callable[[str], TinyRoom]) -> Iterator[TinyRoom]:
    return at("registered")


def estimated(room: TinyRoom, template: Template, alias: str = "north") -> tuple[Estimate, ...]:
    return estimate_template(room.side(alias), room.user(alias, Role.STEWARD), template)


def shared_rows(room: TinyRoom) -> list[dict[str, str]]:
    """What of the baskets is shared, by their raw file."""
    with (room.home.parent / "files" / "baskets.csv").open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["consent"] == "yes"]


def people(rows: list[dict[str, str]]) -> int:
    return len({row["mail"].strip().lower() for row in rows})


def test_own_cells_own_minimum_and_the_share_of_rows_kept(room: TinyRoom) -> None:
    (found,) = estimated(room, AISLES)
    rows = shared_rows(room)
    aisles = {aisle: [row for row in rows if row["aisle"] == aisle] for aisle in ("bread", "fruit", "wine", "truffles")}
    enough = [aisle for aisle, some in aisles.items() if people(some) >= 20]
    kept = sum(len(aisles[aisle]) for aisle in enough)
    assert (found.asset, found.minimum, found.keys) == ("north.baskets", 20, ("aisle",))
    assert (found.together.cells, found.together.reached) == (4, len(enough)) == (4, 3)
    assert found.together.kept == 100 * kept // len(rows)
    assert found.people == people(rows) // 10 * 10
    assert [(one.parameters, one.condition, one.cost) for one in found.each] == [({}, 0, found.together)]


def test_the_other_side_sees_its_own_table_only(room: TinyRoom) -> None:
    (found,) = estimated(room, AISLES, "south")
    assert (found.asset, found.keys, found.together.cells) == ("south.members", ("tier",), 2)
    alone = Template("alone", "south", "assortment", "SELECT aisle, count(*) AS n FROM north.baskets GROUP BY aisle")
    assert estimated(room, alone, "south") == ()


def test_each_parameter_choice_and_all_together(room: TinyRoom) -> None:
    sql = f"SELECT b.aisle, count(*) AS n {JOINED} WHERE b.aisle = :aisle AND m.tier = :tier GROUP BY b.aisle"
    choices = {"aisle": Parameter(("bread", "truffles")), "tier": Parameter(("basic", "gold"))}
    (found,) = estimated(room, Template("one", "south", "assortment", sql, choices))
    by_aisle = {one.parameters["aisle"]: one.cost for one in found.each}
    assert len(found.each) == 4  # the other side's tier is no matter of the own table: two choices each cost the same
    assert Counter(one.cost.reached for one in found.each) == {1: 2, 0: 2}
    assert by_aisle["bread"].kept == 100
    assert by_aisle["truffles"].kept == 0
    assert (found.together.cells, found.together.reached) == (4, 2)


def test_conditions_of_the_other_side_let_everything_through(room: TinyRoom) -> None:
    either = f"SELECT b.aisle, count(*) AS n {JOINED} WHERE b.aisle = 'wine' OR m.tier = 'gold' GROUP BY b.aisle"
    both = f"SELECT b.aisle, count(*) AS n {JOINED} WHERE b.aisle = 'wine' AND m.tier = 'gold' GROUP BY b.aisle"
    (loose,) = estimated(room, Template("loose", "south", "assortment", either))
    (tight,) = estimated(room, Template("tight", "south", "assortment", both))
    assert (loose.together.cells, tight.together.cells) == (4, 1)


def test_suggestions_are_measured_and_keep_more(room: TinyRoom) -> None:
    (found,) = estimated(room, AISLES)
    assert 1 <= len(found.suggestions) <= 2
    assert all(one.cost.kept > found.together.kept for one in found.suggestions)
    finest = found.suggestions[0]
    assert finest.change == "aisle, with truffles and wine as one label"
    assert (finest.cost.cells, finest.cost.reached, finest.cost.kept) == (3, 3, 100)


def test_nothing_is_suggested_where_nothing_is_lost(room: TinyRoom) -> None:
    (found,) = estimated(room, AISLES, "south")
    assert (found.together.kept, found.suggestions) == (100, ())


def test_looking_is_on_record_and_stays_at_home(room: TinyRoom) -> None:
    side = room.side("north")
    estimated(room, AISLES)
    (entry,) = [record for record in side.log.records() if record.entry.kind == "access"]
    assert entry.entry.public == {"object": "own figures for planning"}
    assert entry.payload["assets"] == ["north.baskets"]
    other = room.side("south")
    other.hand_over()
    mirrored = [record for record in other.log.records(side.log.origin) if record.entry.kind == "access"]
    assert [record.payload for record in mirrored] == [None]


def test_who_may_not_see_own_figures_is_refused_before_anything_is_read(room: TinyRoom) -> None:
    side = room.side("north")
    size = side.log.size()
    for role in (Role.ANALYST, Role.OFFICER):
        with pytest.raises(NotPermittedError):
            estimate_template(side, room.user("north", role), AISLES)
    with pytest.raises(NotPermittedError):
        estimate_template(side, room.user("south", Role.STEWARD), AISLES)
    with pytest.raises(InputError, match="The guard refuses nosy"):
        estimated(room, Template("nosy", "south", "assortment", "SELECT member_token FROM north.baskets"))
    assert side.log.size() == size


TOTAL = Template("total", "south", "assortment", f"SELECT count(*) AS n {JOINED}")


def test_what_would_be_a_difference_of_few_people_collides_by_name(at: Callable[[str], TinyRoom]) -> None:
    """The total less the three aisles that show is what the few people who bought truffles did."""
    (alone,) = estimated(at("registered"), TOTAL)
    assert (alone.together.reached, alone.together.withheld, alone.together.kept, alone.collisions) == (1, 0, 100, ())
    (beside,) = estimated(at("signed"), TOTAL)
    assert (beside.together.reached, beside.together.withheld, beside.together.kept) == (1, 1, 0)
    assert beside.collisions == (Collision("aisles", 1),)


def test_the_same_question_in_a_plan_already_collides_with_nothing(at: Callable[[str], TinyRoom]) -> None:
    again = Template("again", "south", "assortment", AISLES.sql)
    (found,) = estimated(at("signed"), again)
    assert (found.together.withheld, found.collisions, found.unchecked) == (0, (), None)


def test_a_suggestion_that_would_collide_is_none(at: Callable[[str], TinyRoom]) -> None:
    """Beside the aisles in the plan, the total, or wine and truffles as one label, would tell of the truffles."""
    again = Template("again", "south", "assortment", AISLES.sql)
    (free,), (beside,) = estimated(at("registered"), again), estimated(at("signed"), again)
    assert free.suggestions
    assert beside.together == free.together
    assert beside.suggestions == ()
