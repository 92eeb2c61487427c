"""Two Databricks workspaces in one process: the REST calls this product makes, answered strictly, over HTTP.

`serving.serve` starts it; `frame.application` is one workspace. A group of calls is one module under `groups/` and one line in
`groups/__init__.py`. What a request may say is decided by the dataclasses and signatures of the databricks-sdk (`strict.py`),
what the platform does with it by docs/simulator.md, which names the source of every rule and calls a guess a guess.
"""
