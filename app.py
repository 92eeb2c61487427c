"""ASGI entry of the wizard: `streamlit run app.py` (or `make run`, which also prepares the rehearsal).

The script it serves lies in a folder without a `pages/` folder beside it. That is a matter of security, not of taste: where
`pages/` lies beside the entry script, Streamlit's first request after a start can run a page alone, without the sign-in.
"""

from __future__ import annotations

import runpy
from pathlib import Path

from streamlit.runtime.scriptrunner import get_script_run_ctx

FRAME = Path(__file__).resolve().parent / "pages" / "_ui" / "frame.py"

if get_script_run_ctx(suppress_warning=True) is None:
    import streamlit as st
    from starlette.middleware import Middleware

    from pages._ui.errors import on_script_error
    from pages._ui.security_headers import SecurityHeaders
    from pages._ui.server import ROUTES, lifespan

    app = st.App(
        FRAME, routes=ROUTES, middleware=[Middleware(SecurityHeaders)], lifespan=lifespan, on_script_error=on_script_error
    )
else:  # AppTest runs this file as a script
    runpy.run_path(str(FRAME), run_name="__main__")
