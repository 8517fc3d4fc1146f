#!/usr/bin/env bash
# Builds what pip installs: a wheel for each Python, and the source distribution.
#
#   tools/package-wheel.sh OUTDIR [PYTHON...]
#
# Without a PYTHON: /usr/bin/python3, and the newest of each further version that pyenv has. A wheel is named after the
# oldest glibc that its programs run with (manylinux_2_X). maturin and wheel come from PyPI into target/wheel-tools-*.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=${1:?the folder to put the wheels into}
shift
mkdir -p "$out"
out=$(realpath "$out")

version_of() {
    "$1" -c 'import sys; print("%d.%d%s" % (*sys.version_info[:2], sys.abiflags))'
}

# The newest installation of each version, in rising order.
pyenv_pythons() {
    local python
    for python in $(compgen -G "$HOME/.pyenv/versions/3.1[1-9]*/bin/python3" | sort -V); do
        echo "$(version_of "$python") $python"
    done | awk '{ newest[$1] = $2 } END { for (version in newest) print version, newest[version] }' | sort -V
}

pythons=("$@")
if [ ${#pythons[@]} = 0 ]; then
    pythons=(/usr/bin/python3)
    while read -r version python; do
        [ "$version" = "$(version_of /usr/bin/python3)" ] || pythons+=("$python")
    done < <(pyenv_pythons)
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# tools_for PYTHON: a virtual environment with what the build needs; prints its folder.
tools_for() {
    local venv
    venv=$PWD/target/wheel-tools-$(version_of "$1")
    if [ ! -f "$venv/.complete" ]; then
        local requires
        mapfile -t requires < <("$1" -c '
import tomllib
with open("pyproject.toml", "rb") as file:
    print(*tomllib.load(file)["build-system"]["requires"], sep="\n")')
        rm -rf "$venv"
        mkdir -p target
        "$1" -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "${requires[@]}" wheel >&2
        touch "$venv/.complete"
    fi
    echo "$venv"
}

# oldest_glibc FILE...: the number X of the oldest glibc 2.X that has everything the files use.
oldest_glibc() {
    readelf --version-info --wide "$@" | grep -o 'GLIBC_2\.[0-9]*' | sort -t . -k 2 -n | tail -1 | cut -d . -f 2
}

# check_libraries FILE...: fail on a library that not every Linux with such a glibc has.
check_libraries() {
    local foreign
    foreign=$(readelf --dynamic --wide "$@" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
        grep -vE '^(libc|libm|libgcc_s|libpthread|libdl|librt)\.so\.|^ld-linux' || true)
    if [ -n "$foreign" ]; then
        echo "The wheel's programs are bound to $foreign, which other machines may not have." >&2
        exit 1
    fi
}

# name_by_platform TOOLS WHEEL: give the wheel the name of the platform that it runs on.
name_by_platform() {
    local tools=$1 wheel=$2 inside=$work/inside programs
    rm -rf "$inside"
    "$tools/bin/python" -m zipfile -e "$wheel" "$inside"
    mapfile -t programs < <(compgen -G "$inside/rwsgi/_native*.so"; echo "$inside/rwsgi/bin/rwsgi"; echo "$inside/rwsgi/bin/mod_rwsgi.so")
    check_libraries "${programs[@]}"
    local glibc
    glibc=$(oldest_glibc "${programs[@]}")
    if [ -n "$glibc" ]; then
        "$tools/bin/python" -m wheel tags --remove --platform-tag "manylinux_2_${glibc}_$(uname -m)" "$wheel" >/dev/null
    fi
}

for python in "${pythons[@]}"; do
    echo "Building the wheel for $python ($(version_of "$python"))"
    tools=$(tools_for "$python")
    rm -rf "$work/wheel"
    PATH=$tools/bin:$PATH "$tools/bin/python" -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-cache-dir \
        --wheel-dir "$work/wheel" .
    name_by_platform "$tools" "$work"/wheel/rwsgi-*.whl
    mv "$work"/wheel/rwsgi-*.whl "$out"
done

echo "Making the source distribution"
if ! "$(tools_for "${pythons[0]}")/bin/maturin" sdist --out "$out" >"$work/sdist.log" 2>&1; then
    cat "$work/sdist.log" >&2
    exit 1
fi
ls -lh "$out"/rwsgi-*.whl "$out"/rwsgi-*.tar.gz
