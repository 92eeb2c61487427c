"""Calls of the simulator itself, none of the platform's: faults, and any record as a test or a rehearsal needs it.

They want a credential of the workspace like every other call.
"""

from __future__ import annotations

from cleanroom_core.errors import InputError
from cleanroom_core.simulator import faults
from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.refusal import invalid, missing
from cleanroom_core.simulator.state import CENTRAL
from cleanroom_core.simulator.strict import Json

_OURS = "simulator"
_FIXED = {"seed", "bearer", "counter", "fault"}


def _list_faults(call: Call) -> Json:
    return {"faults": [fault for _, fault in call.state.all("fault", CENTRAL)]}


def _add_faults(call: Call) -> Json:
    try:
        found = faults.checked(call.body.get("faults"))
    except InputError as error:
        raise invalid(error.diagnostics(), _OURS) from error
    faults.add(call.state, found)
    return _list_faults(call)


def _clear_faults(call: Call) -> Json:
    faults.clear(call.state)
    return {}


def _records(call: Call) -> Json:
    _open(call)
    return {"records": dict(call.all(call.path["kind"]))}


def _change_record(call: Call) -> Json:
    """Merge the body into a record, or make it; a null removes a key."""
    _open(call)
    kind, key = call.path["kind"], call.path["key"]
    merged = {**(call.get(kind, key) or {}), **call.body}
    record = {name: value for name, value in merged.items() if value is not None}
    call.put(kind, key, record)
    return record


def _delete_record(call: Call) -> Json:
    _open(call)
    if not call.state.delete(call.path["kind"], call.place, call.path["key"]):
        raise missing(f"No record {call.path['kind']} '{call.path['key']}'.", source=_OURS)
    return {}


def _open(call: Call) -> None:
    if call.path["kind"] in _FIXED:
        raise invalid(f"Records of kind '{call.path['kind']}' are not for changing by hand.", _OURS)


ROUTES = [
    Route("GET", "/simulator/faults", _list_faults, source=_OURS),
    Route("POST", "/simulator/faults", _add_faults, source=_OURS),
    Route("DELETE", "/simulator/faults", _clear_faults, source=_OURS),
    Route("GET", "/simulator/records/{kind}", _records, source=_OURS),
    Route("PATCH", "/simulator/records/{kind}/{key:path}", _change_record, source=_OURS),
    Route("DELETE", "/simulator/records/{kind}/{key:path}", _delete_record, source=_OURS),
]
