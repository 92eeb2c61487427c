"""The rules, in the order of the documentation. A new rule is one file with a RULE and one line here."""

from __future__ import annotations

from cleanroom_core.notebooks.rules import (
    cohort_bypassed,
    cohort_missing,
    cohort_rows,
    cohort_small,
    current_user_salt,
    data_collected,
    network,
    not_read,
    output_shown,
    outside_output,
    raw_identifier,
    secret_in_text,
    udf,
    unkeyed_hash,
    untrimmed_key,
)  # fmt: skip

RULES = (
    cohort_missing.RULE,
    cohort_rows.RULE,
    cohort_small.RULE,
    cohort_bypassed.RULE,
    raw_identifier.RULE,
    outside_output.RULE,
    output_shown.RULE,
    data_collected.RULE,
    secret_in_text.RULE,
    current_user_salt.RULE,
    unkeyed_hash.RULE,
    untrimmed_key.RULE,
    network.RULE,
    udf.RULE,
    not_read.RULE,
)
