#!/bin/sh
# Runs what is asked for on every supported Python but that of .venv, if found on PATH or in pyenv.
#
#   sh tools/test_pythons.sh core        the tests marked `core`, without any dependency
#   sh tools/test_pythons.sh notebooks   the notebooks against their stored outputs, which are the same for all
set -eu
cd "$(dirname "$0")/.."

# Empty unless it runs: a pyenv shim can be there for a Python that is not.
version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || :
}

run_core() {
    # No extras: the core must import and work with the standard library alone.
    PYTHON=$python sh tools/setup.sh ".venv-$1" pytest pytest-timeout pytest-xdist -e . &&
        ".venv-$1/bin/python" -m pytest -n 4 --dist loadfile -m core tests
}

run_notebooks() {
    PYTHON=$python sh tools/setup.sh ".venv-course-$1" nbval pytest-timeout pytest-xdist -e '.[course,peers]' &&
        ".venv-course-$1/bin/python" -m pytest --nbval --nbval-current-env -n 2 --dist loadfile notebooks
}

what=$1
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
    echo "== $what on Python $version"
    if "run_$what" "$version"; then
        passed="$passed $version"
    else
        failed="$failed $version"
    fi
done
echo "== $what: passed on${passed:- none}; failed on${failed:- none}; not found:${absent:- none} (.venv has $own)"
[ -z "$failed" ]
