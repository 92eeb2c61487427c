"""Put a token spec on record and run its vectors: both sides see before any join whether they make the same tokens."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom_core.errors import NotReadyError
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.rooms.state import TokenState
from cleanroom_core.rooms.texts import text_hash
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.token_keys import required_key
from cleanroom_core.tokens.spec import TokenSpec
from cleanroom_core.tokens.vectors import Comparison, compare, run_vectors


@dataclass(frozen=True)
class Alignment:
    """`cases`: own vectors beside another side's, case by case; empty while one of them has not run them."""

    token: str
    with_alias: str
    cases: tuple[Comparison, ...]

    @property
    def aligned(self) -> bool:
        return bool(self.cases) and all(case.match for case in self.cases)


def propose_token(side: Collaborator, user: User, spec: TokenSpec) -> str:
    """Put the spec on record; the same spec twice changes nothing, another one resets the vectors. Returns its hash."""
    user.require(Permission.TOKEN_ALIGN, side.organisation)
    side.require_agreement()
    digest = text_hash({"token": spec.name, **spec.as_json()})
    known = side.state().tokens.get(spec.name)
    if known is None or known.spec_hash != digest:
        public = {"action": "propose", "token": spec.name, "hash": digest, "key_id": spec.key_id}
        side.append(user, Permission.TOKEN_ALIGN, "token_spec", public, {"spec": spec.as_json()})
        side.hand_over()
    return digest


def run_token_vectors(side: Collaborator, user: User, token: str) -> None:
    """Make the tokens of the spec's public test identifiers with this side's key, and put them on record."""
    user.require(Permission.TOKEN_ALIGN, side.organisation)
    known = _known(side, token)
    key = required_key(side, known.spec.key_id)
    tokens = {vector.case: vector.token for vector in run_vectors(known.spec, key)}
    public = {"action": "vectors", "token": token, "hash": known.spec_hash, "key_id": known.spec.key_id}
    side.append(user, Permission.TOKEN_ALIGN, "token_spec", public, {"tokens": tokens}, refs=(known.by.ref,))
    side.hand_over()


def alignments(side: Collaborator, user: User, token: str) -> tuple[Alignment, ...]:
    """Own vectors beside every other side's."""
    user.require(Permission.ROOM_READ, side.organisation)
    known = _known(side, token)
    own = known.vectors.get(side.alias)
    found = []
    for alias in side.collaborators:
        if alias == side.alias:
            continue
        theirs = known.vectors.get(alias)
        cases = () if own is None or theirs is None else compare(known.spec, own, theirs)
        found.append(Alignment(token, alias, tuple(cases)))
    return tuple(found)


def _known(side: Collaborator, token: str) -> TokenState:
    known = side.state().tokens.get(token)
    if known is None:
        raise NotReadyError(f"There is no token spec {token} on record.", hint="Propose it on the tokens page first.")
    return known
