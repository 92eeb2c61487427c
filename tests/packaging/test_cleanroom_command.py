"""The command `cleanroom`: quick to say what it can do, and errors that say what to do next."""

from __future__ import annotations

import stat
import subprocess
import sys
import types
from importlib.machinery import ModuleSpec
from pathlib import Path

import click
import pytest

from cleanroom_core.cli import main as program
from cleanroom_core.errors import ConflictError, InputError

ROOT = Path(__file__).parents[2]
CLI = ROOT / "cleanroom_core/cli"
HEAVY = {
    "altair", "cryptography", "databricks", "deltalake", "duckdb", "jsonschema", "numpy", "pandas", "pyarrow", "pyspark",
    "ruamel", "sqlalchemy", "sqlglot", "starlette", "streamlit", "uvicorn",
}  # fmt: skip


def imported_by(code: str) -> set[str]:
    """Top-level packages in a fresh interpreter after `code`."""
    text = f"{code}\nimport sys\nprint(' '.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stderr.split()}


def test_the_probe_would_see_a_heavy_import() -> None:
    assert "sqlglot" in imported_by("import sqlglot")


@pytest.mark.parametrize(
    "code",
    [
        "import cleanroom_core",
        "import cleanroom_core.cli.main",
        "from cleanroom_core.cli.main import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass",
    ],
)
def test_nothing_heavy_is_imported(code: str) -> None:
    assert imported_by(code) & HEAVY == set()


def test_help_is_the_map() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cleanroom_core.cli.main", "--help"], capture_output=True, text=True, check=True
    )
    listed = {line.split()[0] for line in done.stdout.split("Commands:")[1].splitlines() if line.startswith("  ")}
    nouns = {path.stem for path in CLI.glob("*.py") if "\ndef command(" in path.read_text()}
    assert listed == nouns
    assert {"serve", "precheck"} <= listed


@pytest.mark.parametrize("noun", [noun for noun in program.NOUNS if (CLI / f"{noun}.py").exists()])
def test_each_noun_explains_itself(noun: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cleanroom_core.cli.main", noun, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: cleanroom {noun}")


def test_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cleanroom_core.cli.main", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("cleanroom 0.")


def call(monkeypatch: pytest.MonkeyPatch, raised: BaseException | None) -> int:
    """Run `cleanroom log`, a noun that ends in `raised`, and return the exit code."""

    @click.command()
    def command() -> None:
        if raised is not None:
            raise raised

    name = "cleanroom_core.cli.log"
    module = types.ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)
    module.command = command  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(SystemExit) as end:
        program.main(["log"])
    assert isinstance(end.value.code, int)
    return end.value.code


def test_a_command_that_ends_well(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, None) == 0


def test_input_errors_say_what_and_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, InputError("There is no such file.", hint="Name another.")) == 2
    assert capsys.readouterr().err == "There is no such file. Name another. [INPUT]\n"


def test_other_known_errors_exit_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, ConflictError("It was signed meanwhile.", hint="Look again.")) == 1
    assert capsys.readouterr().err == "It was signed meanwhile. Look again. [CONFLICT]\n"


def test_ctrl_c_is_tidy(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, KeyboardInterrupt()) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_an_unforeseen_error_is_kept_in_a_file_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("CLEANROOM_HOME", str(tmp_path / "home"))
    assert call(monkeypatch, RuntimeError("a value of somebody's row")) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    assert "somebody" not in shown.err
    log = tmp_path / "home/errors.log"
    text = log.read_text()
    number = text.split("error ")[1].split()[0]
    assert number in shown.err
    assert str(log) in shown.err
    assert "Traceback" in text
    assert "RuntimeError" in text
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


def test_an_unforeseen_error_without_a_place_to_keep_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CLEANROOM_HOME", str(tmp_path / "file"))
    assert call(monkeypatch, RuntimeError("a value of somebody's row")) == 1
    assert "not kept" in capsys.readouterr().err


def test_debugging_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANROOM_DEBUG", "1")
    with pytest.raises(RuntimeError, match="as it is"):
        call(monkeypatch, RuntimeError("as it is"))
