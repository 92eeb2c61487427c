"""What the engine needs of a workspace, said once; `backends/databricks/sql_warehouse.py` is the one adapter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from cleanroom_core.policies.unity_catalog.names import ObjectName


class Answer(Protocol):
    """`columns`: name and type as the platform writes it. `rows`: texts; None is NULL."""

    @property
    def columns(self) -> Sequence[tuple[str, str]]: ...

    @property
    def rows(self) -> Sequence[Sequence[str | None]]: ...


class Workspace(Protocol):
    """One identity at one workspace, with a SQL warehouse it may use.

    Both calls may raise NotPermittedError, NotReadyError, ConflictError, InputError, UnansweredError (it may have been done)
    and PlatformError, which names the class of the platform's error and never its text: that may hold values of rows."""

    def table(self, name: ObjectName) -> Mapping[str, Any] | None:
        """The table or view as Unity Catalog describes it (TableInfo as JSON); None where this identity sees none."""
        ...

    def run(self, statement: str, doing: str, cancelled: Callable[[], bool] | None = None) -> Answer:
        """Execute one statement and wait for its end. `doing` goes into messages: "could not `doing`".

        Raises QueryCancelledError or QueryTimeoutError when it was stopped before its end."""
        ...
