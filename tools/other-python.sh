#!/usr/bin/env bash
# Runs a command with further builds of the module, for other Pythons than the one that is tested, where they are
# found: one of 3.12 or later, for the tests of interpreters with a GIL of their own, and a free-threaded one of
# 3.14 or later:
#
#   tools/other-python.sh TARGET-DIR COMMAND...
#
# The command gets RWSGI_TEST_OWN_GIL_MODULE, _HOME and _PACKAGES, and RWSGI_TEST_FREE_THREADED_MODULE and _HOME; and
# RWSGI_TEST_OTHER_PYTHON if RWSGI_TEST_WORKER names a folder of workers, where one for that Python is added.
# OTHER_PYTHON and FREE_THREADED_PYTHON name the Pythons; otherwise they are looked for on PATH, below ~/.pyenv,
# and where tools/free-threaded-python.sh puts one. Root's httpd serves under another account: where that cannot
# reach an installation, a copy is made in TARGET-DIR or, if that cannot be reached either, in a temporary folder
# that is removed afterwards.
set -euo pipefail

target=${1:?target directory}
shift

# usable KIND PYTHON: whether the module can be built for PYTHON and tested as KIND, own-gil or free-threaded.
usable() {
    local main
    main=$("${PYO3_PYTHON:-/usr/bin/python3}" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    [ -n "$2" ] && [ -x "$2" ] && "$2" -c '
import sys, sysconfig
kind, main = sys.argv[1], tuple(map(int, sys.argv[2].split(".")))
free = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
if kind == "own-gil":
    fits = not free and sys.version_info >= (3, 12) and sys.version_info[:2] != main
else:
    fits = free and sys.version_info >= (3, 14)
sys.exit(not (fits and sysconfig.get_config_var("Py_ENABLE_SHARED")))' "$1" "$main" >/dev/null 2>&1
}

# find_python KIND CANDIDATE...: the last one that is usable.
find_python() {
    local kind=$1 candidate found=
    shift
    for candidate; do
        if usable "$kind" "$candidate"; then
            found=$candidate
        fi
    done
    echo "$found"
}

served_account_can_read() {
    [ "$(id -u)" -ne 0 ] && return
    local account
    for account in www-data apache daemon nobody; do
        if id "$account" >/dev/null 2>&1; then
            setpriv --reuid "$account" --regid "$(id -g "$account")" --clear-groups test -x "$1"
            return
        fi
    done
}

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
chmod 755 "$temporary"

# readable FROM FOLDER NAME: where the served account can read what is at FROM; copies it there if it has to.
readable() {
    local from=$1 folder=$2 name=$3
    if served_account_can_read "$from"; then
        echo "$from"
        return
    fi
    if [ ! -d "$folder/$name" ]; then
        cp -a "$from" "$folder/$name.partial"
        mv "$folder/$name.partial" "$folder/$name"
    fi
    if served_account_can_read "$folder/$name"; then
        echo "$folder/$name"
        return
    fi
    local copy
    copy=$(mktemp -d -p "$temporary")
    chmod 755 "$copy"
    cp -a "$folder/$name" "$copy/$name"
    echo "$copy/$name"
}

build() {
    echo "Building the module for $1 too" >&2
    PYO3_PYTHON=$1 CARGO_TARGET_DIR=$2 "${CARGO:-cargo}" build --locked --release --lib
}

prefix_of() { "$1" -c 'import sys; print(sys.base_prefix)'; }

prepare_own_gil() {
    local python packages=$target/packages
    python=$(find_python own-gil $(command -v python3.12 python3.13 python3.14 || true) \
        "$HOME"/.pyenv/versions/3.1[2-9]*/bin/python3 "${OTHER_PYTHON:-}")
    if [ -z "$python" ]; then
        echo "No second Python (3.12 or later, with a shared library) was found: own-GIL tests will say that they skip." >&2
        return
    fi
    build "$python" "$target"
    if [ ! -d "$packages/numpy" ]; then
        "$python" -m pip install --quiet --target "$packages" 'numpy~=2.2' >&2 ||
            echo "numpy was not installed: its test will say that it skips." >&2
    fi
    # The worker for it, beside the one for the usual Python.
    if [ -n "${RWSGI_TEST_WORKER:-}" ]; then
        tools/worker.sh "$python" "$RWSGI_TEST_WORKER" >&2
        export RWSGI_TEST_OTHER_PYTHON=$python
    fi
    export RWSGI_TEST_OWN_GIL_MODULE=$target/release/libmod_rwsgi.so
    RWSGI_TEST_OWN_GIL_HOME=$(readable "$(prefix_of "$python")" "$target" home)
    export RWSGI_TEST_OWN_GIL_HOME
    if [ -d "$packages/numpy" ]; then
        RWSGI_TEST_OWN_GIL_PACKAGES=$(readable "$packages" "$target" packages-copy)
        export RWSGI_TEST_OWN_GIL_PACKAGES
    fi
}

prepare_free_threaded() {
    local python
    python=$(find_python free-threaded $(command -v python3.14t python3.15t || true) \
        "$HOME"/.pyenv/versions/3.1[4-9]*t/bin/python3 /opt/python-ft/bin/python3 "${FREE_THREADED_PYTHON:-}")
    if [ -z "$python" ]; then
        echo "No free-threaded Python (3.14 or later, with a shared library) was found: its tests will say that they skip. tools/free-threaded-python.sh builds one." >&2
        return
    fi
    build "$python" "$target/free-threaded"
    export RWSGI_TEST_FREE_THREADED_MODULE=$target/free-threaded/release/libmod_rwsgi.so
    RWSGI_TEST_FREE_THREADED_HOME=$(readable "$(prefix_of "$python")" "$target/free-threaded" home)
    export RWSGI_TEST_FREE_THREADED_HOME
}

prepare_own_gil
prepare_free_threaded
"$@"
