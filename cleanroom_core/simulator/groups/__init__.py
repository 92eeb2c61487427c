"""What is answered. A new group of calls is one module with a list ROUTES, and one line here."""

from __future__ import annotations

from cleanroom_core.simulator.call import Route
from cleanroom_core.simulator.groups import assets, control, identity, reviews, rooms, rules, task_runs

ROUTES: list[Route] = [
    *control.ROUTES,
    *identity.ROUTES,
    *rooms.ROUTES,
    *assets.ROUTES,
    *reviews.ROUTES,
    *rules.ROUTES,
    *task_runs.ROUTES,
]
