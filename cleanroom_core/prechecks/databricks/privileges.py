"""Do the principals that act for this side hold what they need, by ownership, by grant or through a group?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cleanroom_core.errors import InputError
from cleanroom_core.policies.unity_catalog.names import ObjectName, SchemaName, object_part, principal
from cleanroom_core.policies.unity_catalog.spelling import spell
from cleanroom_core.prechecks.check import Check, Result
from cleanroom_core.prechecks.databricks.wording import METASTORE_ADMIN, cannot_tell, failed, listed, passed, unread
from cleanroom_core.prechecks.fact import Fact, Known, reason
from cleanroom_core.sql.quoting import identifier

EVERYBODY = "account users"
UNREADABLE = "?"  # stands for privileges in a word that the SDK does not know
WHY = (
    "Making a room, adding assets and running notebooks are refused without the privilege, and an asset stops working once "
    "its owner loses SELECT. Owning an object is not a privilege, and grants to a group do not show under a member's name."
)


@dataclass(frozen=True)
class Need:
    """`privilege` as the API writes it (CREATE_CLEAN_ROOM) on a metastore, clean_room, catalog, schema or table (`kind`)."""

    kind: str
    name: str
    privilege: str

    def __str__(self) -> str:
        return f"{self.privilege.replace('_', ' ')} on {self.kind.replace('_', ' ')} {self.name}"


@dataclass(frozen=True)
class Standing:
    """What is known of one need: the securable's owner, and per name (the principal's own and its groups') the privileges."""

    need: Need
    owner: Fact[str]
    grants: Mapping[str, Fact[frozenset[str]]]


@dataclass(frozen=True)
class Holder:
    """A principal. `groups`: Unknown when nobody could list them; then a missing grant may still be held through one."""

    name: str
    groups: Fact[tuple[str, ...]]
    standings: tuple[Standing, ...]


@dataclass(frozen=True)
class PrivilegeFacts:
    holders: Fact[tuple[Holder, ...]]


def judge(facts: PrivilegeFacts) -> Result:
    if not isinstance(facts.holders, Known):
        return unread("Who acts for this side", facts.holders, WHY, "a workspace admin")
    lacking: list[tuple[Holder, Need]] = []
    unclear: list[str] = []
    held = 0
    for holder in facts.holders.value:
        for standing in holder.standings:
            doubt = _doubt(holder, standing)
            if doubt is None:
                held += 1
            elif doubt:
                unclear.append(f"{holder.name}: {standing.need} ({doubt})")
            else:
                lacking.append((holder, standing.need))
    if lacking:
        return failed(
            f"Missing: {listed([f'{holder.name}: {need}' for holder, need in lacking])}",
            WHY,
            "Grant it, as SQL in any workspace of the metastore:",
            _who([need for _, need in lacking]),
            "\n".join(_grant(need, holder.name) for holder, need in lacking),
        )
    if unclear:
        return cannot_tell(
            f"Not to be told with this identity: {listed(unclear, 3)}",
            WHY,
            "Run this check as the principal itself, or as a metastore admin, who sees grants of groups.",
            METASTORE_ADMIN,
        )
    return passed(f"{held} privileges held by {listed([holder.name for holder in facts.holders.value])}", WHY)


def _doubt(holder: Holder, standing: Standing) -> str | None:
    """None: held. Empty: not held. Otherwise why it cannot be told."""
    groups = holder.groups.value if isinstance(holder.groups, Known) else ()
    names = {holder.name, EVERYBODY, *groups}
    if isinstance(standing.owner, Known) and standing.owner.value in names:
        return None
    known = [grant.value for name, grant in standing.grants.items() if name in names and isinstance(grant, Known)]
    if any(standing.need.privilege in grant or "ALL_PRIVILEGES" in grant for grant in known):
        return None
    if any(UNREADABLE in grant for grant in known):
        return "it has a privilege this version does not know"
    facts: list[Fact[object]] = [standing.owner, holder.groups, *standing.grants.values()]
    return next((reason(fact) for fact in facts if not isinstance(fact, Known)), "")


def _who(needs: list[Need]) -> str:
    if {need.kind for need in needs} <= {"metastore"}:
        return METASTORE_ADMIN
    return "the owner of each object, or whoever has MANAGE on it"


def _grant(need: Need, to: str) -> str:
    """A GRANT statement, names quoted; a remark where the platform's own names cannot be written as SQL."""
    privilege = need.privilege.replace("_", " ")
    try:
        if need.kind == "metastore":
            return f"{spell('GRANT', privilege, 'ON METASTORE TO', principal(to))};"
        if need.kind == "table":
            on = ObjectName.parse(need.name).tree()
        elif need.kind == "schema":
            on = SchemaName(*need.name.split(".", 1)).tree()
        else:
            on = identifier(object_part(need.name, need.kind))
        return f"{spell('GRANT', privilege, 'ON', need.kind.replace('_', ' ').upper(), on, 'TO', principal(to))};"
    except (InputError, TypeError):
        return f"-- {privilege}: grant it by hand, the name cannot be written in SQL"


CHECK = Check("privileges", "Privileges of who acts", WHY, PrivilegeFacts, judge)
