"""What is answered. A new group of calls is one module with a list ROUTES, and one line here."""

from __future__ import annotations

from cleanroom_core.simulator.call import Route
from cleanroom_core.simulator.groups import (
    assets,
    catalogs,
    compute,
    control,
    grants,
    identity,
    jobs,
    metastores,
    notebooks,
    policies,
    recipients,
    reviews,
    rooms,
    rules,
    secrets,
    settings,
    statements,
    task_runs,
)

ROUTES: list[Route] = [
    *control.ROUTES,
    *identity.ROUTES,
    *rooms.ROUTES,
    *assets.ROUTES,
    *reviews.ROUTES,
    *rules.ROUTES,
    *task_runs.ROUTES,
    *metastores.ROUTES,
    *catalogs.ROUTES,
    *grants.ROUTES,
    *policies.ROUTES,
    *recipients.ROUTES,
    *compute.ROUTES,
    *secrets.ROUTES,
    *notebooks.ROUTES,
    *settings.ROUTES,
    *statements.ROUTES,
    *jobs.ROUTES,
]
