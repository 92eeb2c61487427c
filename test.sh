#!/bin/sh
# All tests, those in a browser and on Spark included; called by `make test` after the checks. Installs Chromium and Java when
# they are missing. What cannot be had is said in one line each, with the tests left out; with CI=true that is a failure.
set -eu
cd "$(dirname "$0")"
python=.venv/bin/python
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# apt-get installs these packages; false for anybody but root on Debian
apt() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    echo "Installing $* with apt-get"
    {
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
    } >"$log" 2>&1
}

browser_starts() {
    $python -m tests.chromium >"$log" 2>&1
}

install_browser() {
    if apt chromium fonts-dejavu-core && browser_starts; then return; fi
    echo "Installing Chromium with Playwright"
    $python -m playwright install chromium >"$log" 2>&1 && browser_starts
}

java_is_there() {
    $python -m tests.spark >"$log" 2>&1
}

install_java() {
    apt openjdk-17-jre-headless && java_is_there
}

reason() {
    grep -i -E 'error|unable|failed' "$log" | tail -n 1 | cut -c 1-160 || true
}

left_out='' marks=''
without() {
    left_out="$left_out$1 (${2:-no reason given}), so the tests marked '$3' did not run.
"
    marks="$marks${marks:+ and }not $3"
}

browser_starts || install_browser || without "Chromium could not be installed" "$(reason)" browser
java_is_there || install_java || without "There is no Java 17 or 21 for Spark" "$(reason)" spark

# Two at a time: many tests wait for a browser or a process of their own. More would only take each other's memory.
tests="$python -m pytest -n 2 --dist=loadgroup"
[ -n "$marks" ] || exec $tests
status=0
$tests -m "$marks" || status=$?
printf %s "$left_out"
[ "${CI:-}" != true ] || exit 1
exit $status
