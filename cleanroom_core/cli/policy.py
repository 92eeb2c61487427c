"""`cleanroom policy`: the Unity Catalog SQL of a policy, to be read, reviewed and run by whoever may."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cleanroom_core.errors import ExpressionError, InputError, Problem, RoomFileError

if TYPE_CHECKING:
    from cleanroom_core.policies.policy import Policy
    from cleanroom_core.policies.unity_catalog.catalog import CatalogFunction, CatalogTable
    from cleanroom_core.policies.unity_catalog.governance import Governance
    from cleanroom_core.policies.unity_catalog.names import ObjectName
    from cleanroom_core.policies.unity_catalog.share import Share
    from cleanroom_core.policies.unity_catalog.spelling import Statement
    from cleanroom_core.rooms.definition import RoomDefinition

PARTS = ("internal", "abac", "share", "diff", "check", "undo")
_FILE = click.Path(path_type=Path)


@click.group()
def command() -> None:
    """Policies as Unity Catalog SQL."""


@command.command()
@click.option("--room", "room_file", required=True, type=_FILE, help="The room file with the policy.")
@click.option("--asset", required=True, help="OWNER.NAME, as questions call it.")
@click.option("--catalog", default="main", show_default=True, help="Catalog of everything without a name of its own.")
@click.option("--schema", default="cleanroom", show_default=True, help="Schema of the same.")
@click.option("--source", help="CATALOG.SCHEMA.TABLE with the raw rows; otherwise the asset's name in that schema.")
@click.option("--share", "target", help="CATALOG.SCHEMA.TABLE to be written; otherwise the source's name with _share.")
@click.option("--view", help="CATALOG.SCHEMA.VIEW to be shared instead of that table.")
@click.option("--withdrawn", help="CATALOG.SCHEMA.TABLE of tokens that the view leaves out.")
@click.option(
    "--exempt", default="cleanroom_publishers", show_default=True, help="Account group that sees and publishes the raw rows."
)
@click.option("--reader", "readers", multiple=True, help="Who may read the governed source table; may be repeated.")
@click.option("--mask", "masks", multiple=True, metavar="COLUMN=EXPRESSION", help="Show this instead; COLUMN= shows nothing.")
@click.option("--room-owner", "owners", multiple=True, help="Who may read what is shared; may be repeated.")
@click.option("--scope", default="cleanroom", show_default=True, help="Secret scope with the token keys.")
@click.option("--hmac", type=click.Choice(["native", "nested"]), default="nested", show_default=True,
              help="native: Databricks SQL, or Runtime 19 and newer.")  # fmt: skip
@click.option(
    "--table-info", type=_FILE, help="The source table as `databricks tables get` prints it; otherwise the asset's data."
)
@click.option(
    "--functions", "functions_file", type=_FILE, help="What `databricks functions list` prints, for diff, check and undo."
)
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="May be repeated.  [default: internal, share]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per statement, change or problem.")
def sql(
    room_file: Path, asset: str, catalog: str, schema: str, source: str | None, target: str | None, view: str | None,
    withdrawn: str | None, exempt: str, readers: tuple[str, ...], masks: tuple[str, ...], owners: tuple[str, ...], scope: str,
    hmac: str, table_info: Path | None, functions_file: Path | None, parts: tuple[str, ...], as_json: bool,
) -> int:  # fmt: skip
    """Print the SQL that governs the source table (internal, abac) and writes the share-safe one (share); what would change
    (diff), whether what was read back is right (check), and the way back (undo).

    Nothing is sent anywhere. Exits 1 when `check` finds something, 2 when the policy cannot be used.
    """
    from cleanroom_core.policies.unity_catalog.governance import Access, govern
    from cleanroom_core.policies.unity_catalog.names import ObjectName, SchemaName
    from cleanroom_core.policies.unity_catalog.share import ShareTarget, share
    from cleanroom_core.rooms.roomfile import read_room_file
    from cleanroom_core.tokens.secret_expression import secret_token_expression

    definition = read_room_file(room_file, need_data=False)
    policy = _policy(definition, asset)
    home = SchemaName(catalog, schema)
    name = ObjectName.parse(source) if source else home.named(policy.asset)
    found = _from_json(table_info) if table_info else _from_data(definition, policy, name)
    wanted = govern(policy, found, Access(home, exempt, readers, _masks(masks)))
    tokens = {name: secret_token_expression(spec, scope, native=hmac == "native") for name, spec in definition.tokens.items()}
    given = [None if text is None else ObjectName.parse(text) for text in (target, view, withdrawn)]
    written = given[0] or home.named(f"{found.name.name}_share")
    shared = share(policy, found, tokens, ShareTarget(written, given[1], given[2], owners, exempt))
    _refuse(room_file, policy, (*shared.problems, *wanted.problems))
    functions = _functions(functions_file) if functions_file else []
    wrong = False
    for part in parts or ("internal", "share"):
        for line, words in _lines(part, wanted, shared, found, functions):
            wrong = wrong or part == "check"
            click.echo(json.dumps({"part": part, **line}, ensure_ascii=False) if as_json else words)
    return 1 if wrong else 0


def _lines(
    part: str, wanted: Governance, shared: Share, found: CatalogTable, functions: Sequence[CatalogFunction]
) -> Iterator[tuple[dict[str, Any], str]]:
    """What one part prints, as JSON and as text."""
    from cleanroom_core.policies.unity_catalog.abac import abac_statements
    from cleanroom_core.policies.unity_catalog.difference import changes_of, check, undo_all

    if part == "diff":
        for change in changes_of(wanted, found, functions):
            seen = {"what": change.what, "before": change.before, "after": change.after}
            do, undo = ([statement.sql for statement in statements] for statements in (change.do, change.undo))
            yield (
                seen | {"do": do, "undo": undo},
                f"{change.what}\n  - {change.before or 'nothing'}\n  + {change.after or 'nothing'}",
            )
        return
    if part == "check":
        for problem in check(wanted, found, functions):
            line: dict[str, Any] = {
                "path": list(problem.path),
                "message": problem.message,
                "hint": problem.hint,
                "code": problem.code,
            }
            yield line, str(problem)
        return
    statements: dict[str, tuple[Statement, ...]] = {}
    if part == "abac":
        statements["abac"] = abac_statements(wanted)
    elif part == "undo":
        statements["undo"] = (*shared.undo(), *undo_all(changes_of(wanted, found, functions)))
    else:
        statements[part] = wanted.statements() if part == "internal" else shared.statements()
    for statement in statements[part]:
        yield {"purpose": statement.purpose, "sql": statement.sql}, f"-- {statement.purpose}\n{statement.sql};\n"


def _policy(definition: RoomDefinition, asset: str) -> Policy:
    known = {policy.qualified: policy for policy in definition.policies.values()}
    if asset not in known:
        raise InputError(f"The room file has no asset {asset!r}.", hint=f"It has {', '.join(known)}.", code="ASSET")
    return known[asset]


def _masks(given: tuple[str, ...]) -> dict[str, str | None]:
    pairs = [text.partition("=") for text in given]
    if any(not sign for _, sign, _ in pairs):
        raise InputError("A mask is given as COLUMN=EXPRESSION.", hint="For example --mask \"city='somewhere'\".", code="MASK")
    return {name.strip(): shown.strip() or None for name, _, shown in pairs}


def _from_data(definition: RoomDefinition, policy: Policy, name: ObjectName) -> CatalogTable:
    """The table as it would be once the asset's data is loaded: each column of the type the owner's engine finds."""
    from cleanroom_core.engines.duckdb.owner import DuckDBOwnerEngine
    from cleanroom_core.engines.protocol import Source
    from cleanroom_core.policies.unity_catalog.catalog import CatalogColumn, CatalogTable
    from cleanroom_core.policies.unity_catalog.types import CatalogType

    path = definition.data.get(policy.asset)
    if path is None or not path.exists():
        raise InputError(
            f"There is no data of {policy.qualified} here, so the types of its columns are not known.",
            hint="Give the table as it is: databricks tables get NAME > table.json, then --table-info table.json.",
            code="DATA",
        )
    with tempfile.TemporaryDirectory(prefix="cleanroom-policy-") as work:
        types = {column: str(type_) for column, type_ in policy.types.items()}
        schema = DuckDBOwnerEngine(Path(work)).describe(Source(path, types))
    return CatalogTable(name, tuple(CatalogColumn(found.name, CatalogType.of(found.type)) for found in schema))


def _from_json(path: Path) -> CatalogTable:
    from cleanroom_core.policies.unity_catalog.catalog import CatalogTable

    try:
        return CatalogTable.from_json(_json(path))
    except (KeyError, TypeError, AttributeError):
        raise _not_read(path, "databricks tables get") from None


def _functions(path: Path) -> list[CatalogFunction]:
    from cleanroom_core.policies.unity_catalog.catalog import CatalogFunction

    try:
        found = _json(path)
        return [CatalogFunction.from_json(item) for item in (found if isinstance(found, list) else found["functions"])]
    except (KeyError, TypeError, AttributeError):
        raise _not_read(path, "databricks functions list") from None


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{path.name} cannot be read as JSON.", hint="Name a file that is there.", code="JSON") from None


def _not_read(path: Path, program: str) -> InputError:
    return InputError(
        f"{path.name} is not what it should be.", hint=f"Take what `{program} ... --output json` prints.", code="JSON"
    )


def _refuse(room_file: Path, policy: Policy, problems: Sequence[Problem]) -> None:
    """Raise RoomFileError with each problem once, at its line in the room file."""
    from cleanroom_core.rooms.roomfile import problem_at, room_text

    if not problems:
        return
    text = room_text(room_file)
    sources = {column.source: ("columns", name, "from") for name, column in policy.columns.items() if column.source is not None}
    placed: dict[tuple[str, int | None], Problem] = {}
    for found in problems:
        error = ExpressionError(found.message, hint=found.hint, code=found.code, line=found.line, column=found.column)
        # a room file has no masks: an identifier is masked because a token is made from it, the rest by --mask
        path = sources.get(str(found.path[1]), ()) if found.path[:1] == ("masks",) else found.path
        problem = problem_at(text, ("assets", policy.asset, *path), error)
        placed.setdefault((problem.code if path else problem.message, problem.line), problem)
    raise RoomFileError(tuple(placed.values()))
