"""test.sh where a browser and a Java are there, can be installed, or cannot be had: a stub interpreter stands for pytest,
Playwright and the look for Java."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "dirname", "mktemp", "rm", "grep", "cut", "cat", "tail", "touch")

PYTHON = """#!/bin/sh
echo "$*" >>calls
case "$*" in
"-m tests.chromium") [ -e browser ] || { echo "Error: no browser" >&2; exit 1; } ;;
"-m tests.spark") [ -e java ] || { echo "FileNotFoundError: java" >&2; exit 1; } ;;
"-m playwright install chromium") [ -e playwright_works ] || { echo "Error: download failed"; exit 1; }; touch browser ;;
"-m pytest"*) echo "12 passed in 0.1s"; [ ! -e tests_fail ] ;;
*) exit 64 ;;
esac
"""


class Clone:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "clone"
        self.bin = folder / "bin"
        (self.folder / ".venv/bin").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(ROOT / "test.sh", self.folder)
        self.program(self.folder / ".venv/bin/python", PYTHON)
        for tool in TOOLS:
            path = shutil.which(tool)
            assert path, tool
            (self.bin / tool).symlink_to(path)
        self.user(1000)

    def program(self, path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)

    def user(self, number: int) -> None:
        self.program(self.bin / "id", f"#!/bin/sh\necho {number}\n")

    def has(self, *names: str) -> None:
        for name in names:
            (self.folder / name).touch()

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        command = ["sh", "test.sh"]
        return subprocess.run(
            command, cwd=self.folder, env={"PATH": str(self.bin), **environment}, capture_output=True, text=True, check=False
        )

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_what_is_there_is_used_as_it_is(clone: Clone) -> None:
    clone.has("browser", "java")
    done = clone.run(CI="true")
    assert (done.returncode, done.stdout) == (0, "12 passed in 0.1s\n")
    assert clone.calls() == ["-m tests.chromium", "-m tests.spark", "-m pytest -n 2 --dist=loadgroup"]


def test_failing_tests_fail(clone: Clone) -> None:
    clone.has("browser", "java", "tests_fail")
    assert clone.run().returncode == 1


def test_root_on_debian_installs_both_with_apt_get(clone: Clone) -> None:
    clone.user(0)
    installs = 'case "$*" in *chromium*) touch browser ;; *openjdk*) touch java ;; esac'
    clone.program(clone.bin / "apt-get", f'#!/bin/sh\necho "apt-get $*" >>calls\n{installs}\n')
    done = clone.run(CI="true")
    assert done.returncode == 0, done.stderr
    apt = [call for call in clone.calls() if call.startswith("apt-get")]
    assert [call.split()[1] for call in apt] == ["update", "install", "update", "install"]
    assert apt[1].endswith("chromium fonts-dejavu-core")
    assert apt[3].endswith("openjdk-17-jre-headless")
    assert clone.calls()[-1] == "-m pytest -n 2 --dist=loadgroup"


def test_where_apt_get_fails_playwright_is_asked(clone: Clone) -> None:
    clone.user(0)
    clone.program(clone.bin / "apt-get", "#!/bin/sh\nexit 100\n")
    clone.has("playwright_works", "java")
    assert clone.run().returncode == 0
    assert clone.calls()[-1] == "-m pytest -n 2 --dist=loadgroup"


def test_others_install_it_with_playwright(clone: Clone) -> None:
    clone.program(clone.bin / "apt-get", "#!/bin/sh\necho not asked >>calls\n")
    clone.has("playwright_works", "java")
    assert clone.run().returncode == 0
    assert "not asked" not in clone.calls()


NO_BROWSER = "Chromium could not be installed (Error: download failed), so the tests marked 'browser' did not run."
NO_JAVA = "There is no Java 17 or 21 for Spark (FileNotFoundError: java), so the tests marked 'spark' did not run."


@pytest.mark.parametrize(("environment", "status"), [({}, 0), ({"CI": "true"}, 1)])
@pytest.mark.parametrize(
    ("there", "said", "marks"),
    [
        (["java"], [NO_BROWSER], "not browser"),
        (["browser"], [NO_JAVA], "not spark"),
        ([], [NO_BROWSER, NO_JAVA], "not browser and not spark"),
    ],
)
def test_what_could_not_be_had_is_one_line_and_a_failure_in_ci(
    clone: Clone, environment: dict[str, str], status: int, there: list[str], said: list[str], marks: str
) -> None:
    clone.has(*there)
    done = clone.run(**environment)
    assert done.returncode == status
    assert done.stdout.splitlines()[-len(said) :] == said
    assert clone.calls()[-1] == f"-m pytest -n 2 --dist=loadgroup -m {marks}"


def test_failing_tests_fail_without_a_browser_too(clone: Clone) -> None:
    clone.has("java", "tests_fail")
    assert clone.run().returncode == 1
