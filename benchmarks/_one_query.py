"""One query in a process of its own, so that its peak memory is its own: reads JSON from stdin, prints JSON.

{"tables": {"provider.t": [files]}, "sql": "...", "threads": 2, "memory_mb": 4096} -> {"seconds": 1.2, "cpu": 2.2, ...}
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass

import duckdb


@dataclass(frozen=True)
class Measured:
    """`cpu`: seconds of all threads, the fairer figure on a busy machine. `peak_mb`: the most memory the process ever held."""

    seconds: float
    cpu: float
    peak_mb: float
    rows: int


def measure(tables: dict[str, list[str]], sql: str, threads: int = 2, memory_mb: int = 4096) -> Measured:
    """Run the query once over Parquet files, in a new process."""
    body = json.dumps({"tables": tables, "sql": sql, "threads": threads, "memory_mb": memory_mb})
    child = subprocess.run([sys.executable, __file__], input=body, capture_output=True, text=True, check=True)
    return Measured(**json.loads(child.stdout))


def _run() -> None:
    body = json.load(sys.stdin)
    with duckdb.connect(config={"threads": body["threads"], "memory_limit": f"{body['memory_mb']}MB"}) as connection:
        for qualified, files in body["tables"].items():
            owner, _, name = qualified.partition(".")
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {owner}")
            connection.read_parquet(files).create_view("files_of_" + name)
            connection.execute(f"CREATE VIEW {owner}.{name} AS FROM files_of_{name}")
        began, spent = time.perf_counter(), time.process_time()
        rows = connection.execute(body["sql"]).fetchall()
        seconds, cpu = time.perf_counter() - began, time.process_time() - spent
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mb": peak, "rows": len(rows)}))


if __name__ == "__main__":
    _run()
