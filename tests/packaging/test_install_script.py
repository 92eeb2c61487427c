"""install.sh on machines it will meet: stub interpreters on a PATH that holds nothing else but the system's small tools."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "dirname", "cat", "sed", "rm", "mkdir", "touch", "chmod", "cp", "echo", "printf", "make")

# Answers what install.sh asks a Python. `-m venv` copies the stub into the environment, as a real one links itself.
STUB = """#!/bin/sh
case "$*" in
*version_info*) echo {version} ;;
*ensurepip*) exit {without_venv} ;;
*platform*) echo {platform} ;;
"-m venv "*)
    mkdir -p "$3/bin" "$3/lib/python{version}/site-packages"
    echo "command = $0 -m venv $3" >"$3/pyvenv.cfg"
    cp "$0" "$3/bin/python"
    touch "$3/bin/pip"; chmod +x "$3/bin/pip" ;;
"-m pip install"*)
    [ ! -e pip_is_broken ] || exit 1
    echo "$*" >>pip.log
    case "$*" in *--editable*)
        echo '#!/bin/sh
echo "cleanroom $* HOST=$HOST PORT=$PORT CLEANROOM_HOME=$CLEANROOM_HOME"' >.venv/bin/cleanroom
        chmod +x .venv/bin/cleanroom ;;
    esac ;;
*) exit 64 ;;
esac
"""


class Machine:
    """A project folder with the real scripts and a PATH of our own."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "a project"
        self.bin = folder / "bin"
        self.project.mkdir()
        self.bin.mkdir()
        for name in ("install.sh", "Makefile", "requirements.txt", "pyproject.toml"):
            shutil.copy(ROOT / name, self.project / name)
        for tool in TOOLS:
            path = shutil.which(tool)
            assert path, tool
            (self.bin / tool).symlink_to(path)

    def program(self, name: str, text: str) -> Path:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def python(self, name: str, version: str, *, venv: bool = True, platform: str = "Linux x86_64") -> Path:
        return self.program(name, STUB.format(version=version, without_venv=0 if venv else 1, platform=platform))

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command or ("sh", "install.sh"),
            cwd=self.project,
            env={"PATH": str(self.bin), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def installations(self) -> int:
        log = self.project / "pip.log"
        return log.read_text().count("-r requirements.txt") if log.exists() else 0


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line a refusal consists of."""
    assert done.returncode == 1, done
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize(("name", "version"), [("python3", "3.9"), ("python3", "3.10"), ("python3", "3.14"), ("python", "2.7")])
def test_an_older_or_newer_python_is_refused_in_one_sentence(machine: Machine, name: str, version: str) -> None:
    machine.python(name, version)
    line = refused(machine.run())
    assert "3.11, 3.12 or 3.13 is needed" in line
    assert f"{name} is {version}" in line
    assert "PYTHON=" in line


def test_no_python_at_all(machine: Machine) -> None:
    assert "none is here" in refused(machine.run())


def test_a_named_python_that_does_not_run(machine: Machine) -> None:
    machine.python("python3.12", "3.12")
    assert "/no/python does not run" in refused(machine.run(PYTHON="/no/python"))


def test_a_shim_without_a_python_behind_it_is_passed_over(machine: Machine) -> None:
    machine.program("python3.13", "#!/bin/sh\necho 'python3.13: not chosen' >&2\nexit 127\n")
    machine.python("python3", "3.11")
    done = machine.run()
    assert done.returncode == 0, done.stderr
    assert "Making .venv with Python 3.11" in done.stdout


def test_debian_without_the_venv_module_is_told_the_apt_command(machine: Machine) -> None:
    machine.program("apt-get", "#!/bin/sh\nexit 99\n")
    machine.python("python3", "3.11", venv=False)
    line = refused(machine.run())
    assert "apt-get install python3.11-venv" in line
    assert not (machine.project / ".venv").exists()


def test_elsewhere_a_missing_venv_module_names_no_apt_command(machine: Machine) -> None:
    machine.python("python3", "3.11", venv=False)
    line = refused(machine.run())
    assert "venv module" in line
    assert "apt-get" not in line


def test_a_python_with_venv_is_taken_before_one_without(machine: Machine) -> None:
    machine.python("python3.13", "3.13", venv=False)
    machine.python("python3.12", "3.12")
    assert "Making .venv with Python 3.12" in machine.run().stdout


def test_a_python_for_intel_macs_is_refused(machine: Machine) -> None:
    machine.python("python3", "3.12", platform="Darwin x86_64")
    assert "arm64" in refused(machine.run())


def test_the_second_time_does_nothing(machine: Machine) -> None:
    machine.python("python3", "3.12")
    first = machine.run()
    assert first.returncode == 0, first.stderr
    assert machine.installations() == 1
    (machine.bin / "python3").unlink()  # it does not even look for a Python again
    second = machine.run()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert machine.installations() == 1


@pytest.mark.parametrize("changed", ["requirements.txt", "pyproject.toml"])
def test_changed_requirements_are_installed_into_the_same_environment(machine: Machine, changed: str) -> None:
    machine.python("python3", "3.12")
    machine.run()
    (machine.project / ".venv/kept").touch()
    with (machine.project / changed).open("a") as file:
        file.write("# changed\n")
    assert machine.run().returncode == 0
    assert machine.installations() == 2
    assert (machine.project / ".venv/kept").exists()


def test_an_interrupted_installation_is_repeated(machine: Machine) -> None:
    machine.python("python3", "3.12")
    (machine.project / "pip_is_broken").touch()
    broken = machine.run()
    assert broken.returncode == 1
    assert "could not be installed" in broken.stderr.splitlines()[-1]
    (machine.project / "pip_is_broken").unlink()
    assert machine.run().returncode == 0
    assert machine.installations() == 1


def test_a_new_attempt_that_breaks_leaves_no_old_mark_behind(machine: Machine) -> None:
    machine.python("python3", "3.12")
    machine.run()
    original = (machine.project / "requirements.txt").read_text()
    (machine.project / "requirements.txt").write_text(original + "# changed\n")
    (machine.project / "pip_is_broken").touch()
    assert machine.run().returncode == 1
    (machine.project / "requirements.txt").write_text(original)
    (machine.project / "pip_is_broken").unlink()
    assert machine.run().returncode == 0
    assert machine.installations() == 2


def test_an_environment_from_elsewhere_is_made_again(machine: Machine) -> None:
    machine.python("python3", "3.12")
    machine.run()
    (machine.project / ".venv/old").touch()
    machine.project = machine.project.rename(machine.project.with_name("moved"))
    done = machine.run()
    assert "Making .venv" in done.stdout
    assert not (machine.project / ".venv/old").exists()


def test_another_python_makes_it_again_and_the_same_does_not(machine: Machine) -> None:
    twelve = machine.python("python3.12", "3.12")
    eleven = machine.python("python3.11", "3.11")
    machine.run(PYTHON=str(twelve))
    assert machine.run(PYTHON=str(twelve)).stdout == ""
    assert "Making .venv with Python 3.11" in machine.run(PYTHON=str(eleven)).stdout
    assert machine.run().stdout == ""


def test_an_environment_whose_python_is_gone_is_made_again(machine: Machine) -> None:
    machine.python("python3", "3.12")
    machine.run()
    (machine.project / ".venv/bin/python").unlink()
    assert "Making .venv" in machine.run().stdout


def test_make_run_installs_and_serves_with_its_settings(machine: Machine) -> None:
    machine.python("python3", "3.12")
    done = machine.run("make", "run", "PORT=9000", CLEANROOM_HOME="/some/home")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "cleanroom serve HOST= PORT=9000 CLEANROOM_HOME=/some/home"
    again = machine.run("make", "run", HOST="0.0.0.0")  # noqa: S104  a setting handed on
    assert again.stdout.splitlines() == ["cleanroom serve HOST=0.0.0.0 PORT= CLEANROOM_HOME="]


def test_make_install_is_enough_for_the_command(machine: Machine) -> None:
    machine.python("python3", "3.12")
    assert machine.run("make", "install").returncode == 0
    assert (machine.project / ".venv/bin/cleanroom").exists()


def test_make_says_what_it_can_do(machine: Machine) -> None:
    done = machine.run("make")
    assert done.returncode == 0
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["make", target] for target in ("run", "install", "test", "check", "bench")
    ]
