"""The server's log: errors with their id and traceback, secrets masked before a line is written."""

from __future__ import annotations

import logging
import os
import re
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path

LOG = logging.getLogger("cleanroom.wizard")

_SECRETS = (
    re.compile(r"eyJ[\w-]{5,}\.[\w-]+\.[\w-]*"),  # JSON Web Token
    re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{20,}"),  # bcrypt
    re.compile(r"dapi[0-9a-f]{8,}\S*"),  # Databricks access token
    re.compile(r"(?i)(?:password|passwd|secret|token|api[_-]?key|authorization|cookie)['\"]?\s*[=:]\s*\S+"),
    re.compile(r"\b[0-9a-fA-F]{32,}\b"),  # keys and digests in hex
    re.compile(r"(?<![\w/])(?=[\w+-]*[0-9])(?=[\w+-]*[A-Z])(?=[\w+-]*[a-z])[\w+-]{32,}={0,2}"),  # the same in base64
    re.compile(r"(?<![\w.])\d(?:[ -]?\d){11,18}(?![\w.])"),  # card and account numbers
)


def mask(text: str) -> str:
    """The text without anything that looks like a credential, a key or a card number."""
    for secret in _SECRETS:
        text = secret.sub("[masked]", text)
    return text


class MaskingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))


def open_log(folder: Path) -> None:
    """Write to `logs/wizard.log` in this home (0600, 5 files of 1 MB). Called once, when the server starts."""
    if LOG.handlers:
        return
    path = folder / "logs" / "wizard.log"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    handler = RotatingFileHandler(path, maxBytes=1_000_000, backupCount=4, encoding="utf-8")
    handler.setFormatter(MaskingFormatter("%(asctime)s %(levelname)s %(message)s"))
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    for name in logging.root.manager.loggerDict:  # Streamlit's own loggers print to the terminal, which may be kept as well
        if name.startswith("streamlit"):
            for own in logging.getLogger(name).handlers:
                own.setFormatter(MaskingFormatter("%(asctime)s %(message)s"))


def log_error(error: BaseException, error_id: str) -> None:
    text = "".join(traceback.format_exception(error))
    LOG.error("error %s\n%s", error_id, mask(text))
