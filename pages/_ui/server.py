"""What happens once, when the server starts: the log is opened and what the first chart would wait for is imported."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cleanroom_core.context import home_path
from pages._ui.logfile import open_log


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[dict[str, object]]:
    open_log(home_path())
    import altair  # noqa: F401
    import pandas  # noqa: F401

    yield {}
