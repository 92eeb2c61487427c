"""The stories of a room on a platform: from nothing to a released copy, and a death before and after every effect.

The platform is the simulator, over HTTP with the real SDK; the two sides are those of the tiny room, agreed and no further.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service import settings
from databricks.sdk.service.cleanrooms import (
    CleanRoomAsset,
    CleanRoomAssetAssetType,
    CleanRoomAssetNotebook,
    CleanRoomCollaborator,
)

from cleanroom_core.audit.entry import Entry
from cleanroom_core.backends.asked import Judgement, NewNotebook, NewRoom, NewRule, NewTable, Party
from cleanroom_core.backends.protocol import Backend, Platform
from cleanroom_core.backends.seen import AssetKind, ReviewState, RoomStatus, RunStage
from cleanroom_core.backends.waiting import wait_ended
from cleanroom_core.errors import CleanRoomError, ConflictError, NotPermittedError, NotReadyError, UnansweredError
from cleanroom_core.identity.permissions import Role, User
from cleanroom_core.rooms.entry_words import entry_words
from cleanroom_core.rooms.state import EffectStage
from cleanroom_core.stories import platform_room as rooms
from cleanroom_core.stories import platform_run as runs
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.reconcile import reconcile
from tests.backends.conformance import NOW
from tests.backends.workspaces import backend, open_to_runner, table
from tests.simulator import room as raw
from tests.simulator.conftest import Both, _clean_environment, _no_environment, both  # noqa: F401  fixtures
from tests.stories.tiny_room import STAGES, TinyRoom, make_tiny_room

pytestmark = pytest.mark.usefixtures("same_process")


def words_of(entry: Entry) -> str:
    return entry_words(entry.kind, entry.public)


_numbers = itertools.count(1)
RECIPE = """CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.regions') AS
SELECT n.region, count(*) AS people FROM north.default.{name} n JOIN south.default.{name} s ON n.token = s.token
GROUP BY n.region
"""


class Died(BaseException):
    """What happens to a process that is killed: nobody catches it."""


class Dying:
    """A backend whose process dies before, or right after, one effect; or whose answer is lost for good."""

    def __init__(self, inner: Backend, effect: str, late: bool, with_: BaseException) -> None:
        self._inner, self._effect, self._late, self._with = inner, effect, late, with_

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._inner, name)
        if name != self._effect:
            return real

        def dying(*args: Any) -> Any:
            if self._late:
                real(*args)
            raise self._with

        return dying


@dataclass
class Story:
    """Both sides of a room that has a name of its own at the platform."""

    tiny: TinyRoom
    both: Both
    name: str
    platforms: dict[str, Platform]
    tables: dict[str, str]

    def side(self, alias: str) -> Collaborator:
        side = self.tiny.side(alias)
        side.platform = self.platforms[alias]
        return side

    def user(self, alias: str, role: Role) -> User:
        return self.tiny.user(alias, role)

    @property
    def wanted(self) -> NewRoom:
        provider, consumer = self.both.provider.facts, self.both.consumer.facts
        partner = Party("south", consumer["global_metastore_id"], "admin@consumer.example", str(consumer["workspace_id"]))
        return NewRoom(self.name, "aws", "us-west-2", (Party("north", provider["global_metastore_id"]), partner))

    @property
    def notebook(self) -> NewNotebook:
        return NewNotebook("regions", RECIPE.format(name=self.name), ("south",), "SQL")

    def target(self) -> str:
        return f"{self.both.consumer.catalog}.default.{self.name}_released"


@pytest.fixture(scope="module")
def agreed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("agreed") / "room"
    room = make_tiny_room(folder)
    for step in room.steps():
        if STAGES["agreed"](step):
            break
    room.context.close()
    return folder


@pytest.fixture(scope="module")
def identities(both: Both) -> dict[str, tuple[Backend, Backend]]:  # noqa: F811
    sides = {"north": both.provider, "south": both.consumer}
    return {alias: (backend(side), backend(side, service=True)) for alias, side in sides.items()}


@pytest.fixture
def story(both: Both, agreed: Path, identities: dict[str, tuple[Backend, Backend]], tmp_path: Path) -> Iterator[Story]:  # noqa: F811
    shutil.copytree(agreed, tmp_path / "room")
    name = f"shops{next(_numbers)}"
    people = [(f"t{number}", "north" if number < 2 else "south") for number in range(5)]
    tables = {"north": table(both.provider, name, people), "south": table(both.consumer, name, people[1:])}
    platforms = {alias: Platform(owner, runner, name) for alias, (owner, runner) in identities.items()}
    tiny = TinyRoom.open(tmp_path / "room")
    yield Story(tiny, both, name, platforms, tables)
    tiny.context.close()


def opened(story: Story) -> None:
    north, engineer = story.side("north"), story.user("north", Role.ENGINEER)
    rooms.create_there(north, engineer, story.wanted)
    rooms.open_there(north, engineer, story.wanted, NOW)
    open_to_runner(story.both, story.name)


@dataclass(frozen=True)
class Verb:
    """One story: who tells it, of whose platform and by which call it works."""

    alias: str
    role: Role
    tell: Callable[[Story, Collaborator, User], object]
    effect: str
    runner: bool = False


def _run_id(story: Story) -> str:
    """The run that this side's log knows."""
    side = story.tiny.side("south")
    outcomes = [record.entry.public for record in side.log.records(side.log.origin) if record.entry.kind == "outcome"]
    return str([public["run"] for public in outcomes if "run" in public][-1])


def _etag(story: Story) -> str:
    seen = story.platforms["south"].owner.asset(story.name, AssetKind.NOTEBOOK, "regions")
    assert seen is not None
    return seen.etag


def _quarantine(story: Story, side: Collaborator, user: User) -> object:
    wait_ended(story.platforms["south"].runner, _run_id(story), NOW)
    return runs.quarantine_there(side, user, _run_id(story))


JOURNEY = (
    Verb("north", Role.ENGINEER, lambda it, side, user: rooms.create_there(side, user, it.wanted), "create_room"),
    Verb(
        "south", Role.ENGINEER, lambda it, side, user: rooms.make_output_catalog(side, user, f"{it.name}_out"),
        "create_output_catalog",
    ),
    Verb(
        "north", Role.STEWARD,
        lambda it, side, user: rooms.add_table_there(side, user, NewTable(f"north.default.{it.name}", it.tables["north"])),
        "add_table",
    ),
    Verb(
        "south", Role.STEWARD,
        lambda it, side, user: rooms.add_table_there(side, user, NewTable(f"south.default.{it.name}", it.tables["south"])),
        "add_table",
    ),
    Verb("north", Role.ENGINEER, lambda it, side, user: runs.upload_there(side, user, it.notebook), "put_notebook"),
    Verb("south", Role.REVIEWER, lambda it, side, user: runs.rule_there(side, user, NewRule("south", "north")), "add_rule"),
    Verb(
        "south", Role.REVIEWER,
        lambda it, side, user: runs.judge_there(side, user, Judgement("regions", _etag(it), True, "read")), "review",
    ),
    Verb("south", Role.ENGINEER, lambda it, side, user: runs.run_there(side, user, "regions"), "start_run", runner=True),
    Verb("south", Role.ENGINEER, _quarantine, "read_output", runner=True),
    Verb(
        "south", Role.REVIEWER,
        lambda it, side, user: runs.release_there(
            side, user, _run_id(it), "regions", it.target(), ["admin@consumer.example"], "as agreed"
        ),
        "copy_output", runner=True,
    ),
    Verb(
        "north", Role.STEWARD,
        lambda it, side, user: rooms.remove_asset_there(side, user, AssetKind.TABLE, f"north.default.{it.name}"),
        "remove_asset",
    ),
    Verb("north", Role.ENGINEER, lambda it, side, user: rooms.close_there(side, user), "close_room"),
)  # fmt: skip


def tell(story: Story, verb: Verb) -> object:
    return verb.tell(story, story.side(verb.alias), story.user(verb.alias, verb.role))


def dying(story: Story, verb: Verb, late: bool, with_: BaseException) -> None:
    """Tell the story with a platform that dies in it; the intent is left open."""
    whole, side = story.platforms[verb.alias], story.tiny.side(verb.alias)
    bad = Dying(whole.runner if verb.runner else whole.owner, verb.effect, late, with_)
    side.platform = Platform(whole.owner, bad, whole.room) if verb.runner else Platform(bad, whole.runner, whole.room)  # type: ignore[arg-type]
    with pytest.raises(type(with_)):
        verb.tell(story, side, story.user(verb.alias, verb.role))
    side.platform = whole
    (intent,) = side.state().open_intents(verb.alias)
    assert intent.stage is EffectStage.RUNNING


def after_a_look(story: Story, verb: Verb) -> EffectStage:
    """What a restart makes of the open intent."""
    side = story.side(verb.alias)
    (ended,) = reconcile(side)
    assert reconcile(side) == ()
    assert side.state().open_intents(verb.alias) == ()
    return side.state().intents[ended.ref.origin, ended.ref.seq].stage


def test_a_death_or_silence_at_every_effect_is_found_out_and_told_again(story: Story) -> None:
    """Before the effect: interrupted. After it: done, and not done twice when it is told again."""
    for verb in JOURNEY:
        dying(story, verb, False, Died())
        assert after_a_look(story, verb) is EffectStage.INTERRUPTED, verb.effect
        dying(story, verb, True, UnansweredError("No answer.", hint="Look."))
        if verb.effect == "start_run":  # nobody starts a second run while a first one may be under way
            with pytest.raises(NotReadyError) as open_run:
                tell(story, verb)
            assert open_run.value.code == "RUN_OPEN"
        wanted = EffectStage.INTERRUPTED if verb.effect == "read_output" else EffectStage.DONE  # what was read is not kept
        assert after_a_look(story, verb) is wanted, verb.effect
        tell(story, verb)
        if verb.effect == "create_room":
            opened(story)
            rooms.accept_there(story.side("south"), story.user("south", Role.ENGINEER))
            assert story.side("north").state().room_active
    started = story.platforms["south"].runner
    assert story.platforms["north"].owner.room(story.name) is None
    assert started.run(_run_id(story)).stage is RunStage.SUCCEEDED
    north = story.side("north")
    words = [words_of(record.entry) for record in north.log.records(north.log.origin)]
    assert f"Began to create at the platform the room {story.name}." in words
    assert not any("platform_" in each for each in words)
    assert story.both.consumer.sql("SELECT region, people FROM IDENTIFIER(:t) ORDER BY region", t=story.target()) == [
        ["north", "1"],
        ["south", "3"],
    ]


def test_the_whole_story_seen_from_both_sides(story: Story) -> None:
    opened(story)
    north, south = story.side("north"), story.side("south")
    for verb in JOURNEY[1:4]:
        tell(story, verb)
    looked = rooms.look_there(north, story.user("north", Role.OFFICER))
    assert looked.room is not None
    assert (looked.room.status, looked.joined) == (RoomStatus.ACTIVE, {"south": True})
    seen = runs.upload_there(north, story.user("north", Role.ENGINEER), story.notebook)
    with pytest.raises(NotReadyError) as raised:
        runs.run_there(south, story.user("south", Role.ENGINEER), "regions")
    assert raised.value.code == "NOT_APPROVED"
    judged = runs.judge_there(south, story.user("south", Role.REVIEWER), Judgement("regions", seen.etag, True))
    assert judged.state is ReviewState.APPROVED
    tell(story, JOURNEY[7])
    run = _run_id(story)
    with pytest.raises(NotReadyError):  # one look shows it running still
        runs.quarantine_there(south, story.user("south", Role.ENGINEER), run)
    with pytest.raises(NotReadyError):
        runs.see_quarantined(south, story.user("south", Role.REVIEWER), run)
    _quarantine(story, south, story.user("south", Role.ENGINEER))
    (regions,) = runs.see_quarantined(south, story.user("south", Role.REVIEWER), run).tables
    assert regions.rows == (("north", "1"), ("south", "3"))
    for alias in ("north", "south"):  # the figures stay in the home of the side that ran
        entries = story.side(alias).log.records(south.log.origin)
        assert any("regions" in str(record.payload) and "rows" in str(record.payload) for record in entries) is (
            alias == "south"
        )


def test_what_is_released_is_what_was_reviewed(story: Story) -> None:
    opened(story)
    for verb in (*JOURNEY[1:5], *JOURNEY[6:9]):
        tell(story, verb)
    place = story.platforms["south"].runner.run(_run_id(story)).output
    assert place is not None
    changed = f"INSERT INTO {place.catalog}.{place.schema}.regions VALUES ('east', 1)"
    story.both.consumer.sql(changed, story.both.consumer.service)
    with pytest.raises(ConflictError) as raised:
        tell(story, JOURNEY[9])
    assert raised.value.code == "OUTPUT_CHANGED"
    assert not story.platforms["south"].runner.copied(place, "regions", story.target())


def test_a_person_does_not_run_notebooks(story: Story) -> None:
    opened(story)
    for verb in (*JOURNEY[1:5], JOURNEY[6]):
        tell(story, verb)
    whole = story.platforms["south"]
    story.platforms["south"] = Platform(whole.owner, whole.owner, whole.room)
    with pytest.raises(NotPermittedError) as raised:
        tell(story, JOURNEY[7])
    assert raised.value.code == "RUN_AS_PERSON"
    assert whole.owner.task_runs(story.name) == ()


def test_nobody_without_the_permission_reaches_the_platform(story: Story) -> None:
    class Untouched:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"{name} was called")

    acts: list[Callable[[Collaborator, User], object]] = [
        *(partial(JOURNEY[number].tell, story) for number in (0, 1, 2, 4, 5, 7, 10, 11)),
        lambda side, user: runs.judge_there(side, user, Judgement("regions", "etag", True)),
        lambda side, user: runs.quarantine_there(side, user, "1"),
        lambda side, user: runs.see_quarantined(side, user, "1"),
        lambda side, user: runs.release_there(side, user, "1", "regions", story.target(), [], "because"),
    ]
    side, officer = story.tiny.side("north"), story.user("north", Role.OFFICER)
    side.platform = Platform(Untouched(), Untouched(), story.name)  # type: ignore[arg-type]
    before = side.log.size()
    for act in acts:
        with pytest.raises(NotPermittedError):
            act(side, officer)
    assert side.log.size() == before


def test_another_room_of_that_name_is_not_taken_for_ours(story: Story) -> None:
    opened(story)
    other = story.tiny.side("north")
    other.platform = story.platforms["north"]
    with pytest.raises(CleanRoomError) as raised:
        rooms.create_there(other, story.user("north", Role.ENGINEER), NewRoom(
            story.name, "aws", "us-west-2",
            (Party("east", story.wanted.parties[0].metastore), *story.wanted.parties[1:]),
        ))  # fmt: skip
    assert raised.value.code == "PARTIES"
    side = story.tiny.side("south")
    side.platform = None
    with pytest.raises(NotReadyError) as missing:
        rooms.look_there(side, story.user("south", Role.ENGINEER))
    assert missing.value.code == "NO_PLATFORM"


def test_a_side_does_not_take_part_in_a_room_that_is_open_to_the_internet(story: Story) -> None:
    internet = settings.EgressNetworkPolicyInternetAccessPolicy(
        restriction_mode=settings.EgressNetworkPolicyInternetAccessPolicyRestrictionMode.FULL_ACCESS
    )
    parties = [
        CleanRoomCollaborator(
            party.alias,
            global_metastore_id=party.metastore,
            invite_recipient_email=party.invite_user or None,
            invite_recipient_workspace_id=int(party.invite_workspace) if party.invite_workspace else None,
        )
        for party in story.wanted.parties
    ]
    policy = settings.EgressNetworkPolicy(internet_access=internet)
    raw.active(story.both, story.name, collaborators=parties, egress_network_policy=policy)
    with pytest.raises(ConflictError) as raised:
        rooms.accept_there(story.side("south"), story.user("south", Role.ENGINEER))
    assert raised.value.code == "ROOM_UNSAFE"
    assert "FULL_ACCESS" in raised.value.message
    with pytest.raises(ConflictError) as opened_anyway:
        rooms.open_there(story.side("north"), story.user("north", Role.ENGINEER), story.wanted, NOW)
    assert opened_anyway.value.code == "PLATFORM_OTHER"
    assert story.side("north").state().created is None


def test_a_reviewer_approves_the_agreed_text_and_no_other(story: Story) -> None:
    """The digest an uploader claims is not looked at; what the version says is."""
    opened(story)
    north, south = story.side("north"), story.side("south")
    engineer, reviewer = story.user("north", Role.ENGINEER), story.user("south", Role.REVIEWER)
    agreed = story.notebook
    for other in (
        replace(agreed, source=f"{agreed.source}\n-- COMMAND ----------\nSELECT * FROM north.default.{story.name}"),
        replace(agreed, source="-- Databricks notebook source"),
        replace(agreed, runners=("south", "north")),
        replace(agreed, source=agreed.source.replace("count(*)", "max(n.token)")),
    ):
        runs.upload_there(north, engineer, other)
        with pytest.raises(ConflictError) as raised:
            runs.approve_agreed(south, reviewer, agreed)
        assert raised.value.code == "NOTEBOOK_DIFFERS"
    client, kind = story.both.provider.admin, CleanRoomAssetAssetType.NOTEBOOK_FILE
    there = client.clean_room_assets.get(story.name, kind, "regions").notebook
    assert there is not None
    claimed = f"sha256:{agreed.digest}"
    book = CleanRoomAssetNotebook(there.notebook_content, description=claimed, runner_collaborator_aliases=["south"])
    client.clean_room_assets.update(story.name, kind, "regions", CleanRoomAsset("regions", kind, notebook=book))
    assert runs.read_there(south, reviewer, "regions")[0].digest == agreed.digest
    with pytest.raises(ConflictError, match="Its cell 1 is different"):
        runs.approve_agreed(south, reviewer, agreed)
    client.clean_room_assets.delete(story.name, kind, "regions")
    runs.upload_there(north, engineer, agreed)
    assert runs.approve_agreed(south, reviewer, agreed).state is ReviewState.APPROVED
