#!/usr/bin/env bash
# Runs a command with RWSGI_TEST_VENV set to a virtual environment that httpd's children can read.
#
#   tools/with-test-venv.sh VENV COMMAND...
#
# Root's httpd serves under another account. Where that account cannot reach VENV (below a closed home, for
# example) the command gets a copy, which is removed afterwards.
set -euo pipefail

venv=${1:?virtual environment}
shift

readable_by_server() {
    [ "$(id -u)" -ne 0 ] && return
    local account
    for account in www-data apache daemon nobody; do
        if id "$account" >/dev/null 2>&1; then
            setpriv --reuid "$account" --regid "$(id -g "$account")" --clear-groups test -r "$venv/pyvenv.cfg"
            return
        fi
    done
}

if ! readable_by_server; then
    copy=$(mktemp -d)
    trap 'rm -rf "$copy"' EXIT
    chmod 755 "$copy"
    cp -a "$venv" "$copy/venv"
    venv=$copy/venv
fi
RWSGI_TEST_VENV=$venv "$@"
