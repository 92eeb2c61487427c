"""Deterministic keyed tokens: the spec, normalisation, the HMAC expression for every engine, vectors."""
