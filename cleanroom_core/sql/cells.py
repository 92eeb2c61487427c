"""The shape of what a generated room-side query returns: which columns are labels, people, rows and figures.

The guard writes it beside the SQL, `privacy.protect` reads it; both stand above this module and know nothing of each other.
"""
