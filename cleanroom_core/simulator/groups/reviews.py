"""Who has read which version of a notebook: reviews by etag, the version's state, and what auto-approval adds."""

from __future__ import annotations

from databricks.sdk.service.cleanrooms import CleanRoomAssetRevisionsAPI, CleanRoomAssetsAPI

from cleanroom_core.simulator import central as rooms
from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.privileges import need
from cleanroom_core.simulator.refusal import DOCUMENTED, Refusal, conflict, denied, invalid, missing
from cleanroom_core.simulator.state import CENTRAL
from cleanroom_core.simulator.strict import Json
from cleanroom_core.simulator.world import now

_ASSET = "/api/2.0/clean-rooms/{clean_room_name}/assets/{asset_type}/{name}"


def state_of(there: Json, author: str, version: Json) -> str:
    """APPROVED once every collaborator but the author has approved, REJECTED once one has rejected."""
    last = {each["reviewer_collaborator_alias"]: each["review_state"] for each in version["reviews"]}
    wanted = [alias for alias in rooms.aliases(there) if alias != author]
    if "REJECTED" in last.values():
        return "REJECTED"
    return "APPROVED" if all(last.get(alias) == "APPROVED" for alias in wanted) else "PENDING"


def notebook_shown(there: Json, asset: Json, version: Json) -> Json:
    shown = {key: value for key, value in version.items() if key != "updated_at"}
    shown["reviews"] = [_shown(each) for each in version["reviews"]]
    return {**shown, "review_state": state_of(there, asset["owner_collaborator_alias"], version)}


def _shown(review: Json) -> Json:
    return {key: value for key, value in review.items() if key != "rule_id"}


def automatic(call: Call, there: Json, author: str, runners: list[str]) -> list[Json]:
    """The approvals that the other sides' rules give a new version; never one's own, never in a packaged room."""
    found: list[Json] = []
    if there["remote"].get("package_provider_collaborator_alias"):
        return found
    for alias, _ in rooms.members(call, there):
        for _, rule in call.state.all("rule", CENTRAL):
            mine = rule["central_id"] == there["id"] and rule["rule_owner_collaborator_alias"] == alias != author
            who = rule.get("author_scope") == "ANY_AUTHOR" or rule.get("author_collaborator_alias") == author
            if mine and who and set(runners) <= {rule["runner_collaborator_alias"]}:
                review = _review(alias, "APPROVED", "")
                found.append({**review, "review_sub_reason": "AUTO_APPROVED", "rule_id": rule["rule_id"]})
                break
    return found


def _review(alias: str, state: str, comment: str) -> Json:
    return {"reviewer_collaborator_alias": alias, "review_state": state, "comment": comment, "created_at_millis": now()}


def _create(call: Call) -> Json:
    from cleanroom_core.simulator.groups.assets import find

    here, there = rooms.usable(call, call.path["clean_room_name"])
    need(call, "clean_room", here["name"], "MODIFY_CLEAN_ROOM")
    key, asset = find(call, there)
    given = call.body.get("notebook_review")
    if asset["asset_type"] != "NOTEBOOK_FILE" or given is None or "jar_analysis_review" in call.body:
        raise invalid("A notebook is reviewed with notebook_review; other assets are not reviewed.")
    if asset["owner_collaborator_alias"] == here["alias"]:
        raise denied("The collaborator that uploaded a notebook does not review it.")
    if there["remote"].get("package_provider_collaborator_alias"):
        raise Refusal(400, "INVALID_STATE", "There are no approvals in a packaged clean room.", DOCUMENTED)
    if given["review_state"] == "PENDING":
        raise invalid("A review is APPROVED or REJECTED.")
    if len(given.get("comment", "")) > 500:
        raise invalid("A review's comment has at most 500 characters.", DOCUMENTED)
    version = asset["versions"][-1]
    if given["etag"] != version["etag"]:
        known = any(each["etag"] == given["etag"] for each in asset["versions"])
        raise conflict(
            f"The notebook has {'changed since that version' if known else 'no version with that etag'}; read it again."
        )
    version["reviews"].append(_review(here["alias"], given["review_state"], given.get("comment", "")))
    call.state.put("asset", CENTRAL, key, asset)
    about = {"asset_name": asset["name"], "data_object_type": "NOTEBOOK_FILE", "review_state": given["review_state"]}
    rooms.event(call, there, here["alias"], "ASSET_REVIEW_CREATED", {**about, "notebook_metadata": {"etag": given["etag"]}})
    shown = notebook_shown(there, asset, version)
    return {"notebook_review_state": shown["review_state"], "notebook_reviews": shown["reviews"]}


def _revisions(call: Call) -> tuple[Json, list[Json]]:
    from cleanroom_core.simulator.groups.assets import find

    here, there = rooms.usable(call, call.path["clean_room_name"])
    need(call, "clean_room", here["name"], "BROWSE", "MODIFY_CLEAN_ROOM", "EXECUTE_CLEAN_ROOM_TASK")
    _, asset = find(call, there)
    if asset["asset_type"] != "NOTEBOOK_FILE":
        raise invalid("Only notebooks have revisions.", DOCUMENTED)
    plain = {key: asset[key] for key in ("name", "asset_type", "owner_collaborator_alias", "added_at")}
    plain |= {"clean_room_name": here["name"], "status": "ACTIVE"}
    return there, [{**plain, "notebook": notebook_shown(there, asset, each)} for each in reversed(asset["versions"])]


def _list_revisions(call: Call) -> Json:
    return call.page(_revisions(call)[1], "revisions", size=10)


def _get_revision(call: Call) -> Json:
    for each in _revisions(call)[1]:
        if each["notebook"]["etag"] == call.path["etag"]:
            return each
    raise missing("The notebook has no revision with that etag.")


ROUTES = [
    Route("POST", f"{_ASSET}/reviews", _create, CleanRoomAssetsAPI.create_clean_room_asset_review),
    Route("GET", f"{_ASSET}/revisions", _list_revisions, CleanRoomAssetRevisionsAPI.list),
    Route("GET", f"{_ASSET}/revisions/{{etag}}", _get_revision, CleanRoomAssetRevisionsAPI.get),
]
