"""`cleanroom table`: look at a raw table before it is used: its columns and types, or what is wrong with it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--type", "types", multiple=True, metavar="COLUMN=TYPE", help="Read this column as this type; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(file: Path, types: tuple[str, ...], as_json: bool) -> None:
    """Say which columns a CSV or Parquet file or a Delta folder has; shows no values."""
    from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
    from cleanroom_core.engines.protocol import Source
    from cleanroom_core.errors import InputError

    pairs = [text.partition("=") for text in types]
    if any(not sign for _, sign, _ in pairs):
        raise InputError("A type is given as COLUMN=TYPE.", hint="For example --type amount='decimal(12,2)'.", code="TYPE")
    with tempfile.TemporaryDirectory(prefix="cleanroom-table-") as work:
        found = DuckDBOwnerEngine(Path(work)).inspect(Source(file, {name: type_ for name, _, type_ in pairs}))
    if as_json:
        click.echo(
            json.dumps(
                {"kind": found.kind, "rows": found.rows, "columns": found.schema.as_json(), "unusable": dict(found.unusable)},
                ensure_ascii=False,
            )
        )
        return
    click.echo(f"{file}: {found.kind}, {found.rows} rows")
    for column in found.schema:
        click.echo(f"  {column.name:<32} {column.type}")
    for name, why in found.unusable.items():
        click.echo(f"  {name:<32} cannot be shared: {why}")
