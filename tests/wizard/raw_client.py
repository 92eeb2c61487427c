"""Streamlit's protocol spoken by hand: what somebody sends who does not use the page's own JavaScript."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from types import TracebackType

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.util import calc_hash
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol


class RawClient:
    """One browser tab without a browser."""

    def __init__(
        self,
        port: int,
        cookies: Mapping[str, str] | None = None,
        origin: str | None = None,
        host: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        sent = dict(headers or {})
        if cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        self._connection = connect(
            f"ws://{host or '127.0.0.1'}:{port}/_stcore/stream",
            subprotocols=[Subprotocol("streamlit")],
            origin=None if origin is None else Origin(origin),
            additional_headers=sent,
            max_size=None,
            open_timeout=20,
            sock=socket.create_connection(("127.0.0.1", port), timeout=20),
        )
        self.received = b""

    def __enter__(self) -> RawClient:
        self._socket = self._connection.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.__exit__(kind, error, trace)

    def visit(self, page_name: str = "", page_hash: str = "", query: str = "", url: str = "") -> list[ForwardMsg]:
        """Ask for a page by its name or its hash; every message up to the end of the script's run."""
        message = BackMsg()
        message.rerun_script.page_name = page_name
        message.rerun_script.page_script_hash = page_hash
        message.rerun_script.query_string = query
        message.rerun_script.context_info.url = url
        return self.send(message)

    def send(self, message: BackMsg) -> list[ForwardMsg]:
        self._socket.send(message.SerializeToString())
        found: list[ForwardMsg] = []
        while True:
            data = self._socket.recv(timeout=30)
            self.received += data
            forward = ForwardMsg.FromString(data)
            found.append(forward)
            if forward.WhichOneof("type") == "script_finished" and forward.script_finished in {
                ForwardMsg.FINISHED_SUCCESSFULLY,
                ForwardMsg.FINISHED_WITH_COMPILE_ERROR,
            }:
                return found

    def click(self, widget_id: str, page_hash: str = "") -> list[ForwardMsg]:
        message = BackMsg()
        message.rerun_script.page_script_hash = page_hash
        message.rerun_script.widget_states.widgets.add(id=widget_id, trigger_value=True)
        return self.send(message)


def page_hash(name: str) -> str:
    """The hash by which Streamlit knows the page at this URL path."""
    return str(calc_hash(name))


def texts(messages: list[ForwardMsg]) -> str:
    """Everything that could be read in these messages."""
    return "\n".join(str(message) for message in messages)


def titles(messages: list[ForwardMsg]) -> list[str]:
    return [
        message.delta.new_element.heading.body
        for message in messages
        if message.WhichOneof("type") == "delta" and message.delta.new_element.WhichOneof("type") == "heading"
    ]


def listed_pages(messages: list[ForwardMsg]) -> list[str]:
    """URL paths of the last list of pages the server gave away."""
    lists = [message.navigation for message in messages if message.WhichOneof("type") == "navigation"]
    return [page.url_pathname for page in lists[-1].app_pages] if lists else []
