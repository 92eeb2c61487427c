"""Unity Catalog SQL from a policy: row filter, masks, grants, the share-safe table; what would change, and the way back.

Pure: tables and functions of a workspace come in as data (`catalog`), statements go out as text. `governance` protects the
source table for in-house readers, `share` makes the one object that may go into a room, `difference` compares and checks.
"""
