"""The notebook of a release plan: a plan and its statements to the bytes both sides approve, and back.

`modules.py`  the modules that protect and certify, as the text of this very version
`write.py`    plan and statements to the notebook's text
`verify.py`   whether a notebook is, byte for byte, what this version writes for the plan in it
"""
