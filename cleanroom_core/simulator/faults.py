"""Faults on demand: what goes wrong, at which calls, how often.

A fault file is a JSON list; `--fault FILE` reads it at the start, `POST /simulator/faults` at any time. Keys of a fault:

    {"kind": "error", "method": "POST", "path": "/api/2.0/clean-rooms*", "workspace": "consumer", "times": 1,
     "status": 503, "error_code": "TEMPORARILY_UNAVAILABLE", "message": "...", "retry_after": 0, "after_commit": true}
    {"kind": "delay", "seconds": 2.5, ...}            the answer comes late (after_commit: after the work was done)
    {"kind": "unknown_enum", "field": "status", ...}  that field of the answer carries a value no SDK knows (the SDK: None)
    {"kind": "provisioning", "polls": 50}             a room created now stays PROVISIONING for that many looks
    {"kind": "provisioning_failed"}                   a room created now ends FAILED
    {"kind": "run_failed", "message": "..."}          a run submitted now ends FAILED

`path` is a pattern with * (default: every call), `times` how often (default: until cleared).
"""

from __future__ import annotations

import fnmatch
from typing import Any

from cleanroom_core.errors import InputError
from cleanroom_core.simulator.state import CENTRAL, State
from cleanroom_core.simulator.strict import Json

_COMMON = {"kind": str, "method": str, "path": str, "workspace": str, "times": int}
_KINDS: dict[str, dict[str, Any]] = {
    "error": {"status": int, "error_code": str, "message": str, "retry_after": int, "after_commit": bool},
    "delay": {"seconds": (int, float), "after_commit": bool},
    "unknown_enum": {"field": str},
    "provisioning": {"polls": int},
    "provisioning_failed": {},
    "run_failed": {"message": str},
}
_NEEDED = {"error": ["status"], "delay": ["seconds"], "unknown_enum": ["field"], "provisioning": ["polls"]}
CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    409: "RESOURCE_CONFLICT",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def checked(value: object) -> list[Json]:
    """The faults of a file or request. Raises InputError naming the fault and the key that cannot be used."""
    if not isinstance(value, list):
        raise InputError("Faults are a JSON list.", hint='Write [{"kind": "error", "status": 503}].', code="FAULTS")
    return [_one(each, number) for number, each in enumerate(value, start=1)]


def _one(fault: object, number: int) -> Json:
    where = f"Fault {number}"
    if not isinstance(fault, dict) or fault.get("kind") not in _KINDS:
        raise InputError(f"{where} has no known kind.", hint=f"Kinds are {', '.join(_KINDS)}.", code="FAULTS")
    known = {**_COMMON, **_KINDS[fault["kind"]]}
    for key, value in fault.items():
        wanted = known.get(key)
        if wanted is None or not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            raise InputError(f"{where}: '{key}' cannot be used.", hint=f"Keys are {', '.join(sorted(known))}.", code="FAULTS")
    for key in _NEEDED.get(fault["kind"], ()):
        if key not in fault:
            raise InputError(f"{where} needs '{key}'.", hint=f"Keys are {', '.join(sorted(known))}.", code="FAULTS")
    return dict(fault)


def add(state: State, faults: list[Json]) -> None:
    for fault in faults:
        state.put("fault", CENTRAL, str(state.next_number("fault")), fault)


def clear(state: State) -> None:
    for key, _ in state.all("fault", CENTRAL):
        state.delete("fault", CENTRAL, key)


def take(state: State, workspace: str, method: str, path: str, kinds: tuple[str, ...]) -> Json | None:
    """The first fault that is meant for this call, counted as used; None when there is none."""
    for key, fault in state.all("fault", CENTRAL):
        if fault["kind"] not in kinds or fault.get("method", method) != method:
            continue
        if fault.get("workspace", workspace) != workspace or not fnmatch.fnmatchcase(path, fault.get("path", "*")):
            continue
        left = fault.get("times")
        if left is not None and left <= 1:
            state.delete("fault", CENTRAL, key)
        elif left is not None:
            state.put("fault", CENTRAL, key, {**fault, "times": left - 1})
        return dict(fault)
    return None
