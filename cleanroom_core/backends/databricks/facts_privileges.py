"""Who holds what: owners, grants by name, grants through groups, and the secrets of service principals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from cleanroom_core.backends.databricks.facts_workspace import APPLICATION_ID, Workspace, word_of
from cleanroom_core.prechecks.databricks.asked import Asked
from cleanroom_core.prechecks.databricks.assets import Candidate, Governed
from cleanroom_core.prechecks.databricks.oauth_secrets import Principal
from cleanroom_core.prechecks.databricks.privileges import EVERYBODY, UNREADABLE, Holder, Need, Standing
from cleanroom_core.prechecks.fact import Absent, Fact, Known, Unknown

_MOST_GROUPS = 20  # one call for each
_ACTIVE, _ENDED = "ACTIVE", ("INACTIVE", "DISABLED", "EXPIRED", "REVOKED")  # of a secret; only the first is documented
_HIDING = frozenset({"POLICY_TYPE_ROW_FILTER", "POLICY_TYPE_COLUMN_MASK", None})


def runner_needs(asked: Asked, room_is_there: bool) -> tuple[Need, ...]:
    """What running notebooks takes. No table: whoever runs reads inside the room what the owner shared."""
    return (Need("clean_room", asked.room.lower(), "EXECUTE_CLEAN_ROOM_TASK"),) if asked.room and room_is_there else ()


def needs(asked: Asked, metastore: Fact[tuple[int, str]], room_is_there: bool) -> tuple[Need, ...]:
    """What whoever owns the room needs: to make it, or to add to the one that is there, and to read every future asset."""
    found: list[Need] = [] if asked.runners else list(runner_needs(asked, room_is_there))
    if asked.room and room_is_there:
        found.append(Need("clean_room", asked.room.lower(), "MODIFY_CLEAN_ROOM"))
    elif asked.creator and isinstance(metastore, Known):
        found.append(Need("metastore", metastore.value[1], "CREATE_CLEAN_ROOM"))
    for table in asked.tables:
        catalog, schema = table.split(".", maxsplit=1)[0], table.rsplit(".", 1)[0]
        found += [Need("catalog", catalog, "USE_CATALOG"), Need("schema", schema, "USE_SCHEMA"), Need("table", table, "SELECT")]
    return tuple(dict.fromkeys(found))


def holders(workspace: Workspace, asked: Asked) -> Fact[tuple[Holder, ...]]:
    me = workspace.me()
    names = asked.principals or ((me.value.name,) if isinstance(me, Known) else ())
    if not names:
        return me if not isinstance(me, Known) else Unknown("the platform does not say who this is")
    assignment = workspace.assignment()
    if asked.creator and not isinstance(assignment, Known):
        return assignment
    room = workspace.room(asked.room) if asked.room else Absent("no room was named")
    if isinstance(room, Unknown):
        return room
    there = isinstance(room, Known)
    wanted, running = needs(asked, assignment, there), runner_needs(asked, there)
    owners = tuple(_holder(workspace, name, wanted) for name in names)
    return Known(owners + tuple(_holder(workspace, name, running) for name in asked.runners))


def _holder(workspace: Workspace, name: str, wanted: tuple[Need, ...]) -> Holder:
    groups = groups_of(workspace, name)
    through = groups.value[:_MOST_GROUPS] if isinstance(groups, Known) else ()
    further: dict[str, Fact[frozenset[str]]] = {}
    if isinstance(groups, Known) and len(groups.value) > _MOST_GROUPS:
        further["further groups"] = Unknown(f"{name} is in {len(groups.value)} groups, of which {_MOST_GROUPS} were looked at")
    standings = tuple(
        Standing(
            need, owner(workspace, need.kind, need.name), {**_grants(workspace, need, [name, EVERYBODY, *through]), **further}
        )
        for need in wanted
    )
    return Holder(name, groups, standings)


def groups_of(workspace: Workspace, name: str) -> Fact[tuple[str, ...]]:
    me = workspace.me()
    if isinstance(me, Known) and me.value.name.casefold() == name.casefold():
        return Known(me.value.groups)
    service = service_principal(workspace, name)
    return Known(service.value[1]) if isinstance(service, Known) else service


def service_principal(workspace: Workspace, name: str) -> Fact[tuple[str, tuple[str, ...]]]:
    """SCIM id and groups of the service principal with this application id."""
    if not APPLICATION_ID.fullmatch(name):
        return Unknown(f"the groups of {name} can be read by {name} alone")

    def call() -> tuple[str, tuple[str, ...]]:
        found = next(iter(workspace.client.service_principals_v2.list(filter=f"applicationId eq '{name}'")), None)
        if found is None or not found.id:
            return "", ()
        whole = workspace.client.service_principals_v2.get(found.id)
        return found.id, tuple(sorted({group.display for group in whole.groups or () if group.display}))

    found = workspace.reader.fact(("service", name), f"read the service principal {name}", call)
    if isinstance(found, Known) and not found.value[0]:
        return Absent(f"this workspace has no service principal {name}")
    return found


def owner(workspace: Workspace, kind: str, name: str) -> Fact[str]:
    client = workspace.client
    if kind == "metastore":
        metastore = workspace.metastore()
        return _owner(metastore.value.owner) if isinstance(metastore, Known) else metastore
    if kind == "clean_room":
        room = workspace.room(name)
        return _owner(room.value.owner) if isinstance(room, Known) else room
    if kind == "table":
        table = workspace.table(name)
        return _owner(table.value.owner) if isinstance(table, Known) else table
    if kind == "catalog":
        return workspace.reader.fact((kind, name), f"read the catalog {name}", lambda: client.catalogs.get(name).owner)
    return workspace.reader.fact((kind, name), f"read the schema {name}", lambda: client.schemas.get(name).owner)


def _owner(name: str | None) -> Fact[str]:
    return Known(name) if name else Unknown("the platform names no owner")


def _grants(workspace: Workspace, need: Need, names: list[str]) -> Mapping[str, Fact[frozenset[str]]]:
    """Per name what it holds. Owners and admins see all grants in one call, others ask name by name until it suffices."""
    everybody = _listed(workspace, need, None)
    if isinstance(everybody, Known):
        return {name: Known(everybody.value.get(name, frozenset())) for name in names}
    if isinstance(everybody, Absent):  # the securable itself
        return dict.fromkeys(names, everybody)
    found: dict[str, Fact[frozenset[str]]] = {}
    for name in names:
        one = _listed(workspace, need, name)
        found[name] = Known(one.value.get(name, frozenset())) if isinstance(one, Known) else one
        if isinstance(one, Known) and {need.privilege, "ALL_PRIVILEGES"} & one.value.get(name, frozenset()):
            break
    return found


def _listed(workspace: Workspace, need: Need, principal: str | None) -> Fact[Mapping[str, frozenset[str]]]:
    """Effective grants on one securable. The kind goes into the path as a word: the SDK would put an enum's repr there."""

    def call() -> Mapping[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for each in workspace.client.grants.list_effective(need.kind, need.name, principal=principal):
            words = {word_of(one.privilege) or UNREADABLE for one in each.privileges or ()}
            found[each.principal or ""] = found.get(each.principal or "", frozenset()) | words
        return found

    whose = f"grants of {principal}" if principal else "all grants"
    return workspace.reader.fact(
        ("grants", need.kind, need.name, principal), f"list {whose} on {need.kind.replace('_', ' ')} {need.name}", call
    )


def candidate(workspace: Workspace, name: str, room_owner: Fact[str]) -> Candidate:
    """A future asset with the policies on it. `room_owner`: who must be exempt; Absent: the table's owner stands in."""
    table = workspace.table(name)
    who = room_owner.value if isinstance(room_owner, Known) else None
    if isinstance(room_owner, Absent) and isinstance(table, Known):
        who = table.value.owner

    def call() -> tuple[Governed, ...]:
        found = workspace.client.policies.list_policies("TABLE", name, include_inherited=True)
        return tuple(
            Governed(
                each.name or "",
                _exempt(workspace, who, frozenset(each.except_principals or ()))
                if each.policy_type is not None
                else Unknown("a kind of policy this SDK does not know"),
            )
            for each in found
            if word_of(each.policy_type) in _HIDING
        )

    return Candidate(name, table, workspace.reader.fact(("policies", name), f"list the policies on {name}", call))


def _exempt(workspace: Workspace, who: str | None, exempt: frozenset[str]) -> Fact[bool]:
    if not exempt:
        return Known(False)
    if who is None:
        return Unknown("the owner is not known")
    if who in exempt or EVERYBODY in exempt:
        return Known(True)
    groups = groups_of(workspace, who)
    return Known(bool(exempt & set(groups.value))) if isinstance(groups, Known) else groups


def secrets(workspace: Workspace, asked: Asked) -> Fact[tuple[Principal, ...]]:
    me = workspace.me()
    if not asked.principals and not isinstance(me, Known):
        return me
    names = dict.fromkeys((*(asked.principals or ((me.value.name,) if isinstance(me, Known) else ())), *asked.runners))
    return Known(tuple(_principal(workspace, name) for name in names if APPLICATION_ID.fullmatch(name)))


def _principal(workspace: Workspace, name: str) -> Principal:
    me = workspace.me()
    mine = isinstance(me, Known) and me.value.name.casefold() == name.casefold()
    service = service_principal(workspace, name) if not mine else None
    if isinstance(service, Absent | Unknown):
        return Principal(name, "", service)
    number = service.value[0] if service is not None else me.value.number if isinstance(me, Known) else ""

    def call() -> tuple[datetime | None, ...] | None:
        found = list(workspace.client.service_principal_secrets_proxy.list(number))
        if any((each.status or _ACTIVE) not in (_ACTIVE, *_ENDED) for each in found):
            return None
        return tuple(_moment(each.expire_time) for each in found if (each.status or _ACTIVE) == _ACTIVE)

    return Principal(name, number, workspace.reader.fact(("secrets", number), f"list the secrets of {name}", call))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
