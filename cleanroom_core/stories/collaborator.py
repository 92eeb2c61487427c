"""One collaborator at work in one room: what every story acts with. Put together by `context` only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleanroom_core.audit.entry import Ref
from cleanroom_core.errors import NotReadyError
from cleanroom_core.identity.permissions import PERMISSIONS, Permission, User
from cleanroom_core.policies.unity_catalog.names import ObjectName, SchemaName
from cleanroom_core.rooms.fold import fold
from cleanroom_core.rooms.merge import merge
from cleanroom_core.rooms.state import AssetState, Offer, RoomState

if TYPE_CHECKING:
    from cleanroom_core.backends.protocol import Platform
    from cleanroom_core.engines.protocol import OwnerEngine, RoomEngine
    from cleanroom_core.prechecks.check import Gatherers
    from cleanroom_core.stores.signed_log import Record, SignedLog


@dataclass
class Collaborator:
    """`origins`: log origin -> alias, of all. `share_folder`: qualified asset -> folder of its share table, whoever owns it.
    `share_schema`: where this side's share-safe tables lie in its workspace; None: in its home. There a raw table and a share
    table are named, as catalog.schema.table, in the place of a path.
    `hand_over`: exchange with every other collaborator; returns the aliases that could not be reached. `platform`: where the
    room really is; None for a rehearsal, whose room is its logs, and until `open_platform` has signed in. `platform_facts`:
    gathers what the prechecks of a workspace look at; None where this home names none. `patient`: after so many pauses for the
    others to acknowledge: makes another one and says True, or says that it was enough."""

    room: str
    alias: str
    collaborators: Mapping[str, str]
    origins: Mapping[str, str]
    home: Path
    log: SignedLog
    owner_engine: OwnerEngine
    room_engine: RoomEngine
    share_folder: Callable[[str], Path]
    hand_over: Callable[[], tuple[str, ...]]
    clock: Callable[[], datetime]
    platform: Platform | None = field(default=None, repr=False)
    platform_facts: Callable[[], Gatherers | None] = field(default=lambda: None, repr=False)
    open_platform: Callable[[], Platform | None] = field(default=lambda: None, repr=False)
    patient: Callable[[int], bool] = field(default=lambda _times: False, repr=False)
    share_schema: SchemaName | None = None
    _folded: tuple[tuple[tuple[int, ...], date], RoomState] | None = field(default=None, repr=False)

    @property
    def organisation(self) -> str:
        return self.collaborators[self.alias]

    @property
    def inbox(self) -> Path:
        return self.home / "inbox"

    def raw_table(self, name: str) -> Path:
        """Path of a table in this side's own inbox, by its name; of its workspace, where it publishes there, the name itself.
        Raises InputError for any other place."""
        from cleanroom_core.engines.inbox import resolve

        if self.share_schema is not None:
            return Path(str(ObjectName.parse(name)))
        return resolve(self.inbox, name)

    def share_files(self, asset: AssetState) -> Path:
        """Folder of a registered share table on this machine. Raises NotReadyError for one that lies in a workspace, whose rows
        do not come here."""
        if asset.there is not None:
            raise NotReadyError(
                f"{asset.qualified} lies in its owner's workspace, and its rows do not come here.",
                hint="Compute on the platform: upload the plan's notebook, have it approved, and run it there.",
                code="TABLE_THERE",
            )
        return self.share_folder(asset.qualified)

    def name_there(self, qualified: str) -> ObjectName | None:
        """What an own asset is called in the room on a platform; None where this side publishes into its home."""
        _, _, asset = qualified.partition(".")
        return None if self.share_schema is None else ObjectName(self.alias, self.share_schema.schema, asset)

    def state(self) -> RoomState:
        """The room as this side's logs tell it today. Folded anew when a log has grown, never kept beside the logs."""
        now = tuple(self.log.size(origin) for origin in self.origins), self.clock().date()
        if self._folded is None or self._folded[0] != now:
            merged = merge({origin: self.log.records(origin) for origin in self.origins})
            folded = fold(self.room, self.collaborators, self.origins, merged)
            self._folded = (now, replace(folded, today=now[1]))
        return self._folded[1]

    def append(
        self,
        user: User,
        permission: Permission,
        kind: str,
        public: Mapping[str, Any],
        payload: object | None = None,
        refs: Sequence[Ref] = (),
        audience: tuple[str, ...] | None = None,
    ) -> Record:
        """Append to this side's own log after checking that the user may; durable when it returns."""
        user.require(permission, self.organisation)
        return self.log.append(kind, self.actor(user, permission), dict(public), payload, refs=tuple(refs), audience=audience)

    def actor(self, user: User, permission: Permission) -> dict[str, str]:
        role = next(role for role in sorted(user.roles) if permission in PERMISSIONS[role])
        return {"organisation": self.alias, "role": role.value, "id": user.username}

    def require_agreement(self, purpose: str | None = None) -> Offer:
        """Raise NotReadyError unless an agreement is in force today and allows the purpose."""
        agreement = self.state().agreement_in_force
        if agreement is None:
            raise NotReadyError(
                "There is no agreement in force.", hint="Both sides sign it on the agreement page.", code="NO_AGREEMENT"
            )
        if self.clock().date() > agreement.terms.ends_on:
            raise NotReadyError(
                f"The agreement ended on {agreement.terms.ends_on}.", hint="Offer a new one.", code="AGREEMENT_ENDED"
            )
        if purpose is not None and purpose not in agreement.terms.purposes:
            raise NotReadyError(
                f"The agreement does not allow the purpose {purpose}.",
                hint=f"It allows {', '.join(agreement.terms.purposes)}.",
                code="PURPOSE",
            )
        return agreement

    def require_acknowledged(self) -> None:
        """Raise NotReadyError unless every other collaborator has cosigned this log as it stands now."""
        away, times = self.hand_over(), 0
        while (away or self.log.acknowledged() < self.log.size()) and self.patient(times):
            away, times = self.hand_over(), times + 1
        if away or self.log.acknowledged() < self.log.size():
            names = ", ".join(self.collaborators[alias] for alias in away) or "The other side"
            raise NotReadyError(
                f"{names} has not acknowledged this side's log, so nothing is computed and nothing released.",
                hint="Try again when the other side can be reached.",
                code="NOT_ACKNOWLEDGED",
            )
