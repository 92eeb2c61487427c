#!/bin/sh
# What Databricks Apps starts (app.yaml): two people per side of the rehearsal, who may together do everything, then the wizard.
# Each of them changes the first password at the first sign-in.
set -eu
cd "$(dirname "$0")"

person() { # name, organisation, roles
    who=$1 whose=$2
    shift 2
    for role; do set -- "$@" --role "$role"; shift; done
    printf '%s\n' "$CLEANROOM_FIRST_PASSWORD" |
        python -m cleanroom_core.cli.main user add "$who" --organisation "$whose" "$@" --password-stdin || true # known already
}

if [ -n "${CLEANROOM_FIRST_PASSWORD:-}" ]; then
    for side in "North Bank" "Harbour Bank"; do
        short=$(echo "${side%% *}" | tr '[:upper:]' '[:lower:]')
        person "$short.one" "$side" engineer steward analyst
        person "$short.two" "$side" officer reviewer
    done
fi
exec python -m cleanroom_core.cli.main serve
