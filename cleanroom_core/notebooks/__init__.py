"""Linting clean-room notebooks written by hand: what must not happen in a room, found before anybody approves it.

`reading/`    a file's text to cells: language, text, the place of every character
`flow/`       cells to facts: DataFrames, temp views and queries are followed to what is written, shown or fetched
`settings.py` which names mean people; `syntax.py` Python's parser, quiet
`relation.py` what is known about a table on its way: what its columns tell, which guard it has passed
`rules/`      facts to findings, one file per rule
`allowing.py` comments that set one finding aside, with a reason
`lint.py`     all of it; `render.py` and `sarif.py` write it down

    from cleanroom_core.notebooks.lint import lint
    findings = lint("segments.py", text, Settings())

Databricks SQL and Python are read, never run.
"""
