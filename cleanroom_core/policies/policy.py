"""A policy: what one collaborator shares of one table, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cleanroom_core.errors import InputError
from cleanroom_core.policies.rule import AnalysisRule
from cleanroom_core.sql.kinds import require_texts
from cleanroom_core.sql.types import SqlType


@dataclass(frozen=True)
class ColumnPolicy:
    """How one shared column comes about: as it is, by an SQL expression, or as a token of an identifier column.

    At most one of `expression` and `token` is set; `source` (room file: `from`) goes with `token`.
    """

    expression: str | None = None
    token: str | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        require_texts(
            "How a column comes about", (found for found in (self.expression, self.token, self.source) if found is not None)
        )
        if self.expression is not None and self.token is not None:
            raise InputError("A column is an expression or a token, not both.", hint="Keep one.", code="POLICY")
        if (self.token is None) != (self.source is None):
            raise InputError("A tokenised column names its token and the column it comes from.",
                             hint="Write {token: card, from: card_number}.", code="POLICY")  # fmt: skip

    def as_json(self) -> dict[str, str]:
        if self.token is not None and self.source is not None:
            return {"token": self.token, "from": self.source}
        return {} if self.expression is None else {"expression": self.expression}


@dataclass(frozen=True)
class Policy:
    """The policy of one asset. `types` overrides the found type of a column; columns not named are not shared."""

    asset: str
    owner: str
    columns: Mapping[str, ColumnPolicy]
    rule: AnalysisRule
    row_filter: str | None = None
    types: Mapping[str, SqlType] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_texts("A name in a policy", (self.asset, self.owner, *self.columns, *self.types))
        require_texts("A row filter", () if self.row_filter is None else (self.row_filter,))
        if not self.columns:
            raise InputError(f"{self.asset} shares no column.", hint="Name at least the token column.", code="POLICY")

    @property
    def qualified(self) -> str:
        """The name analysts use in SQL: `provider.transaction_signals`."""
        return f"{self.owner}.{self.asset}"

    @property
    def key_token(self) -> str | None:
        """The name of the token spec the join key is made with; None when the join key is no token."""
        key = self.rule.join_key.casefold()
        return next((column.token for name, column in self.columns.items() if name.casefold() == key), None)

    def as_json(self) -> dict[str, Any]:
        """The signed text of the policy; the same keys as in the room file, plus the asset's name."""
        found: dict[str, Any] = {
            "asset": self.asset,
            "owner": self.owner,
            "columns": [[name, column.as_json()] for name, column in self.columns.items()],  # a list: the order is part of it
            "rule": self.rule.as_json(),
            "types": {name: str(type_) for name, type_ in self.types.items()},
        }
        if self.row_filter is not None:
            found["row_filter"] = self.row_filter
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Policy:
        """Read a policy entry's payload (`columns` as pairs) or a room file's asset (`columns` as a mapping)."""
        columns = data["columns"]
        pairs = columns.items() if isinstance(columns, Mapping) else columns
        return cls(
            asset=data["asset"],
            owner=data["owner"],
            columns={
                name: ColumnPolicy((spec or {}).get("expression"), (spec or {}).get("token"), (spec or {}).get("from"))
                for name, spec in pairs
            },
            rule=AnalysisRule.from_json(data["rule"]),
            row_filter=data.get("row_filter"),
            types={name: SqlType.parse(text) for name, text in (data.get("types") or {}).items()},
        )
