"""The hash of an exact text: what a signature over an agreement, a policy or a plan names."""

from __future__ import annotations

import hashlib

from cleanroom_core.audit.canonical import encode


def text_hash(value: object) -> str:
    """sha256 over the canonical JSON (RFC 8785 profile of `audit.canonical`), hex."""
    return hashlib.sha256(encode(value, text="any")).hexdigest()
