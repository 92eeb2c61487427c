"""When a session is over, and which cookies name one at all."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from cleanroom_core.identity.sessions import Ended, Session, SessionLimits, issue_token, read_token

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LIMITS = SessionLimits()
KEY = "k3y" * 20
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
SESSION = Session("a-session-id", "anna", NOW, NOW)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def over(started: timedelta, seen: timedelta, valid_after: datetime = LONG_AGO) -> Ended | None:
    return Session("s", "anna", NOW - started, NOW - seen).ended(NOW, valid_after, LIMITS)


def test_idle_and_lifetime() -> None:
    assert over(HOUR, 29 * MINUTE) is None
    assert over(HOUR, 30 * MINUTE) == Ended.IDLE
    assert over(8 * HOUR - MINUTE, MINUTE) is None
    assert over(8 * HOUR, MINUTE) == Ended.TOO_OLD
    assert over(-MINUTE, -MINUTE) == Ended.TOO_OLD


def test_what_began_before_valid_after_is_over() -> None:
    assert over(HOUR, MINUTE, NOW - 2 * HOUR) is None
    assert over(HOUR, MINUTE, NOW - HOUR) is None
    assert over(HOUR, MINUTE, NOW - HOUR + timedelta(microseconds=1)) == Ended.REVOKED


def test_a_token_names_its_session_until_it_expires() -> None:
    token = issue_token(SESSION, KEY, LIMITS)
    assert read_token(token, KEY, NOW) == "a-session-id"
    assert read_token(token, KEY, NOW + 8 * HOUR - MINUTE) == "a-session-id"
    assert read_token(token, KEY, NOW + 8 * HOUR) is None


def unsigned(claims: dict[str, object]) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


CLAIMS = {"iss": "cleanroom", "sub": "anna", "sid": "a-session-id", "iat": 1, "exp": 4_000_000_000}
FORGERIES = {
    "another key": jwt.encode(CLAIMS, "another" * 10, algorithm="HS256"),
    "alg none": unsigned(CLAIMS),
    "another algorithm": jwt.encode(CLAIMS, KEY * 4, algorithm="HS512"),
    **{f"no {name}": jwt.encode({k: v for k, v in CLAIMS.items() if k != name}, KEY, algorithm="HS256") for name in CLAIMS},
    "another issuer": jwt.encode({**CLAIMS, "iss": "elsewhere"}, KEY, algorithm="HS256"),
    "sid no text": jwt.encode({**CLAIMS, "sid": 7}, KEY, algorithm="HS256"),
    "exp no number": jwt.encode({**CLAIMS, "exp": "tomorrow"}, KEY, algorithm="HS256"),
    "the library's own": jwt.encode({"username": "anna", "exp_date": 4e9}, KEY, algorithm="HS256"),
    "empty": "",
    "garbage": "garbage",
    "8 kB": "x." * 4096,
    "4 kB": "x." * 2048,
    "not ASCII": "é.é.é",
}


@pytest.mark.parametrize("token", FORGERIES.values(), ids=FORGERIES)
def test_anything_else_names_nothing_and_does_not_raise(token: str) -> None:
    assert read_token(token, KEY, NOW) is None


def test_a_date_beyond_all_dates_is_no_crash() -> None:
    assert read_token(jwt.encode({**CLAIMS, "exp": 10**30}, KEY, algorithm="HS256"), KEY, NOW) == "a-session-id"


def test_the_forgeries_are_forged_in_one_place_only() -> None:
    assert read_token(jwt.encode(CLAIMS, KEY, algorithm="HS256"), KEY, NOW) == "a-session-id"
