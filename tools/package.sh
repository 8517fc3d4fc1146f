#!/usr/bin/env bash
# Builds packages:
#
#   tools/package.sh deb|rpm|wheel|all OUTDIR
#
# `all` builds what this machine can build, and names what it cannot and why. A kind asked for by name has to be built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kind=${1:?the kind: deb, rpm, wheel or all} out=${2:?the folder for the packages}

# Why this machine cannot build a kind; nothing if it can.
obstacle() {
    case $1 in
    deb) command -v dpkg-buildpackage >/dev/null || echo "dpkg-buildpackage is missing: it takes Debian or Ubuntu" ;;
    rpm) command -v rpmbuild >/dev/null || echo "rpmbuild is missing: install rpm (Debian, Ubuntu) or rpm-build (Fedora, RHEL)" ;;
    wheel) "${PYO3_PYTHON:-/usr/bin/python3}" -c 'import ensurepip, venv' 2>/dev/null ||
        echo "Python's venv is missing: install python3-venv (Debian, Ubuntu) or python3 (Fedora, RHEL)" ;;
    esac
}

case $kind in
deb | rpm | wheel) kinds=("$kind") ;;
all) kinds=(deb rpm wheel) ;;
*)
    echo "'$kind' is no kind of package: deb, rpm, wheel or all." >&2
    exit 1
    ;;
esac

built=0 failed=()
for one in "${kinds[@]}"; do
    why=$(obstacle "$one")
    if [ -n "$why" ]; then
        echo "$one: not built here, $why" >&2
        [ "$kind" = all ] || exit 1
        continue
    fi
    echo "$one:"
    if "tools/package-$one.sh" "$out"; then
        built=$((built + 1))
    else
        failed+=("$one")
    fi
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "Not built, for the reasons above: ${failed[*]}" >&2
    exit 1
fi
if [ "$built" = 0 ]; then
    echo "This machine can build no kind of package." >&2
    exit 1
fi
