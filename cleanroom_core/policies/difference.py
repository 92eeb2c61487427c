"""What changed between two policies, as lines a steward can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cleanroom_core.policies.policy import Policy


def difference(old: Policy, new: Policy) -> tuple[str, ...]:
    """One line per change, `+` added, `-` taken out, `~` changed; empty when the signed texts are equal."""
    before, after = _flat(old.as_json()), _flat(new.as_json())
    lines: list[str] = []
    for path in dict.fromkeys((*before, *after)):
        if path not in after:
            lines.append(f"- {path}: {before[path]}")
        elif path not in before:
            lines.append(f"+ {path}: {after[path]}")
        elif before[path] != after[path]:
            lines.append(f"~ {path}: {before[path]} -> {after[path]}")
    if not lines and list(old.columns) != list(new.columns):
        lines.append(f"~ order of columns: {', '.join(new.columns)}")
    return tuple(lines)


def _flat(text: Mapping[str, Any]) -> dict[str, str]:
    found = dict(_entries(text["rule"], "rule"))
    found |= {f"columns.{name}": _shown(spec) for name, spec in text["columns"]}
    found |= {f"types.{name}": type_ for name, type_ in text["types"].items()}
    found |= {key: text[key] for key in ("row_filter", "owner", "asset") if key in text}
    return found


def _entries(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _entries(item, f"{path}.{key}")
    else:
        yield path, _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {item}" for key, item in value.items()) or "as it is"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
