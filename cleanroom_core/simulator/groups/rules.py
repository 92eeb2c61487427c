"""Auto-approval rules: each side's own, about notebooks that others upload."""

from __future__ import annotations

import uuid

from databricks.sdk.service.cleanrooms import CleanRoomAutoApprovalRule, CleanRoomAutoApprovalRulesAPI

from cleanroom_core.simulator import central as rooms
from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.privileges import need
from cleanroom_core.simulator.refusal import DOCUMENTED, SDK, exists, invalid, missing, wrong_state
from cleanroom_core.simulator.state import CENTRAL
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import now

_RULES = "/api/2.0/clean-rooms/{clean_room_name}/auto-approval-rules"
_GIVEN = {"author_collaborator_alias", "author_scope", "runner_collaborator_alias", "clean_room_name", "rule_id"}


def _manage(call: Call) -> tuple[Json, Json]:
    here, there = rooms.usable(call, call.path["clean_room_name"])
    need(call, "clean_room", here["name"], "MANAGE")
    return here, there


def _checked(here: Json, there: Json, given: Json) -> Json:
    extra = sorted(set(given) - _GIVEN)
    if extra:
        raise invalid(f"auto_approval_rule.{extra[0]} is set by the platform, not by the request.")
    author, scope, runner = (
        given.get(key) for key in ("author_collaborator_alias", "author_scope", "runner_collaborator_alias")
    )
    if (author is None) == (scope is None):
        raise invalid("Give either author_collaborator_alias or author_scope.", SDK)
    if author == here["alias"]:
        raise invalid("A rule never covers one's own uploads.", DOCUMENTED)
    unknown = [each for each in (author, runner) if each is not None and each not in rooms.aliases(there)]
    if unknown or runner is None:
        raise invalid("author_collaborator_alias and runner_collaborator_alias must be aliases of this clean room.")
    who = {"author_collaborator_alias": author} if author else {"author_scope": scope}
    return {**who, "runner_collaborator_alias": runner}


def _create(call: Call) -> Json:
    here, there = _manage(call)
    if there["remote"].get("package_provider_collaborator_alias"):
        raise wrong_state("There is no auto-approval in a packaged clean room.", DOCUMENTED)
    given = call.body.get("auto_approval_rule") or {}
    if "rule_id" in given:
        raise invalid("auto_approval_rule.rule_id is set by the platform, not by the request.")
    wanted = _checked(here, there, given)
    for _, rule in _own(call, here, there):
        if all(rule.get(key) == value for key, value in wanted.items()):
            raise exists("Such a rule exists already.")
    number = str(uuid.uuid4())
    rule = {**wanted, "rule_id": number, "rule_owner_collaborator_alias": here["alias"], "created_at": now()}
    call.state.put("rule", CENTRAL, number, {**rule, "central_id": there["id"]})
    return {**rule, "clean_room_name": here["name"]}


def _own(call: Call, here: Json, there: Json) -> list[tuple[str, Json]]:
    return [
        (key, rule)
        for key, rule in call.state.all("rule", CENTRAL)
        if (rule["central_id"], rule["rule_owner_collaborator_alias"]) == (there["id"], here["alias"])
    ]


def _shown(here: Json, rule: Json) -> Json:
    return {**{key: value for key, value in rule.items() if key != "central_id"}, "clean_room_name": here["name"]}


def _list(call: Call) -> Json:
    here, there = _manage(call)
    return call.page([_shown(here, rule) for _, rule in _own(call, here, there)], "rules")


def _find(call: Call) -> tuple[Json, Json, Json]:
    here, there = _manage(call)
    for key, rule in _own(call, here, there):
        if key == call.path["rule_id"]:
            return here, there, rule
    raise missing("That auto-approval rule does not exist.")


def _get(call: Call) -> Json:
    here, _, rule = _find(call)
    return _shown(here, rule)


def _update(call: Call) -> Json:
    here, there, rule = _find(call)
    kept = {key: rule[key] for key in ("rule_id", "rule_owner_collaborator_alias", "created_at", "central_id")}
    given = {key: value for key, value in call.body.items() if key not in kept or rule[key] != value}
    rule = {**_checked(here, there, given), **kept}
    call.state.put("rule", CENTRAL, rule["rule_id"], rule)
    return _shown(here, rule)


def _delete(call: Call) -> Json:
    _, _, rule = _find(call)
    call.state.delete("rule", CENTRAL, rule["rule_id"])
    return {}


ROUTES = [
    Route("POST", _RULES, _create, CleanRoomAutoApprovalRulesAPI.create),
    Route("GET", _RULES, _list, CleanRoomAutoApprovalRulesAPI.list),
    Route("GET", f"{_RULES}/{{rule_id}}", _get, CleanRoomAutoApprovalRulesAPI.get),
    Route("PATCH", f"{_RULES}/{{rule_id}}", _update, CleanRoomAutoApprovalRulesAPI.update, CleanRoomAutoApprovalRule),
    Route("DELETE", f"{_RULES}/{{rule_id}}", _delete, CleanRoomAutoApprovalRulesAPI.delete),
]
