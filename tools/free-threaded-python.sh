#!/usr/bin/env bash
# Builds a free-threaded Python from Debian's source package, for the tests that need one:
#
#   tools/free-threaded-python.sh [PREFIX]        default /opt/python-ft
#
# No suite of Debian has a free-threaded package. The source comes through apt, which checks it against
# the signed index; apt's own configuration and lists are left as they are. FT_SUITE and FT_PACKAGE name another
# suite or version (PyO3 takes 3.14 and later), FT_MIRROR another mirror. Without profile-guided optimisation: for
# tests, not for serving. Takes some minutes, and does nothing where PREFIX has a free-threaded Python already.
set -euo pipefail

prefix=${1:-/opt/python-ft}
case $prefix in
/*) ;;
*) echo "$prefix is not an absolute path" >&2; exit 1 ;;
esac
suite=${FT_SUITE:-sid}
package=${FT_PACKAGE:-python3.14}
mirror=${FT_MIRROR:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

free_threaded() {
    [ -x "$prefix/bin/python3" ] && "$prefix/bin/python3" -c '
import sysconfig
assert sysconfig.get_config_var("Py_GIL_DISABLED")' 2>/dev/null
}

check_tools() {
    local tool
    for tool in apt-get dpkg-source cc make; do
        command -v "$tool" >/dev/null || { echo "$tool is missing (packages: build-essential, dpkg-dev)" >&2; exit 1; }
    done
    [ -e "$keyring" ] || { echo "$keyring is missing (package: debian-archive-keyring)" >&2; exit 1; }
    local header
    for header in openssl/ssl.h zlib.h ffi.h sqlite3.h; do
        echo "#include <$header>" | cc -E - >/dev/null 2>&1 ||
            echo "$header is missing: Python will lack what needs it (packages: libssl-dev zlib1g-dev libffi-dev libsqlite3-dev)" >&2
    done
}

# apt with lists and sources of its own below the directory $1.
private_apt() {
    local base=$1
    shift
    apt-get -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::sourcelist="$base/debian.sources" -o Dir::State::Lists="$base/lists" \
        -o Dir::Cache="$base/cache" -o APT::Sandbox::User=root "$@"
}

fetch() {
    local base=$1
    mkdir -p "$base/lists/partial" "$base/cache/archives/partial"
    printf '%s\n' 'Types: deb-src' "URIs: $mirror" "Suites: $suite" 'Components: main' "Signed-By: $keyring" \
        >"$base/debian.sources"
    private_apt "$base" update
    (cd "$base" && private_apt "$base" source --download-only "$package")
    # Debian's patches move the places where packages go, which an installation of its own does not want.
    dpkg-source --no-check --skip-patches --extract "$base"/*.dsc "$base/source"
}

build() {
    cd "$1"
    ./configure --quiet --disable-gil --enable-shared --prefix="$prefix" LDFLAGS="-Wl,-rpath,$prefix/lib"
    nice -n 10 make --silent -j"$(nproc)"
    nice -n 10 make --silent install
}

if free_threaded; then
    echo "$prefix has a free-threaded Python already"
    exit 0
fi
check_tools
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch "$work"
build "$work/source" >"$work/build.log" 2>&1 || { tail -n 40 "$work/build.log" >&2; exit 1; }
free_threaded || { echo "$prefix/bin/python3 is not free-threaded" >&2; exit 1; }
"$prefix/bin/python3" -VV
