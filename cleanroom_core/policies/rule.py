"""The analysis rule: the clause of a policy that says what may be asked of one asset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from cleanroom_core.errors import InputError
from cleanroom_core.sql.kinds import require_labels, require_texts, require_whole

GRIDS = ("day", "week", "month", "quarter", "year")
MOST_DIGITS = 38  # of a decimal in every engine
Label = str | int | bool


@dataclass(frozen=True)
class Dimension:
    """A column that may stand in GROUP BY and in filters.

    `domain`: the labels that may appear; None means the published labels of the share table. `dates`: the calendar grids on
    which a date or timestamp may be truncated; empty for every other type.
    """

    domain: tuple[Label, ...] | None = None
    dates: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_labels("A label of a domain", self.domain or ())
        for grid in self.dates:
            if grid not in GRIDS:
                raise InputError(f"There is no calendar grid {grid!r}.", hint=f"Known are {', '.join(GRIDS)}.", code="RULE")

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.domain is not None:
            found["domain"] = list(self.domain)
        if self.dates:
            found["dates"] = list(self.dates)
        return found


@dataclass(frozen=True)
class Measure:
    """A column that may be summed or averaged, clipped per row to [min, max] (decimal numbers as text, exact).

    `bands`: the only cut points where this measure may filter or group.
    """

    min: str
    max: str
    bands: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_texts("A bound of a measure", (self.min, self.max, *self.bands))
        try:
            low, high = Decimal(self.min), Decimal(self.max)
            cuts = [Decimal(cut) for cut in self.bands]
        except InvalidOperation:
            raise InputError("The bounds of a measure are numbers.", hint="Write min: 0, max: 50.", code="RULE") from None
        if any(abs(bound.adjusted()) > MOST_DIGITS or len(bound.as_tuple().digits) > MOST_DIGITS
               for bound in (low, high, *cuts) if bound.is_finite()):  # fmt: skip
            hint = f"At most {MOST_DIGITS} digits before and after the point."
            raise InputError("The bounds of a measure are numbers a column can hold.", hint=hint, code="RULE")
        if not (low.is_finite() and high.is_finite() and low < high):
            raise InputError("A measure's min is less than its max.", hint="Write min: 0, max: 50.", code="RULE")
        if any(not cut.is_finite() for cut in cuts) or cuts != sorted(set(cuts)):
            raise InputError("Bands are numbers in ascending order.", hint="Write bands: [0.01, 0.05].", code="RULE")

    def as_json(self) -> dict[str, Any]:
        return {"min": self.min, "max": self.max} | ({"bands": list(self.bands)} if self.bands else {})


@dataclass(frozen=True)
class AnalysisRule:
    """`minimum_cohort` of an asset may ask for more than the agreement; the strictest wins. `counted`: columns allowed inside
    count() and nowhere else."""

    privacy_unit: str
    join_key: str
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    measures: Mapping[str, Measure] = field(default_factory=dict)
    counted: tuple[str, ...] = ()
    period_column: str | None = None
    minimum_cohort: int | None = None

    def __post_init__(self) -> None:
        columns = (self.privacy_unit, self.join_key, *self.dimensions, *self.measures, *self.counted)
        require_texts("A column in a rule", (*columns, *(() if self.period_column is None else (self.period_column,))))
        require_whole("A minimum cohort", () if self.minimum_cohort is None else (self.minimum_cohort,))
        if self.minimum_cohort is not None and self.minimum_cohort < 2:
            raise InputError("A cohort of fewer than 2 people protects nobody.", hint="100 is usual.", code="RULE")
        both = {name.casefold() for name in self.dimensions} & {name.casefold() for name in self.measures}
        if both:
            raise InputError(
                f"{sorted(both)[0]} is a dimension and a measure at once.",
                hint="Group by a banded copy of the column instead.",
                code="RULE",
            )
        for kind, names in (("dimension", self.dimensions), ("measure", self.measures), ("counted column", self.counted)):
            for name in names:
                if name.casefold() in (self.privacy_unit.casefold(), self.join_key.casefold()):
                    raise InputError(
                        f"{name} identifies people and cannot be a {kind}.", hint="Take it out of the rule.", code="RULE"
                    )

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "privacy_unit": self.privacy_unit,
            "join_key": self.join_key,
            "dimensions": {name: dimension.as_json() for name, dimension in self.dimensions.items()},
            "measures": {name: measure.as_json() for name, measure in self.measures.items()},
            "counted": list(self.counted),
        }
        if self.period_column is not None:
            found["period_column"] = self.period_column
        if self.minimum_cohort is not None:
            found["minimum_cohort"] = self.minimum_cohort
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> AnalysisRule:
        """Read the `rule` of a room file or of a policy entry; numbers may come as numbers or as text."""
        return cls(
            privacy_unit=data["privacy_unit"],
            join_key=data["join_key"],
            dimensions={
                name: Dimension(
                    domain=None if (spec or {}).get("domain") is None else tuple(spec["domain"]),
                    dates=tuple((spec or {}).get("dates") or ()),
                )
                for name, spec in (data.get("dimensions") or {}).items()
            },
            measures={
                name: Measure(str(spec["min"]), str(spec["max"]), tuple(str(cut) for cut in spec.get("bands") or ()))
                for name, spec in (data.get("measures") or {}).items()
            },
            counted=tuple(data.get("counted") or ()),
            period_column=data.get("period_column"),
            minimum_cohort=data.get("minimum_cohort"),
        )
