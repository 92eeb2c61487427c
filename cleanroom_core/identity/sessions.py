"""Sign-in sessions: a row in the user store, named by a signed token in the browser's cookie.

The token proves nothing by itself: it names a session, and the session must be there, young enough, used lately enough, and
not older than the moment from which the user's sessions count (`valid_after`: sign-out, new password, changed roles).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

_ISSUER = "cleanroom"
_LONGEST_TOKEN = 1024


@dataclass(frozen=True)
class SessionLimits:
    idle: timedelta = timedelta(minutes=30)
    lifetime: timedelta = timedelta(hours=8)


class Ended(StrEnum):
    """Why a session is over."""

    UNKNOWN = "unknown"
    REVOKED = "revoked"
    TOO_OLD = "too old"
    IDLE = "idle"


@dataclass(frozen=True)
class Session:
    sid: str
    username: str
    started_at: datetime
    seen_at: datetime

    def ended(self, now: datetime, valid_after: datetime, limits: SessionLimits) -> Ended | None:
        """None while the session lives. A clock set back does not lengthen it: a session from the future is over."""
        if self.started_at < valid_after:
            return Ended.REVOKED
        if not timedelta(0) <= now - self.started_at < limits.lifetime:
            return Ended.TOO_OLD
        if now - self.seen_at >= limits.idle:
            return Ended.IDLE
        return None


def issue_token(session: Session, key: str, limits: SessionLimits) -> str:
    """A JWT (HS256, RFC 7519) naming the session; `key` is the cookie key, 32 bytes or more."""
    import jwt

    claims = {
        "iss": _ISSUER,
        "sub": session.username,
        "sid": session.sid,
        "iat": int(session.started_at.timestamp()),
        "exp": int((session.started_at + limits.lifetime).timestamp()),
    }
    return jwt.encode(claims, key, algorithm="HS256")


def read_token(token: str, key: str, now: datetime) -> str | None:
    """The session's id, or None for anything that is not a token of ours: forged, unsigned, incomplete, expired, garbage."""
    import jwt

    if len(token) > _LONGEST_TOKEN:
        return None
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=["HS256"],
            issuer=_ISSUER,
            # Times are compared with the clock handed in, below.
            options={"require": ["iss", "sub", "sid", "iat", "exp"], "verify_exp": False, "verify_iat": False},
        )
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    sid, expires = claims["sid"], claims["exp"]
    if not isinstance(sid, str) or not isinstance(expires, int):
        return None
    return sid if now.timestamp() < expires else None
