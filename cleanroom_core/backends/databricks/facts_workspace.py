"""What a workspace tells about itself, call by call, as facts. Reads only; every call is the SDK's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from cleanroom_core.backends.databricks.facts_reading import Reader
from cleanroom_core.prechecks.databricks.assets import Table
from cleanroom_core.prechecks.databricks.identity import Identity
from cleanroom_core.prechecks.databricks.idle_compute import Warehouse
from cleanroom_core.prechecks.databricks.recipient_tokens import Recipient, Token
from cleanroom_core.prechecks.databricks.room_health import Room
from cleanroom_core.prechecks.databricks.runtime import Cluster
from cleanroom_core.prechecks.fact import Fact, Known, Unknown

if TYPE_CHECKING:
    from databricks.sdk import AccountClient, WorkspaceClient

APPLICATION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SYSTEM = frozenset({"", "system user"})  # who owns a metastore that was made automatically
_NOT_EDITABLE = frozenset({"JOB", "PIPELINE", "PIPELINE_MAINTENANCE"})  # clusters somebody else starts and stops
_SKUS = (
    "SELECT DISTINCT sku_name FROM system.billing.usage "
    "WHERE workspace_id = :workspace AND usage_date >= date_add(current_date(), -30)"
)


@dataclass(frozen=True)
class Metastore:
    """As `metastores.summary()` says it; None for what it leaves out or says in a word this SDK does not know."""

    metastore_id: str
    global_id: str | None
    cloud: str | None
    region: str | None
    scope: str | None
    owner: str | None

    @property
    def has_admin(self) -> bool:
        return (self.owner or "").strip().lower() not in _SYSTEM


class Workspace:
    """`account`: a client of the account, where there is one; only it knows the plan."""

    def __init__(self, client: WorkspaceClient, account: AccountClient | None = None, reader: Reader | None = None) -> None:
        self.client = client
        self._account = account
        self.reader = reader or Reader()

    def me(self) -> Fact[Identity]:
        def call() -> Identity:
            found = self.client.current_user.me()
            name = found.user_name or ""
            groups = tuple(sorted({group.display for group in found.groups or () if group.display}))
            return Identity(name, found.id or "", groups, found.active is not False, bool(APPLICATION_ID.fullmatch(name)))

        return self.reader.fact("me", "ask who it is", call, refused_is_absent=True)

    def assignment(self) -> Fact[tuple[int, str]]:
        """Workspace id and metastore id."""

        def call() -> tuple[int, str]:
            found = self.client.metastores.current()
            return found.workspace_id, found.metastore_id

        return self.reader.fact("assignment", "read the metastore of the workspace", call)

    def metastore(self) -> Fact[Metastore]:
        def call() -> Metastore | None:
            found = self.client.metastores.summary()
            if not found.metastore_id:
                return None
            return Metastore(
                found.metastore_id,
                found.global_metastore_id,
                found.cloud,
                found.region,
                word_of(found.delta_sharing_scope),
                found.owner,
            )

        return self.reader.fact("metastore", "read the facts of the metastore", call)

    def account_id(self) -> Fact[str]:
        found = self.client.config.account_id
        return Known(found) if found else Unknown("the workspace does not say which account it is of")

    def pricing(self) -> Fact[str]:
        account, assignment = self._account, self.assignment()
        if account is None:
            return Unknown("no workspace tells its own plan, and no profile of the account was named")
        if not isinstance(assignment, Known):
            return assignment
        return self.reader.fact(
            "pricing",
            "read the plan from the account",
            lambda: word_of(account.workspaces.get(assignment.value[0]).pricing_tier),
        )

    def skus(self, warehouse: str | None) -> Fact[tuple[str, ...]]:
        """SKUs billed for this workspace within 30 days, by a statement on `warehouse`."""
        from databricks.sdk.service import sql

        assignment = self.assignment()
        if warehouse is None:
            return Unknown("no warehouse was named to read the billing table with")
        if not isinstance(assignment, Known):
            return assignment

        def call() -> tuple[str, ...] | None:
            reply = self.client.statement_execution.execute_statement(
                _SKUS,
                warehouse,
                parameters=[sql.StatementParameterListItem("workspace", value=str(assignment.value[0]))],
                wait_timeout="50s",
                on_wait_timeout=sql.ExecuteStatementRequestOnWaitTimeout.CANCEL,
                row_limit=100,
            )
            if reply.status is None or reply.status.state is not sql.StatementState.SUCCEEDED:
                return None
            return tuple(row[0] for row in (reply.result.data_array if reply.result else None) or () if row[0])

        return self.reader.fact("skus", "read the billing table", call)

    def serverless(self) -> Fact[bool]:
        return self.reader.fact(
            "serverless",
            "read the settings of warehouses",
            lambda: self.client.warehouses.get_workspace_warehouse_config().enable_serverless_compute,
        )

    def clusters(self) -> Fact[tuple[Cluster, ...]]:
        def call() -> tuple[Cluster, ...]:
            return tuple(
                Cluster(
                    each.cluster_id or "",
                    each.cluster_name or each.cluster_id or "",
                    each.spark_version,
                    word_of(each.data_security_mode),
                    each.autotermination_minutes,
                    word_of(each.cluster_source) in _NOT_EDITABLE,
                )
                for each in self.client.clusters.list()
            )

        return self.reader.fact("clusters", "list clusters", call)

    def warehouses(self) -> Fact[tuple[Warehouse, ...]]:
        def call() -> tuple[Warehouse, ...]:
            return tuple(
                Warehouse(each.id or "", each.name or "", each.auto_stop_mins) for each in self.client.warehouses.list()
            )

        return self.reader.fact("warehouses", "list warehouses", call)

    def standards(self) -> Fact[frozenset[str]]:
        def call() -> frozenset[str] | None:
            found = self.client.settings.compliance_security_profile.get().compliance_security_profile_workspace
            if found is None or found.is_enabled is None:
                return None
            return _names(found.compliance_standards) if found.is_enabled else frozenset()

        return self.reader.fact("standards", "read the compliance profile", call)

    def rooms(self) -> Fact[tuple[str, ...]]:
        """Names in lower case. The platform refuses the list, with 400 or 403, where sharing outside the account is off."""
        return self.reader.fact(
            "rooms", "list clean rooms", lambda: tuple((each.name or "").lower() for each in self.client.clean_rooms.list())
        )

    def room(self, name: str) -> Fact[Room]:
        def call() -> Room:
            found = self.client.clean_rooms.get(name)
            remote = found.remote_detailed_info
            profile = remote.compliance_security_profile if remote else None
            none: frozenset[str] | None = None if remote is None else frozenset()
            enforced = _names(profile.compliance_standards) if profile and profile.is_enabled else none
            return Room(
                found.name or name,
                word_of(found.status),
                word_of(found.access_restricted),
                found.local_collaborator_alias,
                found.owner,
                enforced,
                remote.cloud_vendor if remote else None,
                remote.region if remote else None,
            )

        return self.reader.fact(("room", name), f"read the clean room {name}", call)

    def room_assets(self, name: str) -> Fact[Mapping[str, str | None]]:
        return self.reader.fact(
            ("assets", name),
            f"list the assets of {name}",
            lambda: {each.name: word_of(each.status) for each in self.client.clean_room_assets.list(name)},
        )

    def recipients(self) -> Fact[tuple[Recipient, ...]]:
        def call() -> tuple[Recipient, ...]:
            return tuple(
                Recipient(each.name or "", tuple(_token(one.created_at, one.expiration_time) for one in each.tokens or ()))
                for each in self.client.recipients.list()
            )

        return self.reader.fact("recipients", "list recipients", call)

    def system_schemas(self) -> Fact[Mapping[str, str | None]]:
        metastore = self.assignment()
        if not isinstance(metastore, Known):
            return metastore
        return self.reader.fact(
            "system schemas",
            "list system schemas",
            lambda: {each.schema: each.state for each in self.client.system_schemas.list(metastore.value[1])},
        )

    def table(self, name: str) -> Fact[Table]:
        def call() -> Table:
            found = self.client.tables.get(name)
            columns = [column for column in found.columns or () if column.name]
            return Table(
                word_of(found.table_type),
                found.owner,
                found.row_filter.function_name if found.row_filter else None,
                tuple(str(column.name) for column in columns),
                tuple(str(column.name) for column in columns if column.mask),
                tuple(str(column.name) for column in columns if column.comment),
            )

        return self.reader.fact(("table", name), f"read the table {name}", call)


def word_of(found: Enum | str | None) -> str | None:
    """An enum's word; None where the platform said a word that this SDK does not know."""
    return str(found.value) if isinstance(found, Enum) else found


def _names(standards: Iterable[Any] | None) -> frozenset[str]:
    return frozenset(word for each in standards or () if (word := word_of(each)) and word != "NONE")


def _token(made: int | None, ends: int | None) -> Token:
    return Token(_time(made), _time(ends))


def _time(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
