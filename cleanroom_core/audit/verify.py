"""Verify whole logs from their bytes alone: no network, no database, no key that was not given from outside.

An outsider should be able to read this in an hour, so it imports only `merkle`, `note`, `checkpoint` and `errors`, and `entry`
(with `canonical` below it), which cannot be left out: that an entry is in its own place, that it answers an entry that exists
and commits to the payload beside it is said inside the entry, not in the tree.

What a verdict means: *unchanged since signed, in this order, complete up to the size acknowledged by the others*. It does not
say that an entry was true when it was written, nor that nothing happened off the record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cleanroom_core.audit.checkpoint import SignedCheckpoint, open_checkpoint
from cleanroom_core.audit.entry import Entry, check_payload, decode_payload
from cleanroom_core.audit.merkle import CompactTree, leaf_hash
from cleanroom_core.audit.note import VerificationKey
from cleanroom_core.errors import EquivocationError, IntegrityError


class Status(StrEnum):
    """From best to worst; a verdict has the worst of its logs."""

    ACKNOWLEDGED = "acknowledged"  # every entry countersigned by every other collaborator
    TAIL = "tail"  # valid, but the last entries are their writer's word alone
    NO_EVIDENCE = "no_evidence"  # an empty log, or nothing signed
    INCOMPLETE = "incomplete"  # valid as far as it goes; something that must exist is missing
    EQUIVOCATION = "equivocation"  # one key signed two histories: proven
    INVALID = "invalid"


@dataclass(frozen=True)
class TrustedLog:
    """What the verifier knows from outside (the contract's annex): the log's key, and the cosigner keys of all the others."""

    log_key: VerificationKey
    cosigners: tuple[VerificationKey, ...]

    @property
    def origin(self) -> str:
        return self.log_key.name


@dataclass(frozen=True)
class LogCopy:
    """One log as handed over: its leaves in order, checkpoint notes, and payloads (number -> salt, bytes) as far as given.

    `holder`: alias of the collaborator whose home the copy is from, `own` whether the log is its own; then every payload that
    this home was given must be there. Without a holder, payloads may be missing and are counted as withheld.
    """

    origin: str
    leaves: Sequence[bytes]
    checkpoints: Sequence[bytes]
    payloads: Mapping[int, tuple[bytes, bytes]] = field(default_factory=dict)
    holder: str | None = None
    own: bool = False


@dataclass(frozen=True)
class Finding:
    """Something wrong. `code` as in IntegrityError; `at`: the entry's number or the checkpoint's size."""

    status: Status
    origin: str
    code: str
    message: str
    at: int | None = None


@dataclass(frozen=True)
class LogVerdict:
    """`size`: entries signed by the log. `acknowledged`: of these, countersigned by all others. `withheld`: numbers of entries
    whose payload was not given (private, for somebody else, or missing)."""

    origin: str
    size: int
    root: bytes
    acknowledged: int
    withheld: tuple[int, ...]


@dataclass(frozen=True)
class Verdict:
    status: Status
    logs: tuple[LogVerdict, ...]
    findings: tuple[Finding, ...]

    def require(self) -> None:
        """Raise EquivocationError or IntegrityError for the worst finding; a tail that is not acknowledged raises nothing."""
        if self.status in (Status.ACKNOWLEDGED, Status.TAIL):
            return
        found = next((one for one in self.findings if one.status is self.status), None)
        message = found.message if found else "There is nothing signed to verify."
        hint = "Ask for the original logs again and keep these as they are."
        if self.status is Status.EQUIVOCATION:
            raise EquivocationError(message, hint=hint)
        raise IntegrityError(message, hint=hint, code=found.code if found else "NO_EVIDENCE")


def verify(copies: Sequence[LogCopy], trusted: Sequence[TrustedLog], genesis: str | None = None) -> Verdict:
    """Verify one or several whole logs of a room.

    `genesis`: hex SHA-256 of the genesis document from the contract's annex; None leaves that unchecked. References between
    logs are resolved as far as the logs are among `copies`. Never raises for bad bytes: what is wrong is in the findings.
    """
    known = {one.origin: one for one in trusted}
    findings: list[Finding] = []
    given: dict[str, _Log] = {}
    for copy in copies:
        if copy.origin not in known or copy.origin in given:
            why = "is given twice" if copy.origin in given else "is not one of the trusted logs"
            findings.append(Finding(Status.INVALID, copy.origin, "ORIGIN", f"The log {copy.origin} {why}."))
        else:
            given[copy.origin] = _Log(copy, known[copy.origin], genesis)
    for log in given.values():
        log.resolve(given)
    findings += [one for log in given.values() for one in log.findings]
    worst = [one.status for one in findings] + [log.status for log in given.values()]
    worst += [] if given else [Status.NO_EVIDENCE]
    order = list(Status)
    return Verdict(max(worst, key=order.index), tuple(log.verdict() for log in given.values()), tuple(findings))


class _Log:
    """One copy while it is being verified: first on its own, then against the others."""

    def __init__(self, copy: LogCopy, trusted: TrustedLog, genesis: str | None) -> None:
        self.copy, self.trusted, self.origin = copy, trusted, copy.origin
        self.findings: list[Finding] = []
        self.leaves = [leaf_hash(leaf) for leaf in copy.leaves]
        self.entries = self._entries(genesis)
        self.roots = self._roots()
        self.signed = self._checkpoints()
        self.acknowledged = self._acknowledged()
        self.withheld = self._payloads()

    @property
    def size(self) -> int:
        return max((one.checkpoint.size for one in self.signed), default=0)

    @property
    def status(self) -> Status:
        if self.size == 0:
            return Status.NO_EVIDENCE
        return Status.ACKNOWLEDGED if self.acknowledged == self.size else Status.TAIL

    def verdict(self) -> LogVerdict:
        return LogVerdict(self.origin, self.size, self.roots[self.size], self.acknowledged, tuple(self.withheld))

    def _bad(self, code: str, message: str, at: int | None = None, status: Status = Status.INVALID) -> None:
        self.findings.append(Finding(status, self.origin, code, f"{self.origin}: {message}", at))

    def _entries(self, genesis: str | None) -> dict[int, Entry]:
        found: dict[int, Entry] = {}
        newest = ""
        for seq, leaf in enumerate(self.copy.leaves):
            try:
                entry = Entry.parse(leaf)
            except IntegrityError as error:
                self._bad(error.code, f"entry {seq}: {error.message}", seq)
                continue
            found[seq] = entry
            if entry.origin != self.origin or entry.seq != seq:
                self._bad("SEQUENCE", f"entry {seq} says that it is entry {entry.seq} of {entry.origin}.", seq)
            if entry.time < newest:
                self._bad("TIME", f"entry {seq} is dated before the one it follows.", seq)
            newest = max(newest, entry.time)
            document = entry.public.get("sha256")
            if (entry.kind == "genesis") != (seq == 0) or (seq == 0 and genesis is not None and document != genesis):
                self._bad("GENESIS", f"entry {seq}: the log does not begin with the genesis document of this room.", seq)
        return found

    def _roots(self) -> list[bytes]:
        """Root hash by size, from the leaves alone."""
        tree = CompactTree()
        roots = [tree.root()]
        for leaf in self.leaves:
            tree.append(leaf)
            roots.append(tree.root())
        return roots

    def _checkpoints(self) -> list[SignedCheckpoint]:
        """Every checkpoint must be signed and be a state of this tree. Two signed states that no tree has both: a fork."""
        valid: dict[int, list[SignedCheckpoint]] = {}
        for note in self.copy.checkpoints:
            try:
                signed = open_checkpoint(note, self.trusted.log_key, self.trusted.cosigners)
                valid.setdefault(signed.checkpoint.size, []).append(signed)
            except IntegrityError as error:
                self._bad(error.code, error.message)
        held = len(self.leaves)
        good = [one for size in sorted(valid) if size <= held for one in valid[size] if one.checkpoint.root == self.roots[size]]
        largest = max((one.checkpoint.size for one in good), default=0)
        for size, notes in valid.items():
            if len({one.checkpoint.root for one in notes}) > 1:
                self._bad("EQUIVOCATION", f"two roots are signed for {size} entries.", size, Status.EQUIVOCATION)
            elif size > held:
                self._bad("TRUNCATED", f"{size} entries are signed, {held} are here.", size, Status.INCOMPLETE)
            elif notes[0].checkpoint.root == self.roots[size]:
                continue
            elif size < largest:
                self._bad(
                    "EQUIVOCATION", f"what is signed at {size} is not in what is signed later.", size, Status.EQUIVOCATION
                )
            else:
                self._bad("ROOT", f"the entries do not have the root that is signed for {size} of them.", size)
        if valid and max(valid) < held:
            self._bad("UNSIGNED", f"entries after {max(valid)} are not signed by the log.", max(valid))
        return good

    def _acknowledged(self) -> int:
        """How many entries all the others have countersigned; one line per cosigner and checkpoint counts, in order of time."""
        largest = dict.fromkeys(self.trusted.cosigners, 0)
        newest = dict.fromkeys(self.trusted.cosigners, 0)
        for signed in self.signed:
            size = signed.checkpoint.size
            for cosigner, time in signed.cosigned.items():
                if time < newest[cosigner]:
                    self._bad("TIME", f"{cosigner.name} countersigned {size} entries before fewer.", size)
                newest[cosigner], largest[cosigner] = max(time, newest[cosigner]), size
        return min(largest.values(), default=0)

    def _payloads(self) -> list[int]:
        withheld: list[int] = []
        for seq, entry in self.entries.items():
            given = self.copy.payloads.get(seq)
            if given is None:
                withheld += [seq] if entry.commit is not None else []
                if self._must_hold(entry):
                    self._bad("PAYLOAD", f"the payload of entry {seq} is missing.", seq, Status.INCOMPLETE)
                continue
            try:
                check_payload(entry, *given)
                decode_payload(given[1])
            except IntegrityError as error:
                self._bad(error.code, error.message, seq)
        for seq in self.copy.payloads.keys() - self.entries.keys():
            self._bad("COMMITMENT", f"there is a payload for entry {seq}, which is not there.", seq)
        return withheld

    def _must_hold(self, entry: Entry) -> bool:
        """The writer keeps every payload, another collaborator those that are for it."""
        holder = self.copy.holder
        return holder is not None and entry.commit is not None and (self.copy.own or entry.may_hold(holder))

    def resolve(self, logs: Mapping[str, _Log]) -> None:
        """Every reference hits an entry; every cited state is a state of that log, none older than one cited before."""
        seen: dict[str, int] = {}
        for seq, entry in sorted(self.entries.items()):
            for ref in entry.refs:
                target = logs.get(ref.origin)
                if target is None:
                    continue
                if ref.seq >= len(target.leaves) and target is not self:
                    target._bad(
                        "TRUNCATED", f"{self.origin} answers entry {ref.seq}, which is missing.", ref.seq, Status.INCOMPLETE
                    )
                elif ref.seq >= (seq if target is self else len(target.leaves)) or target.leaves[ref.seq].hex() != ref.leaf:
                    self._bad("REFERENCE", f"entry {seq} refers to an entry that does not exist.", seq)
            peer = None if entry.peer is None else logs.get(entry.peer.origin)
            if entry.peer is None or peer is None:
                continue
            if peer is self:
                self._bad("PEER", f"entry {seq} cites its own log as another's.", seq)
            elif entry.peer.size > len(peer.leaves):
                text = f"{self.origin} has seen {entry.peer.size} entries, {len(peer.leaves)} are here."
                peer._bad("TRUNCATED", text, entry.peer.size, Status.INCOMPLETE)
            elif peer.roots[entry.peer.size].hex() != entry.peer.root:
                self._bad("PEER", f"entry {seq} cites a state of {peer.origin} that it never had.", seq)
            elif entry.peer.size < seen.get(peer.origin, 0):
                self._bad("PEER", f"entry {seq} knows less of {peer.origin} than an entry before it.", seq)
            seen[entry.peer.origin] = max(entry.peer.size, seen.get(entry.peer.origin, 0))
