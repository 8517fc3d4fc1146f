#!/usr/bin/env bash
# Gets a mod_wsgi to compare with, and prints the path of its module; prints nothing, and says why, where there is none.
#
#   tools/peer.sh PYTHON DIRECTORY
#
# The release named below is built from PyPI, with apxs, into a virtual environment at DIRECTORY. Where that does
# not succeed the distribution's package serves, fetched and unpacked there but not installed.
set -euo pipefail

python=${1:?Python} directory=${2:?directory}
release=6.1.1
package=libapache2-mod-wsgi-py3

module_in() { find "$1" -name 'mod_wsgi*.so' -print -quit 2>/dev/null; }

wanted=$("$python" -c 'import sys; print(sys.executable, sys.version)'; echo "$release")
stamp=$directory/.made-from
log=$directory.log

from_pypi() {
    rm -rf "$directory"
    "$python" -m venv "$directory" \
        && "$directory/bin/python" -m pip install --disable-pip-version-check "mod_wsgi==$release"
}

from_distribution() {
    rm -rf "$directory"
    mkdir -p "$directory"
    (cd "$directory" && apt-get download -q "$package" && dpkg-deb -x "$package"_*.deb .)
}

if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ] || [ -z "$(module_in "$directory")" ]; then
    echo "Getting mod_wsgi $release to compare with (once; this downloads)" >&2
    mkdir -p "$(dirname "$directory")"
    umask 022
    if ! from_pypi >"$log" 2>&1; then
        echo "mod_wsgi $release could not be built ($log says why); trying the package $package" >&2
        if ! from_distribution >>"$log" 2>&1; then
            echo "There is no mod_wsgi to compare with; the differential tests will be skipped" >&2
            exit 0
        fi
    fi
    printf '%s\n' "$wanted" >"$stamp"
fi
module_in "$directory"
