"""What a connection turns out to be: who, where, and what it may do. For a page that shows it before anything is tried.

Nothing here is guessed: what this identity cannot be told is None, with the reason in `notes`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from cleanroom_core.backends.databricks.translating import translated
from cleanroom_core.errors import CleanRoomError, NotReadyError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.catalog import GetMetastoreSummaryResponse

Found = TypeVar("Found")


@dataclass(frozen=True)
class ConnectionReport:
    """`metastore`: cloud:region:uuid. `privileges`: on the metastore, own and by group, None when they cannot be
    told; `privileges_whole`: what each group holds could be told too.
    `rooms`: how many rooms this identity sees, None when listing them is refused (sharing may be off; that is not "no rooms").
    `sharing_identifier`: what a partner needs to invite this identity. `notes`: what could not be told, and what to do."""

    user: str
    is_service: bool
    groups: tuple[str, ...]
    host: str
    signed_in_by: str
    account: str | None
    workspace: str | None
    metastore: str | None = None
    metastore_owner: str | None = None
    sharing_scope: str | None = None
    privileges: frozenset[str] | None = None
    privileges_whole: bool = False
    rooms: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_metastore_admin(self) -> bool | None:
        return None if self.metastore_owner is None else self.metastore_owner in (self.user, *self.groups)

    @property
    def may_create_rooms(self) -> bool | None:
        if self.is_metastore_admin:
            return True
        if {"CREATE_CLEAN_ROOM", "ALL_PRIVILEGES"} & (self.privileges or frozenset()):
            return True
        return False if self.privileges_whole else None

    @property
    def sharing_identifier(self) -> str | None:
        return f"{self.metastore}:{self.workspace}:{self.user}" if self.metastore and self.workspace else None


def connection_report(client: WorkspaceClient) -> ConnectionReport:
    """Raises NotPermittedError or UnansweredError when not even who is asking can be told."""
    from cleanroom_core.backends.databricks.backend import DatabricksBackend

    backend = DatabricksBackend(client)
    me = backend.identity()
    notes: list[str] = []

    def tried(doing: str, look: Callable[[], Found]) -> Found | None:
        try:
            with translated(doing):
                return look()
        except CleanRoomError as error:
            notes.append(error.diagnostics())
            return None

    summary = tried("read the metastore's summary", client.metastores.summary)
    rooms = tried("list clean rooms", backend.rooms)
    workspace = tried("tell the workspace's number", client.get_workspace_id)
    privileges = tried("read its privileges on the metastore", lambda: _privileges(client, summary, me.name))
    whole = privileges is not None
    for group in (*sorted(me.groups), "account users") if whole else ():  # asked for one name, what its groups hold is left out
        held = tried(f"read the privileges of {group}", partial(_privileges, client, summary, group))
        privileges, whole = (privileges or frozenset()) | (held or frozenset()), whole and held is not None
    return ConnectionReport(
        user=me.name,
        is_service=me.is_service,
        groups=tuple(sorted(me.groups)),
        host=client.config.host or "",
        signed_in_by=client.config.auth_type or "",
        account=client.config.account_id or None,
        workspace=None if workspace is None else str(workspace),
        metastore=summary.global_metastore_id if summary else None,
        metastore_owner=summary.owner if summary else None,
        sharing_scope=summary.delta_sharing_scope.value if summary and summary.delta_sharing_scope else None,
        privileges=privileges,
        privileges_whole=whole,
        rooms=None if rooms is None else len(rooms),
        notes=tuple(notes),
    )


def _privileges(client: WorkspaceClient, summary: GetMetastoreSummaryResponse | None, name: str) -> frozenset[str]:
    if summary is None or summary.metastore_id is None:
        raise NotReadyError(
            "The metastore is not known, so neither are the privileges on it.",
            hint="Attach the workspace to a metastore.",
            code="PLATFORM_MISSING",
        )
    found = client.grants.list_effective("metastore", summary.metastore_id, principal=name)
    return frozenset(
        held.privilege.value for assignment in found for held in assignment.privileges or () if held.privilege is not None
    )
