"""The protocol for rooms on this machine.

A folder that both sides can open stands in for the platform: `central.db` says what is in the rooms, `<metastore>/` holds one
side's tables. Rules are the platform's (who reviews, which version runs, who reads an output) so that a rehearsal meets them;
they keep honest processes in order and protect nothing from somebody who opens the files.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cleanroom_core.backends.asked import Judgement, NewNotebook, NewRoom, NewRule, NewRun, NewTable, securable
from cleanroom_core.backends.cells import cells_of
from cleanroom_core.backends.local.central import Central, Record, Session
from cleanroom_core.backends.local.playing import NotPlayedError, play
from cleanroom_core.backends.local.tables import Tables
from cleanroom_core.backends.seen import (
    CLOSED,
    AssetKind,
    AssetStatus,
    Identity,
    OutputPlace,
    OutputTable,
    ReviewState,
    RoomStatus,
    RunStage,
    SeenAsset,
    SeenReview,
    SeenRoom,
    SeenRule,
    SeenRun,
    SeenTaskRun,
)
from cleanroom_core.errors import ConflictError, InputError, NotPermittedError, NotReadyError


@dataclass(frozen=True)
class LocalBackend:
    """`metastore`: this side's id, cloud:region:uuid. `principal`: as whom it acts; `is_service`: as no person."""

    folder: Path
    metastore: str
    principal: str
    is_service: bool = True
    name: str = "local"
    _central: Central = field(init=False, repr=False, compare=False)
    tables: Tables = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_central", Central(self.folder / "central.db"))
        object.__setattr__(self, "tables", self._tables(self.metastore))

    def _tables(self, metastore: str) -> Tables:
        return Tables(self.folder / metastore.rpartition(":")[2])

    def identity(self) -> Identity:
        return Identity(self.principal, self.is_service)

    def rooms(self) -> tuple[SeenRoom, ...]:
        with self._central.transaction() as session:
            found = [self._seen_room(room) for _, room in session.all("room")]
        return tuple(room for room in found if room is not None)

    def room(self, name: str) -> SeenRoom | None:
        with self._central.transaction() as session:
            found = session.get("room", name.lower())
        return None if found is None else self._seen_room(found)

    def _alias(self, room: Record) -> str | None:
        return next((party["alias"] for party in room["parties"] if party["metastore"] == self.metastore), None)

    def _seen_room(self, room: Record) -> SeenRoom | None:
        alias = self._alias(room)
        if alias is None or alias in room["closed"]:
            return None
        return SeenRoom(
            name=room["name"],
            status=RoomStatus.DELETED if room["closed"] else RoomStatus.ACTIVE,
            owner=room["owners"].get(alias, ""),
            alias=alias,
            parties={party["alias"]: party["metastore"] for party in room["parties"]},
            output_catalog=room["catalogs"].get(alias, ""),
            cloud=room["cloud"],
            region=room["region"],
            egress=CLOSED,
        )

    def _usable(self, session: Session, name: str) -> tuple[Record, str]:
        """(record, own alias). Raises NotReadyError, or ConflictError once somebody deleted it."""
        room = session.get("room", name.lower())
        alias = None if room is None else self._alias(room)
        if room is None or alias is None or alias in room["closed"]:
            raise NotReadyError(f"There is no room {name} here.", hint="Create it first.", code="PLATFORM_MISSING")
        if room["closed"]:
            raise ConflictError(
                f"The room {name} was deleted by {', '.join(room['closed'])}.",
                hint="Nothing runs in it any more; agree on a new one.",
                code="PLATFORM_CONFLICT",
            )
        return room, alias

    def create_room(self, room: NewRoom) -> SeenRoom:
        if room.creator.metastore != self.metastore:
            raise InputError("The creator is this side.", hint="Leave the invitation out of your own entry.", code="PARTIES")
        wanted = room.as_json()
        with self._central.transaction() as session:
            there = session.get("room", room.name)
            fixed = ("parties", "cloud", "region")
            if there is not None and any(wanted[each] != there[each] for each in fixed):
                raise _other(f"The room {room.name}")
            owners = {room.creator.alias: room.owner or self.principal}
            record = there or {**wanted, "owners": owners, "catalogs": {}, "closed": []}
            session.put("room", room.name, record)
        seen = self._seen_room(record)
        if seen is None:
            raise _other(f"The room {room.name}")
        return seen

    def create_output_catalog(self, room: str, catalog: str) -> SeenRoom:
        catalog = securable(catalog, "The output catalog")
        with self._central.transaction() as session:
            record, alias = self._usable(session, room)
            if record["catalogs"].setdefault(alias, catalog) != catalog:
                raise _other("An output catalog of this room")
            session.put("room", record["name"], record)
        return self._seen_room(record) or SeenRoom(room, RoomStatus.UNKNOWN)

    def close_room(self, name: str) -> None:
        with self._central.transaction() as session:
            record = session.get("room", name.lower())
            alias = None if record is None else self._alias(record)
            if record is not None and alias is not None and alias not in record["closed"]:
                session.put("room", record["name"], {**record, "closed": [*record["closed"], alias]})

    def assets(self, room: str) -> tuple[SeenAsset, ...]:
        with self._central.transaction() as session:
            record, alias = self._usable(session, room)
            return tuple(self._seen_asset(record, alias, each) for _, each in _of(session, record))

    def asset(self, room: str, kind: AssetKind, name: str) -> SeenAsset | None:
        with self._central.transaction() as session:
            record, alias = self._usable(session, room)
            found = session.get("asset", _key(record, kind, name))
        return None if found is None else self._seen_asset(record, alias, found)

    def _seen_asset(self, room: Record, alias: str, asset: Record) -> SeenAsset:
        kind, mine = AssetKind(asset["kind"]), asset["owner"] == alias
        if kind is not AssetKind.NOTEBOOK:
            local = asset["local"] if mine else ""
            there = self._tables(asset["metastore"]).path(asset["local"]).exists()
            status = AssetStatus.ACTIVE if there else AssetStatus.PERMISSION_DENIED
            return SeenAsset(asset["name"], kind, asset["owner"], status, local)
        reviews = tuple(SeenReview(each["alias"], ReviewState(each["state"]), each["auto"]) for each in asset["reviews"])
        return SeenAsset(
            asset["name"],
            kind,
            asset["owner"],
            AssetStatus.ACTIVE,
            etag=asset["etag"],
            digest=hashlib.sha256(asset["source"].encode()).hexdigest(),
            state=_state(room, asset),
            reviews=reviews,
            runners=tuple(asset["runners"]),
        )

    def add_table(self, room: str, table: NewTable) -> SeenAsset:
        kind = AssetKind.VIEW if table.is_view else AssetKind.TABLE
        with self._central.transaction() as session:
            record, alias = self._usable(session, room)
            if table.name.split(".")[0] != alias:
                raise InputError(f"The asset's first part is your alias {alias}.", hint="Rename it.", code="PLATFORM_REFUSED")
            if not self.tables.path(table.local).exists():
                raise NotReadyError(f"There is no table {table.local}.", hint="Publish it first.", code="PLATFORM_MISSING")
            key = _key(record, kind, table.name)
            asset = {"name": table.name, "kind": kind, "owner": alias, "local": table.local, "metastore": self.metastore}
            there = session.get("asset", key)
            if there is not None and there != asset:
                raise _other(table.name)
            session.put("asset", key, asset)
        return self._seen_asset(record, alias, asset)

    def put_notebook(self, room: str, notebook: NewNotebook) -> SeenAsset:
        with self._central.transaction() as session:
            record, alias = self._usable(session, room)
            unknown = set(notebook.runners) - {party["alias"] for party in record["parties"]}
            if unknown:
                raise InputError("Runners are aliases of the room.", hint="Correct them.", code="PLATFORM_REFUSED")
            key = _key(record, AssetKind.NOTEBOOK, notebook.name)
            there = session.get("asset", key)
            if there is not None and there["owner"] != alias:
                raise NotPermittedError("The notebook is another side's.", hint="Use another name.", code="PLATFORM_DENIED")
            said = {"source": notebook.source, "language": notebook.language, "runners": sorted(notebook.runners)}
            if there is None or {name: there[name] for name in said} != said:
                number = 1 if there is None else there["number"] + 1
                there = {"name": notebook.name, "kind": AssetKind.NOTEBOOK, "owner": alias, "number": number, **said}
                there["etag"] = hashlib.sha256(json.dumps([record["name"], there]).encode()).hexdigest()
                there["reviews"] = _automatic(session, record, there)
                session.put("asset", key, there)
        return self._seen_asset(record, alias, there)

    def notebook_cells(self, room: str, name: str, etag: str) -> tuple[str, ...]:
        with self._central.transaction() as session:
            record, _ = self._usable(session, room)
            found = session.get("asset", _key(record, AssetKind.NOTEBOOK, name))
        if found is None or found["etag"] != etag:  # earlier versions are not kept
            raise NotReadyError(f"There is no such version of {name}.", hint="Read the newest one.", code="PLATFORM_MISSING")
        return cells_of(found["source"], found["language"])

    def remove_asset(self, room: str, kind: AssetKind, name: str) -> None:
        with self._central.transaction() as session:
            record, alias = self._usable(session, room)
            found = session.get("asset", _key(record, kind, name))
            if found is not None and found["owner"] != alias:
                raise NotPermittedError(f"{name} is another side's.", hint="Ask them.", code="PLATFORM_DENIED")
            session.delete("asset", _key(record, kind, name))

    def review(self, room: str, judgement: Judgement) -> SeenAsset:
        with self._central.transaction() as session:
            record, alias = self._usable(session, room)
            key = _key(record, AssetKind.NOTEBOOK, judgement.notebook)
            asset = session.get("asset", key)
            if asset is None:
                raise NotReadyError("There is no such notebook.", hint="Look at the room.", code="PLATFORM_MISSING")
            if asset["owner"] == alias:
                raise NotPermittedError("Nobody reviews their own upload.", hint="The others do.", code="PLATFORM_DENIED")
            if asset["etag"] != judgement.etag:
                raise ConflictError(
                    "The notebook has changed since that version.", hint="Read the newest one.", code="PLATFORM_CONFLICT"
                )
            state = ReviewState.APPROVED if judgement.approve else ReviewState.REJECTED
            own = [each["state"] for each in asset["reviews"] if each["alias"] == alias]
            if own[-1:] != [state]:
                asset["reviews"].append({"alias": alias, "state": state, "auto": False, "comment": judgement.comment})
                session.put("asset", key, asset)
        return self._seen_asset(record, alias, asset)

    def rules(self, room: str) -> tuple[SeenRule, ...]:
        with self._central.transaction() as session:
            record, alias = self._usable(session, room)
            found = [rule for _, rule in session.all("rule") if (rule["room"], rule["owner"]) == (record["name"], alias)]
        return tuple(SeenRule(rule["id"], rule["runner"], rule["author"]) for rule in found)

    def add_rule(self, room: str, rule: NewRule) -> SeenRule:
        with self._central.transaction() as session:
            record, alias = self._usable(session, room)
            aliases = {party["alias"] for party in record["parties"]}
            if rule.author == alias or not {rule.runner, rule.author or alias} <= aliases:
                raise InputError("A rule is about others of this room.", hint="Correct it.", code="PLATFORM_REFUSED")
            number = hashlib.sha256(json.dumps([record["name"], alias, rule.runner, rule.author]).encode()).hexdigest()[:16]
            body = {"id": number, "room": record["name"], "owner": alias, "runner": rule.runner, "author": rule.author}
            session.put("rule", number, body)
        return SeenRule(number, rule.runner, rule.author)

    def remove_rule(self, room: str, rule_id: str) -> None:
        with self._central.transaction() as session:
            self._usable(session, room)
            session.delete("rule", rule_id)

    def start_run(self, room: str, run: NewRun) -> SeenRun:
        """Plays the notebook before it returns; the run and its output are there together or not at all."""
        with self._central.transaction() as session:
            record, alias = self._usable(session, room)
            known = session.get("token", f"{self.metastore}/{run.token}")
            if known is not None:
                return self._seen_run(session, known["run"])
            number = secrets.token_hex(8)
            ended = self._played(session, record, alias, run, number)
            body = {"room": record["name"], "notebook": run.notebook, "alias": alias, "etag": run.etag, **ended}
            session.put("run", number, {**body, "principal": self.principal})
            session.put("token", f"{self.metastore}/{run.token}", {"run": number})
            return self._seen_run(session, number)

    def _played(self, session: Session, room: Record, alias: str, run: NewRun, number: str) -> Record:
        asset = session.get("asset", _key(room, AssetKind.NOTEBOOK, run.notebook))
        why = _refusal(room, alias, asset, run)
        catalog = room["catalogs"].get(alias)
        if why or asset is None or catalog is None:
            return {"stage": RunStage.FAILED, "reason": why or "This side has no output catalog."}
        files: Mapping[str, Path] = {
            each["name"]: self._tables(each["metastore"]).path(each["local"])
            for _, each in _of(session, room)
            if each["kind"] != AssetKind.NOTEBOOK
        }
        schema = f"{room['name']}_run_{number}"
        try:
            for name, table in play(asset["source"], files, catalog, schema).items():
                self.tables.write(f"{catalog}.{schema}.{name}", table)
        except NotPlayedError as error:
            return {"stage": RunStage.FAILED, "reason": str(error)}
        return {"stage": RunStage.SUCCEEDED, "reason": "", "catalog": catalog, "schema": schema}

    def _seen_run(self, session: Session, number: str) -> SeenRun:
        found = session.get("run", number)
        if found is None:
            raise NotReadyError(f"There is no run {number}.", hint="Look at the room's runs.", code="PLATFORM_MISSING")
        place = OutputPlace(found["catalog"], found["schema"]) if "schema" in found else None
        return SeenRun(number, RunStage(found["stage"]), found["reason"], place)

    def run(self, run_id: str) -> SeenRun:
        with self._central.transaction() as session:
            return self._seen_run(session, run_id)

    def find_run(self, token: str, since: int = 0) -> SeenRun | None:
        with self._central.transaction() as session:
            known = session.get("token", f"{self.metastore}/{token}")
            return None if known is None else self._seen_run(session, known["run"])

    def task_runs(self, room: str) -> tuple[SeenTaskRun, ...]:
        with self._central.transaction() as session:
            record, _ = self._usable(session, room)
            found = [run for _, run in session.all("run") if run["room"] == record["name"]]
        return tuple(
            SeenTaskRun(run["notebook"], run["alias"], run["etag"], RunStage(run["stage"]), run.get("schema", ""))
            for run in found
        )

    def read_output(self, place: OutputPlace) -> tuple[OutputTable, ...]:
        with self._central.transaction() as session:
            runs = [run for _, run in session.all("run") if run.get("schema") == place.schema]
        if not any(run["principal"] == self.principal for run in runs):
            raise NotPermittedError(
                "Only whoever ran the notebook may read its output.", hint="Act as that principal.", code="PLATFORM_DENIED"
            )
        return tuple(self._output(place, name) for name in self.tables.inside(place.catalog, place.schema))

    def _output(self, place: OutputPlace, table: str) -> OutputTable:
        return OutputTable(table, *self.tables.read(f"{place.catalog}.{place.schema}.{table}"))

    def copied(self, place: OutputPlace, table: str, target: str) -> bool:
        if not self.tables.path(target).exists():
            return False
        want = next((each for each in self.read_output(place) if each.name == table), None)
        if want is None or self.tables.read(target) != (want.columns, want.rows):
            raise _other(target)
        return True

    def copy_output(self, place: OutputPlace, table: str, target: str, readers: tuple[str, ...] = ()) -> None:
        """`readers` may read whatever lies in the folder anyway."""
        import pyarrow.parquet as pq

        if not self.copied(place, table, target):
            names = [each.name for each in self.read_output(place)]
            if table not in names:
                raise NotReadyError(f"The run has no table {table}.", hint=f"It has {names}.", code="PLATFORM_MISSING")
            path = self.tables.path(f"{place.catalog}.{place.schema}.{table}")
            self.tables.write(target, pq.ParquetFile(path).read())


def _key(room: Record, kind: AssetKind, name: str) -> str:
    return f"{room['name']}/{kind}/{name if kind is AssetKind.NOTEBOOK else name.lower()}"


def _of(session: Session, room: Record) -> list[tuple[str, Record]]:
    return [(key, each) for key, each in session.all("asset") if key.startswith(f"{room['name']}/")]


def _state(room: Record, asset: Record) -> ReviewState:
    """APPROVED once everybody but the author has approved, REJECTED once somebody has rejected."""
    last = {each["alias"]: each["state"] for each in asset["reviews"]}
    if ReviewState.REJECTED in last.values():
        return ReviewState.REJECTED
    wanted = [party["alias"] for party in room["parties"] if party["alias"] != asset["owner"]]
    return ReviewState.APPROVED if all(last.get(alias) == ReviewState.APPROVED for alias in wanted) else ReviewState.PENDING


def _automatic(session: Session, room: Record, asset: Record) -> list[dict[str, Any]]:
    found = []
    for _, rule in session.all("rule"):
        fits = rule["room"] == room["name"] and rule["owner"] != asset["owner"] and rule["author"] in ("", asset["owner"])
        if fits and set(asset["runners"]) <= {rule["runner"]}:
            found.append({"alias": rule["owner"], "state": ReviewState.APPROVED, "auto": True, "comment": ""})
    return found


def _refusal(room: Record, alias: str, asset: Record | None, run: NewRun) -> str:
    if asset is None:
        return f"There is no notebook {run.notebook} in the room."
    if asset["etag"] != run.etag:
        return "The etag is not that of the notebook's latest version."
    if alias not in asset["runners"]:
        return f"{alias} is not one of the notebook's runners."
    if _state(room, asset) is not ReviewState.APPROVED:
        return "The notebook's latest version is not approved by every other collaborator."
    return "" if asset["language"] == "SQL" else "A room on this machine runs SQL notebooks only."


def _other(what: str) -> ConflictError:
    return ConflictError(
        f"{what} is there already and is not what was asked for.",
        hint="Look at what is there; give yours another name, or remove that one first.",
        code="PLATFORM_OTHER",
    )
