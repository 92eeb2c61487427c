"""Normalisation, validity and tokens on a real Spark give what Python gives."""

from __future__ import annotations

import pytest
from sqlglot import exp

from cleanroom_core.sql.portable import render
from cleanroom_core.sql.quoting import column, table
from cleanroom_core.tokens.hmac_expression import binary_parameters, token_expression, token_of
from cleanroom_core.tokens.normalise import FULLWIDTH_DIGITS, STRIPPED, normalise
from cleanroom_core.tokens.spec import IDENTIFIERS, TokenSpec
from cleanroom_core.tokens.validity import is_valid
from cleanroom_core.tokens.vectors import IDENTIFIERS as VECTORS
from tests.spark import MARKS, TestSpark

pytestmark = MARKS
KEY = bytes(range(32))


STEPS = ((), ("strip", "fullwidth_digits", "lower"), ("upper", "strip", "digits_only"))
TEXTS = [
    *(text for identifier in IDENTIFIERS for text in VECTORS[identifier].values()),
    *(f"{sign}4111{sign}1111 1111 1111{sign}" for sign in STRIPPED),
    FULLWIDTH_DIGITS,
]


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_spark_makes_the_tokens_python_makes(spark: TestSpark, identifier: str) -> None:
    session = spark.new_session()
    session.createDataFrame([(text,) for text in TEXTS], "c string").createOrReplaceTempView("given")
    specs = [TokenSpec("t", identifier, steps, "k-1") for steps in STEPS]
    columns: list[exp.Expr] = [column("c")]
    for spec in specs:
        token = token_expression(spec)
        normalised = token.normalised(column("c"))
        columns += [normalised, token.valid(normalised.copy()), token.digest(normalised.copy())]
    select = exp.Select(expressions=columns).from_(table("given"))
    rows = session.sql(render(select, "spark"), args=binary_parameters(specs[0], KEY)).collect()
    assert sorted(row[0] for row in rows) == sorted(TEXTS)
    wrong = []
    for text, *answers in rows:
        for n, (spec, steps) in enumerate(zip(specs, STEPS, strict=True)):
            clean, valid, digest = answers[3 * n : 3 * n + 3]
            known = normalise(text, steps)
            if (clean, valid) != (known, is_valid(known, identifier)) or (valid and digest != token_of(text, spec, KEY)):
                wrong.append((steps, text, clean, valid))
    assert not wrong
