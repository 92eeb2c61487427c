"""What the server does besides pages: when it starts, the log is opened and what the first chart would wait for is imported."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

from cleanroom_core.context import home_path
from pages._ui.logfile import open_log


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[dict[str, object]]:
    open_log(home_path())
    import altair  # noqa: F401
    import pandas  # noqa: F401

    yield {}


def _first_step(request: Request) -> RedirectResponse:
    """Streamlit serves the first page at / only; at its own name it would say "Page not found" beside it."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/{query}", status_code=307)


ROUTES = [Route("/home", _first_step, methods=["GET"])]
