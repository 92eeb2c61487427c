"""An estimate in words: what would keep more has its own figures, and what is not shown is never told empty from small."""

from __future__ import annotations

import re

from streamlit.testing.v1 import AppTest

from tests.pages.conftest import texts


def costly() -> None:
    from cleanroom_core.stories.estimate import ChoiceCost, Collision, Cost, Estimate, Suggestion
    from pages._ui.estimate import draw

    each = (ChoiceCost({"tier": "gold"}, 0, Cost(4, 2, 1, 61)), ChoiceCost({"tier": "gold"}, 1, Cost(4, 1, 0, 40)))
    better = (Suggestion("aisle, with truffles and *wine* as one label", Cost(6, 6, 0, 100)),)
    collisions = (Collision("ai*sles", 2), Collision(None, 1))
    draw(
        Estimate("north.baskets", 20, 270, ("aisle",), Cost(8, 3, 1, 53), each, collisions, better, "Too many labels."),
        "South Shop",
    )


def unlabelled() -> None:
    from cleanroom_core.stories.estimate import ChoiceCost, Cost, Estimate
    from pages._ui.estimate import draw

    cost = Cost(None, 0, 0, 0)
    draw(Estimate("north.baskets", 20, None, ("day by month",), cost, (ChoiceCost({}, 0, cost),)), "South Shop")


def test_every_figure_and_every_suggestion_is_said() -> None:
    app = AppTest.from_function(costly).run()
    assert not app.exception
    said = texts(app)
    assert "the largest is about 270 people or a few more" in said
    assert r"- aisle, with truffles and \*wine\* as one label: 6 of 6 combinations" in said
    assert "3 of 8 combinations of its labels have 20 people or more, and 1 of them would stay back" in said
    assert r"It collides with **ai\*sles**: 2 more cells would stay back" in said
    assert "several earlier templates together**: 1 more cell would" in said
    assert "Not checked against other templates: Too many labels." in said
    (choices,) = app.dataframe
    assert choices.value["choice"].tolist() == ["tier = gold", "tier = gold; condition 1"]
    assert choices.value["rows kept"].tolist() == ["61 %", "40 %"]


def test_nothing_tells_empty_from_small() -> None:
    for made in (costly, unlabelled):
        said = texts(AppTest.from_function(made).run())
        assert not re.search(r"\b(empty|nobody|no people|0 people|too small)\b", said)
    assert "fewer than 20 people" in said
    assert "0 combinations of its labels" in said
