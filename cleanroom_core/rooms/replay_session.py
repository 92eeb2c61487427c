"""A session to replay: JSON Lines, each a question of one party or something that happens to the room meanwhile.

    {"actor": "ana", "party": "consumer", "sql": "SELECT ...", "purpose": "...", "parameters": {"flag": 1}}
    {"event": "revoke", "table": "provider.signals", "where": "card_token = 'x'"}
    {"event": "append", "table": "signals", "rows": [{"card_token": "y", "amount": 12.50}]}
    {"event": "update", "table": "accounts", "set": {"band": "old"}, "where": "card_token = 'y'"}
    {"event": "set", "minimum_cohort": 50}
    {"event": "period"}

Only the shape is judged here; whether columns and conditions fit the tables, `stories.replay` says before the first step.
Keys nobody knows are passed over: a session may carry remarks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn

from cleanroom_core.errors import InputError
from cleanroom_core.guard.template import ParameterValue

MAX_BYTES = 64_000_000  # a session is written by hand or by a small program
NAMED_AT_ONCE = 20
Given = None | str | bool | int | Decimal  # a value of a row, as JSON says it; numbers with a point are exact


@dataclass(frozen=True)
class Ask:
    """A statement, which extends the release plan; `line` counts from 1 in the file, here and below."""

    line: int
    party: str
    sql: str
    purpose: str | None = None
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    actor: str = ""


@dataclass(frozen=True)
class Revoke:
    """The people whose rows of the table meet the condition opt out of it. `table`: the asset's bare name, as below."""

    line: int
    table: str
    where: str


@dataclass(frozen=True)
class Append:
    """Rows by column name, or in the order of the columns; a column that is not named is NULL."""

    line: int
    table: str
    rows: tuple[Mapping[str, Given] | tuple[Given, ...], ...]


@dataclass(frozen=True)
class Update:
    line: int
    table: str
    values: Mapping[str, Given]
    where: str


@dataclass(frozen=True)
class SetMinimum:
    line: int
    minimum_cohort: int


@dataclass(frozen=True)
class NewPeriod:
    line: int


Event = Revoke | Append | Update | SetMinimum | NewPeriod
Step = Ask | Event


def unusable(line: int, message: str, hint: str) -> InputError:
    """What is wrong with one line of the session."""
    return InputError(f"Session, line {line}: {message}", hint=hint, code="SESSION")


def read_session(content: bytes, parties: Sequence[str], assets: Mapping[str, str]) -> tuple[Step, ...]:
    """The steps of a session file. `parties`: aliases of the collaborators; `assets`: qualified name -> bare name.

    Raises InputError (code SESSION) that names every line that cannot be used.
    """
    if len(content) > MAX_BYTES:
        raise InputError("The session is larger than 64 MB.", hint="Play it in parts.", code="SESSION")
    steps: list[Step] = []
    wrong: list[InputError] = []
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not raw.strip():
            continue
        try:
            steps.append(_Line(number, _parsed(number, raw), parties, assets).step())
        except InputError as error:
            wrong.append(error)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        said = [f"{error.message} {error.hint}" for error in wrong[:NAMED_AT_ONCE]]
        said += [f"... and {len(wrong) - NAMED_AT_ONCE} lines more."] if len(wrong) > NAMED_AT_ONCE else []
        raise InputError("\n".join(said), hint="Nothing was played. Correct the lines named.", code="SESSION")
    return tuple(steps)


def _parsed(number: int, raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(
            raw.decode("utf-8"), parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_each_key_once
        )
    except UnicodeDecodeError:
        raise unusable(number, "it is not UTF-8 text.", "Save the session as UTF-8.") from None
    except (ValueError, RecursionError, ArithmeticError) as error:
        about = f" ({error.msg}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise unusable(number, f"it is not JSON{about}.", "Write one JSON object per line.") from None
    if not isinstance(found, dict):
        raise unusable(number, "it is no JSON object.", 'Write {"party": ..., "sql": ...} or {"event": ...}.')
    return found


def _no_constant(_: str) -> NoReturn:
    raise ValueError


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


class _Line:
    """One line under reading; a class only because number, parties and assets belong to every message."""

    def __init__(self, number: int, data: Mapping[str, Any], parties: Sequence[str], assets: Mapping[str, str]) -> None:
        self.number, self.data, self.parties, self.assets = number, data, parties, assets

    def step(self) -> Step:
        if "event" not in self.data:
            return self._ask()
        if "sql" in self.data:
            raise self._wrong("it has both sql and event.", "Make two lines of it.")
        readers: dict[str, Callable[[], Event]] = {
            "revoke": lambda: Revoke(self.number, self._table(), self._text("where")),
            "append": lambda: Append(self.number, self._table(), self._rows()),
            "update": lambda: Update(self.number, self._table(), self._values(), self._text("where")),
            "set": lambda: SetMinimum(self.number, self._minimum()),
            "period": lambda: NewPeriod(self.number),
        }
        event = self.data["event"]
        if not isinstance(event, str) or event.strip().lower() not in readers:
            raise self._wrong("there is no such event.", f"Known are {', '.join(readers)}.")
        return readers[event.strip().lower()]()

    def _ask(self) -> Ask:
        sql = self.data.get("sql")
        if not isinstance(sql, str):
            raise self._wrong("it has neither sql nor event.", 'Write "sql": "SELECT ...", or "event": "period".')
        party = self.data.get("party")
        known = {alias.casefold(): alias for alias in self.parties}
        if not isinstance(party, str) or party.strip().casefold() not in known:
            raise self._wrong("its party is no collaborator of the room.", f"Write one of {', '.join(self.parties)}.")
        purpose = self.data.get("purpose")
        if purpose is not None and not isinstance(purpose, str):
            raise self._wrong("purpose is no text.", "Name one of the agreement's purposes, or leave it out.")
        parameters = self.data.get("parameters") or {}
        if not isinstance(parameters, dict) or not all(isinstance(value, str | int) for value in parameters.values()):
            raise self._wrong("parameters are no values by name.", 'Write "parameters": {"flag": 1}.')
        named = {name.strip().lower(): value for name, value in parameters.items()}
        return Ask(self.number, known[party.strip().casefold()], sql, purpose, named, str(self.data.get("actor") or ""))

    def _table(self) -> str:
        written = self._text("table")
        word = "".join(written.split()).translate(str.maketrans("", "", "`\"'")).casefold()
        for qualified, bare in self.assets.items():
            if word in (qualified.casefold(), bare.casefold()):
                return bare
        raise self._wrong("its table is not in the room.", f"Write one of {', '.join(self.assets)}.")

    def _rows(self) -> tuple[Mapping[str, Given] | tuple[Given, ...], ...]:
        rows = self.data.get("rows")
        if not isinstance(rows, list) or not all(isinstance(row, dict | list) for row in rows):
            raise self._wrong("rows is no list of rows.", 'Write "rows": [{"column": value}].')
        if not all(_is_plain(value) for row in rows for value in (row.values() if isinstance(row, dict) else row)):
            raise self._wrong("a value of its rows is nested.", "Write text, numbers, true, false or null.")
        return tuple(row if isinstance(row, dict) else tuple(row) for row in rows)

    def _values(self) -> Mapping[str, Given]:
        values = self.data.get("set")
        if not isinstance(values, dict) or not values or not all(map(_is_plain, values.values())):
            raise self._wrong("set is no value by column.", 'Write "set": {"column": value}.')
        return values

    def _minimum(self) -> int:
        found = self.data.get("minimum_cohort")
        if not isinstance(found, int) or isinstance(found, bool) or not 2 <= found <= 1_000_000_000:
            raise self._wrong("minimum_cohort is no whole number from 2 on.", 'Write "minimum_cohort": 50.')
        return found

    def _text(self, key: str) -> str:
        found = self.data.get(key)
        if not isinstance(found, str) or not found.strip():
            raise self._wrong(f"it needs {key}, a text.", f'Write "{key}": "...".')
        return found

    def _wrong(self, message: str, hint: str) -> InputError:
        return unusable(self.number, message, hint)


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | bool | int | Decimal)
