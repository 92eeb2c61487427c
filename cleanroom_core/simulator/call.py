"""One request as a handler sees it, and the declaration of what is answered."""

from __future__ import annotations

import base64
import binascii
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cleanroom_core.simulator.refusal import SDK, Refusal, invalid
from cleanroom_core.simulator.state import State
from cleanroom_core.simulator.strict import Field, Json, check_object, of_call, of_dataclass
from cleanroom_core.simulator.world import Workspace

if TYPE_CHECKING:
    from cleanroom_core.simulator.sql.database import Database


@dataclass(frozen=True)
class Call:
    """A checked request: who asks in which workspace, what, and what the simulator knows."""

    workspace: Workspace
    workspaces: Mapping[str, Workspace]
    state: State
    caller: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Json
    database: Database
    headers: Mapping[str, str] = field(default_factory=dict)
    host: str = ""

    @property
    def place(self) -> str:
        return self.workspace.name

    @cached_property
    def groups(self) -> frozenset[str]:
        record = self.state.get("principal", self.place, self.caller) or {}
        return frozenset([*record.get("groups", ()), "account users"])

    def get(self, kind: str, key: str = "") -> Json | None:
        return self.state.get(kind, self.place, key)

    def put(self, kind: str, key: str, body: Json) -> None:
        self.state.put(kind, self.place, key, body)

    def all(self, kind: str) -> list[tuple[str, Any]]:
        return self.state.all(kind, self.place)

    def page(self, items: Sequence[Json], name: str, size: int = 100, parameter: str = "page_size") -> Json:
        """One page of a list, with the token of the next one where there is one."""
        wanted = self.query.get(parameter, "")
        if wanted and not (wanted.isdecimal() and int(wanted) <= 1000):
            raise invalid(f"{parameter} must be a whole number from 0 to 1000.")
        count = int(wanted or 0) or size
        start = _offset(self.query.get("page_token", ""))
        reply: Json = {name: list(items[start : start + count])}
        if start + count < len(items):
            reply["next_page_token"] = base64.urlsafe_b64encode(str(start + count).encode()).decode()
        return reply


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError) as error:
        raise invalid("page_token is not one this server gave out.") from error


Handler = Callable[[Call], Json]


@dataclass(frozen=True)
class Route:
    """A call that is answered.

    `sdk` is the SDK's function; what it takes, less the parts of the path, is what the request may say. `body` names the
    dataclass that is the whole body, when it is one. `in_query` are parameters that a request with a body sends in its query.
    `source` is where the behaviour of an answer is known from; its shape is the SDK's in any case.
    """

    method: str
    path: str
    handler: Handler
    sdk: Callable[..., Any] | None = None
    body: type | None = None
    in_query: frozenset[str] = frozenset()
    source: str = SDK
    anonymous: bool = False
    form: bool = False

    def check(self, path: Mapping[str, str], query: Mapping[str, str], body: object) -> Json:
        """Raise Refusal for a request the SDK could not have meant; return the body without nulls."""
        if self.sdk is None:
            return typing.cast(Json, body) if isinstance(body, dict) else {}
        fields = {name: each for name, each in of_call(self.sdk).items() if name not in path}
        bodied = self.method in ("POST", "PUT", "PATCH")
        asked = {name: each for name, each in fields.items() if not bodied or name in self.in_query}
        # The SDK flattens nested query parameters as filter_by.x; they are checked by their first part.
        for name in query:
            if name.split(".")[0] not in asked:
                raise invalid(f"{self.method} {self.path} has no query parameter '{name}'.")
        for name, each in asked.items():
            if each.required and name not in query:
                raise invalid(f"The query parameter '{name}' is required.")
        if not bodied:
            if body not in ({}, None):
                raise Refusal(400, "MALFORMED_REQUEST", f"{self.method} takes no body.")
            return {}
        allowed: dict[str, Field] = (
            of_dataclass(self.body) if self.body else {name: each for name, each in fields.items() if name not in self.in_query}
        )
        return check_object(body if body is not None else {}, allowed, "request")
