"""What stands between now and a page that has nothing to show yet: the first open task, whose it is, and the way there."""

from __future__ import annotations

from cleanroom_core.rooms.tasks import Task, timeline
from pages._ui.cards import plain
from pages._ui.room import Room, empty


def next_task(room: Room) -> Task | None:
    """The viewer's own first task, else the first anybody has."""
    tasks = [task for step in timeline(room.state, room.alias) for task in step.tasks]
    own = [task for task in tasks if task.alias == room.alias and room.user.may(task.permission)]
    return next(iter(own or tasks), None)


def nothing_yet(room: Room, what: str) -> None:
    """An empty state that names who must act next."""
    task = next_task(room)
    if task is None:
        empty(what, "Nothing is open; see the timeline.", "home")
        return
    mine = task.alias == room.alias and room.user.may(task.permission)
    who = "You can do this now" if mine else f"Waiting for {room.who_may(task.permission, task.alias)}"
    empty(what, f"{who}: {plain(task.text)}.", task.page if mine else "home")
