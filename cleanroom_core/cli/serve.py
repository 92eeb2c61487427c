"""`cleanroom serve`: prepare the rehearsal and serve the wizard, by default to this machine alone."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import sys
from pathlib import Path
from typing import NoReturn

import click

from cleanroom_core.cli.home import clone, open_home
from cleanroom_core.errors import InputError

_EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104  compared, not bound
_NEAR = 100  # how many ports after the wanted one are tried for a free one


@click.command()
@click.option("--host", envvar="HOST", default="127.0.0.1", show_default=True, help="Address to listen on (HOST).")
@click.option(
    "--port",
    envvar=["PORT", "DATABRICKS_APP_PORT"],
    type=click.IntRange(1, 65535),
    default=8501,
    show_default=True,
    help="Port to listen on (PORT; inside a Databricks App DATABRICKS_APP_PORT).",
)
def command(host: str, port: int) -> None:
    """Serve the wizard; stop it with Ctrl-C.

    On an address that other machines can reach, demo users are refused: create users with `cleanroom user add`.
    """
    root = clone()
    require_free(host, port)
    folder = open_home()
    prepare(root, folder)
    local = is_loopback(host)
    click.echo(f"The wizard is at {url(host, port)} (state in {folder}; stop with Ctrl-C)")
    if not local:
        click.echo("Other machines can reach it, so demo users are refused: create users with `cleanroom user add`.")
        click.echo(f"It answers to {', '.join(names(host))}; for other names set STREAMLIT_SERVER_ALLOWED_HOSTS.")
    serve(root, host, port, folder, local)


def prepare(root: Path, folder: Path) -> None:
    """Make the rehearsal in this home, or take up the one that is there. Raises HomeError for a home of another version."""
    from cleanroom_core.rehearsal import prepare as prepare_rehearsal

    prepare_rehearsal(folder, root / "examples", click.echo).close()


def serve(root: Path, host: str, port: int, folder: Path, local: bool) -> NoReturn:
    """Become Streamlit: one process, so that Ctrl-C and a supervisor's signal reach the server itself."""
    environment = {**os.environ, "CLEANROOM_HOME": str(folder)}
    environment.pop("CLEANROOM_HOST", None)
    if not local:
        environment["CLEANROOM_HOST"] = host
    options = {
        "server.address": host,
        "server.port": str(port),
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
        "logger.hideWelcomeMessage": "true",
    }
    arguments = [sys.executable, "-m", "streamlit", "run", str(root / "app.py")]
    for name, value in options.items():
        arguments += [f"--{name}", value]
    if not local and "STREAMLIT_SERVER_ALLOWED_HOSTS" not in environment:
        for name in names(host):
            arguments += ["--server.allowedHosts", name]
    os.chdir(root)  # Streamlit looks for .streamlit/config.toml here
    sys.stdout.flush()
    os.execve(sys.executable, arguments, environment)  # noqa: S606  no shell, our own interpreter


def names(host: str) -> list[str]:
    """Under which names a browser on another machine may ask for this one; others are refused (DNS rebinding)."""
    own = socket.gethostname()
    found = ["localhost", "127.0.0.1", own, socket.getfqdn(own)]
    found += [address for _, address in _addresses(own)] if _known(own) else []
    return list(dict.fromkeys([*found, *([] if host in _EVERYWHERE else [host])]))


def _known(host: str) -> bool:
    try:
        _addresses(host)
    except InputError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether every address this name stands for stays on this machine. Raises InputError for a name nobody knows."""
    return all(ipaddress.ip_address(address.split("%")[0]).is_loopback for _, address in _addresses(host))


def require_free(host: str, port: int) -> None:
    """Raise InputError when nothing can listen there, naming the next free port when the port is taken."""
    problem = _cannot_listen(host, port)
    if problem is None:
        return
    if problem == errno.EADDRINUSE:
        free = next((p for p in range(port + 1, min(port + _NEAR, 65536)) if _cannot_listen(host, p) is None), None)
        raise InputError(
            f"Port {port} is taken" + (f", port {free} is free:" if free else ", and so are those after it:"),
            hint=f"make run PORT={free or '...'}",
            code="PORT_TAKEN",
        )
    raise InputError(
        f"Nothing can listen on {host} port {port} ({os.strerror(problem)}):",
        hint="give an address of this machine as HOST and a port above 1023 as PORT.",
        code="CANNOT_LISTEN",
    )


def _cannot_listen(host: str, port: int) -> int | None:
    """The errno that stands in the way of listening, or None."""
    for family, address in _addresses(host):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            if probe.connect_ex((address, port)) == 0:  # on BSD a narrower address could be bound beside this listener
                return errno.EADDRINUSE
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: no waiting after a restart
            try:
                probe.bind((address, port))
            except OSError as error:
                return error.errno or errno.EINVAL
    return None


def _addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise InputError(
            f"HOST={host} is not a name or address this machine knows:", hint="use 127.0.0.1 or 0.0.0.0.", code="HOST_UNKNOWN"
        ) from error
    return list(dict.fromkeys((family, str(sockaddr[0])) for family, _, _, _, sockaddr in found))


def url(host: str, port: int) -> str:
    """What to type into a browser on this machine, or on another one when every address is listened on."""
    if host in _EVERYWHERE:
        host = socket.gethostname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
