"""How one party's process reaches its workspace: the SDK's unified authentication, with bounds on how long a call may take.

What is left empty is found as every Databricks tool finds it: environment (DATABRICKS_*), profile in ~/.databrickscfg, OAuth
of a service principal, the identity of a Databricks App. Each party's credentials are in that party's process only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from cleanroom_core.backends.databricks.translating import AsksTooLongError, translated
from cleanroom_core.errors import InputError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_APP_TOKEN = "x-forwarded-access-token"  # docs.databricks.com, dev-tools/databricks-apps/auth: on behalf of the user


@dataclass(frozen=True)
class Connection:
    """`retry_seconds`: how long the SDK repeats one call by itself. `longest_pause`: the longest Retry-After it sits out.
    Neither secret nor token is shown by repr."""

    host: str = ""
    profile: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    http_seconds: float = 60.0
    retry_seconds: int = 120
    longest_pause: float = 60.0

    def __post_init__(self) -> None:
        if bool(self.client_id) != bool(self.client_secret) or (self.client_id and self.token):
            raise InputError(
                "Give a client id with its secret, or a token, or neither.",
                hint="Neither means: as the environment or the profile says.",
                code="CONNECTION",
            )
        if self.http_seconds <= 0 or self.retry_seconds <= 0:  # the SDK takes 0 for its own five minutes
            raise InputError("A call has a time limit.", hint="Give seconds above zero.", code="CONNECTION")

    @classmethod
    def of_app_user(cls, headers: Mapping[str, str], host: str) -> Connection:
        """Inside a Databricks App: as the person whose browser asks, not as the app's own service principal.

        `headers`: of the browser's request; `host`: DATABRICKS_HOST of the app. Raises InputError without the header, which
        the platform adds only where user authorization is on for the app.
        """
        token = next((value for name, value in headers.items() if name.lower() == _APP_TOKEN), "")
        if not token or not host:
            raise InputError(
                "This request carries no access token of a signed-in user.",
                hint="Turn on user authorization for the app, or use the app's own identity.",
                code="APP_HEADERS",
            )
        return cls(host=host, token=token)


def open_client(
    connection: Connection, clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep
) -> WorkspaceClient:
    """A client whose retries end. Raises NotPermittedError when no usable credential is found."""
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.clock import Clock
    from databricks.sdk.config import Config

    class Bounded(Clock):
        def time(self) -> float:
            return clock()

        def sleep(self, seconds: float) -> None:
            if seconds > connection.longest_pause + 1:  # the SDK adds up to a second of its own
                raise AsksTooLongError(seconds)
            sleep(seconds)

    given: dict[str, Any] = {
        name: value
        for name in ("host", "profile", "client_id", "client_secret", "token")
        if (value := getattr(connection, name))
    }
    if connection.token:
        given["auth_type"] = "pat"  # an app's environment holds its own OAuth credentials besides
    elif connection.client_id:
        given["auth_type"] = "oauth-m2m"
    with translated("sign in"):
        config = Config(
            http_timeout_seconds=connection.http_seconds,
            retry_timeout_seconds=connection.retry_seconds,
            product="cleanroom",
            product_version=_own_version(),
            clock=Bounded(),
            **given,
        )
        return WorkspaceClient(config=config)


def _own_version() -> str:
    """What the platform's audit log names us by; a clone that runs on its requirements alone, as in an App, has no number."""
    try:
        return version("cleanroom-core")
    except PackageNotFoundError:
        return "0.0.0"
