#!/bin/sh
# Makes a virtual environment or brings it up to date; says nothing if there is nothing to do.
#
#   sh tools/setup.sh [VENV PIP-ARGUMENT...]     (default: .venv -e '.[dev]')
#
# PYTHON names the interpreter; without it, the first Python >= 3.11 on PATH is taken.
# VENV/.ready is written last, so a set-up that was interrupted is begun anew.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- .venv -e '.[dev]'
venv=$1
shift
log=build/setup${venv#.venv}.log

fail() {
    echo "setup: $*" >&2
    exit 1
}

# .ready holds two lines: where the checkout was (a venv cannot be moved) and the interpreter's name.
state=new
python=${PYTHON:-}
if [ -f "$venv/.ready" ] && "$venv/bin/python" -c '' 2>/dev/null; then
    { read -r place && read -r maker; } <"$venv/.ready"
    if [ "$place" = "$(pwd -P)" ] && [ "${python:-$maker}" = "$maker" ]; then
        [ -n "$(find pyproject.toml constraints.txt tools/setup.sh -newer "$venv/.ready")" ] || exit 0
        state=outdated
        python=$maker
    fi
fi

mkdir -p build
if [ $state = new ]; then
    found=
    for python in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
        if version=$("$python" 2>/dev/null -c \
            'import sys; print("%d.%d.%d" % sys.version_info[:3]); sys.exit(sys.version_info < (3, 11))'); then
            break
        fi
        found="$found${version:+${found:+, }$python ($version)}"
        python=
        if [ -n "${PYTHON:-}" ]; then
            [ -z "$version" ] || fail "PYTHON=$PYTHON is Python $version; name a Python 3.11 or newer."
            fail "PYTHON=$PYTHON does not run; name a Python 3.11 or newer."
        fi
    done
    [ -n "$python" ] || fail "needs Python 3.11 or newer, found ${found:-no Python at all}. Install one and put it on PATH, or name it: PYTHON=/path/to/python3"

    echo "Setting up $venv with Python $version (once; up to a minute or two) ..."
    if ! "$python" -m venv --clear "$venv" >"$log" 2>&1; then
        if grep -Eq "ensurepip|No module named '?venv" "$log"; then
            fail "Python $version has no venv or ensurepip module; install it (on Debian or Ubuntu: apt install python${version%.*}-venv), then run this again."
        fi
        fail "Python $version could not make $venv; the full log is $log"
    fi
else
    echo "Bringing $venv up to date ..."
    mv "$venv/.ready" "$venv/.outdated"
    : >"$log"
fi
# Made now and renamed at the end: what is edited in between counts as newer.
printf '%s\n' "$(pwd -P)" "$python" >"$venv/.begun"

# By environment, as these reach the isolated build of the kit itself too: the one in pip < 25.3, the other
# since. The path has to be relative, for pip splits the value at spaces.
export PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt
if ! "$venv/bin/python" -m pip --no-input --disable-pip-version-check install "$@" >>"$log" 2>&1; then
    # pip changes nothing until it has everything, so what was there still works.
    [ $state = new ] || mv "$venv/.outdated" "$venv/.ready"
    if grep -Eqi 'retrying \(|newconnectionerror|connection (refused|broken|error|reset)|timed out' "$log"; then
        fail "pip cannot reach the package index (full log: $log). Check the network or pip's proxy settings, then run this again."
    fi
    fail "pip could not install the packages: $(grep -E '^ *(ERROR|error):' "$log" | tail -n 1) (full log: $log)"
fi
mv "$venv/.begun" "$venv/.ready"
rm -f "$venv/.outdated"
