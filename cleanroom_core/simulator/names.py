"""Which names the platform takes. Source: Unity Catalog's naming requirements (docs.databricks.com)."""

from __future__ import annotations

import re
import uuid

from cleanroom_core.simulator.refusal import DOCUMENTED, invalid

_REFUSED = re.compile(r"[.\s/\x00-\x1f\x7f]")


def securable(name: object, where: str) -> str:
    """The name in lower case, as Unity Catalog keeps it. Raises Refusal unless the requirements hold."""
    if not isinstance(name, str) or not 0 < len(name) <= 255 or _REFUSED.search(name):
        raise invalid(f"{where} must be 1 to 255 characters without dots, spaces, slashes and control characters.", DOCUMENTED)
    return name.lower()


def global_metastore_id(value: object) -> str:
    """cloud:region:uuid. The longer sharing identifier, with workspace and user behind it, is refused."""
    parts = value.split(":") if isinstance(value, str) else []
    if len(parts) == 3 and parts[0] in ("aws", "azure", "gcp") and parts[1]:
        try:
            return f"{parts[0]}:{parts[1]}:{uuid.UUID(parts[2])}"
        except ValueError:
            pass
    raise invalid("global_metastore_id must be cloud:region:metastore-uuid.", DOCUMENTED)
