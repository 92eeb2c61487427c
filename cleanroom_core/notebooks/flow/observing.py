"""Facts that stand in single expressions: hashes and what is mixed into them, and every function called by name."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from cleanroom_core.notebooks.cell import Place
from cleanroom_core.notebooks.facts import Called, Facts, Hashed, function_name
from cleanroom_core.notebooks.flow.meaning import Judgement
from cleanroom_core.notebooks.relation import Meaning

HASHES = frozenset({"sha", "sha1", "sha2", "md5", "crc32", "hash", "xxhash64", "hmac", "aes_encrypt"})
_USERS = frozenset({"current_user", "session_user", "user", "current_recipient"})
_SECRETS = frozenset({"secret", "try_secret", "unknown_value"})
_SEPARATORS = 3  # characters: shorter texts part two columns, longer ones are salts


def observe(node: exp.Expr, judgement: Judgement, facts: Facts, place: Place) -> None:
    """Everything in one expression, outside queries within it. `place`: where the expression stands."""
    for call in _calls(node):
        name = function_name(call)
        if name in HASHES:
            if name in ("hmac", "aes_encrypt"):
                hashed, key = (
                    call.expressions[1 if name == "hmac" else 0 :][:1],
                    call.expressions[0 if name == "hmac" else 1 :][:1],
                )
            else:
                hashed, key = call.expressions, call.expressions
                if name == "sha2" and len(hashed) > 1:
                    hashed = key = hashed[:-1]  # the last argument is the number of bits
            tells = _tells(hashed, judgement)
            facts.add(Hashed(place, name, tells, _mixed_in(key)))
        text = call.expressions[0] if call.expressions else None
        known = str(text.this) if isinstance(text, exp.Literal) and text.is_string else ""
        facts.add(Called(place, f"sql.{name}", known))


def _tells(hashed: list[exp.Expr], judgement: Judgement) -> Meaning:
    carries = frozenset(origin for part in hashed for origin in judgement.of(part).carries)
    return Meaning(carries)


def _mixed_in(parts: list[exp.Expr]) -> str:
    """What else is in the hashed value: the user, a secret, a text, or none. A secret makes up for a text."""
    inside = [found for part in parts for found in part.walk()]
    names = {function_name(found) for found in inside} | {
        found.name.lower() for found in inside if isinstance(found, exp.Column)
    }
    if names & _USERS:
        return "user"
    if names & _SECRETS or any(isinstance(found, (exp.Placeholder, exp.Parameter)) for found in inside):
        return "secret"
    texts = [str(found.this) for found in inside if isinstance(found, exp.Literal) and found.is_string]
    return "text" if any(len(text) > _SEPARATORS for text in texts) else "none"


def _calls(node: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(node, exp.Query):
        return
    if isinstance(node, exp.Anonymous):
        yield node
    for child in node.iter_expressions():
        yield from _calls(child)
