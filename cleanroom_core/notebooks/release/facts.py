"""What happens in a release notebook whose code is known to the byte: its statements are followed, and what the code does with
them is said. The code writes protected cells only, so their cohort is the one the plan's thresholds ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from sqlglot import exp

from cleanroom_core.errors import InputError
from cleanroom_core.notebooks.cell import Notebook, Place
from cleanroom_core.notebooks.facts import Fact, Facts, Hashed, Unread, Written
from cleanroom_core.notebooks.flow import facts_of
from cleanroom_core.notebooks.flow.parsing import Statement, statements
from cleanroom_core.notebooks.flow.sql import SqlReader
from cleanroom_core.notebooks.flow.state import Environment, view
from cleanroom_core.notebooks.flow.text import SqlText
from cleanroom_core.notebooks.relation import Guard
from cleanroom_core.notebooks.release.verify import ReleaseNotebook, verified
from cleanroom_core.notebooks.settings import Settings

OUTPUT = ":cr_output_catalog.:cr_output_schema.cells"
_INSIDE = ("assumed ", "beside ", "classes ")  # statements that the code looks at and does not write
FORGED = "says that it is a release notebook, and is not what this version writes for the plan in it"


def release_facts(notebook: Notebook, text: str, settings: Settings) -> tuple[Fact, ...]:
    """Of a notebook that says it is a release notebook. One that is not is read as any other, and says something untrue."""
    try:
        release = verified(text)
    except InputError:
        return (Unread(notebook.cells[0].place(0), FORGED), *facts_of(notebook, settings))
    return tuple(_followed(release, settings))


def _followed(release: ReleaseNotebook, settings: Settings) -> Iterator[Fact]:
    environment: Environment = {}
    minimum = min(release.plan["job"]["thresholds"][0].values(), default=0)
    guard = Guard.PEOPLE if minimum >= settings.minimum else Guard.SMALL
    begin = 0
    for name, sql in release.statements.items():
        facts = Facts()
        begin = max(begin, release.text.find(sql, begin))
        statement = SqlText(sql, _places(release.text, begin if release.text.startswith(sql, begin) else 0))
        relation = SqlReader(environment, facts, settings).run(statement, shown=False)
        if not _is_what_it_says(name, list(statements(statement)), environment):
            facts.add(Unread(statement.at(0), "is not one SELECT over the notebook's own views"))
        elif name.startswith("part "):
            protected = replace(relation, aggregated=True, guard=guard)
            facts.add(Written(statement.at(0), protected, OUTPUT))
        hidden = name.startswith(_INSIDE)  # a hash that joins rows in a statement whose result is not written is no token
        yield from (fact for fact in facts.found if not (hidden and isinstance(fact, Hashed)))


def _is_what_it_says(name: str, found: list[Statement], environment: Environment) -> bool:
    """A view of one table's columns, or one SELECT that reads nothing but such views and its own parts."""
    if len(found) != 1:
        return False
    tree = found[0].tree
    if name.startswith("view "):
        if not (isinstance(tree, exp.Create) and tree.args.get("kind") == "VIEW" and isinstance(tree.expression, exp.Select)):
            return False
        return tree.find(exp.TemporaryProperty) is not None
    if not isinstance(tree, exp.Select):
        return False
    own = {part.alias for part in tree.find_all(exp.CTE)}
    return all(
        table.name in own or (not table.db and view(environment, table.name) is not None) for table in tree.find_all(exp.Table)
    )


def _places(text: str, begin: int) -> Callable[[int], Place]:
    def at(offset: int) -> Place:
        place = begin + offset
        return Place(text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place))

    return at
