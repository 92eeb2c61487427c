"""Publishing in each party's own workspace, told by the same stories as the rehearsal: two simulated workspaces, the real SDK.

The homes say where by `platform.json`, the credentials are profiles of the SDK's own file.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cleanroom_core.backends.asked import NewRoom, Party
from cleanroom_core.backends.placed import FILE, Placed
from cleanroom_core.engines.warehouse.owner import WarehouseOwnerEngine
from cleanroom_core.errors import CleanRoomError, InputError, NotReadyError, UnansweredError
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.rooms.state import EffectStage
from cleanroom_core.sql.types import BIGINT, STRING, Column, Schema
from cleanroom_core.stores.token_key_files import read_token_key
from cleanroom_core.stories import platform_room as rooms
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.compute import compute_plan
from cleanroom_core.stories.drafts import read_draft
from cleanroom_core.stories.open_room import accept, create_room, invite
from cleanroom_core.stories.plan import propose_plan, sign_plan
from cleanroom_core.stories.platform_plan import plan_notebook
from cleanroom_core.stories.platform_tables import room_tables, share_there
from cleanroom_core.stories.publish import preview_policy, publish_policy, register_asset
from cleanroom_core.stories.reconcile import reconcile
from cleanroom_core.tokens.hmac_expression import token_of
from cleanroom_core.tokens.key import parse_key
from tests.backends.conformance import NOW
from tests.engines.workspace_tables import SCOPE, put_table, share_place
from tests.simulator.conftest import Both, _clean_environment, _no_environment, both  # noqa: F401  fixtures
from tests.stories.tiny_room import STAGES, TinyRoom, make_tiny_room

pytestmark = pytest.mark.usefixtures("same_process")

ROOM = "shared_shops"
ROWS = 70  # of each raw table
TYPES = {"spent": BIGINT, "returned": BIGINT}


@dataclass
class Story:
    tiny: TinyRoom
    both: Both
    raw: dict[str, str]

    def side(self, alias: str) -> Collaborator:
        return self.tiny.side(alias)

    def user(self, alias: str, role: Role) -> User:
        return self.tiny.user(alias, role)

    def policy(self, alias: str) -> Any:
        return next(one for one in read_draft(self.side(alias)).policies.values() if one.owner == alias)

    def publish(self, alias: str) -> Any:
        return publish_policy(self.side(alias), self.user(alias, Role.STEWARD), self.policy(alias), self.raw[alias])

    @property
    def wanted(self) -> NewRoom:
        provider, consumer = self.both.provider.facts, self.both.consumer.facts
        partner = Party("south", consumer["global_metastore_id"], "admin@consumer.example", str(consumer["workspace_id"]))
        return NewRoom(ROOM, "aws", "us-west-2", (Party("north", provider["global_metastore_id"]), partner))


@pytest.fixture(scope="module")
def aligned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("aligned") / "room"
    room = make_tiny_room(folder)
    for step in room.steps():
        if STAGES["aligned"](step):
            break
    room.context.close()
    return folder


def rows_of(path: Path) -> tuple[Schema, list[tuple[object, ...]]]:
    with path.open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    schema = Schema(tuple(Column(name, TYPES.get(name, STRING)) for name in names))
    whole = [each.type == BIGINT for each in schema]
    return schema, [tuple(int(one) if number else one for one, number in zip(row, whole, strict=True)) for row in rows[:ROWS]]


@pytest.fixture(scope="module")
def raw(both: Both, aligned: Path) -> dict[str, str]:  # noqa: F811
    """Both raw tables, and the token key as a secret of each workspace."""
    found = {}
    for alias, side, name in (("north", both.provider, "baskets"), ("south", both.consumer, "members")):
        found[alias] = put_table(side, f"raw_{name}", *rows_of(aligned / "files" / f"{name}.csv"))
        share_place(side)
        side.admin.secrets.create_scope(SCOPE)
        side.admin.secrets.put_secret(SCOPE, "member-1", string_value=key_text(aligned, alias))
    return found


def key_text(folder: Path, alias: str) -> str:
    found = read_token_key(folder / "home" / "rooms" / "shops" / alias, "member-1")
    assert found is not None
    return found


@pytest.fixture
def story(
    both: Both,  # noqa: F811
    aligned: Path,
    raw: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Story]:
    shutil.copytree(aligned, tmp_path / "room")
    profiles = []
    for alias, side in (("north", both.provider), ("south", both.consumer)):
        facts = side.facts
        profiles.append(f"[{alias}]\nhost = {facts['host']}\ntoken = {facts['token']}\n")
        profiles.append(
            f"[{alias}-runs]\nhost = {facts['host']}\n"
            f"client_id = {facts['client_id']}\nclient_secret = {facts['client_secret']}\n"
        )
        placed = Placed(ROOM, alias, f"{alias}-runs", side.warehouse, f"{side.catalog}.share", SCOPE)
        home = tmp_path / "room" / "home" / "rooms" / "shops" / alias
        (home / FILE).write_text(json.dumps(placed.as_json()), encoding="utf-8")
    (tmp_path / "databrickscfg").write_text("\n".join(profiles), encoding="utf-8")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "databrickscfg"))
    tiny = TinyRoom.open(tmp_path / "room")
    yield Story(tiny, both, raw)
    tiny.context.close()


def test_both_publish_register_and_share_there_and_their_tokens_meet(story: Story, aligned: Path) -> None:
    north, south = story.side("north"), story.side("south")
    shown = preview_policy(north, story.user("north", Role.STEWARD), story.policy("north"), story.raw["north"], sample=6)
    assert shown.sample is not None
    assert shown.sample.rows == ROWS
    assert not any("example" in str(value) for row in shown.sample.raw for value in row)  # of raw rows only their shape
    published = {alias: story.publish(alias) for alias in ("north", "south")}
    assert published["north"].counts["dropped"] > 0
    assert not list((north.home / "share").glob("*"))  # nothing of it is in the home
    rooms.create_there(north, story.user("north", Role.ENGINEER), story.wanted)
    rooms.open_there(north, story.user("north", Role.ENGINEER), story.wanted, NOW)
    rooms.accept_there(south, story.user("south", Role.ENGINEER))
    for alias, qualified in (("north", "north.baskets"), ("south", "south.members")):
        side, steward = story.side(alias), story.user(alias, Role.STEWARD)
        with pytest.raises(NotReadyError):
            share_there(side, steward, qualified)
        register_asset(side, steward, qualified)
        size = side.log.size()
        register_asset(side, steward, qualified)
        assert side.log.size() == size
        share_there(side, steward, qualified)
        share_there(side, steward, qualified)
    names = {"north.baskets": "north.share.baskets", "south.members": "south.share.members"}
    wanted = {asset: ObjectName.parse(name) for asset, name in names.items()}
    for side, steward in ((north, story.user("north", Role.STEWARD)), (south, story.user("south", Role.STEWARD))):
        side.hand_over()
        assert room_tables(side.state()) == wanted
        assert {each.name for each in rooms.look_there(side, steward).assets} == set(names.values())

    provider, consumer = story.both.provider, story.both.consumer
    ours = {row[0] for row in provider.sql(f"SELECT DISTINCT member_token FROM {provider.catalog}.share.baskets")}
    theirs = {row[0] for row in consumer.sql(f"SELECT DISTINCT member_token FROM {consumer.catalog}.share.members")}
    spec, key = north.state().tokens["member"].spec, parse_key(key_text(aligned, "north"))
    assert theirs == {token_of(row[0], spec, key) for row in rows_of(aligned / "files" / "members.csv")[1]}  # type: ignore[arg-type]
    assert len(ours & theirs) > 15
    told = side.state().assets["north.baskets"]
    assert (told.version, told.digest, told.rows_per_key) == (
        1, published["north"].table.digest, north.state().assets["north.baskets"].rows_per_key,
    )  # fmt: skip

    templates = list(story.tiny.definition.templates.values())
    digest = propose_plan(south, story.user("south", Role.ANALYST), templates)
    for side in (north, south):
        sign_plan(side, story.user(side.alias, Role.REVIEWER), digest)
    one, other = (plan_notebook(side, "north", room_tables(side.state()), "aisles", ["north"]) for side in (north, south))
    assert one == other
    assert "`north`.`share`.`baskets`" in one.source
    with pytest.raises(NotReadyError) as here:  # its rows do not come to this machine
        compute_plan(north, story.user("north", Role.ENGINEER))
    assert here.value.code == "TABLE_THERE"


class Died(BaseException):
    """What happens to a process that is killed: nobody catches it."""


class Dying:
    """A workspace at which the process dies, or the answer is lost, before or after the statement that writes."""

    def __init__(self, engine: WarehouseOwnerEngine, late: bool, with_: BaseException) -> None:
        self._inner, self._late, self._with = engine._workspace, late, with_

    def table(self, name: ObjectName) -> Any:
        return self._inner.table(name)

    def run(self, statement: str, doing: str, cancelled: Callable[[], bool] | None = None) -> Any:
        writes = statement.startswith("CREATE")
        found = self._inner.run(statement, doing, cancelled) if self._late or not writes else None
        if writes:
            raise self._with
        return found


def stage_of(side: Collaborator) -> EffectStage:
    (ended,) = reconcile(side)
    assert reconcile(side) == ()
    return side.state().intents[ended.ref.origin, ended.ref.seq].stage


def test_a_death_or_silence_before_and_after_the_write_is_found_out(story: Story) -> None:
    side = story.side("south")
    engine = side.owner_engine
    assert isinstance(engine, WarehouseOwnerEngine)
    whole = engine._workspace
    lost = UnansweredError("No answer.", hint="Look.")
    for late, death in ((False, Died()), (False, lost), (True, Died())):
        engine._workspace = Dying(engine, late, death)
        with pytest.raises(type(death)):
            story.publish("south")
        (intent,) = side.state().open_intents("south")
        engine._workspace = whole
        assert stage_of(side) is (EffectStage.DONE if late else EffectStage.INTERRUPTED), (late, death)
        assert (side.state().policies["south.members"].published is not None) is late
        found = engine.published(side.share_folder("south.members"), intent.ref.leaf)
        assert (found is not None) is late
    before = engine.published(side.share_folder("south.members"), intent.ref.leaf)
    again = story.publish("south")
    assert before is not None
    assert again.table.version == before.version + 1
    assert again.table.rows == before.rows


def test_while_the_platform_does_not_answer_the_intent_stays_open(story: Story) -> None:
    side, engine = story.side("south"), story.side("south").owner_engine
    assert isinstance(engine, WarehouseOwnerEngine)
    whole, lost = engine._workspace, UnansweredError("No answer.", hint="Look.")
    engine._workspace = Dying(engine, True, Died())
    with pytest.raises(Died):
        story.publish("south")

    class Silent:
        def table(self, name: ObjectName) -> Any:
            raise lost

        run = table

    engine._workspace = Silent()
    assert reconcile(side) == ()
    assert len(side.state().open_intents("south")) == 1
    engine._workspace = whole
    assert stage_of(side) is EffectStage.DONE


def test_a_side_without_a_share_schema_stays_with_its_files(story: Story) -> None:
    home = story.side("north").home
    placed = Placed.from_text((home / FILE).read_text(encoding="utf-8"))
    bare = Placed(placed.room, placed.owner, placed.runner, placed.warehouse)
    (home / FILE).write_text(json.dumps(bare.as_json()), encoding="utf-8")
    side = story.side("north")
    assert (side.owner_engine.name, side.share_schema, side.name_there("north.baskets")) == ("duckdb", None, None)
    assert story.tiny.side("south").owner_engine.name == "warehouse"
    side.require_agreement()
    with pytest.raises(InputError):
        publish_policy(side, story.user("north", Role.STEWARD), story.policy("north"), story.raw["north"])


def test_what_was_published_into_the_home_is_not_registered_as_a_table_of_the_workspace(story: Story) -> None:
    side, steward = story.side("north"), story.user("north", Role.STEWARD)
    connection = (side.home / FILE).read_text(encoding="utf-8")
    (side.home / FILE).unlink()
    publish_policy(story.side("north"), steward, story.policy("north"), "baskets.csv")
    create_room(story.side("north"), story.user("north", Role.ENGINEER))
    invite(story.side("north"), story.user("north", Role.ENGINEER), "south")
    accept(story.side("south"), story.user("south", Role.ENGINEER))
    register_asset(story.side("north"), steward, "north.baskets")
    (side.home / FILE).write_text(connection, encoding="utf-8")
    side = story.side("north")
    assert side.owner_engine.name == "warehouse"
    with pytest.raises(NotReadyError) as raised:
        register_asset(side, steward, "north.baskets")
    assert raised.value.code == "PUBLISHED_ELSEWHERE"
    for refused in (lambda: share_there(side, steward, "north.baskets"), lambda: room_tables(side.state())):
        with pytest.raises(NotReadyError) as there:
            refused()
        assert there.value.code == "NOT_THERE"
    story.publish("north")
    register_asset(side, steward, "north.baskets")
    assert room_tables(side.state()) == {"north.baskets": ObjectName("north", "share", "baskets")}
    story.publish("north")
    with pytest.raises(NotReadyError) as other:
        share_there(side, steward, "north.baskets")
    assert other.value.code == "NOT_REGISTERED"


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"share_schema": "fraud"}, "no schema of a catalog"),
        ({"share_schema": "fraud.a/b"}, "slash"),
        ({"share_schema": "fraud.share", "secret_scope": ""}, "no secret scope"),
        ({"share_schema": "fraud.share", "warehouse": ""}, "no warehouse"),
        ({"share_schema": "", "exempt": "publishers"}, "no schema to publish into"),
    ],
)
def test_a_connection_that_cannot_publish_says_why(given: dict[str, str], what: str) -> None:
    whole = {"room": "r", "warehouse": "01", "share_schema": "fraud.share", "secret_scope": "s"}
    assert Placed.from_text(json.dumps(Placed(**whole).as_json())) == Placed(**whole)
    with pytest.raises(CleanRoomError, match=what):
        Placed(**{**whole, **given})
