"""Clusters and warehouses, as far as idle compute and runtimes are looked at and put right."""

from __future__ import annotations

from databricks.sdk.service.compute import ClustersAPI
from databricks.sdk.service.sql import WarehousesAPI

from cleanroom_core.simulator.call import Call, Route
from cleanroom_core.simulator.refusal import DOCUMENTED, GUESS, SDK, Refusal, denied, invalid, missing
from cleanroom_core.simulator.strict import Json

_RUNTIMES = {
    "19.0.x-scala2.13": "19.0 (Spark 4.2)",
    "16.4.x-scala2.12": "16.4 LTS",
    "15.4.x-scala2.12": "15.4 LTS",
}


def _cluster(call: Call, cluster_id: str) -> Json:
    found = call.get("cluster", cluster_id)
    if found is None:
        raise Refusal(400, "INVALID_PARAMETER_VALUE", f"Cluster {cluster_id} does not exist", SDK)
    return {**found, "cluster_id": cluster_id}


def _list_clusters(call: Call) -> Json:
    return call.page([_cluster(call, key) for key, _ in call.all("cluster")], "clusters")


def _get_cluster(call: Call) -> Json:
    return _cluster(call, call.query["cluster_id"])


def _versions(_call: Call) -> Json:
    return {"versions": [{"key": key, "name": name} for key, name in _RUNTIMES.items()]}


def _update_cluster(call: Call) -> Json:
    """Change what `update_mask` names; clusters of jobs cannot be changed."""
    if "admins" not in call.groups:
        raise denied("Changing a cluster needs CAN_MANAGE on it.")
    cluster_id = call.body["cluster_id"]
    record = _cluster(call, cluster_id)
    if record.get("cluster_source") == "JOB":
        raise invalid("Clusters created by the jobs service cannot be updated.", SDK)
    if record.get("state") not in ("RUNNING", "TERMINATED"):
        raise Refusal(400, "INVALID_STATE", f"Cluster {cluster_id} is {record.get('state')}.", SDK)
    given = call.body.get("cluster") or {}
    for field in call.body["update_mask"].split(","):
        if field not in given:
            raise invalid(f"update_mask names '{field}', which the cluster of the request does not carry.")
        record[field] = given[field]
    call.put("cluster", cluster_id, {key: value for key, value in record.items() if key != "cluster_id"})
    return {}


def _warehouse(call: Call, warehouse_id: str) -> Json:
    found = call.get("warehouse", warehouse_id)
    if found is None:
        raise missing(f"SQL warehouse {warehouse_id} does not exist.")
    return {**found, "id": warehouse_id}


def _list_warehouses(call: Call) -> Json:
    return call.page([_warehouse(call, key) for key, _ in call.all("warehouse")], "warehouses")


def _get_warehouse(call: Call) -> Json:
    return _warehouse(call, call.path["id"])


def _edit_warehouse(call: Call) -> Json:
    """What is not sent again keeps its value here; on the platform it may fall back to its default, so send it all."""
    if "admins" not in call.groups:
        raise denied("Changing a warehouse needs CAN_MANAGE on it.")
    record = _warehouse(call, call.path["id"])
    minutes = call.body.get("auto_stop_mins")
    if minutes is not None and int(minutes) != 0 and int(minutes) < 10:
        raise invalid("auto_stop_mins must be 0 or at least 10.", DOCUMENTED)
    record |= call.body
    call.put("warehouse", call.path["id"], {key: value for key, value in record.items() if key != "id"})
    return {}


def _config(call: Call) -> Json:
    return dict(call.get("warehouse_config") or {})


_WAREHOUSES = "/api/2.0/sql/warehouses"
ROUTES = [
    Route("GET", "/api/2.1/clusters/list", _list_clusters, ClustersAPI.list),
    Route("GET", "/api/2.1/clusters/get", _get_cluster, ClustersAPI.get),
    Route("GET", "/api/2.1/clusters/spark-versions", _versions, ClustersAPI.spark_versions),
    Route("POST", "/api/2.1/clusters/update", _update_cluster, ClustersAPI.update),
    Route("GET", _WAREHOUSES, _list_warehouses, WarehousesAPI.list),
    Route("GET", f"{_WAREHOUSES}/{{id}}", _get_warehouse, WarehousesAPI.get),
    Route("POST", f"{_WAREHOUSES}/{{id}}/edit", _edit_warehouse, WarehousesAPI.edit, source=GUESS),
    Route("GET", "/api/2.0/sql/config/warehouses", _config, WarehousesAPI.get_workspace_warehouse_config),
]
