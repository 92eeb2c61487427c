"""Readers: each turns one part of a checked tree into the guard's own words, or raises Refusal. They build only what they know,
so that a node no reader understands cannot reach a generated query even if every rule overlooked it."""
