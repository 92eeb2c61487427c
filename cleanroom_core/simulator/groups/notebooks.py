"""The workspace's folder tree, as far as notebooks are imported as source and exported as HTML."""

from __future__ import annotations

import base64
import binascii

from databricks.sdk.service.workspace import WorkspaceAPI

from cleanroom_core.simulator import notebook
from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.refusal import SDK, Refusal, exists, invalid, missing
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import now

_PATH = "/api/2.0/workspace"
_LIMIT = 10_000_000


def _import(call: Call) -> Json:
    path = _absolute(call.body["path"])
    language = call.body.get("language")
    if call.body.get("format", "SOURCE") != "SOURCE" or language not in ("PYTHON", "SQL"):
        raise invalid("The simulator imports notebooks in format SOURCE with language PYTHON or SQL.", "simulator")
    try:
        content = base64.b64decode(call.body.get("content", ""), validate=True)
        text = content.decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid("content must be the base64 of the notebook's source.", SDK) from error
    if len(content) > _LIMIT:
        raise Refusal(400, "MAX_NOTEBOOK_SIZE_EXCEEDED", "A notebook's content has at most 10 MB.", SDK)
    parent = path.rsplit("/", 1)[0]
    if parent and call.get("object", parent) is None and parent not in ("/Users", "/Shared", "/Workspace"):
        raise missing(f"The parent folder ({parent}) does not exist.")
    old = call.get("object", path)
    if old is not None and not call.body.get("overwrite"):
        raise exists(f"Path ({path}) already exists.", source=SDK)
    cells = [[cell.language, cell.text] for cell in notebook.from_source(text, language)]
    number = old["object_id"] if old else call.state.next_number("object")
    record = {"object_type": "NOTEBOOK", "language": language, "object_id": number, "cells": cells, "modified_at": now()}
    call.put("object", path, record)
    return {}


def _absolute(path: str) -> str:
    if not path.startswith("/") or path != path.rstrip("/") or "//" in path:
        raise invalid(f"Path ({path}) must be absolute.")
    return path


def _find(call: Call, path: str) -> Json:
    found = call.get("object", path)
    if found is None:
        raise missing(f"Path ({path}) doesn't exist.", source=SDK)
    return found


def _export(call: Call) -> Json:
    path = call.query["path"]
    record = _find(call, path)
    if record["object_type"] != "NOTEBOOK":
        raise invalid("The simulator exports notebooks only.", "simulator")
    cells = [notebook.Cell(*each) for each in record["cells"]]
    wanted = call.query.get("format", "SOURCE")
    if wanted == "HTML":
        text = notebook.to_html(path.rsplit("/", 1)[1], cells, record["language"])
    elif wanted == "SOURCE":
        text = notebook.to_source(cells, record["language"])
    else:
        raise invalid("The simulator exports in format SOURCE and HTML.", "simulator")
    suffix = "html" if wanted == "HTML" else {"PYTHON": "py", "SQL": "sql"}[record["language"]]
    return {"content": base64.b64encode(text.encode()).decode(), "file_type": suffix}


def _status(call: Call) -> Json:
    return _shown(call.query["path"], _find(call, call.query["path"]))


def _shown(path: str, record: Json) -> Json:
    return {**{key: value for key, value in record.items() if key != "cells"}, "path": path}


def _list(call: Call) -> Json:
    path = call.query["path"].rstrip("/")
    inside = [(key, each) for key, each in call.all("object") if key.rsplit("/", 1)[0] == path]
    if not inside and path:
        inside = [(path, record)] if (record := _find(call, path))["object_type"] == "NOTEBOOK" else []
    return {"objects": [_shown(key, each) for key, each in inside]}


def _mkdirs(call: Call) -> Json:
    path = _absolute(call.body["path"])
    parts = path.split("/")
    for end in range(2, len(parts) + 1):
        each = "/".join(parts[:end])
        found = call.get("object", each)
        if found is not None and found["object_type"] != "DIRECTORY":
            raise exists(f"Path ({each}) already exists and is no folder.", source=SDK)
        if found is None:
            call.put("object", each, {"object_type": "DIRECTORY", "object_id": call.state.next_number("object")})
    return {}


def _delete(call: Call) -> Json:
    path = call.body["path"]
    record = _find(call, path)
    inside = [key for key, _ in call.all("object") if key.startswith(f"{path}/")]
    if inside and record["object_type"] == "DIRECTORY" and not call.body.get("recursive"):
        raise Refusal(400, "DIRECTORY_NOT_EMPTY", f"Folder ({path}) is not empty.", SDK)
    for each in [*inside, path]:
        call.state.delete("object", call.place, each)
    return {}


ROUTES = [
    Route("POST", f"{_PATH}/import", _import, WorkspaceAPI.import_),
    Route("GET", f"{_PATH}/export", _export, WorkspaceAPI.export),
    Route("GET", f"{_PATH}/get-status", _status, WorkspaceAPI.get_status),
    Route("GET", f"{_PATH}/list", _list, WorkspaceAPI.list),
    Route("POST", f"{_PATH}/mkdirs", _mkdirs, WorkspaceAPI.mkdirs),
    Route("POST", f"{_PATH}/delete", _delete, WorkspaceAPI.delete),
]
