"""Everything a page has sent to the browser and keeps for its tab, as one text to look for what must not be there."""

from __future__ import annotations

import re
from typing import Any


def everything(app: Any) -> str:
    """Protocol messages of every element, cells of every table, and the tab's own state."""
    found = [str(object.__getattribute__(app.session_state, "_state").filtered_state)]
    for node in app._tree:
        found.append(str(getattr(node, "proto", "")))
        if "data" in (kind := getattr(node, "type", "")) or kind.endswith("table"):
            found.append(node.value.to_csv())  # cells are packed in the message
    return "\n".join(found)


def number_in(number: str, text: str) -> bool:
    """Whether the number stands there by itself, not as a part of a digest or of another number."""
    escaped = re.escape(number)
    return re.search(rf"(?<![0-9a-fA-F.]){escaped}(?![0-9a-fA-F])", text.replace("\\", "")) is not None
