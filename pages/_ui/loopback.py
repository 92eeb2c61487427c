"""Whether only people at this machine can reach the wizard: on that hangs whether *Continue as* exists."""

from __future__ import annotations

import ipaddress
import os

import streamlit as st

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")


def is_loopback(address: str | None) -> bool:
    """Whether a server bound to this address can be reached from this machine only. None means every address: no."""
    if not address:
        return False
    if address.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def rehearsal_allowed() -> bool:
    """Decided by what the server is bound to, never by what a request says about itself.

    A request can only take the right away: one that came through a proxy did not come from this machine.
    """
    if not is_loopback(st.get_option("server.address")):
        return False
    named = os.environ.get("CLEANROOM_HOST")
    if named and not is_loopback(named):
        return False
    if isinstance(st.context.ip_address, str):  # Streamlit gives no text for loopback
        return False
    return not any(header in st.context.headers for header in _FORWARDED)
