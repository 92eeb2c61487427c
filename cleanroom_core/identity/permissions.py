"""Who may do what: one table, asked by every story before it acts, whatever page or command called it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from cleanroom_core.errors import NotPermittedError


class Role(StrEnum):
    ENGINEER = "engineer"
    STEWARD = "steward"
    ANALYST = "analyst"
    REVIEWER = "reviewer"
    OFFICER = "officer"
    AUDITOR = "auditor"


class Permission(StrEnum):
    PRECHECK_RUN = "precheck.run"
    AGREEMENT_OFFER = "agreement.offer"  # offer, edit, withdraw
    AGREEMENT_SIGN = "agreement.sign"  # sign, reject
    POLICY_PREVIEW = "policy.preview"
    POLICY_RAW = "policy.raw"  # see raw rows of the own table, logged
    POLICY_PUBLISH = "policy.publish"  # publish the share-safe table and register it as an asset
    TOKEN_KEY = "token.key"
    TOKEN_ALIGN = "token.align"  # agree on a spec, run its vectors
    ROOM_CREATE = "room.create"  # create, invite
    ROOM_ACCEPT = "room.accept"
    ROOM_CONNECT = "room.connect"  # say where the room really is, carry logs to and from the other side
    PLAN_PROPOSE = "plan.propose"  # propose or withdraw a template
    PLAN_SIGN = "plan.sign"  # sign or reject the plan's text
    PLAN_ESTIMATE = "plan.estimate"  # see what a template would cost the own tables: own figures, rounded, logged
    PLAN_COMPUTE = "plan.compute"
    REVIEW_FIGURES = "review.figures"  # see quarantined figures of the own side
    REVIEW_DECIDE = "review.decide"
    ANSWER_READ = "answer.read"
    ROOM_READ = "room.read"  # the room's state, without figures
    LOG_READ = "log.read"


_EVERYBODY = frozenset({Permission.ROOM_READ, Permission.LOG_READ})

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ENGINEER: _EVERYBODY
    | {
        Permission.PRECHECK_RUN, Permission.TOKEN_KEY, Permission.TOKEN_ALIGN, Permission.ROOM_CREATE, Permission.ROOM_ACCEPT,
        Permission.ROOM_CONNECT, Permission.PLAN_COMPUTE, Permission.POLICY_PREVIEW, Permission.PLAN_ESTIMATE,
    },
    Role.STEWARD: _EVERYBODY
    | {
        Permission.PRECHECK_RUN, Permission.POLICY_PREVIEW, Permission.POLICY_RAW, Permission.POLICY_PUBLISH,
        Permission.TOKEN_ALIGN, Permission.PLAN_PROPOSE, Permission.PLAN_ESTIMATE,
    },
    Role.ANALYST: _EVERYBODY | {Permission.PLAN_PROPOSE, Permission.PLAN_COMPUTE, Permission.ANSWER_READ},
    Role.REVIEWER: _EVERYBODY
    | {
        Permission.PLAN_SIGN, Permission.PLAN_ESTIMATE, Permission.REVIEW_FIGURES, Permission.REVIEW_DECIDE,
        Permission.ANSWER_READ,
    },
    Role.OFFICER: _EVERYBODY | {Permission.AGREEMENT_OFFER, Permission.AGREEMENT_SIGN, Permission.POLICY_PREVIEW},
    Role.AUDITOR: _EVERYBODY,
}  # fmt: skip


@dataclass(frozen=True)
class User:
    """A person. `organisation` is None for an auditor, who belongs to no side. `demo` users exist on loopback only."""

    username: str
    organisation: str | None
    roles: frozenset[Role]
    name: str = ""
    demo: bool = False
    must_change_password: bool = False
    disabled: bool = False
    permissions: frozenset[Permission] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        granted = frozenset().union(*(PERMISSIONS[role] for role in self.roles)) if self.roles else frozenset()
        object.__setattr__(self, "permissions", frozenset() if self.disabled else granted)

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def require(self, permission: Permission, organisation: str | None = None) -> None:
        """Raise NotPermittedError unless the user holds the permission and, where given, belongs to the organisation."""
        if not self.may(permission):
            roles = ", ".join(sorted(role for role, granted in PERMISSIONS.items() if permission in granted))
            raise NotPermittedError(
                f"{self.username} may not do this ({permission}).", hint=f"Ask somebody who is {roles} on your side."
            )
        if organisation is not None and self.organisation != organisation:
            raise NotPermittedError(
                f"{self.username} does not act for {organisation}.", hint="Sign in as a user of that organisation."
            )
