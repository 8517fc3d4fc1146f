#!/usr/bin/env bash
# Runs a command with nginx and lighttpd at hand, for the tests of FastCGI and SCGI behind other web servers:
#
#   tools/other-servers.sh FOLDER COMMAND...
#
# The command gets RWSGI_TEST_OTHER_SERVERS, a folder with usr/sbin/nginx and usr/sbin/lighttpd in it, if there are
# such. Nothing is installed: a package would start a service. On Debian and Ubuntu the distribution's packages are
# unpacked in FOLDER; elsewhere installed programs are used, and without them the tests say that they skip.
set -euo pipefail

folder=${1:?folder}
shift

# unpack: fetches and unpacks the packages, unless that was done.
unpack() {
    [ -f "$folder/complete" ] && return
    local work
    work=$(mktemp -d)
    # apt's own account writes there.
    chmod 777 "$work"
    (cd "$work" && apt-get -q download nginx nginx-common lighttpd >&2) || {
        rm -rf "$work"
        return 1
    }
    mkdir -p "$folder"
    local package
    for package in "$work"/*.deb; do
        dpkg-deb -x "$package" "$folder"
    done
    rm -rf "$work"
    touch "$folder/complete"
}

if [ -n "${RWSGI_TEST_OTHER_SERVERS:-}" ]; then
    :
elif [ -x /usr/sbin/nginx ] && [ -x /usr/sbin/lighttpd ]; then
    export RWSGI_TEST_OTHER_SERVERS=/
elif command -v apt-get >/dev/null && unpack && ! ldd "$folder"/usr/sbin/{nginx,lighttpd} | grep -q 'not found'; then
    export RWSGI_TEST_OTHER_SERVERS=$folder
else
    echo "skipped: nginx and lighttpd are not here and could not be fetched, so their tests will not run" >&2
fi
exec "$@"
