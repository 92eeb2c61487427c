"""Calendar grids: the starts of days, ISO weeks, months, quarters and years. Dates only; nothing here knows a time zone."""

from __future__ import annotations

from datetime import date, timedelta

SPELLINGS = {
    "day": "day", "dd": "day", "week": "week", "mon": "month", "mm": "month", "month": "month", "quarter": "quarter",
    "year": "year", "yyyy": "year", "yy": "year",
}  # fmt: skip


def truncate(day: date, grid: str) -> date:
    """The start of the period that holds `day`. Weeks begin on Monday, as in Databricks SQL and DuckDB."""
    if grid == "week":
        return day - timedelta(days=day.weekday())
    if grid == "quarter":
        return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    return {"day": day, "month": day.replace(day=1), "year": date(day.year, 1, 1)}[grid]


def following(start: date, grid: str) -> date:
    """The start of the next period; `start` is itself one. ValueError or OverflowError beyond the year 9999."""
    if grid in ("day", "week"):
        return start + timedelta(days=1 if grid == "day" else 7)
    months = {"month": 1, "quarter": 3, "year": 12}[grid] + start.month - 1
    return date(start.year + months // 12, months % 12 + 1, 1)


def shifted(day: date, count: int, unit: str) -> date | None:
    """The day so many days, weeks, months, quarters or years later, within the month at its end; None where there is none."""
    try:
        if unit in ("day", "week"):
            return day + timedelta(days=count * (7 if unit == "week" else 1))
        if (months := {"month": 1, "quarter": 3, "year": 12}.get(unit)) is None:
            return None
        first = day.year * 12 + day.month - 1 + count * months
        start = date(first // 12, first % 12 + 1, 1)
        return min(start + timedelta(days=day.day - 1), following(start, "month") - timedelta(days=1))
    except (ValueError, OverflowError):
        return None


def on_grid(day: date, grids: tuple[str, ...]) -> bool:
    return any(truncate(day, grid) == day for grid in grids)
