"""The Chromium of the browser tests. `python -m tests.chromium` starts it once and fails when it does not start."""

from __future__ import annotations

import os
import shutil

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def launch_options() -> dict[str, object]:
    """Arguments for `playwright.chromium.launch`: CLEANROOM_CHROMIUM, the system's Chromium, or else Playwright's own."""
    return {"args": ARGUMENTS, "executable_path": os.environ.get("CLEANROOM_CHROMIUM") or shutil.which("chromium")}


if __name__ == "__main__":
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        playwright.chromium.launch(**launch_options()).close()  # type: ignore[arg-type]
