"""Offer an agreement, sign it, reject it with a reason, withdraw it. Both sides sign the hash of the exact text."""

from __future__ import annotations

from cleanroom_core.agreements.terms import AgreementTerms
from cleanroom_core.errors import ConflictError, InputError, NotReadyError
from cleanroom_core.identity.permissions import Permission, User
from cleanroom_core.rooms.state import Offer, Stage
from cleanroom_core.rooms.texts import text_hash
from cleanroom_core.stories.bracket import bracket
from cleanroom_core.stories.collaborator import Collaborator


def exact_text(terms: AgreementTerms) -> str:
    """The very bytes whose SHA-256 both sides sign (`rooms.texts.text_hash`), as text."""
    from cleanroom_core.audit.canonical import encode

    return encode(terms.as_json(), text="any").decode("utf-8")


def offer_agreement(side: Collaborator, user: User, terms: AgreementTerms) -> str:
    """Put a text on the table; an earlier offer and its signatures are gone. Returns the hash of the text."""
    user.require(Permission.AGREEMENT_OFFER, side.organisation)
    if terms.output_owner not in (*side.collaborators, "both"):
        raise InputError(
            f"{terms.output_owner!r} is not a collaborator of this room.",
            hint=f"Use {', '.join(side.collaborators)} or both.",
            code="AGREEMENT",
        )
    if terms.ends_on < side.clock().date():
        raise InputError("An agreement cannot end in the past.", hint="Choose a later ends_on.", code="AGREEMENT")
    text = terms.as_json()
    digest = text_hash(text)
    current = side.state().agreement
    if current is not None and current.text_hash == digest and current.stage in (Stage.OFFERED, Stage.IN_FORCE):
        raise ConflictError("Exactly this text is on the table already.", hint="Sign it, or change it first.")
    public = {"action": "offer", "hash": digest, "release_mode": terms.release_mode, "minimum_cohort": terms.minimum_cohort}
    side.append(user, Permission.AGREEMENT_OFFER, "agreement", public, {"terms": text})
    side.hand_over()
    return digest


def sign_agreement(side: Collaborator, user: User, digest: str) -> None:
    """Sign the text with this hash for this side. Signing twice changes nothing."""
    user.require(Permission.AGREEMENT_SIGN, side.organisation)
    offer = _open_offer(side, digest)
    if side.alias in offer.signatures:
        return
    with bracket(side, user, Permission.AGREEMENT_SIGN, "sign", f"agreement:{digest}") as effect:
        public = {"action": "sign", "hash": digest}
        side.append(user, Permission.AGREEMENT_SIGN, "agreement", public, refs=(offer.by.ref, effect.ref))


def reject_agreement(side: Collaborator, user: User, digest: str, reason: str) -> None:
    user.require(Permission.AGREEMENT_SIGN, side.organisation)
    offer = _open_offer(side, digest)
    public = {"action": "reject", "hash": digest}
    side.append(user, Permission.AGREEMENT_SIGN, "agreement", public, {"reason": required_reason(reason)}, refs=(offer.by.ref,))
    side.hand_over()


def withdraw_agreement(side: Collaborator, user: User, digest: str) -> None:
    user.require(Permission.AGREEMENT_OFFER, side.organisation)
    offer = _open_offer(side, digest)
    if offer.by.alias != side.alias:
        raise NotReadyError("Only the side that made an offer can withdraw it.", hint="Reject it with a reason instead.")
    side.append(user, Permission.AGREEMENT_OFFER, "agreement", {"action": "withdraw", "hash": digest}, refs=(offer.by.ref,))
    side.hand_over()


def required_reason(reason: str) -> str:
    """A reason somebody else can act upon, NFC and without surrounding space."""
    import unicodedata

    text = unicodedata.normalize("NFC", reason).strip()
    if not 3 <= len(text) <= 500:
        raise InputError("Say why, in 3 to 500 characters.", hint="The other side reads this and acts on it.", code="REASON")
    return text


def _open_offer(side: Collaborator, digest: str) -> Offer:
    offer = side.state().agreement
    if offer is None or offer.text_hash != digest:
        raise ConflictError("This is not the text on the table any more.", hint="Read the newest offer and decide on that.")
    if offer.stage is not Stage.OFFERED:
        raise ConflictError(f"This text is {offer.stage.value} already.", hint="Look at the agreement page again.")
    return offer
