"""Who may do what, written out once more and compared: roles against permissions on the core, without any page (S22)."""

from __future__ import annotations

import pytest

from cleanroom_core.errors import NotPermittedError
from cleanroom_core.identity.permissions import Permission, Role, User

# One line per permission; a change of the table in the core must be made here as well, and is then seen in review.
MAY: dict[Permission, set[Role]] = {
    Permission.PRECHECK_RUN: {Role.ENGINEER, Role.STEWARD},
    Permission.AGREEMENT_OFFER: {Role.OFFICER},
    Permission.AGREEMENT_SIGN: {Role.OFFICER},
    Permission.POLICY_PREVIEW: {Role.ENGINEER, Role.STEWARD, Role.OFFICER},
    Permission.POLICY_RAW: {Role.STEWARD},
    Permission.POLICY_PUBLISH: {Role.STEWARD},
    Permission.TOKEN_KEY: {Role.ENGINEER},
    Permission.TOKEN_ALIGN: {Role.ENGINEER, Role.STEWARD},
    Permission.ROOM_CREATE: {Role.ENGINEER},
    Permission.ROOM_ACCEPT: {Role.ENGINEER},
    Permission.ROOM_CONNECT: {Role.ENGINEER},
    Permission.PLAN_PROPOSE: {Role.STEWARD, Role.ANALYST},
    Permission.PLAN_SIGN: {Role.REVIEWER},
    Permission.PLAN_ESTIMATE: {Role.ENGINEER, Role.STEWARD, Role.REVIEWER},
    Permission.PLAN_COMPUTE: {Role.ENGINEER, Role.ANALYST},
    Permission.REVIEW_FIGURES: {Role.REVIEWER},
    Permission.REVIEW_DECIDE: {Role.REVIEWER},
    Permission.ANSWER_READ: {Role.ANALYST, Role.REVIEWER},
    Permission.ROOM_READ: set(Role),
    Permission.LOG_READ: set(Role),
}


def test_the_matrix_is_complete() -> None:
    assert set(MAY) == set(Permission)


@pytest.mark.parametrize("organisation", ["North Bank", "Harbour Bank"])
@pytest.mark.parametrize("role", Role)
def test_each_role_may_exactly_this_and_on_its_own_side(role: Role, organisation: str) -> None:
    user = User("somebody", organisation, frozenset({role}))
    other = "Harbour Bank" if organisation == "North Bank" else "North Bank"
    for permission, roles in MAY.items():
        assert user.may(permission) == (role in roles)
        if role in roles:
            user.require(permission)
            user.require(permission, organisation)
            with pytest.raises(PermissionError):
                user.require(permission, other)
        else:
            with pytest.raises(NotPermittedError):
                user.require(permission)
            with pytest.raises(NotPermittedError):
                user.require(permission, organisation)


def test_several_roles_add_up_and_no_role_or_disabled_is_nothing() -> None:
    both = User("somebody", "North Bank", frozenset({Role.OFFICER, Role.ANALYST}))
    for permission, roles in MAY.items():
        assert both.may(permission) == bool(roles & both.roles)
        assert not User("nobody", "North Bank", frozenset()).may(permission)
        assert not User("gone", "North Bank", frozenset(Role), disabled=True).may(permission)


def test_an_auditor_of_no_side_acts_for_no_side() -> None:
    auditor = User("auditor", None, frozenset({Role.AUDITOR}))
    auditor.require(Permission.LOG_READ)
    with pytest.raises(NotPermittedError):
        auditor.require(Permission.LOG_READ, "North Bank")
