"""What a tried connection means, item by item: found, why it matters, how to mend it and who can. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cleanroom_core.backends.databricks.report import ConnectionReport
from cleanroom_core.errors import InputError
from cleanroom_core.policies.unity_catalog.names import principal
from cleanroom_core.policies.unity_catalog.spelling import spell
from cleanroom_core.prechecks.check import ENGINEER, Result
from cleanroom_core.prechecks.databricks.sharing import INTERNAL
from cleanroom_core.prechecks.databricks.wording import METASTORE_ADMIN, cannot_tell, failed, passed

_SERVICE = "a service principal of the same workspace"
_SIGNED_IN = "Everything this side does there is done as this identity, and is on record there under its name."
_METASTORE = "A room joins metastores; without one there are no clean rooms, and the partner has nobody to invite."
_SHARING = "A room between two accounts needs sharing outside the account switched on in both metastores."
_CREATE = "Only a metastore admin, or who holds CREATE CLEAN ROOM, can make the room."
_ROOMS = "A room that this identity does not see can neither be taken part in nor worked in."
_PERSON = "The platform shows a run's output to whoever ran it. Run by a person, figures would be seen before any review."
_SAME = "Owner and runner work in one room of one metastore."


@dataclass(frozen=True)
class Finding:
    """One item of a connection test."""

    title: str
    result: Result


@dataclass(frozen=True)
class Tried:
    """Both identities of a side as the platform told them, and what follows from it."""

    owner: ConnectionReport
    runner: ConnectionReport
    findings: tuple[Finding, ...]

    def require_usable(self) -> None:
        """Raises InputError for two identities that no room can be worked with."""
        if not self.runner.is_service:
            raise InputError(
                f"The runner would be {self.runner.user}, a person, who would see every output at once.",
                hint="Name a profile with the client id and secret of a service principal.",
                code="RUN_AS_PERSON",
            )
        if self.owner.metastore != self.runner.metastore:
            raise InputError(
                "The two identities are in different workspaces.", hint="Use profiles of one workspace.", code="TWO_METASTORES"
            )


def tried(owner: ConnectionReport, runner: ConnectionReport, *, creates: bool) -> Tried:
    """`creates`: this side makes the room, so its owner needs more."""
    return Tried(owner, runner, (*_of_owner(owner, creates), *_of_runner(owner, runner)))


def _of_owner(report: ConnectionReport, creates: bool) -> Iterator[Finding]:
    what = "service principal" if report.is_service else "person"
    groups = f", of {', '.join(report.groups)}" if report.groups else ""
    yield Finding(
        "Owner", passed(f"{report.user} ({what}, signed in by {report.signed_in_by}) at {report.host}{groups}", _SIGNED_IN)
    )
    yield Finding("Metastore", _metastore(report))
    yield Finding("Sharing outside the account", _sharing(report))
    if creates:
        yield Finding("May create rooms", _may_create(report))
    yield Finding("Rooms it sees", _rooms(report))


def _of_runner(owner: ConnectionReport, runner: ConnectionReport) -> Iterator[Finding]:
    if runner.is_service:
        yield Finding("Runner", passed(f"{runner.user} (service principal, signed in by {runner.signed_in_by})", _PERSON))
    else:
        fix = "Give this side's runner a profile with the client id and secret of a service principal."
        yield Finding("Runner", failed(f"{runner.user}, a person", _PERSON, fix, ENGINEER))
    if owner.metastore is None or runner.metastore is None:
        fix = f"Attach the workspace to a metastore, and sign in as {_SERVICE}."
        yield Finding("One workspace", cannot_tell("One of the two could not tell its metastore", _SAME, fix, METASTORE_ADMIN))
    elif owner.metastore != runner.metastore:
        found = f"Owner in {owner.metastore}, runner in {runner.metastore}"
        yield Finding("One workspace", failed(found, _SAME, "Use profiles of one workspace.", ENGINEER))
    else:
        yield Finding("One workspace", passed("Both identities are in one metastore", _SAME))


def _metastore(report: ConnectionReport) -> Result:
    if report.metastore is not None:
        return passed(f"{report.metastore}, workspace {report.workspace or 'not told'}", _METASTORE)
    return cannot_tell(
        _note(report, "metastore", "The metastore could not be told"),
        _METASTORE,
        "Attach the workspace to a metastore; whoever is connected must be a user of the workspace.",
        METASTORE_ADMIN,
    )


def _sharing(report: ConnectionReport) -> Result:
    if report.sharing_scope is None:
        fix = "Have a metastore admin look at the metastore's configuration; the prechecks name the setting."
        return cannot_tell("The sharing scope could not be told", _SHARING, fix, METASTORE_ADMIN)
    if report.sharing_scope == INTERNAL:
        fix = "Switch it on, unless the partner is in the same account; the prechecks have the call."
        return cannot_tell("Sharing is limited to this account", _SHARING, fix, METASTORE_ADMIN)
    return passed(f"It is on ({report.sharing_scope})", _SHARING)


def _may_create(report: ConnectionReport) -> Result:
    if report.may_create_rooms:
        return passed("Yes", _CREATE)
    command = f"{spell('GRANT CREATE CLEAN ROOM ON METASTORE TO', principal(report.user))};"
    if report.may_create_rooms is False:
        return failed("No", _CREATE, "Grant it, as SQL in any workspace of the metastore:", METASTORE_ADMIN, command)
    fix = "Ask a metastore admin whether it holds this privilege, or have it granted:"
    return cannot_tell("This identity is not told what it may do", _CREATE, fix, METASTORE_ADMIN, command)


def _rooms(report: ConnectionReport) -> Result:
    if report.rooms is not None:
        return passed(f"{report.rooms}", _ROOMS)
    fix = "Switch sharing on where it is off; otherwise grant BROWSE or CREATE CLEAN ROOM on the metastore."
    return cannot_tell(_note(report, "clean rooms", "Listing rooms is refused"), _ROOMS, fix, METASTORE_ADMIN)


def _note(report: ConnectionReport, about: str, otherwise: str) -> str:
    """What the platform said when this was looked for."""
    return next((note for note in report.notes if about in note), otherwise)
