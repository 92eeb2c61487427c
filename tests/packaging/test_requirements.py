"""requirements.txt is the whole set, exactly: nothing loose, nothing missing, nothing installed beside it."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LINES = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")]
PINNED = {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in LINES}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BUILD = {"pip", "setuptools", "wheel"}  # what an environment brings along, at versions of its own
NEEDED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["spark"]]


def test_every_line_is_one_exact_version() -> None:
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", line) for line in LINES)
    assert len(PINNED) == len(LINES)


@pytest.mark.parametrize("text", NEEDED)
def test_what_the_project_needs_is_pinned_within_its_range(text: str) -> None:
    requirement = Requirement(text)
    assert requirement.specifier.contains(PINNED[canonicalize_name(requirement.name)])


def test_everything_installed_is_pinned_at_that_version() -> None:
    installed = {canonicalize_name(item.name): item.version for item in importlib.metadata.distributions()}
    beside = {name: version for name, version in installed.items() if name not in BUILD and PINNED.get(name) != version}
    assert beside == {"cleanroom-core": PROJECT["version"]}


def test_what_builds_the_project_is_pinned() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    for requirement in map(Requirement, build):
        assert requirement.specifier.contains(PINNED[canonicalize_name(requirement.name)])


def test_named_in_the_task() -> None:
    assert {"streamlit", "databricks-sdk", "pandas", "pyspark", "altair", "streamlit-authenticator", "pytest"} <= set(PINNED)
