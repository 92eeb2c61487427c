#!/bin/sh
# All tests, those in a browser included; called by `make test` after the checks. Installs Chromium when there is none. A browser
# that cannot be had is said in one line together with the tests left out; with CI=true that is a failure.
set -eu
cd "$(dirname "$0")"
python=.venv/bin/python
log=$(mktemp)
trap 'rm -f "$log"' EXIT

browser_starts() {
    $python -m tests.chromium >"$log" 2>&1
}

install_browser() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing Chromium and a font with apt-get"
        {
            apt-get update -qq &&
                DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core
        } >"$log" 2>&1 && browser_starts && return
    fi
    echo "Installing Chromium with Playwright"
    $python -m playwright install chromium >"$log" 2>&1 && browser_starts
}

if browser_starts || install_browser; then
    exec $python -m pytest
fi
reason=$(grep -i -m 1 -E 'error|unable|failed' "$log" | cut -c 1-160 || true)
status=0
$python -m pytest -m "not browser" || status=$?
echo "Chromium could not be installed (${reason:-no reason given}), so the tests marked 'browser' did not run."
[ "${CI:-}" != true ] || exit 1
exit $status
