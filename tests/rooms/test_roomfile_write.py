"""A definition written as a room file and read again is the same definition."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom_core.agreements.terms import AT_END, PERIODS, AgreementTerms
from cleanroom_core.guard.template import Parameter, Template
from cleanroom_core.policies.policy import ColumnPolicy, Policy
from cleanroom_core.policies.rule import AnalysisRule, Dimension, Measure
from cleanroom_core.rooms.definition import Request, RoomDefinition
from cleanroom_core.rooms.roomfile import BESIDE_THE_TEXT, check_room_text, read_room_file
from cleanroom_core.rooms.roomfile_write import write_room_file
from cleanroom_core.sql.types import SqlType
from cleanroom_core.tokens.spec import IDENTIFIERS, STEPS, TokenSpec

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"


def read_back(text: str, base: Path) -> RoomDefinition:
    definition, problems = check_room_text(text, base)
    mistakes = [str(problem) for problem in problems if problem.code not in BESIDE_THE_TEXT]
    assert mistakes == [], text
    assert definition is not None
    return definition


@pytest.mark.parametrize(
    "path", [HERE / "roomfile_contract.yaml", EXAMPLES / "banks" / "room.yaml", EXAMPLES / "hospital" / "room.yaml"], ids=str
)
def test_real_rooms_survive_being_written(path: Path) -> None:
    definition = read_room_file(path, need_data=False)
    text = write_room_file(definition, path.parent)
    assert read_back(text, path.parent) == definition
    assert write_room_file(read_back(text, path.parent), path.parent) == text
    assert str(path.parent) not in text
    assert "sql: |\n" in text
    assert max(map(len, text.split("\n"))) <= 200


name = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
readable = st.characters(exclude_categories=("C", "Zl", "Zp"))
words = st.text(readable, min_size=1, max_size=30).filter(str.strip)
sql = st.text(readable | st.sampled_from("\n\t '\"#:-|>"), min_size=1, max_size=60).filter(
    lambda text: text.strip() and ":" not in text
)
label_lists = (
    st.lists(st.text(readable, max_size=8), min_size=1, max_size=4, unique=True)
    | st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4, unique=True)
    | st.lists(st.booleans(), min_size=1, unique=True)
)
numbers = st.decimals(-(10**9), 10**9, places=3).map(str)


@st.composite
def rooms(draw: st.DrawFn) -> RoomDefinition:
    """Rooms of any content: odd labels, odd organisations, SQL of any shape (what SQL may say is not the file's business)."""
    first, second = draw(st.lists(name.filter(lambda text: text != "both"), min_size=2, max_size=2, unique=True))
    columns = draw(st.lists(name, min_size=4, max_size=4, unique=True))
    token, unit, dimension, measure = draw(name), columns[0], columns[1], columns[2]
    low, high = sorted(draw(st.lists(numbers, min_size=2, max_size=2, unique_by=float)), key=float)
    purpose, asset, parameter = draw(words), draw(name), draw(name)
    policy = Policy(
        asset=asset,
        owner=first,
        columns={
            unit: ColumnPolicy(token=token, source=draw(words)),
            dimension: ColumnPolicy(),
            measure: ColumnPolicy(expression=draw(sql)),
            columns[3]: ColumnPolicy(),
        },
        rule=AnalysisRule(
            privacy_unit=unit,
            join_key=unit,
            dimensions={dimension: Dimension(domain=tuple(draw(label_lists)))},
            measures={measure: Measure(low, high)},
            counted=(columns[3],),
            minimum_cohort=draw(st.none() | st.integers(2, 10**6)),
        ),
        row_filter=draw(st.none() | sql),
        types={draw(words): SqlType.parse(draw(st.sampled_from(["bigint", "decimal(12,2)", "timestamp"])))},
    )
    values = tuple(draw(label_lists))
    template = Template(
        name=draw(name),
        receiver=second,
        purpose=purpose,
        sql=re.sub(r"--|/\*|['\"`]", "", draw(sql)) + f" = :{parameter}",  # nothing in which the parameter would be hidden
        parameters={parameter: Parameter(values)},
    )
    return RoomDefinition(
        name=draw(name),
        collaborators={first: "One " + draw(words).strip(), second: "Two " + draw(words).strip()},
        agreement=AgreementTerms(
            purposes=(purpose,),
            ends_on=draw(st.dates(date(2000, 1, 1))),
            minimum_cohort=draw(st.integers(2, 10**6)),
            period=draw(st.sampled_from(PERIODS)),
            output_owner=draw(st.sampled_from([first, second, "both"])),
            at_end=draw(st.dictionaries(st.sampled_from(["outputs", "share_tables", "tokens"]), st.sampled_from(AT_END))),
            contacts=draw(st.dictionaries(st.sampled_from([first, second]), words)),
        ),
        tokens={
            token: TokenSpec(
                token,
                draw(st.sampled_from(IDENTIFIERS)),
                tuple(draw(st.lists(st.sampled_from(STEPS), max_size=3))),
                draw(words),
            )
        },
        policies={asset: policy},
        templates={template.name: template},
        requests=(
            Request(by=second, expect="released", template=template.name, parameters={parameter: values[0]}),
            Request(by=first, expect="refused", sql=draw(sql)),
        ),
        data={asset: (HERE / "data" / draw(name)).absolute()} if draw(st.booleans()) else {},
    )


@settings(max_examples=40, deadline=None)
@given(rooms())
def test_any_room_survives_being_written(room: RoomDefinition) -> None:
    assert read_back(write_room_file(room, HERE), HERE) == room


def test_data_elsewhere_keeps_its_whole_path() -> None:
    room = read_room_file(EXAMPLES / "hospital" / "room.yaml")
    elsewhere = replace(room, data={"members": Path("/somewhere/members.csv")})
    assert 'data: "/somewhere/members.csv"' in write_room_file(elsewhere, HERE)
