"""Tokens: HMAC-SHA256 (RFC 2104, FIPS 198-1) of the normalised identifier, as lower-case hex; in Python and in SQL.

The engines have no HMAC in common, but HMAC is two nested hashes over two pads that depend on the key alone: the pads are bound
as binary parameters, so the key stands in no text, plan or log, and the engine's own SHA-256 does the work per row.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from sqlglot import exp

from cleanroom_core.sql.portable import portable
from cleanroom_core.sql.token_expression import TokenExpression
from cleanroom_core.tokens.normalise import normalise, normalised_tree
from cleanroom_core.tokens.spec import TokenSpec
from cleanroom_core.tokens.validity import is_valid, valid_tree

_BLOCK = 64  # bytes of a SHA-256 block


def token_of(identifier: str | None, spec: TokenSpec, key: bytes) -> str | None:
    """The token of one raw identifier, or None when it is missing, empty or invalid. The reference for the SQL form."""
    if identifier is None:
        return None
    normalised = normalise(identifier, spec.normalise)
    if not is_valid(normalised, spec.identifier):
        return None
    return hmac.new(key, normalised.encode("utf-8"), hashlib.sha256).hexdigest()


def token_expression(spec: TokenSpec) -> TokenExpression:
    """The spec's token for `policies.compile`; needs no key. Its parameters are bound to `binary_parameters(spec, key)`."""
    inner, outer = _names(spec)

    def digest(normalised: exp.Expr) -> exp.Expr:
        first = portable("sha256_hex", portable("join_bytes", exp.Placeholder(this=inner), portable("utf8", normalised)))
        second = portable("join_bytes", exp.Placeholder(this=outer), portable("bytes_of_hex", first))
        return portable("sha256_hex", second)

    return TokenExpression(
        name=spec.name,
        parameters=(inner, outer),
        normalised=lambda tree: normalised_tree(tree, spec.normalise),
        valid=lambda tree: valid_tree(tree, spec.identifier),
        digest=digest,
    )


def token_expressions(specs: Mapping[str, TokenSpec]) -> dict[str, TokenExpression]:
    return {name: token_expression(spec) for name, spec in specs.items()}


def binary_parameters(spec: TokenSpec, key: bytes) -> dict[str, bytes]:
    """The two pads of the key, by parameter name. They are as secret as the key. ValueError for an over-long key."""
    if len(key) > _BLOCK:
        raise ValueError("a key longer than one block would have to be hashed first; ours have 32 bytes")
    padded = key.ljust(_BLOCK, b"\0")
    inner, outer = _names(spec)
    return {inner: bytes(byte ^ 0x36 for byte in padded), outer: bytes(byte ^ 0x5C for byte in padded)}


def _names(spec: TokenSpec) -> tuple[str, str]:
    return f"{spec.name}_inner_pad", f"{spec.name}_outer_pad"
