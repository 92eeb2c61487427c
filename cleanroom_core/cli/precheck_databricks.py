"""The Databricks half of `cleanroom precheck`: reads what was given, connects, checks both sides, writes facts to hand over."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleanroom_core.cli.home import home
from cleanroom_core.cli.precheck import chosen
from cleanroom_core.errors import InputError, NotReadyError
from cleanroom_core.policies.unity_catalog.names import ObjectName
from cleanroom_core.prechecks.agreement import AgreementFacts
from cleanroom_core.prechecks.check import Checked, Gatherers, run
from cleanroom_core.prechecks.databricks import OWN, PARTNER, handover
from cleanroom_core.prechecks.databricks.asked import Asked
from cleanroom_core.prechecks.databricks.region import Place
from cleanroom_core.prechecks.databricks.remembered import FILE, PARTNER_FILE, Remembered

if TYPE_CHECKING:
    from cleanroom_core.context import Context


def checked_workspace(
    only: tuple[str, ...],
    *,
    profile: str,
    account_profile: str,
    role: str,
    place: str | None,
    tables: tuple[str, ...],
    standards: tuple[str, ...],
    agreement: str | None,
    partner_facts: Path | None,
    facts_out: Path | None,
    remember: str | None,
    **asked: Any,
) -> dict[str, tuple[Checked, ...]]:
    """Results by side, "own" and, where its facts were given, "partner". Raises InputError for what cannot be used."""
    from cleanroom_core.backends.databricks.facts import connect, evidence, gatherers

    now = datetime.now(UTC)
    checks = chosen(OWN, only)
    subject = Asked(
        creator=role == "creator",
        place=_place(place),
        tables=tuple(str(ObjectName.parse(table)) for table in tables),
        standards=frozenset(standard.upper() for standard in standards),
        **asked,
    )
    handed = None if partner_facts is None else _text(partner_facts)
    partner = handover.nobody(now) if handed is None else handover.read(handed, now)
    agreed = _agreement(agreement)
    folder = None if remember is None else _side(remember)[2]
    workspace = connect(profile, account_profile)
    sides = {"own": run(checks, {**gatherers(workspace, subject, partner, now), **agreed})}
    if partner_facts is not None:
        wanted = [check for check in PARTNER if check in checks]
        sides["partner"] = run(wanted, handover.partner_gatherers(partner))
    if folder is not None:
        _write(folder / FILE, Remembered(profile, account_profile, subject).to_text())
        if handed is not None:
            _write(folder / PARTNER_FILE, handed)
    if facts_out is not None:
        _write(facts_out, handover.write(evidence(workspace, now)))
    return sides


def _place(text: str | None) -> Place | None:
    if text is None:
        return None
    cloud, _, region = text.strip().lower().partition(":")
    if not cloud or not region or ":" in region:
        raise InputError(f"{text!r} is no place.", hint="Write cloud and region: --place aws:us-west-2", code="PLACE")
    return Place(cloud, region)


def _agreement(named: str | None) -> Gatherers:
    """The agreement is in the log of a room of this home; without one nothing is known of it."""
    if named is None:
        return {AgreementFacts: _not_named}
    from cleanroom_core.stories.precheck import gatherers

    context, room, folder = _side(named)
    return {AgreementFacts: gatherers(context.side(room, folder.name))[AgreementFacts]}


def _side(named: str) -> tuple[Context, str, Path]:
    """The home's context, the room, and the folder of that side in it. Raises InputError for a side that is not here."""
    from cleanroom_core.context import Context

    room, _, alias = named.partition(":")
    context = Context.open(home())
    folder = context.room_home(room) / alias
    if alias not in context.info(room).here:
        here = ", ".join(context.info(room).here)
        raise InputError(f"{alias or 'Nobody'} is no side of {room} in this home.", hint=f"Write {room}:{here}", code="ALIAS")
    return context, room, folder


def _not_named() -> AgreementFacts:
    raise NotReadyError("No room of this home was named.", hint="Name it and your alias: --agreement ROOM:ALIAS")


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(handover.LONGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(
            f"{path} cannot be read: {said}.", hint="Ask the partner for it again.", code="PARTNER_FACTS"
        ) from None


def _write(path: Path, text: str) -> None:
    """Whole or not at all, for this user's eyes: it names accounts and people, though no secret."""
    try:
        number, temporary = tempfile.mkstemp(dir=path.absolute().parent, prefix=".facts-")
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.", hint="Name another file.", code="FACTS_OUT") from None
