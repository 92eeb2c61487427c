"""Normalisation, validity and tokens on a real Spark give what Python gives."""

from __future__ import annotations

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


def test_spark_makes_the_tokens_python_makes(spark: TestSpark) -> None:
    wrong = []
    session = spark.new_session()
    for identifier in IDENTIFIERS:
        for steps in ((), ("strip", "fullwidth_digits", "lower"), ("upper", "strip", "digits_only")):
            spec = TokenSpec("t", identifier, steps, "k-1")
            token = token_expression(spec)
            texts = [
                *VECTORS[identifier].values(),
                *(f"{sign}4111{sign}1111 1111 1111{sign}" for sign in STRIPPED),
                FULLWIDTH_DIGITS,
            ]
            session.createDataFrame(list(enumerate(texts)), "number int, c string").createOrReplaceTempView("given")
            normalised = token.normalised(column("c"))
            select = exp.Select(
                expressions=[column("c"), normalised, token.valid(normalised.copy()), token.digest(normalised.copy())]
            ).from_(table("given"))
            rows = session.sql(f"{render(select, 'spark')} ORDER BY number", args=binary_parameters(spec, KEY)).collect()
            assert [row[0] for row in rows] == texts
            for text, clean, valid, digest in rows:
                known = normalise(text, steps)
                if (clean, valid) != (known, is_valid(known, identifier)) or (valid and digest != token_of(text, spec, KEY)):
                    wrong.append((identifier, steps, text, clean, valid))
    assert not wrong
