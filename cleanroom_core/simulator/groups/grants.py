"""Grants: what was given, what is effective, changing them."""

from __future__ import annotations

from databricks.sdk.service.catalog import GrantsAPI

from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.privileges import OWNED, granted, holds, is_metastore_admin, record_of
from cleanroom_core.simulator.refusal import DOCUMENTED, denied, invalid
from cleanroom_core.simulator.strict import Json

_UC = "/api/2.1/unity-catalog"
_ROOM = {"MANAGE", "MODIFY_CLEAN_ROOM", "EXECUTE_CLEAN_ROOM_TASK", "BROWSE", "ALL_PRIVILEGES"}
_ROOM_ONLY = {"MODIFY_CLEAN_ROOM", "EXECUTE_CLEAN_ROOM_TASK"}
_METASTORE_ONLY = {"CREATE_CLEAN_ROOM", "CREATE_CATALOG", "CREATE_RECIPIENT", "CREATE_SHARE", "CREATE_PROVIDER"}


def _securable(call: Call) -> tuple[str, str]:
    """Kind and name in the path; the kind in any case, as the platform folds it."""
    kind, name = call.path["securable_type"].lower(), call.path["full_name"].lower()
    if kind not in OWNED:
        raise invalid(f"'{call.path['securable_type']}' is not a securable type; write metastore, catalog, clean_room ...")
    record_of(call, kind, name)
    return kind, name


def change(call: Call, kind: str, name: str, principal: str, add: list[str], remove: list[str]) -> None:
    """Grant and revoke, by an owner, a holder of MANAGE or a metastore admin. Raises Refusal."""
    if not (is_metastore_admin(call) or holds(call, kind, name, "MANAGE")):
        raise denied(f"User does not own {kind.replace('_', ' ')} '{name}' and has no MANAGE on it.")
    if call.get("principal", principal) is None and call.get("group", principal) is None and principal != "account users":
        raise invalid(f"Principal '{principal}' does not exist.")
    for each in add:
        wrong = each not in _ROOM if kind == "clean_room" else each in _ROOM_ONLY
        if wrong or (kind != "metastore" and each in _METASTORE_ONLY):
            raise invalid(f"Privilege {each} does not apply to a {kind.replace('_', ' ')}.", DOCUMENTED)
    grants = call.get("grant", f"{kind}:{name}") or {}
    held = [each for each in grants.pop(principal, []) if each not in remove]
    held += [each for each in add if each not in held]
    call.put("grant", f"{kind}:{name}", {**grants, principal: held} if held else grants)


def _update(call: Call) -> Json:
    kind, name = _securable(call)
    for each in call.body.get("changes", ()):
        if not each.get("principal"):
            raise invalid("Each change names a principal.")
        change(call, kind, name, each["principal"], each.get("add") or [], each.get("remove") or [])
    return {} if call.body.get("omit_permissions_in_response") else {"privilege_assignments": _given(call, kind, name)}


def _given(call: Call, kind: str, name: str) -> list[Json]:
    """What was granted on the securable itself; a filter by principal leaves its groups out."""
    wanted = call.query.get("principal")
    grants = call.get("grant", f"{kind}:{name}") or {}
    return [{"principal": each, "privileges": held} for each, held in grants.items() if wanted in (None, each)]


def _effective(call: Call, kind: str, name: str) -> list[Json]:
    wanted = call.query.get("principal")
    names = [wanted] if wanted else _everybody(call)
    found = []
    for each in names:
        privileges = []
        for (from_kind, from_name), held in granted(call, kind, name, [each]).items():
            inherited = {"inherited_from_type": from_kind.upper(), "inherited_from_name": from_name}
            privileges += [{"privilege": one, **(inherited if from_kind != kind else {})} for one in sorted(held)]
        if privileges:
            found.append({"principal": each, "privileges": privileges})
    return found


def _everybody(call: Call) -> list[str]:
    return [*(key for key, _ in call.all("principal")), *(key for key, _ in call.all("group")), "account users"]


def _look(call: Call) -> tuple[str, str]:
    kind, name = _securable(call)
    mine = call.query.get("principal") == call.caller
    if not (mine or is_metastore_admin(call) or holds(call, kind, name, "MANAGE")):
        raise denied("Only one's own grants may be listed without owning the securable.", "guess")
    return kind, name


def _get(call: Call) -> Json:
    return call.page(_given(call, *_look(call)), "privilege_assignments", parameter="max_results")


def _get_effective(call: Call) -> Json:
    return call.page(_effective(call, *_look(call)), "privilege_assignments", parameter="max_results")


def _list(call: Call) -> Json:
    return call.page(_given(call, *_look(call)), "privilege_assignments")


def _list_effective(call: Call) -> Json:
    return call.page(_effective(call, *_look(call)), "effective_privilege_assignments")


_NAMED = "{securable_type}/{full_name}"
ROUTES = [
    Route("GET", f"{_UC}/permissions/{_NAMED}", _get, GrantsAPI.get),
    Route("PATCH", f"{_UC}/permissions/{_NAMED}", _update, GrantsAPI.update),
    Route("GET", f"{_UC}/effective-permissions/{_NAMED}", _get_effective, GrantsAPI.get_effective),
    Route("GET", f"{_UC}/privilege-assignments/{_NAMED}", _list, GrantsAPI.list),
    Route("GET", f"{_UC}/effective-privilege-assignments/{_NAMED}", _list_effective, GrantsAPI.list_effective),
]
