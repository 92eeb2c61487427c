"""One workspace as an ASGI application: who asks what, the transaction around it, faults, the shape of errors."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.routing import Route as Place

from cleanroom_core.simulator import faults
from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.groups import ROUTES
from cleanroom_core.simulator.refusal import DOCUMENTED, GUESS, Refusal, missing
from cleanroom_core.simulator.state import State
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import Workspace, fingerprint, now

if TYPE_CHECKING:
    from cleanroom_core.simulator.sql.database import Database

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
SOURCE_HEADER = "X-Simulator-Source"
_NEED_METASTORE = ("/api/2.1/unity-catalog/", "/api/2.0/clean-rooms")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """A request as it came in, before anything about it was believed."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes
    host: str


def application(workspace: Workspace, workspaces: Mapping[str, Workspace], state: State, database: Database) -> Starlette:
    """The ASGI application of one workspace; both share `state` and `database`."""
    server = _Server(workspace, workspaces, state, database)

    async def endpoint(request: Request) -> Response:
        asked = Asked(
            request.method,
            request.url.path,
            dict(request.query_params),
            request.headers,
            await request.body(),
            f"{request.url.scheme}://{request.headers.get('host', '')}",
        )
        return await run_in_threadpool(server.answer, asked)

    return Starlette(routes=[Place("/{path:path}", endpoint, methods=_METHODS)])


class _Server:
    def __init__(self, workspace: Workspace, workspaces: Mapping[str, Workspace], state: State, database: Database) -> None:
        self._workspace, self._workspaces, self._state, self._database = workspace, workspaces, state, database
        self._places = [(route, Place(route.path, _nothing, methods=[route.method])) for route in ROUTES]

    def answer(self, asked: Asked) -> Response:
        control = asked.path.startswith("/simulator/")
        late = None if control else self._fault(asked, "delay")
        if late and not late.get("after_commit"):
            time.sleep(late["seconds"])
        wrong = None if control else self._fault(asked, "error")
        if wrong and not wrong.get("after_commit"):
            return _refused(_as_refusal(wrong))
        try:
            reply, source = self._handle(asked)
        except Refusal as refusal:
            return _refused(refusal, oauth=asked.path.startswith("/oidc/"))
        except Exception:
            _log.exception("the simulator itself failed at %s %s", asked.method, asked.path)
            return _refused(Refusal(500, "INTERNAL_ERROR", "The simulator itself failed; its log has the traceback.", GUESS))
        if late and late.get("after_commit"):
            time.sleep(late["seconds"])
        if wrong:
            return _refused(_as_refusal(wrong))
        strange = None if control else self._fault(asked, "unknown_enum")
        if strange:
            reply = _with_unknown(reply, strange["field"])
        return JSONResponse(reply, headers={SOURCE_HEADER: source})

    def _fault(self, asked: Asked, kind: str) -> Json | None:
        with self._state.transaction():
            return faults.take(self._state, self._workspace.name, asked.method, asked.path, (kind,))

    def _handle(self, asked: Asked) -> tuple[Json, str]:
        route, path = self._find(asked)
        body = _body(asked, route)
        with self._state.transaction():
            caller = "" if route.anonymous else self._caller(asked)
            checked = route.check(path, asked.query, body)
            call = Call(
                self._workspace,
                self._workspaces,
                self._state,
                caller,
                path,
                asked.query,
                checked,
                self._database,
                asked.headers,
                asked.host,
            )
            if route.path.startswith(_NEED_METASTORE) and call.get("assignment") is None:
                raise missing("No metastore assigned for the current workspace.", "METASTORE_DOES_NOT_EXIST", DOCUMENTED)
            return route.handler(call), route.source

    def _find(self, asked: Asked) -> tuple[Route, dict[str, str]]:
        for path in (asked.path, asked.path.rstrip("/")):  # the Java SDK ends some paths with a slash
            scope = {"type": "http", "path": path, "method": asked.method, "root_path": ""}
            for route, place in self._places:
                match, found = place.matches(scope)
                if match is Match.FULL:
                    return route, dict(found["path_params"])
        raise Refusal(
            404,
            "ENDPOINT_NOT_FOUND",
            f"No API found for '{asked.method} {asked.path}'; docs/simulator.md lists what is answered.",
        )

    def _caller(self, asked: Asked) -> str:
        kind, _, token = asked.headers.get("authorization", "").partition(" ")
        found = self._state.get("bearer", self._workspace.name, fingerprint(token)) if kind == "Bearer" and token else None
        if found is None:
            raise Refusal(401, "UNAUTHENTICATED", "Credential was not sent or was of an unsupported type for this API.")
        if found["expires"] is not None and found["expires"] <= now():
            raise Refusal(401, "UNAUTHENTICATED", "The token has expired.")
        caller = str(found["principal"])
        principal = self._state.get("principal", self._workspace.name, caller)
        if principal is None or not principal["active"]:
            raise Refusal(403, "PERMISSION_DENIED", "This principal is not active in this workspace.")
        claimed = asked.headers.get("x-databricks-workspace-id")
        if claimed and claimed != str(self._workspace.workspace_id):
            raise Refusal(400, "INVALID_PARAMETER_VALUE", "X-Databricks-Workspace-Id names another workspace than this host.")
        return caller


async def _nothing(_request: Request) -> Response:
    raise NotImplementedError("places are matched only")


def _body(asked: Asked, route: Route) -> object:
    if route.form:
        return dict(parse_qsl(asked.content.decode("utf-8", "replace")))
    if not asked.content:
        return {}
    try:
        return json.loads(asked.content)
    except ValueError as error:
        raise Refusal(400, "MALFORMED_REQUEST", "The body is not JSON.") from error


def _as_refusal(fault: Json) -> Refusal:
    status = fault["status"]
    code = fault.get("error_code", faults.CODES.get(status, "UNKNOWN"))
    return Refusal(status, code, fault.get("message", "A fault set on demand."), "fault on demand", fault.get("retry_after"))


def _refused(refusal: Refusal, oauth: bool = False) -> Response:
    headers = {SOURCE_HEADER: refusal.source}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    body: dict[str, Any] = {"error_code": refusal.code, "message": refusal.message}
    if oauth:  # RFC 6749, section 5.2
        body = {"error": refusal.code, "error_description": refusal.message}
    return JSONResponse(body, status_code=refusal.status, headers=headers)


def _with_unknown(value: Any, field: str) -> Any:
    if isinstance(value, dict):
        return {key: "A_VALUE_OF_NEXT_YEAR" if key == field else _with_unknown(each, field) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_unknown(each, field) for each in value]
    return value
