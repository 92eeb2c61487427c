"""What every engine says when it does not finish: the same words whatever computes, and never a data value."""

from __future__ import annotations

import logging
import secrets

from cleanroom_core.engines.protocol import Limits
from cleanroom_core.errors import EngineLostError, QueryCancelledError, QueryFailedError, QueryTimeoutError

_LOG = logging.getLogger(__name__)


def cancelled() -> QueryCancelledError:
    return QueryCancelledError("The run was cancelled.", hint="Start it again when you want its result.")


def timed_out(limits: Limits) -> QueryTimeoutError:
    return QueryTimeoutError(
        f"The run took longer than {limits.seconds:g} seconds.", hint="Raise the time limit, or ask for less."
    )


def too_many_rows(limit: int) -> QueryFailedError:
    return QueryFailedError(
        f"A result has more than {limit} rows.", hint="Group by fewer or coarser dimensions.", code="RESULT_ROWS"
    )


def opaque(exception: str, about: str) -> QueryFailedError:
    """The one answer to every failing query. `about` goes to the log under the error's id and must hold no data value."""
    error_id = secrets.token_hex(4)
    _LOG.error("query failed: error %s, %s %s", error_id, exception, about)
    failure = QueryFailedError(
        "The query could not be computed.", hint=f"Whoever runs this machine finds the cause in its log under error {error_id}."
    )
    failure.diagnostic_id = error_id
    return failure


def lost(exception: str, about: str) -> EngineLostError:
    error_id = secrets.token_hex(4)
    _LOG.error("engine process ended before its answer: error %s, %s %s", error_id, exception, about)
    failure = EngineLostError(
        "The engine's process ended before it had answered.", hint=f"Run it again; the log knows this as error {error_id}."
    )
    failure.diagnostic_id = error_id
    return failure
