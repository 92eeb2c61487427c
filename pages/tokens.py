"""Tokens: how each is made, whether both sides have the key, and whether both make the same tokens of test identifiers."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from cleanroom_core.identity.permissions import Permission
from cleanroom_core.rooms.state import TokenState
from cleanroom_core.stories.align import alignments, propose_token, run_token_vectors
from cleanroom_core.stories.drafts import draft_token, read_draft
from cleanroom_core.stories.token_keys import key_state, make_key, take_key
from cleanroom_core.tokens.cause import likely_cause
from cleanroom_core.tokens.fields import STEP_WORDS, read_spec_fields
from cleanroom_core.tokens.spec import IDENTIFIERS, TokenSpec
from cleanroom_core.tokens.spec import STEPS as NORMALISE
from pages._ui.acts import act, confirm, show_failed
from pages._ui.cards import copyable, flash, plain, status
from pages._ui.errors import show
from pages._ui.guard import require
from pages._ui.room import Room, open_room
from pages._ui.state import Viewer


def in_one_sentence(room: Room, name: str, known: TokenState | None) -> None:
    if known is None:
        status("not yet", "Not proposed")
        st.markdown("This spec is a draft of your side; the other side does not know it yet.")
    elif room.state.aligned(name):
        status("done", "Aligned")
        st.markdown("Both sides make the same tokens of every test identifier.")
    elif missing := [alias for alias in room.state.collaborators if alias not in known.vectors]:
        status("waiting", "Vectors missing")
        whom = " and ".join(room.organisation(alias) for alias in missing)
        st.markdown(f"Not known yet: {whom} {'has' if len(missing) == 1 else 'have'} not run the vectors.")
    else:
        status("blocked", "Not aligned")
        st.markdown("The two sides make different tokens, so a join would find nobody, or the wrong people.")


def show_spec(room: Room, spec: TokenSpec, known: TokenState | None) -> None:
    steps = "; then ".join(STEP_WORDS[step] for step in spec.normalise) or "nothing is changed"
    st.markdown(f"Identifier: **{plain(spec.identifier)}**. Before tokenising: {steps}. Empty or invalid afterwards: no token.")
    st.markdown(f"Algorithm: {plain(spec.algorithm)} with the key **{plain(spec.key_id)}**.")
    if known is not None:
        st.caption(f"Proposed by {room.said(known.by)}")
        for alias in room.state.collaborators:
            ran = known.ran.get(alias)
            st.caption(f"Vectors of {room.organisation(alias)}: {f'run by {room.said(ran)}' if ran else 'not run yet'}")


def show_key(room: Room, spec: TokenSpec) -> bool:
    """This side's key, never the key itself; True if it can be used."""
    key = key_state(room.side, room.user, spec.key_id)
    if key.problem is not None:
        show(key.problem)
        return False
    if key.present:
        st.markdown(f"Your side has the key {plain(spec.key_id)}.")
        if key.check is not None:
            copyable(key.check, "Check value: read it to the partner by telephone; both must have the same")
            st.caption(
                f"To hand the key over, take the file {plain(key.file)} of your side's home to the partner by a way you both "
                "trust, never through this room or by e-mail."
            )
        return True
    status("blocked", "No key")
    st.markdown(f"Your side has no key {plain(spec.key_id)}. One side makes it, the other takes over the same.")
    if room.may(Permission.TOKEN_KEY):
        with st.container(horizontal=True):
            if st.button("Make a key", key=f"make_{spec.name}"):
                done = f"The key {spec.key_id} is made. Hand it to the partner."
                act("Making a key ...", done, lambda: make_key(room.side, room.user, spec.key_id))
            if st.button("Take over the partner's key", key=f"take_{spec.name}"):
                ask_key(spec.key_id)
    else:
        st.caption(f"Keys are handled by: {room.who_may(Permission.TOKEN_KEY)}.")
    return False


def take(viewer: Viewer, key_id: str) -> None:
    if viewer.side is not None:
        take_key(viewer.side, viewer.user, key_id, st.session_state.get("pasted_key", ""))
        flash(f"The key {key_id} is taken over.")


@st.dialog("Take over the partner's key")
def ask_key(key_id: str) -> None:
    st.markdown(f"Paste the whole text of the key **{plain(key_id)}** as you received it, from crk1 to the last character. It "
                "is kept in a file only this side can read, and is never shown again.")  # fmt: skip
    st.text_input("Key", type="password", key="pasted_key", autocomplete="off", max_chars=200)
    confirm("Take over this key", Permission.TOKEN_KEY, take, key_id)


def show_comparison(room: Room, name: str, known: TokenState) -> None:
    own = known.vectors.get(room.side.alias, {})
    for aligned in alignments(room.side, room.user, name) if room.alias is not None else ():
        if not aligned.cases:
            continue
        different = [case for case in aligned.cases if not case.match]
        cause = likely_cause(aligned.cases, own, known.vectors[aligned.with_alias])
        whom = room.organisation(aligned.with_alias)
        if cause:
            st.error(f"Likely cause: {plain(cause)}", icon=":material/warning:")
        label = f"Compared with {whom}: {len(aligned.cases) - len(different)} of {len(aligned.cases)} cases match"
        with st.expander(label, expanded=bool(different)):
            rows = [
                {
                    "Case": plain(case.case),
                    "Outcome": "match" if case.match else "MISMATCH",
                    "Why": plain(case.why or same(own, case.case)),
                }
                for case in sorted(aligned.cases, key=lambda case: case.match)
            ]
            st.table(rows, hide_index=True, border="horizontal")


def same(tokens: Mapping[str, str | None], case: str) -> str:
    return "same token" if tokens.get(case) is not None else "no token on either side: empty or invalid"


def show_token(room: Room, name: str, spec: TokenSpec, known: TokenState | None, first: bool) -> bool:
    """One token; True if its next action was offered as the primary button of the page."""
    used = False
    with st.container(border=True):
        st.header(plain(name))
        in_one_sentence(room, name, known)
        show_spec(room, spec, known)
        has_key = show_key(room, spec) if room.alias is not None else False
        if known is None:
            used = offer_proposal(room, spec, first)
        elif room.may(Permission.TOKEN_ALIGN):
            if has_key:
                waits = room.alias not in known.vectors
                kind = "primary" if first and waits else "secondary"
                used = kind == "primary"
                if st.button("Run the vectors" if waits else "Run the vectors again", type=kind, key=f"run_{name}"):
                    act("Running the vectors ...", f"The vectors of {name} are on record.",
                        lambda: run_token_vectors(room.side, room.user, name))  # fmt: skip
        elif room.alias is not None:
            st.caption(f"Vectors are run by: {room.who_may(Permission.TOKEN_ALIGN)}.")
        if known is not None:
            show_comparison(room, name, known)
    return used


def offer_proposal(room: Room, spec: TokenSpec, first: bool) -> bool:
    if not room.may(Permission.TOKEN_ALIGN):
        return False
    if room.state.agreement_in_force is None:
        st.caption("It can be proposed once the agreement is in force.")
        return False
    if st.button("Propose this spec", type="primary" if first else "secondary", key=f"propose_{spec.name}"):
        act("Proposing ...", f"The spec {spec.name} is on record.", lambda: propose_token(room.side, room.user, spec))
    return first


def spec_form(room: Room) -> None:
    """A new spec becomes a draft first; it is proposed from there, after it was read once more."""
    with st.expander("Write another spec"):
        problems: Mapping[str, str] = st.session_state.get("_spec_problems", {})

        def problem(field: str) -> None:
            if field in problems:
                st.error(plain(problems[field]), icon=":material/warning:")

        with st.form("spec", border=False):
            name = st.text_input(
                "Name", key="spec_name", help="What policies call this token: small letters, digits, underscores."
            )
            problem("name")
            identifier = st.selectbox("Identifier", IDENTIFIERS, key="spec_identifier", help="Decides which values are valid.")
            problem("identifier")
            steps = st.multiselect(
                "Normalise, in this order", NORMALISE, key="spec_normalise",
                format_func=lambda step: f"{step}: {STEP_WORDS[step]}",
                help="Both sides do exactly these steps before the token is made.",
            )  # fmt: skip
            problem("normalise")
            key_id = st.text_input(
                "Key id", key="spec_key_id", help="The name of the key, not the key. A new key gets a new id."
            )
            problem("key_id")
            if not st.form_submit_button("Keep as a draft"):
                return
        spec, found = read_spec_fields(name, identifier, steps, key_id)
        st.session_state["_spec_problems"] = dict(found)
        if spec is None:
            st.rerun()
        act("Keeping ...", f"The draft {spec.name} is kept.", lambda: draft_token(room.side, room.user, spec))


viewer = require(Permission.ROOM_READ)
st.title("Tokens")
room = open_room(viewer)
show_failed()
st.write("A token stands for a person without saying who. Both sides join on tokens, so both must make the same one of the "
         "same identifier; test vectors show whether they do before any row is joined.")  # fmt: skip
drafts = {} if room.alias is None else dict(read_draft(room.side).tokens)
known_tokens = room.state.tokens
names = [*known_tokens, *(name for name in drafts if name not in known_tokens)]
if not names:
    st.info("There is no token spec yet. How each token is made, the keys and the comparison will stand here. Proposed by: "
            f"{room.who_may(Permission.TOKEN_ALIGN)}.")  # fmt: skip
taken = False
for token_name in names:
    found = known_tokens.get(token_name)
    spec_now = drafts[token_name] if found is None else found.spec
    taken = show_token(room, token_name, spec_now, found, first=not taken) or taken
if room.may(Permission.TOKEN_ALIGN):
    spec_form(room)
