"""`IDENTIFIER(:p || '.name')`: names from parameters and texts, put into the statement as quoted names before parsing."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp
from sqlglot.dialects.databricks import Databricks
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from cleanroom_core.simulator.sql.failure import SqlFailure
from cleanroom_core.simulator.sql.values import text_of


def tokens_of(statement: str) -> list[Token]:
    try:
        return list(Databricks().tokenize(statement))
    except SqlglotError as error:
        raise SqlFailure("PARSE_SYNTAX_ERROR", "The statement cannot be read.", "42601") from error


def resolve(statement: str, parameters: Mapping[str, exp.Expr]) -> str:
    """The statement with every IDENTIFIER(...) clause replaced. Raises SqlFailure when one is not built from constants."""
    tokens, parts, position = tokens_of(statement), [], 0
    index = 0
    while index < len(tokens):
        opens = index + 1 < len(tokens) and tokens[index + 1].token_type is TokenType.L_PAREN
        if tokens[index].text.upper() == "IDENTIFIER" and opens:
            name, end = _constant(tokens, index + 2, parameters)
            parts += [statement[position : tokens[index].start], _quoted(name)]
            position, index = tokens[end].end + 1, end
        index += 1
    return "".join([*parts, statement[position:]])


def _constant(tokens: list[Token], index: int, parameters: Mapping[str, exp.Expr]) -> tuple[str, int]:
    """The text up to the closing bracket, and the bracket's index."""
    text = ""
    while index < len(tokens):
        token = tokens[index]
        if token.token_type is TokenType.R_PAREN:
            return text, index
        if token.token_type is TokenType.STRING:
            text += token.text
        elif token.token_type is TokenType.COLON and index + 1 < len(tokens):
            index += 1
            text += text_of(parameter(parameters, tokens[index].text))
        elif token.token_type is not TokenType.DPIPE:
            break
        index += 1
    raise SqlFailure("NOT_A_CONSTANT_STRING", "IDENTIFIER takes texts and parameters, joined with ||.", "42601")


def parameter(parameters: Mapping[str, exp.Expr], name: str) -> exp.Expr:
    if name not in parameters:
        raise SqlFailure("UNBOUND_SQL_PARAMETER", f"Found the unbound parameter: {name}.", "42P02")
    return parameters[name]


def _quoted(name: str) -> str:
    parts = [part.strip().strip("`") for part in name.split(".")]
    if not all(parts) or len(parts) > 3:
        raise SqlFailure("PARSE_SYNTAX_ERROR", "IDENTIFIER does not hold a name of one to three parts.", "42601")
    return ".".join(exp.to_identifier(part, quoted=True).sql(dialect="databricks") for part in parts)
