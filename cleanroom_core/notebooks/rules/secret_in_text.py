"""SECRET_IN_TEXT: a salt, key, password or access token stands in the notebook."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cleanroom_core.notebooks.cell import Cell
from cleanroom_core.notebooks.facts import Hashed, Named
from cleanroom_core.notebooks.finding import Judged, Rule, Story

_ALWAYS = re.compile(
    r"(?i)(.*[_.\-])?(salt|pepper|secret|password|passwd|pwd|passphrase"
    r"|(hmac|secret|private|access|api|token|signing|encryption)_?key)s?$"
)
_PERHAPS = re.compile(r"(?i)(.*[_.\-])?(token|key|credential|pat|bearer)s?$")
_RANDOM = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w+/=\-.]{16,}$")
_SHAPES = (
    ("a Databricks access token", re.compile(r"\bdapi[0-9a-f]{32}(-\d)?\b|\bdose[0-9a-f]{32}\b")),
    ("an AWS access key", re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a signed web token", re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")),
    ("a GitHub token", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}\b")),
    ("a storage key", re.compile(r"(?i)\b(AccountKey|SharedAccessSignature)=[\w+/=%&-]{16,}")),
    ("a password in an address", re.compile(r"\b[a-z][a-z0-9+]*://[^/\s:@'\"{}]+:[^/\s:@'\"{}]+@")),
)


def _judge(story: Story) -> Iterator[Judged]:
    for cell in story.notebook.cells:
        yield from _shapes(cell)
    for fact in story.facts:
        if isinstance(fact, Hashed) and fact.key == "text":
            yield fact.place, f"A text that stands in the notebook is mixed into {fact.what}()."
        elif isinstance(fact, Named) and fact.text.strip() and not fact.text.startswith(":"):
            always, perhaps = _ALWAYS.match(fact.name), _PERHAPS.match(fact.name)
            if always or (perhaps and _RANDOM.match(fact.text)):
                yield fact.place, f"{fact.name} is given as text."


def _shapes(cell: Cell) -> Iterator[Judged]:
    for what, shape in _SHAPES:
        for found in shape.finditer(cell.text):
            yield cell.place(found.start()), f"Here stands what looks like {what}."


RULE = Rule(
    code="SECRET_IN_TEXT",
    title="A salt or secret in the text",
    why="Every collaborator reads the notebook before approving it; whoever has the salt can undo the tokens.",
    fix="Read it from a secret scope, dbutils.secrets.get(scope, key), or better share tokens and need no key in the room.",
    judge=_judge,
)
