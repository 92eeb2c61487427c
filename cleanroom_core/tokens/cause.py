"""Why two sides' vectors differ: one likely cause for the whole table, where each case alone only says that it differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cleanroom_core.tokens.vectors import Comparison


def likely_cause(cases: Sequence[Comparison], own: Mapping[str, str | None], partner: Mapping[str, str | None]) -> str:
    """A sentence with what to do; empty when every case matches. `own`, `partner`: case -> token, None for no token."""
    different = [case.case for case in cases if not case.match]
    if not different:
        return ""
    both = [case.case for case in cases if own.get(case.case) is not None and partner.get(case.case) is not None]
    if both and all(own[case] != partner[case] for case in both):
        return (
            "Every token differs, so the keys are not the same. Compare the key's check value with the partner by telephone; "
            "the side with the wrong key takes over the right one under a new key id."
        )
    missing = [case for case in different if case not in own or case not in partner]
    if missing:
        return "The two sides ran different sets of test cases: one of them runs another version. Update, and run them again."
    return (
        f"The keys are the same, but {', '.join(different[:3])} are normalised differently: the two sides run different "
        "versions of this software. Update the older one, and run the vectors again."
    )
