"""Each wrong call of the well-known article (facts, section 2), as far as it reaches a server: refused, with the right class.

What the SDK itself stops (a class that does not exist, an argument nobody takes) never gets here; it is sent as the JSON it
would be.
"""

from __future__ import annotations

from typing import Any

import pytest
from databricks.sdk import errors
from databricks.sdk.service import cleanrooms, sharing
from databricks.sdk.service.catalog import SecurableType

from tests.simulator import room as rooms
from tests.simulator.conftest import Both

ROOMS = "/api/2.0/clean-rooms"


@pytest.fixture(scope="module")
def name(both: Both) -> str:
    return rooms.active(both, "article_room")


def test_the_imported_names_do_not_exist() -> None:
    assert not hasattr(sharing, "CleanRoom")
    with pytest.raises(TypeError):
        cleanrooms.CleanRoom(collaborators=[])  # type: ignore[call-arg]


def test_create_by_name_alone(both: Both) -> None:
    with pytest.raises(TypeError):
        both.provider.admin.clean_rooms.create(name="data_room")  # type: ignore[call-arg]
    with pytest.raises(errors.InvalidParameterValue, match="required at creation"):
        both.provider.admin.clean_rooms.create(cleanrooms.CleanRoom(name="data_room"))


def test_collaborators_added_later(both: Both, name: str) -> None:
    body = {"clean_room": {"collaborators": [{"global_metastore_id": "x", "invite_recipient_email": "a@b.example"}]}}
    with pytest.raises(errors.InvalidParameterValue, match="no field 'collaborators'"):
        both.provider.admin.api_client.do("PATCH", f"{ROOMS}/{name}", body=body)


def test_a_collaborator_without_an_alias(both: Both) -> None:
    body = rooms.described(both, "no_alias").as_dict()
    del body["remote_detailed_info"]["collaborators"][1]["collaborator_alias"]
    with pytest.raises(errors.InvalidParameterValue, match="collaborator_alias"):
        both.provider.admin.api_client.do("POST", ROOMS, body=body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"clean_room": {"local_assets": []}}, "no field 'local_assets'"),
        ({"comment": "flat, not wrapped"}, "no field 'comment'"),
    ],
)
def test_assets_given_to_update(both: Both, name: str, body: dict[str, Any], reason: str) -> None:
    with pytest.raises(errors.InvalidParameterValue, match=reason):
        both.provider.admin.api_client.do("PATCH", f"{ROOMS}/{name}", body=body)


@pytest.mark.parametrize(
    "asset",
    [
        {"name": "creator.s.t", "asset_type": "TABLE", "table": {"name": "cat.schema.t"}},
        {"name": "creator.s.t", "asset_type": "TABLE", "table": {"columns": []}},
        {"name": "transaction_signals", "asset_type": "TABLE", "table_local_details": {"local_name": "a.b.c"}},
        {"name": "n", "asset_type": "NOTEBOOK", "notebook": {"notebook_content": "eA=="}},
        {"asset_type": "TABLE", "table_local_details": {"local_name": "a.b.c"}},
        {"name": "creator.s.t", "asset_type": "TABLE", "table_local_details": {"local_name": 7}},
    ],
)
def test_assets_described_wrongly(both: Both, name: str, asset: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidParameterValue):
        both.provider.admin.api_client.do("POST", f"{ROOMS}/{name}/assets", body=asset)


def test_a_room_name_in_another_case_is_the_same_room(both: Both, name: str) -> None:
    assert both.provider.admin.clean_rooms.get(name.upper()).name == name


@pytest.mark.parametrize("call", ["accept", "invite", "decline", "collaborators", "output-reviews", "run"])
def test_calls_that_do_not_exist(both: Both, name: str, call: str) -> None:
    with pytest.raises(errors.NotFound) as caught:
        both.provider.admin.api_client.do("POST", f"{ROOMS}/{name}/{call}", body={})
    assert caught.value.error_code == "ENDPOINT_NOT_FOUND"


def test_the_rooms_of_the_old_api_are_gone(both: Both) -> None:
    with pytest.raises(errors.NotFound):
        both.provider.admin.api_client.do("GET", "/api/2.1/unity-catalog/clean-rooms")


def test_a_slash_in_an_assets_name_reaches_no_call(both: Both, name: str) -> None:
    kind = cleanrooms.CleanRoomAssetAssetType.NOTEBOOK_FILE
    with pytest.raises(errors.NotFound):
        both.provider.admin.clean_room_assets.get(name, kind, "folder/plan")
    with pytest.raises(errors.InvalidParameterValue):
        both.provider.admin.clean_room_assets.create(name, rooms.notebook("folder/plan", "SELECT 1"))


def test_the_enum_itself_instead_of_its_value(both: Both) -> None:
    assert str(SecurableType.METASTORE) == "SecurableType.METASTORE"  # what the SDK would write into the path
