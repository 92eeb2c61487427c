"""Every Databricks check forced to each outcome it can have, one by one, on facts alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlfluff.core import Linter

from cleanroom_core.prechecks.agreement import AgreementFacts
from cleanroom_core.prechecks.check import Check, Status
from cleanroom_core.prechecks.databricks import OWN, PARTNER
from cleanroom_core.prechecks.databricks.assets import AssetFacts, Candidate, Governed, Table
from cleanroom_core.prechecks.databricks.compliance import ComplianceFacts
from cleanroom_core.prechecks.databricks.identifiers import IdentifierFacts
from cleanroom_core.prechecks.databricks.identity import Identity, IdentityFacts
from cleanroom_core.prechecks.databricks.idle_compute import IdleFacts, Warehouse
from cleanroom_core.prechecks.databricks.metastore_admin import AdminFacts
from cleanroom_core.prechecks.databricks.oauth_secrets import Principal, SecretFacts
from cleanroom_core.prechecks.databricks.privileges import Holder, Need, PrivilegeFacts, Standing
from cleanroom_core.prechecks.databricks.recipient_tokens import Recipient, RecipientFacts, Token
from cleanroom_core.prechecks.databricks.region import Place, RegionFacts
from cleanroom_core.prechecks.databricks.room_health import Room, RoomHealthFacts
from cleanroom_core.prechecks.databricks.room_limits import RoomLimitFacts
from cleanroom_core.prechecks.databricks.runtime import Cluster, RuntimeFacts
from cleanroom_core.prechecks.databricks.sdk import SdkFacts
from cleanroom_core.prechecks.databricks.serverless import ServerlessFacts
from cleanroom_core.prechecks.databricks.sharing import SharingFacts
from cleanroom_core.prechecks.databricks.system_tables import SystemTableFacts
from cleanroom_core.prechecks.databricks.tier import TierFacts
from cleanroom_core.prechecks.databricks.unity_catalog import UnityCatalogFacts
from cleanroom_core.prechecks.fact import Absent, Fact, Known, Unknown
from cleanroom_core.rooms.sharing_identifier import MetastoreIdentifier, RoomIdentifier

PASS, FAIL, CANNOT_TELL = Status.PASS, Status.FAIL, Status.CANNOT_TELL
NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
REFUSED = Unknown("403 PERMISSION_DENIED")
GONE = Absent("404 not there")
META = "11111111-2222-4333-8444-555555555555"
MINE = RoomIdentifier(MetastoreIdentifier("aws", "us-west-2", META), 7001, "ana@here.example")
THEIRS = RoomIdentifier(MetastoreIdentifier("azure", "westeurope", META.replace("1", "9")), 7002, "bo@there.example")
IN, OUT = "INTERNAL", "INTERNAL_AND_EXTERNAL"
MIB = MetastoreIdentifier("aws", "us-west-2", META)


def days(number: float) -> datetime:
    return NOW + timedelta(days=number)


def me(**changed: Any) -> IdentityFacts:
    given: dict[str, Any] = {"name": "ana", "number": "1", "groups": ("g",), "active": True, "service_principal": False}
    return IdentityFacts(Known(Identity(**{**given, **changed})))


def sharing(scope: Any = OUT, account: Any = "a", partner: Any = "b", theirs: Any = OUT, rooms: Any = True) -> SharingFacts:
    def fact(value: Any) -> Any:
        return value if isinstance(value, Unknown | Absent) else Known(value)

    return SharingFacts(Known(META), fact(scope), fact(account), fact(theirs), fact(partner), fact(rooms))


def cluster(
    version: str | None = "16.4.x-scala2.12", mode: str | None = "USER_ISOLATION", minutes: int | None = 30, **more: Any
) -> Cluster:
    return Cluster(more.get("id", "c1"), more.get("name", "prep"), version, mode, minutes, more.get("job", False))


def runtime(*clusters: Cluster, chosen: tuple[str, ...] = ("c1",)) -> RuntimeFacts:
    return RuntimeFacts(Known(clusters), chosen)


SOMEONE, TEAM, UNGOVERNED = Known("someone"), Known(("team",)), Known[tuple[Governed, ...]](())
EMPTY: Fact[Mapping[str, str | None]] = Known({})
CREATE = Need("metastore", META, "CREATE_CLEAN_ROOM")
SELECT = Need("table", "c.s.t", "SELECT")


def privileges(
    grants: Mapping[str, Fact[frozenset[str]]],
    need: Need = CREATE,
    owner: Fact[str] = SOMEONE,
    groups: Fact[tuple[str, ...]] = TEAM,
) -> PrivilegeFacts:
    return PrivilegeFacts(Known((Holder("robot", groups, (Standing(need, owner, grants),)),)))


def held(*names: str) -> Fact[frozenset[str]]:
    return Known(frozenset(names))


def asset(table: Fact[Table], policies: Fact[tuple[Governed, ...]] = UNGOVERNED) -> AssetFacts:
    return AssetFacts((Candidate("c.s.t", table, policies),))


def table(**changed: Any) -> Known[Table]:
    given: dict[str, Any] = {
        "kind": "MANAGED",
        "owner": "o",
        "row_filter": None,
        "columns": ("token",),
        "masks": (),
        "comments": (),
    }
    return Known(Table(**{**given, **changed}))


def recipients(*tokens: Token) -> RecipientFacts:
    return RecipientFacts(Known((Recipient("open one", tokens),)), NOW, True)


def secrets(*ends: datetime | None) -> SecretFacts:
    return SecretFacts(Known((Principal("robot", "7002", Known(ends)),)), NOW)


def room(assets: Fact[Mapping[str, str | None]] = EMPTY, **changed: Any) -> RoomHealthFacts:
    given: dict[str, Any] = {
        "name": "r", "status": "ACTIVE", "restricted": "NO_RESTRICTION", "alias": "creator", "owner": "o",
        "standards": frozenset(), "cloud": "aws", "region": "us-west-2",
    }  # fmt: skip
    return RoomHealthFacts("r", Known(Room(**{**given, **changed})), assets)


WEST, EAST, AZURE = Place("aws", "us-west-2"), Place("aws", "us-east-1"), Place("azure", "westeurope")
PCI = frozenset({"PCI_DSS"})
NOTHING: frozenset[str] = frozenset()
OLD = datetime(2025, 12, 7, tzinfo=UTC)

# facts, the outcome they force, and a part of what is then said
CASES: list[tuple[Any, Status, str]] = [
    (SdkFacts((3, 11), Known("0.156.0"), ()), PASS, "databricks-sdk 0.156.0"),
    (SdkFacts((3, 9), Known("0.156.0"), ()), FAIL, "needs 3.10"),
    (SdkFacts((3, 11), GONE, ()), FAIL, "not installed"),
    (SdkFacts((3, 11), Known("0.38.0"), ("clean_rooms",)), FAIL, "lacks clean_rooms"),
    (SdkFacts((3, 11), Known("0.121.9"), ()), CANNOT_TELL, "0.122"),
    (SdkFacts((3, 11), Known("1.0.0"), ()), CANNOT_TELL, "1.0.0"),
    (SdkFacts((3, 11), Known("main"), ()), CANNOT_TELL, "main"),
    (SdkFacts((3, 11), REFUSED, ()), CANNOT_TELL, "could not be read"),
    (me(), PASS, "user ana, in g"),
    (me(service_principal=True, groups=()), PASS, "service principal ana, in no group"),
    (me(active=False), FAIL, "deactivated"),
    (IdentityFacts(Absent("401")), FAIL, "databricks auth describe"),
    (IdentityFacts(REFUSED), CANNOT_TELL, "403"),
    (UnityCatalogFacts(Known(META)), PASS, META),
    (UnityCatalogFacts(GONE), FAIL, "metastore-assignments create"),
    (UnityCatalogFacts(REFUSED), CANNOT_TELL, "403"),
    (sharing(), PASS, "both sides"),
    (sharing(IN, "a", "a", REFUSED), PASS, "same account"),
    (sharing(IN), FAIL, f"databricks api patch /api/2.1/unity-catalog/metastores/{META}"),
    (sharing(theirs=IN), FAIL, "metastore admin of the partner"),
    (sharing(REFUSED), CANNOT_TELL, "403"),
    (sharing("EVERYBODY"), CANNOT_TELL, "EVERYBODY"),
    (sharing(IN, partner=REFUSED), CANNOT_TELL, "--partner-facts"),
    (sharing(IN, account=REFUSED), CANNOT_TELL, "not known whether"),
    (sharing(partner=REFUSED, theirs=REFUSED), CANNOT_TELL, "--partner-facts"),
    (sharing(rooms=REFUSED), CANNOT_TELL, "refuses to list rooms"),
    (sharing(rooms=GONE), CANNOT_TELL, "refuses to list rooms"),
    (TierFacts(Known("PREMIUM"), REFUSED, Known(META)), PASS, "evidence: the account"),
    (TierFacts(Known("enterprise"), REFUSED, GONE), PASS, "ENTERPRISE"),
    (TierFacts(REFUSED, Known(("PREMIUM_ALL_PURPOSE_COMPUTE", "STORAGE")), Known(META)), PASS, "billed as PREMIUM_ALL"),
    (TierFacts(Known("STANDARD"), REFUSED, Known(META)), FAIL, "STANDARD"),
    (TierFacts(REFUSED, Known(("STANDARD_JOBS_COMPUTE",)), GONE), FAIL, "billed as STANDARD_JOBS"),
    (TierFacts(REFUSED, REFUSED, Known(META)), CANNOT_TELL, "points to Premium or above"),
    (TierFacts(REFUSED, Known(("STORAGE",)), GONE), CANNOT_TELL, "could not be read: 403"),
    (TierFacts(Known("UNKNOWN"), REFUSED, Known(META)), CANNOT_TELL, "UNKNOWN"),
    (ServerlessFacts(Known(True)), PASS, "indirect"),
    (ServerlessFacts(Known(False)), FAIL, "Feature enablement"),
    (ServerlessFacts(REFUSED), CANNOT_TELL, "403"),
    (runtime(cluster()), PASS, "16.4.x"),
    (runtime(cluster("13.3.x-photon-scala2.12", "DATA_SECURITY_MODE_STANDARD")), PASS, "13.3"),
    (runtime(chosen=()), PASS, "No cluster of your own"),
    (runtime(cluster("9.1.x", "NONE", job=True), chosen=()), PASS, "No cluster"),
    (runtime(cluster("13.2.x-scala2.12")), FAIL, "runtime 13.2"),
    (runtime(cluster(mode="LEGACY_TABLE_ACL")), FAIL, "access mode LEGACY_TABLE_ACL"),
    (runtime(cluster(mode="NONE")), FAIL, "access mode NONE"),
    (runtime(cluster(mode=None)), CANNOT_TELL, "access mode is not said"),
    (runtime(cluster(), chosen=("other",)), FAIL, "no cluster other"),
    (runtime(cluster("10.4.x-scala2.12"), cluster(id="c2"), chosen=()), CANNOT_TELL, "--cluster ID"),
    (runtime(cluster("apache-spark-4.0.x")), CANNOT_TELL, "apache-spark-4.0.x"),
    (runtime(cluster("custom:mine")), CANNOT_TELL, "custom:mine"),
    (runtime(cluster(None)), CANNOT_TELL, "no runtime"),
    (RuntimeFacts(REFUSED, ()), CANNOT_TELL, "403"),
    (privileges({"robot": held("CREATE_CLEAN_ROOM")}), PASS, "1 privileges held by robot"),
    (privileges({"robot": held("ALL_PRIVILEGES"), "team": REFUSED}, SELECT), PASS, "held"),
    (privileges({"robot": held(), "team": held("SELECT")}, SELECT), PASS, "held"),
    (privileges({"robot": held(), "account users": held("SELECT")}, SELECT), PASS, "held"),
    (privileges({"robot": held()}, owner=Known("robot")), PASS, "held"),
    (privileges({"robot": REFUSED}, owner=Known("team"), groups=Known(("team",))), PASS, "held"),
    (privileges({"robot": held()}), FAIL, "GRANT CREATE CLEAN ROOM ON METASTORE TO `robot`;"),
    (privileges({"robot": held("MANAGE", "BROWSE")}, SELECT), FAIL, "GRANT SELECT ON TABLE `c`.`s`.`t` TO `robot`;"),
    (privileges({"robot": held()}, Need("schema", "c.s", "USE_SCHEMA")), FAIL, "GRANT USE SCHEMA ON SCHEMA `c`.`s` TO"),
    (privileges({"robot": held()}, Need("clean_room", "r", "EXECUTE_CLEAN_ROOM_TASK")), FAIL, "ON CLEAN ROOM `r` TO `robot`;"),
    (privileges({"robot": held(), "strangers": held("SELECT")}, SELECT), FAIL, "SELECT ON TABLE"),
    (privileges({"robot": held()}, SELECT, owner=Known("c.s.t")), FAIL, "SELECT ON TABLE"),
    (privileges({"robot": REFUSED}), CANNOT_TELL, "403"),
    (privileges({"robot": held(), "team": REFUSED}), CANNOT_TELL, "a metastore admin"),
    (privileges({"robot": held()}, groups=REFUSED), CANNOT_TELL, "CREATE CLEAN ROOM on metastore"),
    (privileges({"robot": held()}, owner=REFUSED), CANNOT_TELL, "403"),
    (privileges({"robot": held("?")}), CANNOT_TELL, "does not know"),
    (privileges({"robot": GONE}, SELECT, owner=GONE), CANNOT_TELL, "404 not there"),
    (PrivilegeFacts(REFUSED), CANNOT_TELL, "403"),
    (IdentifierFacts(str(THEIRS), Known(MINE), REFUSED), PASS, f"yours, to send: {MINE}"),
    (IdentifierFacts(None, Known(MINE), Known(THEIRS)), PASS, str(THEIRS)),
    (IdentifierFacts(str(THEIRS).upper().replace("AZURE", "azure"), Known(MINE), Known(THEIRS)), PASS, "Partner"),
    (IdentifierFacts(str(THEIRS.metastore), Known(MINE), REFUSED), FAIL, "three parts"),
    (IdentifierFacts("aws", Known(MINE), REFUSED), FAIL, "five parts, this has 1"),
    (IdentifierFacts(str(MINE), Known(MINE), REFUSED), FAIL, "of this side, not the partner's"),
    (IdentifierFacts(str(THEIRS), Known(MINE), Known(RoomIdentifier(THEIRS.metastore, 8, "bo"))), FAIL, "workspace"),
    (IdentifierFacts(str(THEIRS), Known(MINE), Known(RoomIdentifier(THEIRS.metastore, 7002, "eve"))), FAIL, "another user"),
    (IdentifierFacts(str(THEIRS), Known(MINE), Known(RoomIdentifier(MIB, 7002, "bo"))), FAIL, "another metastore"),
    (IdentifierFacts(None, Known(MINE), REFUSED), CANNOT_TELL, f"Yours, to send: {MINE}"),
    (IdentifierFacts(str(THEIRS), REFUSED, REFUSED), CANNOT_TELL, "right kind"),
    (IdentifierFacts(str(RoomIdentifier(MIB, 9, "bo")), Known(MINE), REFUSED), CANNOT_TELL, "this side's metastore"),
    (RegionFacts(Known(WEST), Known(WEST), None, GONE, True), PASS, "Both sides are in aws us-west-2"),
    (RegionFacts(Known(WEST), Known(AZURE), EAST, GONE, True), PASS, "Room in aws us-east-1"),
    (RegionFacts(Known(WEST), Known(AZURE), AZURE, GONE, False), PASS, "Room in azure"),
    (RegionFacts(REFUSED, REFUSED, WEST, Known(WEST), True), PASS, "The room lies in aws us-west-2"),
    (RegionFacts(Known(WEST), Known(AZURE), AZURE, GONE, True), FAIL, "the creator is in aws"),
    (RegionFacts(Known(WEST), Known(WEST), EAST, Known(WEST), True), FAIL, "agreed is aws us-east-1"),
    (RegionFacts(Known(WEST), Known(WEST), Place("ibm", "x"), GONE, True), FAIL, "no cloud"),
    (RegionFacts(Known(WEST), Known(EAST), None, GONE, True), CANNOT_TELL, "--place aws:REGION"),
    (RegionFacts(Known(WEST), REFUSED, None, GONE, True), CANNOT_TELL, "--partner-facts"),
    (RegionFacts(REFUSED, Known(WEST), None, GONE, True), CANNOT_TELL, "403"),
    (RegionFacts(Known(WEST), Known(WEST), WEST, REFUSED, True), CANNOT_TELL, "Where the room lies"),
    (ComplianceFacts(NOTHING, GONE, REFUSED, REFUSED, False), PASS, "No standard"),
    (ComplianceFacts(PCI, GONE, Known(PCI | {"HIPAA"}), Known(PCI), False), PASS, "Both sides have PCI_DSS"),
    (ComplianceFacts(PCI, GONE, Known(NOTHING), REFUSED, False), FAIL, "this side lacks PCI_DSS"),
    (ComplianceFacts(PCI, GONE, REFUSED, Known(NOTHING), False), FAIL, "the partner lacks PCI_DSS"),
    (ComplianceFacts(NOTHING, GONE, REFUSED, REFUSED, True), FAIL, "CSP_MISMATCH"),
    (ComplianceFacts(PCI, GONE, REFUSED, Known(PCI), False), CANNOT_TELL, "403"),
    (ComplianceFacts(NOTHING, Known(PCI), Known(NOTHING), REFUSED, False), FAIL, "Asked for is PCI_DSS"),
    (ComplianceFacts(NOTHING, REFUSED, Known(PCI), Known(PCI), False), CANNOT_TELL, "What the room enforces"),
    (ComplianceFacts(PCI, GONE, Known(PCI), REFUSED, False), CANNOT_TELL, "--partner-facts"),
    (AdminFacts(Known(True), True), PASS, "The partner's metastore has an admin"),
    (AdminFacts(Known(False), True), FAIL, "an account admin of the partner"),
    (AdminFacts(GONE, False), FAIL, "This side's metastore has no admin"),
    (AdminFacts(REFUSED, True), CANNOT_TELL, "--partner-facts"),
    (AdminFacts(REFUSED, False), CANNOT_TELL, "an account admin"),
    (asset(table()), PASS, "1 shareable: c.s.t"),
    (asset(table(kind="VIEW", columns=("panel", "company", "email_consent"))), PASS, "c.s.t"),
    (asset(table(row_filter="a.b.f")), FAIL, "row filter a.b.f"),
    (asset(table(masks=("card",))), FAIL, "masked column card"),
    (asset(table(kind="METRIC_VIEW")), FAIL, "a metric view cannot be shared"),
    (asset(table(), Known((Governed("p", Known(False)),))), FAIL, "policy p, from which the owner is not exempt"),
    (asset(Absent("there is no such table")), FAIL, "no such table"),
    (asset(table(row_filter="f"), REFUSED), FAIL, "cleanroom policy sql"),
    (AssetFacts(()), CANNOT_TELL, "--table"),
    (asset(REFUSED), CANNOT_TELL, "403"),
    (asset(table(), REFUSED), CANNOT_TELL, "policies could not be read"),
    (asset(table(), GONE), CANNOT_TELL, "policies could not be read: 404"),
    (asset(table(), Known((Governed("p", Known(True)),))), CANNOT_TELL, "shared unfiltered"),
    (asset(table(), Known((Governed("p", REFUSED),))), CANNOT_TELL, "whether its owner is exempt"),
    (asset(table(kind=None)), CANNOT_TELL, "kind unknown"),
    (asset(table(kind="MANAGED_SHALLOW_CLONE")), CANNOT_TELL, "MANAGED_SHALLOW_CLONE"),
    (asset(table(columns=("id", "Card_Number"))), CANNOT_TELL, "Card_Number looks like a raw identifier"),
    (asset(table(comments=("amount",))), CANNOT_TELL, "comment of column amount"),
    (RecipientFacts(Known(()), NOW, True), PASS, "No recipient has a token"),
    (RecipientFacts(Known((Recipient("d2d", ()),)), NOW, True), PASS, "No recipient has a token"),
    (recipients(Token(days(-10), days(60))), PASS, "last more than 7 days"),
    (recipients(Token(days(-300), days(-1)), Token(days(-1), days(300))), PASS, "open one"),
    (recipients(Token(OLD, datetime(2026, 12, 7, tzinfo=UTC))), PASS, "open one"),
    (recipients(Token(datetime(2025, 12, 8, tzinfo=UTC), datetime(2026, 12, 9, tzinfo=UTC))), PASS, "open one"),
    (recipients(Token(days(-90), days(0))), FAIL, "ended on 2026-11-23"),
    (recipients(Token(days(-90), days(6.9))), FAIL, "ends on 2026-11-30"),
    (recipients(Token(OLD, datetime(2027, 6, 1, tzinfo=UTC))), FAIL, "ends on 2026-12-08, not on 2027-06-01"),
    (recipients(Token(OLD, None)), FAIL, "ends on 2026-12-08, not never"),
    (recipients(Token(OLD, None)), FAIL, "/recipients/open%20one/rotate-token"),
    (RecipientFacts(Known((Recipient("x", (Token(OLD, None),)),)), days(15), False), FAIL, "ended on 2026-12-08"),
    (recipients(Token(days(-1), None)), CANNOT_TELL, "open one"),
    (recipients(Token(None, days(300))), CANNOT_TELL, "not said"),
    (RecipientFacts(REFUSED, NOW, True), CANNOT_TELL, "403"),
    (RecipientFacts(Known(()), NOW, False), CANNOT_TELL, "sees no other"),
    (secrets(days(300)), PASS, "robot: until 2027-09-19"),
    (secrets(days(-3), days(300)), PASS, "2027-09-19"),
    (secrets(days(1), None), PASS, "never ends"),
    (secrets(), PASS, "robot: no secret"),
    (SecretFacts(Known(()), NOW), PASS, "No service principal"),
    (secrets(days(-1)), FAIL, "ended on 2026-11-22"),
    (secrets(days(6)), FAIL, "servicePrincipals/7002/credentials/secrets"),
    (secrets(*[days(6)] * 5), FAIL, "5 of 5 are taken"),
    (SecretFacts(Known((Principal("robot", "7002", REFUSED),)), NOW), CANNOT_TELL, "secrets of robot"),
    (SecretFacts(REFUSED, NOW), CANNOT_TELL, "403"),
    (SecretFacts(Known((Principal("robot", "", GONE),)), NOW), CANNOT_TELL, "404 not there"),
    (IdleFacts(Known((cluster(),)), Known((Warehouse("w", "w", 10),))), PASS, "1 clusters and 1 warehouses"),
    (IdleFacts(Known((cluster(minutes=0, job=True),)), Known(())), PASS, "0 clusters"),
    (IdleFacts(Known((cluster(minutes=0),)), REFUSED), FAIL, "cluster prep: never stops"),
    (IdleFacts(Known((cluster(minutes=None),)), Known(())), FAIL, '"cluster_id": "c1"'),
    (IdleFacts(REFUSED, Known((Warehouse("w", "big", 31),))), FAIL, "warehouse big: stops after 31 minutes"),
    (IdleFacts(REFUSED, Known(())), CANNOT_TELL, "list of clusters"),
    (IdleFacts(Known(()), REFUSED), CANNOT_TELL, "list of warehouses"),
    (SystemTableFacts(Known({"access": "ENABLE_COMPLETED"}), Known(META)), PASS, "is on"),
    (SystemTableFacts(Known({"access": "MANAGED"}), REFUSED), PASS, "MANAGED"),
    (SystemTableFacts(Known({"access": "AVAILABLE"}), Known(META)), FAIL, f"metastores/{META}/systemschemas/access"),
    (SystemTableFacts(Known({}), REFUSED), FAIL, "METASTORE_ID"),
    (SystemTableFacts(Known({"access": "ENABLE_INITIALIZED"}), REFUSED), CANNOT_TELL, "Look again"),
    (SystemTableFacts(Known({"access": None}), REFUSED), CANNOT_TELL, "does not know"),
    (SystemTableFacts(Known({"access": "FROZEN"}), REFUSED), CANNOT_TELL, "FROZEN"),
    (SystemTableFacts(REFUSED, Known(META)), CANNOT_TELL, "403"),
    (RoomLimitFacts(Known(()), None, "New_Room", 2, True), PASS, "0 rooms, and at least 5"),
    (RoomLimitFacts(Known(("a",) * 60), 100, None, 10, True), PASS, "60 rooms, and 100 are allowed"),
    (RoomLimitFacts(Known(("mine",) * 200), None, "MINE", 2, True), PASS, "there already"),
    (RoomLimitFacts(Known(("a",) * 100), None, "b", 2, True), FAIL, "100 are allowed"),
    (RoomLimitFacts(Known(("a",) * 5), 5, "b", 2, True), FAIL, "raise the limit"),
    (RoomLimitFacts(REFUSED, None, "b", 11, True), FAIL, "11 collaborators"),
    (RoomLimitFacts(REFUSED, None, "two words", 2, True), FAIL, "a space"),
    (RoomLimitFacts(Known(("a",) * 5), None, "b", 2, True), CANNOT_TELL, "--room-limit"),
    (RoomLimitFacts(REFUSED, None, "b", 2, True), CANNOT_TELL, "403"),
    (RoomLimitFacts(Known(()), None, "b", 2, False), CANNOT_TELL, "does not see all"),
    (room(), PASS, "ACTIVE with 0 assets"),
    (RoomHealthFacts("r", GONE, REFUSED), PASS, "not there yet"),
    (room(status="FAILED"), FAIL, "databricks api delete /api/2.0/clean-rooms/r"),
    (room(status="DELETED"), FAIL, "DELETED"),
    (room(restricted="CSP_MISMATCH"), FAIL, "CSP_MISMATCH"),
    (room(Known({"creator.s.t": "PERMISSION_DENIED", "x": "ACTIVE"})), FAIL, "no longer read creator.s.t"),
    (room(status="PROVISIONING"), CANNOT_TELL, "PROVISIONING"),
    (room(status=None), CANNOT_TELL, "does not know"),
    (room(restricted=None), CANNOT_TELL, "shuts this side out is not said"),
    (room(Known({"creator.s.t": None})), CANNOT_TELL, "creator.s.t"),
    (room(REFUSED), CANNOT_TELL, "assets of r"),
    (RoomHealthFacts("r", REFUSED, REFUSED), CANNOT_TELL, "403"),
    (RoomHealthFacts(None, REFUSED, REFUSED), CANNOT_TELL, "--room"),
    (AgreementFacts("in force", (), None, NOW.date()), PASS, "In force"),
    (AgreementFacts("rejected", (), None, NOW.date()), FAIL, "rejected"),
    (AgreementFacts(None, (), None, NOW.date()), CANNOT_TELL, "No agreement"),
]  # fmt: skip


def check_of(facts: Any) -> Check[Any]:
    [check] = [check for check in OWN if check.facts is type(facts)]
    return check


@pytest.mark.parametrize(("facts", "status", "said"), CASES, ids=lambda value: type(value).__name__)
def test_facts_force_the_outcome(facts: Any, status: Status, said: str) -> None:
    result = check_of(facts).judge(facts)
    assert result.status is status, result
    assert said in " | ".join(result.as_json().values())
    assert result.why
    if status is not PASS:
        assert result.fix
        assert result.who


def test_every_check_was_forced_to_every_outcome() -> None:
    forced = {(check_of(facts).name, status) for facts, status, _ in CASES}
    assert {(check.name, status) for check in OWN for status in Status} == forced


def test_checks_have_names_of_their_own() -> None:
    assert len({check.name for check in OWN}) == len({check.title for check in OWN}) == len(OWN)
    assert set(PARTNER) <= set(OWN)


def test_grants_that_are_offered_are_databricks_sql_by_the_word_of_others() -> None:
    """sqlfluff does not know ON CLEAN ROOM and CREATE CLEAN ROOM; those two are run by the simulator in test_collecting."""
    linter = Linter(dialect="databricks")
    odd = "o`ne; DROP TABLE x --"
    for need in (SELECT, Need("schema", "c.s", "USE_SCHEMA"), Need("catalog", "c", "USE_CATALOG"), CREATE):
        holder = Holder(odd, Known(()), (Standing(need, SOMEONE, {odd: held()}),))
        command = check_of(PrivilegeFacts(Known(()))).judge(PrivilegeFacts(Known((holder,)))).command
        assert command.count("GRANT") == 1
        assert command.endswith(" TO `o``ne; DROP TABLE x --`;")
        if need is CREATE:
            continue
        parsed = linter.parse_string(command)
        assert not parsed.violations
        assert "unparsable" not in str(parsed.tree.stringify() if parsed.tree else "unparsable")
