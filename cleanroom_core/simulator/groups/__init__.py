"""What is answered. A new group of calls is one module with a list ROUTES, and one line here."""

from __future__ import annotations

from cleanroom_core.simulator.call import Route
from cleanroom_core.simulator.groups import control, identity

ROUTES: list[Route] = [
    *control.ROUTES,
    *identity.ROUTES,
]
