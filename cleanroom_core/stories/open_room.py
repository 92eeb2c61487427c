"""Create the room, invite, accept, register assets: states that both logs show, never a button that calls nothing."""

from __future__ import annotations

from cleanroom_core.errors import ConflictError, NotReadyError
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.stories.collaborator import Collaborator


def create_room(side: Collaborator, user: User) -> None:
    user.require(Permission.ROOM_CREATE, side.organisation)
    side.require_agreement()
    created = side.state().created
    if created is not None:
        raise ConflictError(
            f"The room was created by {side.collaborators[created.alias]} already.", hint="Accept the invitation instead."
        )
    side.append(user, Permission.ROOM_CREATE, "room", {"action": "create", "room": side.room})
    side.hand_over()


def invite(side: Collaborator, user: User, alias: str) -> None:
    """Invite another collaborator of the room; inviting twice changes nothing."""
    user.require(Permission.ROOM_CREATE, side.organisation)
    state = side.state()
    if state.created is None or state.created.alias != side.alias:
        raise NotReadyError("Only the side that created the room invites.", hint="Create the room first.")
    if alias not in side.collaborators or alias == side.alias:
        raise NotReadyError(f"{alias!r} cannot be invited.", hint=f"Others here: {', '.join(side.collaborators)}.")
    if alias not in state.invited:
        side.append(user, Permission.ROOM_CREATE, "room", {"action": "invite", "room": side.room, "alias": alias})
        side.hand_over()


def accept(side: Collaborator, user: User) -> None:
    """Accept the invitation; accepting twice changes nothing."""
    user.require(Permission.ROOM_ACCEPT, side.organisation)
    side.require_agreement()
    state = side.state()
    if side.alias not in state.invited:
        raise NotReadyError("There is no invitation for this side.", hint="The creator of the room invites first.")
    if side.alias not in state.accepted:
        side.append(
            user, Permission.ROOM_ACCEPT, "room", {"action": "accept", "room": side.room}, refs=(state.invited[side.alias].ref,)
        )
        side.hand_over()
