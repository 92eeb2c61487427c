"""The token expression for Databricks: the key is a secret of the workspace, named in the statement and never in it.

Two forms that give the same tokens. `native`: `hmac` of the runtime (Databricks SQL; Databricks Runtime 19 and newer), over
the key as its file has it. Elsewhere the nested form of `hmac_expression`, whose two pads are secrets of their own. The
arguments of `secret` have to be constants (Databricks, "secret function").
"""

from __future__ import annotations

import re

from sqlglot import exp

from cleanroom_core.errors import InputError
from cleanroom_core.sql.portable import call, portable
from cleanroom_core.sql.token_expression import TokenExpression, Tree
from cleanroom_core.tokens.hmac_expression import binary_parameters
from cleanroom_core.tokens.key import format_key
from cleanroom_core.tokens.normalise import normalised_tree
from cleanroom_core.tokens.spec import TokenSpec
from cleanroom_core.tokens.validity import valid_tree

_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,128}")
_INNER, _OUTER = ".inner_pad", ".outer_pad"


def secret_token_expression(spec: TokenSpec, scope: str, *, native: bool) -> TokenExpression:
    """The spec's token over secrets of `scope`; binds no parameter. Raises InputError for names a secret cannot have."""
    for name in (scope, f"{spec.key_id}{_INNER}"):
        if _NAME.fullmatch(name) is None:
            raise InputError(
                f"Token {spec.name}: {name!r} cannot be the name of a secret or of its scope.",
                hint="Use letters, digits, dashes, underscores, full stops and @; at most 128 characters.",
                code="SECRET",
            )
    return TokenExpression(
        name=spec.name,
        parameters=(),
        normalised=lambda tree: normalised_tree(tree, spec.normalise),
        valid=lambda tree: valid_tree(tree, spec.identifier),
        digest=_native(spec, scope) if native else _nested(spec, scope),
    )


def secret_texts(spec: TokenSpec, key: bytes, *, native: bool) -> dict[str, str]:
    """The secrets to put into the scope, by name. They are the key: shown to nobody, logged nowhere."""
    if native:
        return {spec.key_id: format_key(key)}
    inner, outer = binary_parameters(spec, key).values()
    return {f"{spec.key_id}{_INNER}": inner.hex(), f"{spec.key_id}{_OUTER}": outer.hex()}


def _native(spec: TokenSpec, scope: str) -> Tree:
    def digest(normalised: exp.Expr) -> exp.Expr:
        text = call("SPLIT_PART", _secret(scope, spec.key_id), exp.Literal.string("."), exp.Literal.number(2))
        mac = call("HMAC", call("UNBASE64", text), portable("utf8", normalised), exp.Literal.string("SHA-256"))
        return call("LOWER", call("HEX", mac))

    return digest


def _nested(spec: TokenSpec, scope: str) -> Tree:
    def digest(normalised: exp.Expr) -> exp.Expr:
        inner, outer = (portable("bytes_of_hex", _secret(scope, f"{spec.key_id}{suffix}")) for suffix in (_INNER, _OUTER))
        first = portable("sha256_hex", portable("join_bytes", inner, portable("utf8", normalised)))
        return portable("sha256_hex", portable("join_bytes", outer, portable("bytes_of_hex", first)))

    return digest


def _secret(scope: str, name: str) -> exp.Expr:
    return call("SECRET", exp.Literal.string(scope), exp.Literal.string(name))
