#!/usr/bin/env bash
# Builds the packages of Debian and Ubuntu for this machine's release and architecture:
#
#   tools/package-deb.sh OUTDIR
#
# What is built is what the last commit holds, in a tree of its own below target/, together with the libraries that
# Cargo.lock names, so that the build itself needs no network. docs/packaging.md says more.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=${1:?the folder for the packages}
cargo=${CARGO:-cargo}
mkdir -p "$out"
out=$(realpath "$out")
work=$PWD/target/package-deb

for tool in dpkg-buildpackage dh_apache2 git "$cargo"; do
    command -v "$tool" >/dev/null || {
        echo "$tool is missing: run \`tools/setup.sh package /usr/bin/python3\`." >&2
        exit 1
    }
done
if ! git rev-parse --verify --quiet HEAD >/dev/null; then
    echo "$PWD is no git checkout: packages are built from a commit." >&2
    exit 1
fi
if [ -n "$(git status --porcelain --untracked-files=no)" ]; then
    echo "The last commit is packaged, without the changes since." >&2
fi

# The version, as `0.1.0~git20300102.030405` as long as CHANGELOG.md calls it not released: older than 0.1.0.
version() {
    local number
    number=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
    if grep -qxF "## $number, not released" CHANGELOG.md; then
        echo "$number~git$(TZ=UTC git log -1 --date=format-local:%Y%m%d.%H%M%S --format=%cd)"
    elif grep -qE "^## $number, [0-9-]+$" CHANGELOG.md; then
        echo "$number"
    else
        echo "CHANGELOG.md has no heading '## $number, ...' for the version in Cargo.toml." >&2
        return 1
    fi
}

changelog() {
    printf 'rwsgi (%s-1) unstable; urgency=medium\n\n' "$1"
    printf '  * See /usr/share/doc/libapache2-mod-rwsgi/changelog.gz.\n\n'
    printf ' -- %s  %s\n' "$(sed -n 's/^Maintainer: //p' packaging/debian/control)" "$(git log -1 --format=%cD)"
}

version=$(version)
tree=$work/rwsgi-$version
rm -rf "$work"
mkdir -p "$tree/.cargo"
git archive HEAD | tar -x -C "$tree"
cp -a "$tree/packaging/debian" "$tree/debian"
(
    cd "$tree"
    "$cargo" vendor --locked --versioned-dirs vendor >>.cargo/config.toml 2>"$work/log"
    CARGO=$cargo debian/copyright.sh >debian/copyright
)
changelog "$version" >"$tree/debian/changelog"

# A build has a home of its own, where rustup would look for Rust.
profile=()
if [ "$(dpkg-query -W -f '${Status}' rustc 2>/dev/null)" != "install ok installed" ]; then
    profile=(--build-profiles=pkg.rwsgi.rustup)
    if command -v rustup >/dev/null; then
        RUSTUP_HOME=$(rustup show home)
        export RUSTUP_HOME
    fi
fi
export CARGO_HOME=$work/cargo-home
if ! (cd "$tree" && dpkg-buildpackage --build=binary --unsigned-source --unsigned-changes "${profile[@]}") >"$work/log" 2>&1; then
    tail -n 40 "$work/log" >&2
    echo "The build failed; $work/log has all of it." >&2
    exit 1
fi
rm -rf "$out"/libapache2-mod-rwsgi_*.deb "$out"/python3-rwsgi_*.deb "$out/dbgsym"
mkdir "$out/dbgsym"
mv "$work"/*-dbgsym_*.deb "$out/dbgsym"
mv "$work"/*.deb "$out"
printf 'built %s\n' "$out"/libapache2-mod-rwsgi_*.deb "$out"/python3-rwsgi_*.deb
