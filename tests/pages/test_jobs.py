"""Jobs beside the script: one of a name at a time, cancelled for real, and nothing of a row is kept by them."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from cleanroom_core.errors import ConflictError, QueryCancelledError
from pages._ui.jobs import Desk, Job

SECRET = "4111111111111111"


def ended(job: Job) -> Job:
    for thread in threading.enumerate():
        if thread.name == f"job-{job.name}":
            thread.join(30)
    assert not job.running
    return job


def test_progress_and_outcome() -> None:
    desk = Desk()

    def work(progress: Callable[[str, float], None], cancelled: Callable[[], bool]) -> str:
        progress("Counting", 7.0)
        return "Done."

    job = ended(desk.start("compute", "Computing", work))
    assert (job.text, job.share, job.done, job.problem) == ("Counting", 1.0, "Done.", None)
    desk.forget("compute")
    assert desk.get("compute") is None


def test_a_second_click_does_not_start_a_second_job() -> None:
    desk, go = Desk(), threading.Event()
    job = desk.start("compute", "Computing", lambda progress, cancelled: str(go.wait(30)))
    with pytest.raises(ConflictError, match="running already"):
        desk.start("compute", "Computing", lambda progress, cancelled: "")
    desk.forget("compute")
    assert desk.get("compute") is job
    go.set()
    assert ended(job).done == "True"


def test_cancelling_reaches_the_work() -> None:
    def work(progress: Callable[[str, float], None], cancelled: Callable[[], bool]) -> str:
        while not cancelled():
            threading.Event().wait(0.01)
        raise QueryCancelledError("The run was cancelled.", hint="Run it again.")

    job = Desk().start("compute", "Computing", work)
    job.stop.set()
    assert "The run was cancelled." in (ended(job).problem or "")


def test_an_error_is_kept_as_text_with_an_id_and_without_its_frames() -> None:
    def work(progress: Callable[[str, float], None], cancelled: Callable[[], bool]) -> str:
        rows = [SECRET]
        raise ValueError(rows)

    job = ended(Desk().start("compute", "Computing", work))
    assert job.problem is not None
    assert SECRET not in repr(job)
    assert "error id" in job.problem
    assert not any(isinstance(value, BaseException) for value in vars(job).values())
