"""Released results: a chart and a table of the segments, downloads with their proof, and questions in SQL."""

from __future__ import annotations

from functools import partial

import streamlit as st

from cleanroom_core.guard.answer import Answer
from cleanroom_core.guard.template import ParameterValue
from cleanroom_core.guard.units import LABEL
from cleanroom_core.identity.permissions import Permission
from cleanroom_core.rooms.state import ResultState
from cleanroom_core.stories.answer import Answered, ask_sql, ask_template, released_templates
from cleanroom_core.stories.tables import as_csv, as_parquet, proof_of
from pages._ui.cards import copyable, plain
from pages._ui.charts import Bars, show_bars
from pages._ui.errors import shown
from pages._ui.findings import show_findings
from pages._ui.guard import require
from pages._ui.next_task import nothing_yet
from pages._ui.releases import released_line
from pages._ui.room import Room, open_room, when
from pages._ui.tables import show_table

viewer = require(Permission.ROOM_READ)
ASKED = "_asked_sql"
NO_COLOUR = "(no colour)"


def choose(room: Room) -> tuple[str, dict[str, ParameterValue], ResultState]:
    """Which released template, with which parameters."""
    found = released_templates(room.side, room.user)
    names = list(found)
    wanted = st.query_params.get("template")
    first = names.index(wanted) if wanted in names else 0
    name = st.selectbox("Template", names, index=first, help="One question both sides signed, computed once and released.")
    template, result = found[name]
    parameters = {
        parameter: st.selectbox(parameter, spec.of, key=f"{name}:{parameter}")
        for parameter, spec in template.parameters.items()
    }
    return name, parameters, result


def figures(room: Room, name: str, answered: Answered, result: ResultState) -> None:
    """Everything about one released sheet."""
    if answered.answer is None:
        show_findings(room, "", answered.findings)
        return
    if not answered.answer.rows:
        st.info("No segment reached the agreed minimum, so there is no figure to show.")
    else:
        chart(name, answered.answer, answered.units)
        table(answered.answer, name)
    not_released(answered)
    downloads(room, name, answered)
    provenance(room, answered, result)


def chart(name: str, answer: Answer, units: dict[str, str]) -> None:
    labels = [column for column, _ in answer.columns if units.get(column) == LABEL]
    measures = [column for column, type_ in answer.columns if units.get(column) != LABEL and type_.is_numeric]
    if not labels or not measures:
        return
    left, middle, right = st.columns(3)
    segment = left.selectbox("Segments by", labels, key=f"segment:{name}")
    figure = middle.selectbox("Figure", measures, key=f"figure:{name}")
    rows = [dict(zip([column for column, _ in answer.columns], row, strict=True)) for row in answer.rows]
    others = [column for column in labels if column != segment]
    varied = [column for column in others if len({row[column] for row in rows}) > 1]
    colour = right.selectbox("Colour by", [*varied, NO_COLOUR], key=f"colour:{name}:{segment}")
    fixed = []
    for column in others:
        if column == colour:
            continue
        options = sorted({str(row[column]) for row in rows})
        value = (
            options[0]
            if len(options) == 1
            else st.selectbox(f"Where {plain(column)} is", options, key=f"where:{name}:{column}")
        )
        rows = [row for row in rows if str(row[column]) == value]
        fixed.append(f"{column} = {value}")
    by_colour = None if colour == NO_COLOUR else colour
    segments = [(str(row[segment]), None if by_colour is None else str(row[by_colour]), row[figure]) for row in rows]
    title = f"{figure} by {segment}" + (f" and {by_colour}" if by_colour else "") + (f" ({', '.join(fixed)})" if fixed else "")
    show_bars(Bars(title, segment, figure, units.get(figure, ""), by_colour, segments))


def table(answer: Answer, name: str) -> None:
    names = [column for column, _ in answer.columns]
    show_table(names, answer.rows, alt=f"Released figures of {name}, {len(answer.rows)} segments")
    st.caption("Four decimals are shown; the downloads are exact." + "".join(f" {note}" for note in map(plain, answer.notes)))


def not_released(answered: Answered) -> None:
    missing = {key: labels for key, labels in answered.not_released.items() if labels}
    if missing:
        st.markdown("**Not released**")
        for key, labels in missing.items():
            st.markdown(f"{plain(key)}: {plain(', '.join('(none)' if label is None else str(label) for label in labels))}")
    if missing or (answered.answer is not None and answered.answer.withheld):
        st.caption("Combinations of agreed labels that are not in the table are not released; no reason and no count is given.")


def downloads(room: Room, name: str, answered: Answered) -> None:
    with st.container(horizontal=True):
        st.download_button(
            "Download CSV", partial(as_csv, room.side, room.user, answered), f"{name}.csv", "text/csv", on_click="ignore",
            type="primary", help="Cells that a spreadsheet would run as a formula begin with a quote.", key=f"csv:{name}",
        )  # fmt: skip
        st.download_button(
            "Download Parquet", partial(as_parquet, room.side, room.user, answered), f"{name}.parquet",
            "application/vnd.apache.parquet", on_click="ignore", key=f"parquet:{name}",
        )  # fmt: skip


def provenance(room: Room, answered: Answered, result: ResultState) -> None:
    proof = proof_of(room.side, answered)
    st.markdown(f"{released_line(room, result)} Entry {proof['entry']} of a log of {proof['tree_size']} entries.")
    with st.expander("Proof of this release"):
        copyable(f"{proof['log']} entry {proof['entry']}", "Log and entry number")
        copyable(proof["root_hash"], f"Root hash at {proof['tree_size']} entries")
        copyable(result.commitment, "Commitment made before the review")


def ask(room: Room) -> None:
    """A question in SQL: answered from released cells, or refused with the clause that stands in the way."""
    st.header("Ask in SQL")
    st.write("Answered from released figures only. Nothing is computed on this page, so you can ask as often as you like.")
    agreement = room.state.agreement_in_force
    with st.form("ask_sql"):
        sql = st.text_area("Your question", key="ask_sql_text", height=140, placeholder="SELECT ... GROUP BY ...")
        purpose = st.selectbox(
            "Purpose", () if agreement is None else agreement.terms.purposes, help="Named on every question."
        )
        if st.form_submit_button("Ask"):
            st.session_state[ASKED] = (sql or "", purpose)
    asked, purpose = st.session_state.get(ASKED, ("", None))
    if not asked.strip():
        return
    answered = ask_sql(room.side, room.user, asked, purpose)
    if answered.answer is None:
        show_findings(room, asked, answered.findings)
        return
    st.success(f"Answered from the released figures of {plain(answered.template or '')}.")
    if answered.answer.rows:
        table(answered.answer, "your question")
    else:
        st.info("No released segment fits this question.")


def all_releases(room: Room) -> None:
    """Who released what and when: for everybody, without figures."""
    releases = [result for result in reversed(room.state.released()) if room.alias in (None, result.receiver, result.custodian)]
    if not releases:
        return
    st.header("Releases")
    rows = [
        [
            result.template, room.side.collaborators[result.receiver], "automatic" if result.automatic else result.decided.user,
            when(result.decided.time), f"{result.release.seq}", result.commitment[:16],
        ]
        for result in releases
        if result.decided is not None and result.release is not None
    ]  # fmt: skip
    show_table(("Template", "Receiver", "Released by", "When", "Entry", "Commitment"), rows, alt="Releases, newest first")


st.title("Results")
room = open_room(viewer)
if not room.state.released():
    nothing_yet(room, "Here the released figures of each template will be shown as a chart and a table.")
elif not room.may(Permission.ANSWER_READ):
    st.info(f"Released figures are read by {room.who_may(Permission.ANSWER_READ)}.")
elif not released_templates(room.side, room.user):
    st.info("No template of the plan in force has been released to this side; the other side may be its receiver.")
    ask(room)
else:
    with shown():
        name, parameters, result = choose(room)
        figures(room, name, ask_template(room.side, room.user, name, parameters), result)
    ask(room)
all_releases(room)
