"""Who may do what: ownership, grants, and what is inherited from catalog and schema.

The owner of a catalog or schema counts as owner of everything in it: a guess, as on the platform such an owner has to grant
itself the same first.
"""

from __future__ import annotations

from collections.abc import Iterable

from cleanroom_core.simulator.call import Call
from cleanroom_core.simulator.refusal import denied, missing
from cleanroom_core.simulator.strict import Json

OWNED = {"metastore", "catalog", "schema", "table", "function", "clean_room", "recipient", "volume"}
_MISSING = {
    "metastore": "METASTORE_DOES_NOT_EXIST",
    "catalog": "CATALOG_DOES_NOT_EXIST",
    "schema": "SCHEMA_DOES_NOT_EXIST",
    "table": "TABLE_DOES_NOT_EXIST",
    "function": "FUNCTION_DOES_NOT_EXIST",
    "recipient": "RECIPIENT_DOES_NOT_EXIST",
    "clean_room": "RESOURCE_DOES_NOT_EXIST",
    "volume": "VOLUME_DOES_NOT_EXIST",
}


def parents(kind: str, name: str) -> list[tuple[str, str]]:
    """The securable itself first, then what it inherits from."""
    chain = [(kind, name)]
    if kind in ("table", "function", "volume"):
        chain.append(("schema", name.rsplit(".", 1)[0]))
    if kind in ("table", "function", "volume", "schema"):
        chain.append(("catalog", name.split(".", maxsplit=1)[0]))
    return chain


def names_of(call: Call, principal: str) -> frozenset[str]:
    """Under which names a principal holds grants: its own and its groups'."""
    record = call.get("principal", principal)
    return frozenset([principal, *(record["groups"] if record else ()), *(["account users"] if record else ())])


def record_of(call: Call, kind: str, name: str) -> Json:
    """The securable's record. Raises Refusal with the platform's code when there is none."""
    found = call.get("room" if kind == "clean_room" else kind, name)
    if found is None:
        raise missing(
            f"{kind.replace('_', ' ').capitalize()} '{name}' does not exist.", _MISSING.get(kind, "RESOURCE_DOES_NOT_EXIST")
        )
    return found


def owns(call: Call, kind: str, name: str, principal: str | None = None) -> bool:
    names = names_of(call, principal or call.caller)
    for each_kind, each in _chain(call, kind, name):
        record = call.get("room" if each_kind == "clean_room" else each_kind, each)
        if record is not None and record.get("owner") in names:
            return True
    return False


def _chain(call: Call, kind: str, name: str) -> list[tuple[str, str]]:
    """What a securable inherits from. The output of a room's run inherits nothing from its catalog: its runner alone reads."""
    chain = []
    for each_kind, each in parents(kind, name):
        chain.append((each_kind, each))
        if each_kind == "schema" and (call.get("schema", each) or {}).get("private"):
            break
    return chain


def is_metastore_admin(call: Call, principal: str | None = None) -> bool:
    return owns(call, "metastore", call.workspace.metastore_id, principal)


def granted(call: Call, kind: str, name: str, principals: Iterable[str]) -> dict[tuple[str, str], set[str]]:
    """The privileges these names hold directly, by the securable they were granted on."""
    names = set(principals)
    found: dict[tuple[str, str], set[str]] = {}
    for each_kind, each in _chain(call, kind, name):
        for principal, privileges in (call.get("grant", f"{each_kind}:{each}") or {}).items():
            if principal in names:
                found.setdefault((each_kind, each), set()).update(privileges)
    return found


def holds(call: Call, kind: str, name: str, privilege: str, principal: str | None = None) -> bool:
    if owns(call, kind, name, principal):
        return True
    held = set().union(*granted(call, kind, name, names_of(call, principal or call.caller)).values())
    return privilege in held or ("ALL_PRIVILEGES" in held and privilege != "MANAGE")


def need(call: Call, kind: str, name: str, *privileges: str) -> None:
    """Raise a refusal unless the caller owns the securable or holds one of the privileges."""
    if not any(holds(call, kind, name, each) for each in privileges):
        raise denied(f"User does not have {' or '.join(privileges)} on {kind.replace('_', ' ')} '{name}'.")


def may_read(call: Call, table: str, principal: str | None = None) -> bool:
    """SELECT on the table and the way to it."""
    catalog, schema = table.split(".", maxsplit=1)[0], table.rsplit(".", 1)[0]
    return (
        holds(call, "catalog", catalog, "USE_CATALOG", principal)
        and holds(call, "schema", schema, "USE_SCHEMA", principal)
        and holds(call, "table", table, "SELECT", principal)
    )
