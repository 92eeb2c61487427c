"""Rooms on this machine, for rehearsals: the same protocol without a platform."""
