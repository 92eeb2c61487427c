"""Long work beside the script: one worker thread per job, and what a page may know of it. Progress and outcome, never rows.

Jobs belong to one organisation's side of one room in one home; nobody else's page can name them. A job ends with the process,
and what it had begun is then reconciled from the log, not from here.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import streamlit as st

from cleanroom_core.context import home_path
from cleanroom_core.engines.protocol import Progress
from cleanroom_core.errors import CleanRoomError, ConflictError
from cleanroom_core.identity.permissions import Permission
from pages._ui.cards import plain
from pages._ui.guard import action, live
from pages._ui.logfile import log_error
from pages._ui.room import Room
from pages._ui.state import Viewer

Work = Callable[[Progress, Callable[[], bool]], str]  # takes progress and `cancelled`; returns one sentence on what was done


@dataclass
class Job:
    """`text` and `share` (0..1): how far it is. Ended: `done` is a sentence, or `problem` says what, what to do and the id."""

    name: str
    title: str
    text: str = "Starting"
    share: float = 0.0
    done: str | None = None
    problem: str | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def running(self) -> bool:
        return self.done is None and self.problem is None

    def progress(self, text: str, share: float) -> None:
        self.text, self.share = text, min(max(share, 0.0), 1.0)


class Desk:
    """The jobs of one side of one room, newest of each name."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def start(self, name: str, title: str, work: Work) -> Job:
        """Raises ConflictError while a job of this name runs: a double click is one job."""
        with self._lock:
            known = self._jobs.get(name)
            if known is not None and known.running:
                raise ConflictError(f"{title} is running already.", hint="Wait for it, or cancel it.")
            job = self._jobs[name] = Job(name, title)
        threading.Thread(target=_work, args=(job, work), name=f"job-{name}", daemon=True).start()
        return job

    def get(self, name: str) -> Job | None:
        return self._jobs.get(name)

    def forget(self, name: str) -> None:
        """Take an ended job from the desk, once its outcome was shown."""
        with self._lock:
            known = self._jobs.get(name)
            if known is not None and not known.running:
                del self._jobs[name]


def _work(job: Job, work: Work) -> None:
    try:
        job.done = work(job.progress, job.stop.is_set)
    except CleanRoomError as error:
        job.problem = _told(error, error.message, error.hint, error.code)
    except BaseException as error:  # the last place that can say anything: a job never just disappears
        job.problem = _told(
            error, "Something went wrong on our side.", "Try again; if it happens again, give us the error id.", "OTHER"
        )


def _told(error: BaseException, what: str, todo: str, code: str) -> str:
    """Kept as text: an exception would keep the frames it passed through, and with them rows."""
    error_id = secrets.token_hex(4)
    log_error(error, error_id)
    lines = "  \n".join(plain(line) for line in what.splitlines())
    return f"{lines}\n\n{plain(todo)}\n\n{plain(code)} · error id {error_id}"


def desk(room: Room) -> Desk:
    """The desk of the viewer's own side."""
    return _desk(str(home_path()), room.side.room, room.side.organisation)


@st.cache_resource(show_spinner=False)
def _desk(home: str, room: str, organisation: str) -> Desk:
    return Desk()


def show_job(room: Room, name: str, permission: Permission) -> bool:
    """Draw a job: progress with a cancel button while it runs, its problem until somebody has read it. True while it runs."""
    job = desk(room).get(name)
    if job is None:
        return False
    if job.running:
        _running(room, name, permission)
        return True
    if job.problem is not None:
        st.error(job.problem)
        if st.button("Dismiss", key=f"dismiss_{name}", type="tertiary"):
            desk(room).forget(name)
            st.rerun()
    elif job.done is not None:
        st.toast(plain(job.done))
        desk(room).forget(name)
    return False


@live(Permission.ROOM_READ, every="2s")
def _running(viewer: Viewer, room: Room, name: str, permission: Permission) -> None:
    """Refreshes itself only while the job runs; then the whole page is drawn anew, and this is no part of it."""
    if viewer.side is None or viewer.side.organisation != room.side.organisation:
        return
    job = desk(room).get(name)
    if job is None or not job.running:
        st.rerun()
    with st.container(border=True):
        st.progress(job.share, text=f"{plain(job.title)}: {plain(job.text)}")
        if job.stop.is_set():
            st.caption("Cancelling ...")
        elif room.may(permission):
            st.button("Cancel", key=f"cancel_{name}", on_click=action(permission, _cancel), args=(room, name))


def _cancel(viewer: Viewer, room: Room, name: str) -> None:
    job = desk(room).get(name)
    if viewer.organisation == room.side.organisation and job is not None:
        job.stop.set()
