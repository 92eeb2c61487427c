"""NETWORK: the notebook speaks to something outside the room, or starts a program that may."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cleanroom_core.notebooks.facts import Called
from cleanroom_core.notebooks.finding import Judged, Rule, Story

_MODULES = frozenset({
    "requests", "urllib.request", "urllib3", "http.client", "httpx", "aiohttp", "socket", "ssl", "smtplib", "ftplib",
    "telnetlib", "xmlrpc", "paramiko", "websocket", "websockets", "boto3", "botocore", "s3fs", "gcsfs", "adlfs",
    "google.cloud", "azure", "kafka", "confluent_kafka", "pymongo", "psycopg", "psycopg2", "pymysql", "redis",
    "sqlalchemy", "databricks.sdk", "databricks.sql", "openai", "anthropic", "slack_sdk", "grpc", "subprocess", "urllib",
})  # fmt: skip
_PROGRAMS = re.compile(r"os\.(system|popen|exec\w*|spawn\w*)$|subprocess\.|pty\.spawn$")
_FUNCTIONS = re.compile(r"sql\.(http_request|remote_query|ai_\w+|vector_search)$")
_FORMATS = frozenset(
    {"jdbc", "kafka", "kinesis", "pulsar", "eventhubs", "snowflake", "bigquery", "redshift", "mongodb", "postgresql", "mysql"}
)
_ADDRESS = re.compile(r"(s3a?|gs|abfss?|wasbs?|adl|https?|ftps?|sftp|jdbc):", re.IGNORECASE)
_LOCAL = re.compile(r"--no-index|\s(/Volumes/|/Workspace/|\./)")


def _judge(story: Story) -> Iterator[Judged]:
    told = set()
    for fact in story.facts:
        if isinstance(fact, Called) and fact.place not in told and (reason := _reason(fact)):
            told.add(fact.place)
            yield fact.place, reason


def _reason(fact: Called) -> str:
    """Why this leaves the room; an empty text where it does not."""
    kind, _, module = fact.name.partition(" ")
    if kind == "import" and any(module == known or module.startswith(f"{known}.") for known in _MODULES - {"urllib"}):
        return f"The module {module} is there to reach other machines or programs."
    if fact.name in ("%pip", "%conda", "%uv") and re.search(r"\binstall\b", fact.text) and not _LOCAL.search(fact.text):
        return "This fetches packages from the network."
    if fact.name == "%sh":
        return "This starts programs of the machine."
    if _PROGRAMS.search(fact.name):
        return f"{fact.name}() starts another program."
    if _FUNCTIONS.match(fact.name):
        return f"{fact.name.removeprefix('sql.')}() speaks to a service outside the query."
    if fact.name == "format" and fact.text.lower() in _FORMATS:
        return f"The format {fact.text} speaks to a service outside the room."
    if fact.name in ("path", "sql.read_files", "open") and _ADDRESS.match(fact.text):
        return "This address lies outside the room."
    return ""


RULE = Rule(
    code="NETWORK",
    title="A call to the network or to another program",
    why="A room with restricted egress refuses it in the middle of a run; a room without lets rows out.",
    fix="Share what is needed as a table or volume of the room; install wheels from a volume.",
    judge=_judge,
)
