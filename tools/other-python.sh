#!/usr/bin/env bash
# Runs a command with a second build of the module, for a Python of 3.12 or later where one is found, so that
# the tests of interpreters with a GIL of their own can run:
#
#   tools/other-python.sh TARGET-DIR COMMAND...
#
# The command gets RWSGI_TEST_OWN_GIL_MODULE, _HOME and _PACKAGES. OTHER_PYTHON names the Python;
# otherwise python3.14, 3.13 and 3.12 are looked for on PATH and below ~/.pyenv. Root's httpd serves under
# another account: where that cannot reach the installation, a copy is made in TARGET-DIR or, if that cannot
# be reached either, in a temporary folder that is removed afterwards.
set -euo pipefail

target=${1:?target directory}
shift

usable() {
    "$1" -c 'import sys, sysconfig
own = sys.version_info >= (3, 12) and sys.version_info[:2] != tuple(map(int, sys.argv[1].split(".")))
sys.exit(not (own and sysconfig.get_config_var("Py_ENABLE_SHARED")))' "$2" >/dev/null 2>&1
}

find_python() {
    local main_version candidate
    main_version=$("${PYO3_PYTHON:-/usr/bin/python3}" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    for candidate in "${OTHER_PYTHON:-}" \
        "$HOME"/.pyenv/versions/3.1[2-9]*/bin/python3 \
        $(command -v python3.14 python3.13 python3.12 || true); do
        if [ -n "$candidate" ] && [ -x "$candidate" ] && usable "$candidate" "$main_version"; then
            echo "$candidate"
        fi
    done | tail -n 1
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

python=$(find_python)
if [ -z "$python" ]; then
    echo "No second Python (3.12 or later, with a shared library) was found: own-GIL tests will say that they skip." >&2
    exec "$@"
fi
echo "Building the module for $python too (tests of interpreters with their own GIL)" >&2
PYO3_PYTHON=$python CARGO_TARGET_DIR=$target "${CARGO:-cargo}" build --locked --release --lib
packages=$target/packages
if [ ! -d "$packages/numpy" ]; then
    "$python" -m pip install --quiet --target "$packages" 'numpy~=2.2' >&2 || echo "numpy was not installed: its test will say that it skips." >&2
fi

temporary=
# Where the served account can read what is at $1; copies it there if it has to.
readable() {
    local from=$1 name=$2
    if served_account_can_read "$from"; then
        echo "$from"
        return
    fi
    if [ ! -d "$target/$name" ]; then
        cp -a "$from" "$target/$name.partial"
        mv "$target/$name.partial" "$target/$name"
    fi
    if served_account_can_read "$target/$name"; then
        echo "$target/$name"
        return
    fi
    cp -a "$target/$name" "$temporary/$name"
    echo "$temporary/$name"
}

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
chmod 755 "$temporary"
export RWSGI_TEST_OWN_GIL_MODULE=$target/release/libmod_rwsgi.so
RWSGI_TEST_OWN_GIL_HOME=$(readable "$("$python" -c 'import sys; print(sys.base_prefix)')" home)
export RWSGI_TEST_OWN_GIL_HOME
if [ -d "$packages/numpy" ]; then
    RWSGI_TEST_OWN_GIL_PACKAGES=$(readable "$packages" packages-copy)
    export RWSGI_TEST_OWN_GIL_PACKAGES
fi
"$@"
