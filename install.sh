#!/bin/sh
# Makes .venv with the pinned requirements and the command .venv/bin/cleanroom. Called by make; does nothing, and needs no
# network, when that was done already. PYTHON= names the interpreter; otherwise the first of 3.13, 3.12 and 3.11 that is found.
set -eu
cd "$(dirname "$0")"
root=$(pwd -P)
venv=$root/.venv
done_mark=$venv/installed

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# "3.12" for a Python that runs, nothing otherwise (a pyenv shim of a Python that is not chosen exists, but does not run)
version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

supported() {
    case $1 in 3.11 | 3.12 | 3.13) ;; *) return 1 ;; esac
}

# everything the installation follows from; kept in .venv when it is complete, so that any change repeats it
wanted() {
    printf '%s\n' "Python $1"
    cat requirements.txt pyproject.toml
}

# an environment is ours when it runs, was made in this very place, and is of the Python asked for
usable_venv() {
    has=$(version_of "$venv/bin/python")
    supported "$has" || return 1
    [ -d "$venv/lib/python$has/site-packages" ] && [ -x "$venv/bin/pip" ] || return 1
    made_at=$(sed -n 's/^command = //p' "$venv/pyvenv.cfg" 2>/dev/null)
    case $made_at in *" $venv") ;; *) return 1 ;; esac
    [ -z "${PYTHON:-}" ] || [ "$has" = "$(version_of "$PYTHON")" ]
}

find_python() {
    seen='' without_venv=''
    if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"; else set -- python3.13 python3.12 python3.11 python3 python; fi
    for candidate in "$@"; do
        version=$(version_of "$candidate")
        [ -n "$version" ] || continue
        seen="$seen${seen:+, }$candidate is $version"
        supported "$version" || continue
        if "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
            python=$candidate
            case $("$python" -c 'import platform; print(platform.system(), platform.machine())') in
            "Darwin x86_64") fail "$python is built for Intel Macs, for which cryptography 50 has no wheels: name an arm64 Python" \
                "with PYTHON=/path/to/python3.12, or use Linux." ;;
            esac
            return
        fi
        without_venv=${without_venv:-$version}
    done
    if [ -n "$without_venv" ] && command -v apt-get >/dev/null; then
        fail "Python $without_venv is here but its venv module is not, run as root and then make again:" \
            "apt-get install python$without_venv-venv"
    elif [ -n "$without_venv" ]; then
        fail "Python $without_venv is here but its venv module is not: add your system's package for it, or name another" \
            "Python with PYTHON=/path/to/python3.12."
    fi
    [ -n "$seen" ] || seen=${PYTHON:+"$PYTHON does not run"}
    fail "Python 3.11, 3.12 or 3.13 is needed (${seen:-none is here}): install one, or name it with PYTHON=/path/to/python3.12."
}

verbose=
if usable_venv; then
    version=$has
    verbose=--quiet # a hundred lines that say "already satisfied" tell nothing
    if [ -f "$done_mark" ] && [ "$(wanted "$version")" = "$(cat "$done_mark")" ] && [ -x "$venv/bin/cleanroom" ]; then
        exit 0
    fi
else
    find_python
    rm -rf "$venv"
    echo "Making .venv with Python $version"
    "$python" -m venv "$venv" || fail "Python $version could not make $venv: see its message above, then make again."
fi

rm -f "$done_mark"
echo "Installing the pinned requirements: a few minutes the first time, about 2 GB on disk"
PIP_CONSTRAINT=$root/requirements.txt # what builds from source is built with the pinned tools
PIP_BUILD_CONSTRAINT=$PIP_CONSTRAINT  # the same for newer versions of pip
PIP_DISABLE_PIP_VERSION_CHECK=1
export PIP_CONSTRAINT PIP_BUILD_CONSTRAINT PIP_DISABLE_PIP_VERSION_CHECK
{
    "$venv/bin/python" -m pip install $verbose --progress-bar off --no-compile -r requirements.txt &&
        "$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable .
} || fail "The requirements could not be installed: see the lines above (network, proxy, disk space), then make again."
wanted "$version" >"$done_mark"
