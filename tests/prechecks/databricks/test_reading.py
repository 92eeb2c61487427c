"""One call of a workspace becomes a fact: known, absent, or not to be told with the status and without a secret."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from databricks.sdk import errors

from cleanroom_core.backends.databricks.facts_reading import ALL_PATIENCE, Reader
from cleanroom_core.prechecks.fact import Absent, Known, Unknown


def raises(error: Exception) -> Any:
    def call() -> str:
        raise error

    return call


CASES: list[tuple[Exception, type, str]] = [
    (errors.NotFound("no such table", error_code="TABLE_DOES_NOT_EXIST"), Absent, "404"),
    (errors.NotFound("no metastore", error_code="METASTORE_DOES_NOT_EXIST"), Absent, "404"),
    (errors.ResourceDoesNotExist("gone", error_code="RESOURCE_DOES_NOT_EXIST"), Absent, "404"),
    (errors.NotFound("no such API", error_code="ENDPOINT_NOT_FOUND"), Unknown, "404"),
    (errors.NotFound("not in this region", error_code="FEATURE_DISABLED"), Unknown, "404"),
    (errors.NotFound("<html>", error_code=None), Unknown, "404"),
    (errors.PermissionDenied("no", error_code="PERMISSION_DENIED"), Unknown, "403"),
    (errors.Unauthenticated("who", error_code="UNAUTHENTICATED"), Unknown, "401"),
    (errors.BadRequest("sharing is off"), Unknown, "400"),
    (errors.InternalError("broken"), Unknown, "500"),
    (errors.TooManyRequests("slow down"), Unknown, "429"),
    (TimeoutError("Timed out after 0:00:20"), Unknown, "no answer"),
    (requests.ReadTimeout("late"), Unknown, "no answer"),
]


@pytest.mark.parametrize(("error", "state", "status"), CASES, ids=lambda value: type(value).__name__)
def test_every_refusal_has_its_state(error: Exception, state: type, status: str) -> None:
    found = Reader().fact("x", "read it", raises(error))
    assert type(found) is state
    said = found.said if isinstance(found, Absent) else found.reason if isinstance(found, Unknown) else ""
    assert said.startswith(f"{status}: ")


def test_a_refused_credential_is_an_answer_where_that_is_the_question() -> None:
    refused = errors.Unauthenticated("who", error_code="UNAUTHENTICATED")
    assert isinstance(Reader().fact("me", "ask", raises(refused), refused_is_absent=True), Absent)


def test_an_answer_this_sdk_cannot_read_is_no_absence() -> None:
    assert isinstance(Reader().fact("x", "read it", lambda: None), Unknown)
    assert Reader().fact("x", "read it", lambda: False) == Known(False)


def test_what_the_sdk_is_configured_with_is_not_repeated() -> None:
    said = "Not active. Config: host=https://here.example, account_id=1, token=***, auth_type=pat"
    found = Reader().fact("x", "read it", raises(errors.PermissionDenied(said)))
    assert isinstance(found, Unknown)
    assert "here.example" not in found.reason
    assert "token" not in found.reason


def test_a_fact_is_asked_for_once() -> None:
    asked: list[int] = []
    reader = Reader()
    for _ in range(3):
        assert reader.fact("x", "read it", lambda: asked.append(1) or len(asked)) == Known(1)


def refused_connection() -> str:
    raise TimeoutError("Timed out") from requests.ConnectionError("refused")


def test_a_workspace_that_never_answered_is_not_asked_again_and_one_that_did_is() -> None:
    silent = Reader()
    assert isinstance(silent.fact(1, "read it", refused_connection), Unknown)
    assert isinstance(silent.fact(2, "read it", lambda: "there"), Unknown), "nobody is there; waiting again would not help"
    answering = Reader()
    answering.fact(0, "read it", raises(errors.PermissionDenied("no")))
    assert isinstance(answering.fact(1, "read it", refused_connection), Unknown)
    assert answering.fact(2, "read it", lambda: "there") == Known("there")


def test_patience_with_a_busy_workspace_ends() -> None:
    now = [0.0]

    def busy() -> str:
        now[0] += ALL_PATIENCE / 2
        raise errors.TooManyRequests("slow down")

    reader = Reader(lambda: now[0])
    for key in range(2):
        assert isinstance(reader.fact(key, "read it", busy), Unknown)
    assert reader.fact("quick", "read it", lambda: "there") == Known("there"), "a minute is not yet over"
    reader.fact(3, "read it", busy)
    left = reader.fact("late", "read it", lambda: "there")
    assert isinstance(left, Unknown)
    assert left.reason.startswith("429: ")


def test_a_fault_of_our_own_is_not_hidden() -> None:
    with pytest.raises(KeyError):
        Reader().fact("x", "read it", raises(KeyError("ours")))
