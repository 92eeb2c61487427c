"""Every verb of the core against every role and against the other side, without any page: only who may, can; nothing is written
for anybody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cleanroom_core.errors import CleanRoomError, NotPermittedError
from cleanroom_core.guard.template import Template
from cleanroom_core.identity.permissions import PERMISSIONS, Permission, Role, User
from cleanroom_core.stories import (
    agree,
    align,
    answer,
    compute,
    drafts,
    estimate,
    open_room,
    plan,
    precheck,
    publish,
    review,
    token_keys,
    try_policy,
)
from cleanroom_core.stories.collaborator import Collaborator
from tests.stories.tiny_room import TinyRoom

pytestmark = pytest.mark.usefixtures("same_process")

TEMPLATE = Template("t", "south", "assortment", "SELECT aisle, count(*) AS n FROM north.baskets GROUP BY aisle")
Verb = Callable[[Collaborator, User, TinyRoom], object]

VERBS: dict[str, tuple[Permission, Verb]] = {
    "run_prechecks": (Permission.PRECHECK_RUN, lambda side, user, room: precheck.run_prechecks(side, user)),
    "offer_agreement": (
        Permission.AGREEMENT_OFFER,
        lambda side, user, room: agree.offer_agreement(side, user, room.definition.agreement),
    ),
    "sign_agreement": (Permission.AGREEMENT_SIGN, lambda side, user, room: agree.sign_agreement(side, user, "0" * 64)),
    "reject_agreement": (
        Permission.AGREEMENT_SIGN,
        lambda side, user, room: agree.reject_agreement(side, user, "0" * 64, "why"),
    ),
    "withdraw_agreement": (Permission.AGREEMENT_OFFER, lambda side, user, room: agree.withdraw_agreement(side, user, "0" * 64)),
    "propose_token": (
        Permission.TOKEN_ALIGN,
        lambda side, user, room: align.propose_token(side, user, room.definition.tokens["member"]),
    ),
    "run_token_vectors": (Permission.TOKEN_ALIGN, lambda side, user, room: align.run_token_vectors(side, user, "member")),
    "make_key": (Permission.TOKEN_KEY, lambda side, user, room: token_keys.make_key(side, user, "other-1")),
    "take_key": (Permission.TOKEN_KEY, lambda side, user, room: token_keys.take_key(side, user, "other-1", "")),
    "preview_policy": (
        Permission.POLICY_PREVIEW,
        lambda side, user, room: publish.preview_policy(side, user, room.definition.policies["baskets"], "baskets.csv", 3),
    ),
    "see_raw": (
        Permission.POLICY_RAW,
        lambda side, user, room: publish.see_raw(side, user, room.definition.policies["baskets"], "baskets.csv", 3),
    ),
    "publish_policy": (
        Permission.POLICY_PUBLISH,
        lambda side, user, room: publish.publish_policy(side, user, room.definition.policies["baskets"], "absent.csv"),
    ),
    "register_asset": (Permission.POLICY_PUBLISH, lambda side, user, room: publish.register_asset(side, user, "north.baskets")),
    "create_room": (Permission.ROOM_CREATE, lambda side, user, room: open_room.create_room(side, user)),
    "invite": (Permission.ROOM_CREATE, lambda side, user, room: open_room.invite(side, user, "south")),
    "accept": (Permission.ROOM_ACCEPT, lambda side, user, room: open_room.accept(side, user)),
    "propose_plan": (Permission.PLAN_PROPOSE, lambda side, user, room: plan.propose_plan(side, user, [TEMPLATE])),
    "sign_plan": (Permission.PLAN_SIGN, lambda side, user, room: plan.sign_plan(side, user, "0" * 64)),
    "reject_plan": (Permission.PLAN_SIGN, lambda side, user, room: plan.reject_plan(side, user, "0" * 64, "why")),
    "withdraw_plan": (Permission.PLAN_PROPOSE, lambda side, user, room: plan.withdraw_plan(side, user, "0" * 64)),
    "estimate_template": (Permission.PLAN_ESTIMATE, lambda side, user, room: estimate.estimate_template(side, user, TEMPLATE)),
    "try_policy": (Permission.POLICY_PREVIEW, lambda side, user, room: try_policy.try_policy(side, user, "", lambda *_: None)),
    "compute_plan": (Permission.PLAN_COMPUTE, lambda side, user, room: compute.compute_plan(side, user)),
    "see_figures": (Permission.REVIEW_FIGURES, lambda side, user, room: review.see_figures(side, user, "north-0")),
    "release_result": (Permission.REVIEW_DECIDE, lambda side, user, room: review.release_result(side, user, "north-0")),
    "reject_result": (Permission.REVIEW_DECIDE, lambda side, user, room: review.reject_result(side, user, "north-0", "why")),
    "ask_template": (Permission.ANSWER_READ, lambda side, user, room: answer.ask_template(side, user, "aisles")),
    "ask_sql": (Permission.ANSWER_READ, lambda side, user, room: answer.ask_sql(side, user, "SELECT 1")),
    "draft_agreement": (
        Permission.AGREEMENT_OFFER,
        lambda side, user, room: drafts.draft_agreement(side, user, room.definition.agreement),
    ),
    "draft_policy": (
        Permission.POLICY_PUBLISH,
        lambda side, user, room: drafts.draft_policy(side, user, room.definition.policies["baskets"], "baskets.csv"),
    ),
    "draft_template": (Permission.PLAN_PROPOSE, lambda side, user, room: drafts.draft_template(side, user, TEMPLATE)),
}


@pytest.fixture(scope="module")
def imported(played_homes: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> object:
    import shutil

    folder = tmp_path_factory.mktemp("matrix") / "room"
    shutil.copytree(str(played_homes["imported"]), folder)
    room = TinyRoom.open(folder)
    yield room
    room.context.close()


@pytest.mark.parametrize("verb", VERBS)
def test_only_who_may_can_and_nothing_is_written_for_others(verb: str, imported: TinyRoom) -> None:
    permission, tell = VERBS[verb]
    side = imported.side("north")
    for role in Role:
        organisation = None if role is Role.AUDITOR else "North Shop"
        user = User(f"x.{role}", organisation, frozenset({role}))
        before = side.log.size()
        if permission in PERMISSIONS[role]:
            try:
                tell(side, user, imported)
            except NotPermittedError:
                pytest.fail(f"{role} may {verb}")
            except CleanRoomError:
                pass  # a step before this one is missing: another answer, given after the permission was looked at
        else:
            with pytest.raises(NotPermittedError) as refused:
                tell(side, user, imported)
            assert isinstance(refused.value, PermissionError)
            assert side.log.size() == before


@pytest.mark.parametrize("verb", VERBS)
def test_nobody_acts_for_the_other_side_whatever_the_role(verb: str, imported: TinyRoom) -> None:
    _, tell = VERBS[verb]
    side = imported.side("north")
    stranger = User("south.everything", "South Shop", frozenset(Role))
    disabled = User("north.gone", "North Shop", frozenset(Role), disabled=True)
    before = side.log.size()
    for user in (stranger, disabled):
        with pytest.raises(NotPermittedError):
            tell(side, user, imported)
    assert side.log.size() == before


def test_rooms_are_opened_by_their_own_people_and_by_auditors(imported: TinyRoom) -> None:
    context = imported.context
    steward = imported.user("north", Role.STEWARD)
    assert context.rooms_of(steward) == ("shops",)
    assert context.rooms_of(User("x", "Elsewhere", frozenset({Role.STEWARD}))) == ()
    assert context.rooms_of(User("x", None, frozenset({Role.AUDITOR}))) == ("shops",)
    with pytest.raises(NotPermittedError):
        context.collaborator("shops", User("x", "Elsewhere", frozenset({Role.STEWARD})))
