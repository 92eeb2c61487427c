"""The agreement: offered by one side, signed by both over the hash of its exact text; any edit resets both signatures."""

from __future__ import annotations

import streamlit as st

from cleanroom_core.agreements.clauses import clauses, difference, text
from cleanroom_core.agreements.fields import read_fields
from cleanroom_core.agreements.terms import AgreementTerms
from cleanroom_core.identity.permissions import Permission
from cleanroom_core.rooms.state import Offer, Stage
from cleanroom_core.rooms.texts import text_hash
from cleanroom_core.stories.agree import exact_text, offer_agreement, reject_agreement, sign_agreement, withdraw_agreement
from cleanroom_core.stories.drafts import draft_agreement, read_draft
from pages._ui.acts import confirm, show_failed
from pages._ui.agreement_form import agreement_form, begin_form, problems_of
from pages._ui.cards import copyable, flash, plain, status, type_of_status
from pages._ui.guard import require
from pages._ui.room import Room, open_room
from pages._ui.state import Viewer

BADGES: dict[Stage, type_of_status] = {
    Stage.OFFERED: "waiting", Stage.IN_FORCE: "done", Stage.REJECTED: "blocked", Stage.WITHDRAWN: "not yet",
}  # fmt: skip
RESETS = "Any edit is a new text: it resets both signatures, and both sides sign again."


def show_offer(room: Room, offer: Offer) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("The text on the table", width="content")
        status(BADGES[offer.stage], offer.stage.value.capitalize())
    st.caption(f"Offered by {room.said(offer.by)}")
    if offer.closed is not None:
        st.warning(f"{offer.stage.value.capitalize()} by {room.said(offer.closed)}", icon=":material/warning:")
        if offer.reason:
            st.write("The reason given:")
            st.text(offer.reason)
    st.markdown("  \n".join(f"**{clause.title}**: {plain(clause.says)}" for clause in clauses(offer.terms)))
    with st.expander("The exact text that is signed"):
        st.caption("Canonical JSON (RFC 8785). Both sides sign the SHA-256 of exactly these bytes.")
        st.code(exact_text(offer.terms), language=None, wrap_lines=True)
    copyable(offer.text_hash, "SHA-256 of the exact text")


def show_signatures(room: Room, offer: Offer) -> None:
    st.header("Signatures")
    for column, alias in zip(st.columns(len(room.state.collaborators)), room.state.collaborators, strict=True):
        with column, st.container(border=True):
            st.markdown(f"**{room.organisation(alias)}**")
            signed = offer.signatures.get(alias)
            if signed is None:
                status("not yet", "Not signed")
                st.markdown(f"To be signed by: {room.who_may(Permission.AGREEMENT_SIGN, alias)}")
            else:
                status("done", "Signed")
                st.markdown(room.said(signed))
                st.code(offer.text_hash, language=None, wrap_lines=True)
    st.caption(RESETS)


def show_in_force(room: Room) -> None:
    """While a new text is on the table, the one both sides signed last still binds."""
    offer = room.state.agreement_in_force
    if offer is None or offer is room.state.agreement or (room.state.agreement or offer).text_hash == offer.text_hash:
        return
    with st.expander("Still in force: the text both sides signed before"):
        st.code(text(offer.terms), language=None, wrap_lines=True)
        copyable(offer.text_hash, "SHA-256 of the exact text")


def sign(viewer: Viewer, digest: str) -> None:
    if viewer.side is not None:
        sign_agreement(viewer.side, viewer.user, digest)
        flash("The agreement is signed for your side.")


@st.dialog("Sign the agreement")
def ask_sign(room: Room, offer: Offer) -> None:
    st.markdown(f"You sign for **{room.organisation(room.side.alias)}** as {plain(room.user.username)}. Your name, role and "
                "the time go on record in both logs. A signature cannot be taken back; a new text can be offered.")  # fmt: skip
    copyable(offer.text_hash, "SHA-256 of the text you sign")
    confirm("Sign this text", Permission.AGREEMENT_SIGN, sign, offer.text_hash)


def reject(viewer: Viewer, digest: str) -> None:
    if viewer.side is not None:
        reject_agreement(viewer.side, viewer.user, digest, st.session_state.get("reject_reason", ""))
        flash("The offer is rejected.")


@st.dialog("Reject the offer")
def ask_reject(room: Room, offer: Offer) -> None:
    st.write("Both signatures of this text are void then. The side that offered it reads your reason and can offer a new text.")
    st.text_area("Reason", key="reject_reason", max_chars=500, help="3 to 500 characters; the other side acts on it.")
    confirm("Reject with this reason", Permission.AGREEMENT_SIGN, reject, offer.text_hash)


def withdraw(viewer: Viewer, digest: str) -> None:
    if viewer.side is not None:
        withdraw_agreement(viewer.side, viewer.user, digest)
        flash("The offer is withdrawn.")


@st.dialog("Withdraw the offer")
def ask_withdraw(room: Room, offer: Offer) -> None:
    st.write(
        "The text leaves the table and its signatures are void. It stays on record; you can offer it or another one again."
    )
    confirm("Withdraw the offer", Permission.AGREEMENT_OFFER, withdraw, offer.text_hash)


def decide(room: Room, offer: Offer) -> bool:
    """Sign, reject, withdraw, as far as this person may; True if signing is their next action."""
    if offer.stage is not Stage.OFFERED:
        return False
    may_sign = room.may(Permission.AGREEMENT_SIGN)
    to_sign = may_sign and room.alias not in offer.signatures
    with st.container(horizontal=True):
        if to_sign and st.button("Sign", type="primary", key="sign"):
            ask_sign(room, offer)
        if may_sign and st.button("Reject with a reason", key="reject"):
            ask_reject(room, offer)
        if room.may(Permission.AGREEMENT_OFFER) and offer.by.alias == room.alias and st.button("Withdraw", key="withdraw"):
            ask_withdraw(room, offer)
    if not may_sign:
        st.caption(f"Signed or rejected by: {room.who_may(Permission.AGREEMENT_SIGN)}.")
    return to_sign


def offer_text(viewer: Viewer, terms: AgreementTerms) -> None:
    if viewer.side is not None:
        draft_agreement(viewer.side, viewer.user, terms)
        offer_agreement(viewer.side, viewer.user, terms)
        flash("The text is on the table; both sides can sign it now.")


@st.dialog("Offer this text", width="large")
def ask_offer(room: Room, terms: AgreementTerms) -> None:
    """The difference before it is said, never after."""
    before = room.state.agreement
    changes = "" if before is None else difference(before.terms, terms)
    if before is None:
        st.write("This is the first text. Both sides read and sign it:")
        st.code(text(terms), language=None, wrap_lines=True)
    elif changes:
        st.write("What changes against the text on the table (- before, + after):")
        st.code(changes, language=None, wrap_lines=True)
        if before.signatures:
            st.warning(f"{RESETS} {len(before.signatures)} given so far.", icon=":material/warning:")
    else:
        st.write("Nothing changes against the last text.")
    copyable(text_hash(terms.as_json()), "SHA-256 of the exact text")
    confirm("Offer this text", Permission.AGREEMENT_OFFER, offer_text, terms)


def offer_section(room: Room, offer: Offer | None, primary: bool) -> None:
    st.header("Offer an agreement" if offer is None else "Edit and offer again")
    if not room.may(Permission.AGREEMENT_OFFER):
        st.caption(f"Offered by: {room.who_may(Permission.AGREEMENT_OFFER)}.")
        return
    if offer is not None:
        st.caption(RESETS)
    base = read_draft(room.side).agreement if offer is None else offer.terms
    begin_form(base, "first" if offer is None else offer.text_hash, room.side.clock().date())
    fields = agreement_form(room.side.collaborators, primary)
    if fields is None:
        return
    terms, problems = read_fields(fields, tuple(room.side.collaborators), room.side.clock().date())
    problems_of(problems)
    if terms is not None:
        ask_offer(room, terms)


viewer = require(Permission.ROOM_READ)
st.title("Agreement")
room = open_room(viewer)
show_failed()
st.write("What binds every query of this room. Nothing is published, computed or released before both sides have signed it.")
offer = room.state.agreement
signing = False
if offer is None:
    st.info("No text is on the table yet. The exact text, its hash and both signatures will stand here.")
else:
    show_offer(room, offer)
    show_signatures(room, offer)
    signing = decide(room, offer)
    show_in_force(room)
settled = offer is not None and offer.stage in (Stage.OFFERED, Stage.IN_FORCE)
if room.alias is not None:
    offer_section(room, offer, primary=not signing and not settled)
