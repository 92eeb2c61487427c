"""An answer from released cells, for the receiver of a played room: what an analyst waits for at each click, against decoding
the JSON of all cells released to it with Python's own decoder in the same run.

    python benchmarks/answer.py [ROWS]      default 200,000 rows of the banks example; the released cells do not grow with them

The plan of the example is extended by finer templates. By template: one parameter choice of the signed template. In SQL: the
same question in other words, judged and looked up.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cleanroom_core.context import Context, create_home
from cleanroom_core.guard.template import Template
from cleanroom_core.identity.permissions import Role
from cleanroom_core.rehearsal import DEMO_ROLES, demo_users, import_room
from cleanroom_core.rooms.roomfile import read_room_file
from cleanroom_core.stories.answer import Answered, Outcome, ask_sql, ask_template
from cleanroom_core.stories.collaborator import Collaborator
from cleanroom_core.stories.play import play

BANKS = Path(__file__).resolve().parents[1] / "examples" / "banks"
ROUNDS = 15
IN_OTHER_WORDS = """
-- the same cells, asked for otherwise
SELECT round(avg(s.confirmed_fraud_flag), 3) AS fraud, b.account_age_band AS age, s.merchant_category_code AS merchant
FROM consumer.account_behavior AS b INNER JOIN provider.transaction_signals s USING (card_token)
WHERE NOT s.cross_border_flag <> 0
GROUP BY 3, 2, s.cross_border_flag ORDER BY 1 DESC LIMIT 10
"""

FINER = (
    ("t.merchant_category_code", "t.txn_amount_band", "t.cross_border_flag"),
    ("t.merchant_category_code", "a.account_age_band", "t.txn_amount_band"),
    ("t.merchant_category_code", "a.account_age_band", "a.prior_fraud_flag"),
    ("t.txn_amount_band", "a.account_age_band", "t.cross_border_flag", "a.prior_fraud_flag"),
    ("t.merchant_category_code", "t.txn_amount_band", "a.prior_fraud_flag"),
)


def finer_templates() -> dict[str, Template]:
    joined = "FROM provider.transaction_signals t JOIN consumer.account_behavior a ON t.card_token = a.card_token"
    figures = "count(*) AS n, avg(t.confirmed_fraud_flag) AS fraud, avg(t.txn_amount) AS amount"
    return {
        f"finer_{number}": Template(
            f"finer_{number}", "consumer", "fraud_detection",
            f"SELECT {', '.join(keys)}, {figures} {joined} GROUP BY {', '.join(keys)}",
        )
        for number, keys in enumerate(FINER)
    }  # fmt: skip


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make = [sys.executable, str(BANKS / "generate.py"), "--out", str(folder / "data"), "--rows", str(rows)]
        subprocess.run([*make, "--people", str(max(1, rows // 20))], check=True, capture_output=True)
        shutil.copy(BANKS / "room.yaml", folder)
        definition = read_room_file(folder / "room.yaml", today=datetime.now(UTC).date())
        definition = replace(definition, templates={**definition.templates, **finer_templates()})
        create_home(folder / "home")
        context = Context.open(folder / "home")
        import_room(context, definition)
        users = demo_users(definition.collaborators)
        cast = {alias: {role: users[f"{alias}.{role}"] for role in DEMO_ROLES} for alias in definition.collaborators}
        sides = {alias: context.side(definition.name, alias) for alias in definition.collaborators}
        for step in play(sides, cast, definition):
            if step.step == "request":
                break  # everything is released; the questions are asked below
        measure(sides["consumer"], lambda kind: answered(sides["consumer"], cast["consumer"][Role.ANALYST], kind))
        context.close()


def answered(side: Collaborator, user: Any, kind: str) -> Answered:
    found = ask_template(side, user, "segments", {"flag": 0}) if kind == "template" else ask_sql(side, user, IN_OTHER_WORDS)
    if found.outcome is not Outcome.RELEASED:
        raise SystemExit("\n".join(str(finding) for finding in found.findings) or found.outcome)
    return found


def measure(side: Collaborator, ask: Callable[[str], Answered]) -> None:
    released = [result.release for result in side.state().released(side.alias) if result.release is not None]
    payloads = [side.log.records(ref.origin, start=ref.seq, stop=ref.seq + 1)[0].payload for ref in released]
    text = json.dumps(payloads)
    works: dict[str, Callable[[], object]] = {
        "json.loads of all stored cells": lambda: json.loads(text),
        "by template": lambda: ask("template"),
        "in SQL": lambda: ask("sql"),
    }
    wall: dict[str, list[float]] = {name: [] for name in works}
    cpu: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):  # taken in turns, so that a busy machine slows all of them alike
        for name, work in works.items():
            start, spent = time.perf_counter(), time.process_time()
            work()
            wall[name].append(time.perf_counter() - start)
            cpu[name].append(time.process_time() - spent)
    base, *_ = (statistics.median(values) for values in cpu.values())
    cells = sum(len(sheet["cells"]["cells"]) for payload in payloads for sheet in payload["result"]["sheets"])
    print(f"{len(payloads)} releases, {cells} cells, {len(text):,} bytes, a log of {side.log.size()} entries and the other's")
    for name in works:
        waited, spent = statistics.median(wall[name]) * 1000, statistics.median(cpu[name])
        print(f"  {name:32} {waited:8.2f} ms waited   {spent * 1000:7.2f} ms CPU   {spent / base:6.1f} x")


if __name__ == "__main__":
    main()
