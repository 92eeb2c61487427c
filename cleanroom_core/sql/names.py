"""Names that may become identifiers: Unity Catalog's rules, narrowed to what needs no quoting anywhere.

Source: Databricks, "Unity Catalog requirements: names" (max 255 characters, stored in lower case). We keep to letters, digits
and underscores because the same name becomes a catalog, a schema, a folder and a part of a log's origin.
"""

from __future__ import annotations

import re

from cleanroom_core.errors import InputError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def checked_name(text: str, what: str) -> str:
    """Return the name in lower case; raises InputError when it cannot be one. `what` names the thing in the message."""
    name = text.strip().lower() if isinstance(text, str) else ""
    if _NAME.fullmatch(name) is None:
        raise InputError(
            f"{text!r} cannot be the name of {what}.",
            hint="Use a letter first, then letters, digits and underscores, at most 63 in all.",
            code="NAME",
        )
    return name
