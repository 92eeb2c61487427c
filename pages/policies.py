"""Policies: what this side shares of its tables, previewed exactly before it is published; and what the other side shares."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cleanroom_core.engines.inbox import UPLOAD_BYTES
from cleanroom_core.engines.protocol import Progress
from cleanroom_core.identity.permissions import Permission
from cleanroom_core.policies.difference import difference
from cleanroom_core.policies.policy import Policy
from cleanroom_core.sql.names import checked_name
from cleanroom_core.stories.drafts import Draft, read_draft
from cleanroom_core.stories.publish import PolicyPreview, check_policy, inbox_tables, publish_policy, upload_table
from pages._ui import policy_preview
from pages._ui.acts import confirm, show_failed
from pages._ui.cards import flash, plain, status
from pages._ui.errors import shown
from pages._ui.guard import require
from pages._ui.jobs import desk, show_job
from pages._ui.next_task import nothing_yet
from pages._ui.platform_room import connected
from pages._ui.platform_tables import is_named, name_table, table_there
from pages._ui.policy_form import edit_policy
from pages._ui.policy_text import show_policy
from pages._ui.room import Room, open_room
from pages._ui.state import Viewer

viewer = require(Permission.ROOM_READ)
NEW = "A new table"
BEGUN = "_begun_assets"
PREVIEW, EDIT = "Preview and publish", "Edit"


def own_tables(room: Room) -> None:
    """The table somebody works on: preview and publish it, or edit its policy."""
    draft = read_draft(room.side)
    begun: dict[str, str] = st.session_state.get(BEGUN, {})
    steward = room.may(Permission.POLICY_PUBLISH)
    names = sorted({*draft.policies, *begun}) + ([NEW] if steward else [])
    st.header("Our tables")
    if not names:
        st.info(f"This side has prepared no table. The {room.who_may(Permission.POLICY_PUBLISH)} begins one.")
        return
    wanted = st.query_params.get("asset")
    name = st.selectbox("Table", names, index=names.index(wanted) if wanted in names else 0, key="asset")
    if name == NEW:
        begin(room)
        return
    source = draft.sources.get(name) or begun.get(name, "")
    if steward and not is_named(room, source):
        st.info("The file this draft was made for is not here: this side publishes from its workspace.")
        name_table(room, name, draft.policies.get(name), keep_begun)
        return
    policy = draft.policies.get(name)
    how = PREVIEW
    if steward:
        how = st.radio("Show", (PREVIEW, EDIT), index=0 if policy else 1, horizontal=True, key=f"how:{name}",
                       label_visibility="collapsed")  # fmt: skip
    with shown():
        checked = None if policy is None else check_policy(room.side, room.user, policy, source)
        if how == EDIT:
            edit_policy(room, name, source, policy, checked)
        elif policy is not None and checked is not None:
            preview(room, policy, source, checked)


def begin(room: Room) -> None:
    """Choose a table of the own inbox, or upload a small one, and give it the name analysts will use."""
    if room.side.share_schema is not None:
        name_table(room, "", None, keep_begun)
        return
    upload = st.file_uploader("Upload a small table", ["csv", "parquet"], max_upload_size=UPLOAD_BYTES // 2**20,
                              help="CSV or Parquet, at most 5 MB. It stays on this side.")  # fmt: skip
    if upload is not None and st.button("Put it into the inbox"):
        with shown():
            flash(f"Kept as {upload_table(room.side, room.user, upload.name, upload.getvalue())}.")
            st.rerun()
    files = inbox_tables(room.side, room.user)
    if not files:
        st.info("The inbox of this side is empty. Upload a table, or put one into the folder inbox of this side's home.")
        return
    sizes = {file.name: f"{file.name} ({file.kind}, {file.size / 2**20:,.1f} MB)" for file in files}
    with st.form("begin"):
        source = st.selectbox("Table in our inbox", list(sizes), format_func=lambda name: sizes[name])
        asset = st.text_input("Name for analysts", max_chars=63, help="Small letters, digits and underscores.")
        sent = st.form_submit_button("Choose its columns", type="primary")
    if sent and source is not None:
        with shown():
            keep_begun(checked_name(asset or "", "a table"), source)
            st.rerun()


def keep_begun(name: str, source: str) -> None:
    """A table somebody has begun to work on: chosen from now on, and no draft before its columns are saved."""
    st.session_state[BEGUN] = {**st.session_state.get(BEGUN, {}), name: source}
    st.query_params["asset"] = name
    del st.session_state["asset"]


def preview(room: Room, policy: Policy, source: str, checked: PolicyPreview) -> None:
    """Where it stands, its problems, and the same rows as owner, steward and partner; then publishing."""
    standing(room, policy)
    placed = connected(room)
    if placed is not None:
        table_there(room, placed, policy.qualified)
    running = show_job(room, f"publish:{policy.asset}", Permission.POLICY_PUBLISH)
    if checked.problems:
        st.error(
            f"{len(checked.problems)} place{'s' if len(checked.problems) > 1 else ''} to correct before it can be previewed:"
        )
        for problem in checked.problems:
            where = " · ".join(str(part) for part in problem.path)
            st.markdown(f"- **{plain(where)}**: {plain(problem.message)} {plain(problem.hint)}")
        return
    views = policy_preview.kept(policy, source)
    if views is None:
        st.write("See the same rows as their owner, as the steward and as the partner. Nothing is shared by looking.")
        if st.button("Show the preview", type="primary"):
            with shown():
                policy_preview.make(room, policy, source)
                st.rerun()
        return
    policy_preview.show(room, policy, source, views)
    if not running:
        publishing(room, policy, views)


def standing(room: Room, policy: Policy) -> None:
    known = room.state.policies.get(policy.qualified)
    asset = room.state.assets.get(policy.qualified)
    with st.container(horizontal=True, vertical_alignment="center"):
        if known is None:
            status("your turn" if room.may(Permission.POLICY_PUBLISH) else "waiting", "Draft, not published")
        elif known.published is not None and not difference(known.policy, policy):
            status("done", f"Published, version {known.version}")
        else:
            status("waiting", "Changed or not published as it stands")
        if known is not None and known.published is not None:
            fits = asset is not None and asset.policy_hash == known.policy_hash
            st.markdown("Registered in the room." if fits else "Not registered yet: that is done on the room page.")


def changes(room: Room, policy: Policy) -> str:
    """Against the policy on record, one line per change; empty when nothing differs."""
    known = room.state.policies.get(policy.qualified)
    return "" if known is None else "\n".join(difference(known.policy, policy))


def publishing(room: Room, policy: Policy, views: policy_preview.Views) -> None:
    if not room.may(Permission.POLICY_PUBLISH):
        st.caption(f"Published by {room.who_may(Permission.POLICY_PUBLISH)}.")
    elif room.state.agreement_in_force is None:
        st.info("It can be published once both sides have signed the agreement.")
    elif st.button("Publish ...", type="primary"):
        publish_dialog(room, policy, views)


@st.dialog("Publish this table?", width="medium")
def publish_dialog(room: Room, policy: Policy, views: policy_preview.Views) -> None:
    require(Permission.POLICY_PUBLISH)
    known = room.state.policies.get(policy.qualified)
    st.markdown(f"The share-safe table **{plain(policy.qualified)}** is written anew. {policy_preview.counted(views)}")
    if known is None:
        st.markdown("It has not been published before: everything in the preview is new to the other side.")
    else:
        found = changes(room, policy)
        st.markdown(
            f"Against version {known.version} on record:" if found else f"The policy is version {known.version} unchanged."
        )
        if found:
            st.code(found, language=None, wrap_lines=True)
            st.caption("Both sides sign the release plan anew after a change of a policy.")
    confirm("Publish", Permission.POLICY_PUBLISH, publish, policy.asset, views.of)


def publish(viewer: Viewer, asset: str, seen: str) -> None:
    """Begin publishing the draft, if it is still the one that was previewed."""
    side, user = viewer.side, viewer.user
    if side is None:
        return
    draft: Draft = read_draft(side)
    policy, source = draft.policies[asset], draft.sources[asset]
    if policy_preview.identity(policy, source) != seen:
        flash("The draft has changed meanwhile: look at the preview again.")
        return

    def work(progress: Progress, cancelled: Callable[[], bool]) -> str:
        published = publish_policy(side, user, policy, source, progress, cancelled)
        return f"Published {policy.qualified}: {published.table.rows:,} rows."

    desk(open_room(viewer)).start(f"publish:{asset}", f"Publishing {policy.qualified}", work)


def on_record(room: Room) -> None:
    """Every policy that was said, of every side: rule, columns, expressions. Nobody's rows."""
    st.header("Policies on record")
    if not room.state.policies:
        st.caption("None yet. What one side says about a table is read here by the other.")
    for _, state in sorted(room.state.policies.items(), key=lambda item: item[1].policy.owner == room.alias):
        show_policy(room, state)


st.title("Policies")
show_failed()
room = open_room(viewer)
if room.may(Permission.POLICY_PREVIEW):
    own_tables(room)
elif not room.state.policies:
    nothing_yet(room, "Here each side says what it shares of its tables and what may be asked of it; both can read both.")
else:
    st.caption(f"Previews of our own tables: {room.who_may(Permission.POLICY_PREVIEW)}.")
if room.may(Permission.POLICY_PREVIEW) or room.state.policies:
    on_record(room)
