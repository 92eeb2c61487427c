"""The only SQL that reaches joined data. A SafeQuery is made by the guard from a judged Question and by nobody else."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from cleanroom_core.errors import InputError
from cleanroom_core.guard.generate import generate
from cleanroom_core.guard.question import Question
from cleanroom_core.sql.cells import Thresholds

DIALECTS: Final = ("duckdb", "spark")
_SEAL: Final = object()


class SafeQuery:
    """`assets`: qualified names of everything it reads. Immutable; `render` writes it in an engine's dialect.

    Not a dataclass on purpose: there is no `replace`, and the constructor wants the seal that only `sealed` has."""

    __slots__ = ("__weakref__", "_question", "_render", "_thresholds", "assets")

    assets: tuple[str, ...]
    _question: Question
    _thresholds: Thresholds
    _render: Callable[[str], str]

    def __init__(self, seal: object, question: Question, thresholds: Thresholds) -> None:
        if seal is not _SEAL:
            raise InputError(
                "A SafeQuery is made by the guard only.", hint="Judge a template; its sheets carry their queries.", code="GUARD"
            )
        object.__setattr__(self, "assets", tuple(asset.qualified for asset in question.assets))
        object.__setattr__(self, "_question", question)
        object.__setattr__(self, "_thresholds", thresholds)
        object.__setattr__(self, "_render", lru_cache(maxsize=len(DIALECTS))(self._rendered))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A SafeQuery cannot be changed ({name}).")

    @property
    def is_dated(self) -> bool:
        """Whether no row it counts can be counted in another period too."""
        return self._question.is_dated

    def render(self, dialect: str) -> str:
        """SQL text for "duckdb" or "spark"; raises InputError for another dialect."""
        if dialect not in DIALECTS:
            raise InputError(f"There is no dialect {dialect!r}.", hint=f"Known are {', '.join(DIALECTS)}.", code="DIALECT")
        return self._render(dialect)

    def _rendered(self, dialect: str) -> str:
        return generate(self._question, self._thresholds).sql(dialect=dialect, copy=False)


def question_of(query: SafeQuery) -> Question:
    """The question behind a query; for use inside the guard only, which writes other statements about the same rows."""
    return query._question


def sealed(question: Question, thresholds: Thresholds) -> SafeQuery:
    """For `guard.judging`, after every rule has passed."""
    return SafeQuery(_SEAL, question, thresholds)
