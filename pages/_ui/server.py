"""What the server does besides pages: when it starts, the log is opened and what the first chart would wait for is imported;
while it runs, the home of one party takes over and acknowledges what the others wrote, whether or not anybody looks.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

from cleanroom_core.context import home_path
from cleanroom_core.errors import HomeError
from pages._ui import state
from pages._ui.logfile import log_error, open_log

EXCHANGE_SECONDS = 2.0


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[dict[str, object]]:
    open_log(home_path())
    import altair  # noqa: F401
    import pandas  # noqa: F401

    stop = threading.Event()
    exchange = threading.Thread(target=_keep_up, args=(stop,), name="exchange", daemon=True)
    exchange.start()
    try:
        yield {}
    finally:
        stop.set()
        exchange.join(5)


def _keep_up(stop: threading.Event) -> None:
    """With the pages' own context: one process opens a log once. A home may be made while this waits."""
    told = ""
    while not stop.wait(EXCHANGE_SECONDS):
        try:
            state.context().keep_up()
        except HomeError:
            continue  # none yet, or another version's: the pages say so
        except Exception as error:  # the last place that can say anything; once for each thing that happens
            if str(error) != told:
                told = str(error)
                log_error(error, secrets.token_hex(4))


def _first_step(request: Request) -> RedirectResponse:
    """Streamlit serves the first page at / only; at its own name it would say "Page not found" beside it."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/{query}", status_code=307)


ROUTES = [Route("/home", _first_step, methods=["GET"])]
