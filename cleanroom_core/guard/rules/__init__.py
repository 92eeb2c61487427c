"""The guard rules, in order. A rule is one function in a file of its own: it looks at one thing and yields a Finding for each
place where the text does not pass.

Rules stand in stages. All rules of a stage run, so that the analyst sees everything at once; a later stage runs only when no
earlier one found anything, because it may rely on what that one established. A new rule is one file and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cleanroom_core.guard.finding import Finding
from cleanroom_core.guard.reading.scope import Reading
from cleanroom_core.guard.rules.assets import assets
from cleanroom_core.guard.rules.columns import columns
from cleanroom_core.guard.rules.conditions import conditions
from cleanroom_core.guard.rules.grammar import grammar
from cleanroom_core.guard.rules.grouping import grouping
from cleanroom_core.guard.rules.identity import identity
from cleanroom_core.guard.rules.joins import joins
from cleanroom_core.guard.rules.outputs import outputs
from cleanroom_core.guard.rules.parameters import parameters
from cleanroom_core.guard.rules.purpose import purpose

Rule = Callable[[Reading], Iterator[Finding]]

STAGES: tuple[tuple[Rule, ...], ...] = (
    (grammar, purpose, parameters),
    (assets,),
    (joins, columns, identity),
    (conditions, grouping),
    (outputs,),
)
