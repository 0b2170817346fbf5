#!/bin/sh
# Runs the tests marked `core` on every supported Python but that of .venv, if found on PATH or in pyenv.
set -eu
cd "$(dirname "$0")/.."

# Empty unless it runs: a pyenv shim can be there for a Python that is not.
version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || :
}

own=$(version_of .venv/bin/python)
pyenv=$(pyenv root 2>/dev/null) || pyenv=
passed='' failed='' absent=''
for version in 3.11 3.12 3.13 3.14; do
    [ $version != "$own" ] || continue
    python=
    for candidate in "python$version" "$pyenv/versions/$version"*/bin/python; do
        if [ "$(version_of "$candidate")" = $version ]; then
            python=$candidate
            break
        fi
    done
    if [ -z "$python" ]; then
        absent="$absent $version"
        continue
    fi
    echo "== core tests on Python $version"
    venv=.venv-$version
    # No extras: the core must import and work with the standard library alone.
    if PYTHON=$python sh tools/setup.sh "$venv" pytest pytest-timeout pytest-xdist -e . &&
        "$venv/bin/python" -m pytest -n 4 --dist loadfile -m core tests; then
        passed="$passed $version"
    else
        failed="$failed $version"
    fi
done
echo "== core tests: passed on${passed:- none}; failed on${failed:- none}; not found:${absent:- none} (.venv has $own)"
[ -z "$failed" ]
