#!/usr/bin/env bash
# Finds out what this machine lacks to build, serve, test, measure or package, and installs it where that is safe to do.
#
#   tools/setup.sh build|serve|test|bench|package|test-packages PYTHON
#
# Debian and Ubuntu: missing packages are installed with apt-get, through sudo unless run by root.
# `apache2` itself is never installed: it would start a service; `apache2-bin` holds the server alone.
# Elsewhere: the names of the missing pieces are printed and the script stops.
set -euo pipefail

purpose=${1:?purpose: build, serve, test, bench, package or test-packages}
python=${2:?path of the Python to embed}

packages=() reasons=()

# need PROBE PACKAGE WHY: ask for PACKAGE unless the function PROBE succeeds.
need() {
    local probe=$1 package=$2 why=$3
    if ! "$probe"; then
        packages+=("$package")
        reasons+=("$why")
    fi
}

has_cc() { command -v cc >/dev/null; }
has_apxs() { command -v "${APXS:-apxs}" >/dev/null || command -v apxs2 >/dev/null; }
has_httpd() { [ -x /usr/sbin/apache2 ] || [ -x /usr/sbin/httpd ] || command -v apache2 httpd >/dev/null; }
has_curl() { command -v curl >/dev/null; }
has_valgrind() { command -v valgrind >/dev/null; }
has_wrk() { command -v wrk >/dev/null; }
has_git() { command -v git >/dev/null; }
has_debhelper() { command -v dh >/dev/null; }
has_rpmbuild() { command -v rpmbuild >/dev/null; }
has_all_pythons() { dpkg-query -W -f '${Status}' python3-all 2>/dev/null | grep -q ' installed$'; }
has_lintian() { command -v lintian >/dev/null; }
has_ip() { command -v ip >/dev/null; }
has_debootstrap() { [ -x /usr/sbin/debootstrap ]; }
has_python() { [ -x "$python" ] || command -v "$python" >/dev/null; }
has_ensurepip() { has_python && "$python" -c 'import ensurepip, venv' 2>/dev/null; }
has_python_headers() {
    has_python && "$python" -c '
import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))'
}
has_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] && return
    # Not libclang-cpp, which bindgen cannot use and which other packages bring.
    compgen -G '/usr/lib/llvm-*/lib/libclang.so*' >/dev/null ||
        compgen -G '/usr/lib/llvm-*/lib/libclang-[0-9]*.so*' >/dev/null ||
        ldconfig -p 2>/dev/null | grep -Eq '\blibclang(-[0-9.]+)?\.so'
}

check_rust() {
    if ! command -v cargo >/dev/null; then
        echo "Rust is missing: install it as https://rustup.rs describes, then run make again." >&2
        exit 1
    fi
    if [ "$purpose" = test ] && ! { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1; then
        echo "rustfmt or clippy is missing: run \`rustup component add rustfmt clippy\`, then make again." >&2
        exit 1
    fi
}

find_missing() {
    need has_cc build-essential "a C compiler and linker"
    need has_apxs apache2-dev "httpd's headers and apxs"
    need has_libclang libclang-dev "libclang, with which bindgen reads httpd's headers"
    # Packages can only complete the system's own Python.
    if [ "$python" = /usr/bin/python3 ]; then
        need has_python python3 "the Python that the module embeds"
        need has_python_headers python3-dev "Python's headers and libpython"
    fi
    case $purpose in
    serve | test | bench)
        need has_httpd apache2-bin "the httpd program and its modules, without a service"
        if [ "$python" = /usr/bin/python3 ]; then
            need has_ensurepip python3-venv "virtual environments for the applications"
        fi
        ;;
    esac
    if [ "$purpose" = test ] || [ "$purpose" = test-packages ]; then
        need has_curl curl "the tests' HTTP client"
    fi
    if [ "$purpose" = test ] || [ "$purpose" = bench ]; then
        need has_valgrind valgrind "callgrind, which counts instructions"
    fi
    case $purpose in
    package | test-packages)
        need has_git git "the tools that tell the tree's files from others"
        if command -v apt-get >/dev/null; then
            need has_debhelper debhelper "the tools that make Debian's packages"
            need has_all_pythons python3-all "the Pythons that Debian's packages are for"
        fi
        need has_rpmbuild rpm "the tools that make RPM packages"
        need has_ensurepip python3-venv "virtual environments, in which wheels are built"
        ;;
    esac
    if [ "$purpose" = test-packages ]; then
        need has_lintian lintian "the checks of Debian's packages"
        need has_debootstrap debootstrap "fresh systems to install packages into"
        need has_ip iproute2 "the network of a fresh system, apart from this machine's"
    fi
    if [ "$purpose" = bench ]; then
        need has_wrk wrk "the client that puts load on the servers"
    fi
}

explain() {
    echo "This machine lacks, to $purpose:" >&2
    local index
    for index in "${!packages[@]}"; do
        printf '  %-16s %s\n' "${packages[index]}" "${reasons[index]}" >&2
    done
}

install_with_apt() {
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "There is no sudo: as root, run \`apt-get install ${packages[*]}\`, then make again." >&2
            exit 1
        fi
        as_root=(sudo)
        echo "Installing them with sudo apt-get (it may ask for your password)." >&2
    else
        echo "Installing them with apt-get." >&2
    fi
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends)
    # A fresh image has no package lists, an old one has stale ones.
    "${apt[@]}" install "${packages[@]}" || { "${as_root[@]}" apt-get -q update && "${apt[@]}" install "${packages[@]}"; }
}

if ! has_python && [ "$python" != /usr/bin/python3 ]; then
    echo "PYTHON=$python is not a program: name the Python to embed by its path." >&2
    exit 1
fi
find_missing
if [ ${#packages[@]} -gt 0 ]; then
    explain
    if ! command -v apt-get >/dev/null; then
        echo "Install them with your system's package manager (the names above are Debian's), then run make again." >&2
        echo "Fedora and RHEL call them: gcc httpd httpd-devel clang-devel python3-devel curl valgrind wrk" >&2
        exit 1
    fi
    install_with_apt
fi
check_rust
