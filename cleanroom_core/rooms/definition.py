"""A room as data: what a room file says once it has been read and checked, before anything has been signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cleanroom_core.agreements.terms import AgreementTerms
from cleanroom_core.guard.template import ParameterValue, Template
from cleanroom_core.policies.policy import Policy
from cleanroom_core.tokens.spec import TokenSpec


@dataclass(frozen=True)
class Request:
    """A question to play after the release: a template with parameters, or SQL; `expect` is how it must end."""

    by: str
    expect: str  # released | refused | suppressed
    template: str | None = None
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    sql: str | None = None


@dataclass(frozen=True)
class RoomDefinition:
    """`collaborators`: alias -> organisation, in the file's order; the first one creates the room. `data`: asset -> the file or
    Delta folder with its raw rows (absolute), for assets that name one. `share_safe`: assets whose data is shared as it is; a
    replay in memory takes them, nothing else does, and their policies name the columns of their rules only."""

    name: str
    collaborators: Mapping[str, str]
    agreement: AgreementTerms
    tokens: Mapping[str, TokenSpec]
    policies: Mapping[str, Policy]
    templates: Mapping[str, Template]
    requests: tuple[Request, ...] = ()
    data: Mapping[str, Path] = field(default_factory=dict)
    engine: str = "duckdb"
    share_safe: frozenset[str] = frozenset()

    @property
    def may_be_refused(self) -> frozenset[str]:
        """Templates every request for which must end refused: one of them that the guard refuses is no mistake of the file."""
        ends: dict[str, set[str]] = {}
        for request in self.requests:
            if request.template is not None:
                ends.setdefault(request.template, set()).add(request.expect)
        return frozenset(name for name, expected in ends.items() if expected == {"refused"})

    def inbox_name(self, asset: str) -> str:
        """Under which name an asset's raw table lies in its owner's inbox: its own, unless two tables of one owner share it."""
        path, owner = self.data[asset], self.policies[asset].owner
        same = [name for name, other in self.data.items() if self.policies[name].owner == owner and other.name == path.name]
        return path.name if len(same) == 1 else f"{asset}{path.suffix}"
