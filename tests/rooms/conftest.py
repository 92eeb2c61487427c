from __future__ import annotations

from tests.engines.same_process import same_process

__all__ = ["same_process"]
