"""Lint one notebook: read it, follow it, judge it by every rule, and set aside what a comment with a reason allows."""

from __future__ import annotations

from cleanroom_core.notebooks.allowing import ALLOW, FIX, WHY, allowances, set_aside
from cleanroom_core.notebooks.finding import Finding, Story
from cleanroom_core.notebooks.flow import facts_of
from cleanroom_core.notebooks.reading import read_notebook
from cleanroom_core.notebooks.release.facts import release_facts
from cleanroom_core.notebooks.release.verify import claims_to_be_one
from cleanroom_core.notebooks.rules import RULES
from cleanroom_core.notebooks.settings import Settings

CODES = frozenset(rule.code for rule in RULES)


def lint(name: str, text: str, settings: Settings) -> tuple[Finding, ...]:
    """What is wrong in a notebook, by line. The ending of `name` tells the format. Raises InputError for no notebook."""
    notebook = read_notebook(name, text)
    facts = release_facts(notebook, text, settings) if claims_to_be_one(text) else facts_of(notebook, settings)
    story = Story(notebook, facts, settings)
    found = {
        Finding(name, place.line, place.column, rule.code, message, rule.why, rule.fix)
        for rule in RULES
        for place, message in rule.judge(story)
    }
    remaining, problems = set_aside(sorted(found), allowances(notebook), CODES)
    remaining += [Finding(name, place.line, place.column, ALLOW, message, WHY, FIX) for place, message in problems]
    return tuple(sorted(remaining))
