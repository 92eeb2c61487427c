"""The two workspaces before anybody did anything: accounts, metastores, people, service principals, a warehouse, a catalog.

Everything here is a record, so a test can change it through the control route (`groups/control.py`), and a restart finds it
again.
"""

from __future__ import annotations

import hashlib
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import Any

from cleanroom_core.simulator.state import State
from cleanroom_core.simulator.strict import Json

NAMES = ("provider", "consumer")
_REGIONS = {"provider": ("aws", "us-west-2"), "consumer": ("aws", "eu-west-1")}
DAY = 86_400_000  # milliseconds


@dataclass(frozen=True)
class Workspace:
    """One side. `seed` holds what the command line prints, credentials included; they open nothing but this simulator."""

    name: str
    seed: Json

    @property
    def workspace_id(self) -> int:
        return int(self.seed["workspace_id"])

    @property
    def metastore_id(self) -> str:
        return str(self.seed["metastore_id"])

    @property
    def global_metastore_id(self) -> str:
        return str(self.seed["global_metastore_id"])


def now() -> int:
    """Milliseconds since 1970, as the platform counts."""
    return time.time_ns() // 1_000_000


def fingerprint(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def workspaces(state: State) -> dict[str, Workspace]:
    """Both workspaces by name, made when the home is new."""
    with state.transaction():
        for name in NAMES:
            if state.get("seed", name, "") is None:
                _settle(state, name)
    return {name: Workspace(name, state.get("seed", name, "") or {}) for name in NAMES}


def _settle(state: State, name: str) -> None:
    cloud, region = _REGIONS[name]
    metastore_id, client_id = str(uuid.uuid4()), str(uuid.uuid4())
    admin = f"admin@{name}.example"
    seed: Json = {
        "name": name,
        "token": f"dapi{secrets.token_hex(16)}",
        "client_id": client_id,
        "client_secret": f"dose{secrets.token_hex(16)}",
        "account_id": str(uuid.uuid4()),
        "workspace_id": 10**15 + secrets.randbelow(10**15),
        "metastore_id": metastore_id,
        "global_metastore_id": f"{cloud}:{region}:{metastore_id}",
        "warehouse_id": secrets.token_hex(8),
        "catalog": f"{name}_data",
        "admin": admin,
        "cloud": cloud,
        "region": region,
    }
    state.put("seed", name, "", seed)
    for kind, key, body in _records(seed, admin):
        state.put(kind, name, key, body)


def _records(seed: Json, admin: str) -> list[tuple[str, str, dict[str, Any]]]:
    name, stamp = seed["name"], now()
    service = seed["client_id"]
    whole = {"created_at": stamp, "created_by": admin, "updated_at": stamp, "updated_by": admin, "owner": admin}
    metastore = {
        **whole,
        "metastore_id": seed["metastore_id"],
        "name": f"metastore_{name}",
        "cloud": seed["cloud"],
        "region": seed["region"],
        "global_metastore_id": seed["global_metastore_id"],
        "delta_sharing_scope": "INTERNAL_AND_EXTERNAL",
        "delta_sharing_recipient_token_lifetime_in_seconds": 7_776_000,
        "delta_sharing_organization_name": f"{name.title()} Bank",
        "privilege_model_version": "1.0",
    }
    return [
        (
            "principal",
            admin,
            {"id": "7001", "kind": "user", "display": f"{name.title()} Admin", "groups": ["admins"], "active": True},
        ),
        ("principal", service, {"id": "7002", "kind": "service", "display": f"{name}-cleanroom", "groups": [], "active": True}),
        ("group", "admins", {"id": "6001"}),
        ("bearer", fingerprint(seed["token"]), {"principal": admin, "expires": stamp + 90 * DAY}),
        (
            "service_secret",
            "7002/first",
            {
                "id": "first",
                "secret_hash": fingerprint(seed["client_secret"]),
                "create_time": stamp,
                "expire_time": stamp + 730 * DAY,
                "scopes": ["all-apis"],
            },
        ),
        ("metastore", seed["metastore_id"], metastore),
        ("assignment", "", {"workspace_id": seed["workspace_id"], "metastore_id": seed["metastore_id"]}),
        ("catalog", seed["catalog"], {**whole, "catalog_type": "MANAGED_CATALOG"}),
        ("schema", f"{seed['catalog']}.default", whole),
        ("grant", f"metastore:{seed['metastore_id']}", {service: ["CREATE_CLEAN_ROOM", "CREATE_CATALOG", "CREATE_RECIPIENT"]}),
        ("grant", f"catalog:{seed['catalog']}", {service: ["ALL_PRIVILEGES"]}),
        (
            "warehouse",
            seed["warehouse_id"],
            {
                "name": "Serverless Starter Warehouse",
                "cluster_size": "2X-Small",
                "auto_stop_mins": 10,
                "enable_serverless_compute": True,
                "warehouse_type": "PRO",
                "state": "RUNNING",
                "min_num_clusters": 1,
                "max_num_clusters": 1,
            },
        ),
        ("warehouse_config", "", {"enable_serverless_compute": True, "security_policy": "DATA_ACCESS_CONTROL"}),
        (
            "cluster",
            "0101-000000-analysis",
            {
                "cluster_name": "analysis",
                "spark_version": "16.4.x-scala2.12",
                "data_security_mode": "USER_ISOLATION",
                "autotermination_minutes": 120,
                "cluster_source": "UI",
                "state": "TERMINATED",
                "num_workers": 1,
                "node_type_id": "i3.xlarge",
            },
        ),
        ("compliance", "", {"is_enabled": False, "compliance_standards": []}),
        ("account", "", {"pricing_tier": "PREMIUM", "workspace_status": "RUNNING"}),
        ("limits", "", {"rooms_per_metastore": 100, "collaborators_per_room": 10, "provisioning_polls": 2}),
        ("system_schema", "access", {"state": "AVAILABLE"}),
        ("system_schema", "billing", {"state": "AVAILABLE"}),
        ("system_schema", "information_schema", {"state": "MANAGED"}),
    ]
