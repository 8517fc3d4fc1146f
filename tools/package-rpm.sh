#!/usr/bin/env bash
# Builds the RPM packages of this tree:
#
#   tools/package-rpm.sh OUTDIR
#
# OUTDIR gets the packages and the source package. On Fedora and RHEL rpmbuild checks what packaging/rpm/rwsgi.spec
# requires. Elsewhere it builds all the same, for this machine's Python and httpd in the places of Fedora: packages to
# look at and to test, not to install on Fedora unless its Python is the same. Needs a git checkout; downloads the Rust
# libraries once, and builds without a network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=${1:?the folder for the packages}
cargo=${CARGO:-cargo} python=${PYO3_PYTHON:-/usr/bin/python3}
spec=packaging/rpm/rwsgi.spec
work=$PWD/target/packages/rpm

for tool in rpmbuild git tar "$cargo"; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: run \`tools/setup.sh package $python\`." >&2; exit 1; }
done
git rev-parse --git-dir >/dev/null 2>&1 || { echo "This is no git checkout: its files cannot be told from others." >&2; exit 1; }
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
if [ "$version" != "$(sed -n 's/^Version: *//p' "$spec")" ]; then
    echo "$spec does not say version $version, as Cargo.toml does." >&2
    exit 1
fi

# pack FILE FOLDER TRANSFORMATION: the files named on standard input, each ended by a NUL, below FOLDER.
pack() {
    tar --create --file "$1" --use-compress-program 'gzip -3' --owner=0 --group=0 --transform "$3" \
        --directory="$2" --null --files-from=-
}

# The libraries that Cargo.lock names, again only when it has changed.
vendor() {
    local archive=$1 stamp=$work/vendored.lock
    if [ -f "$archive" ] && cmp -s Cargo.lock "$stamp"; then
        return
    fi
    rm -rf "$work/vendor"
    echo "Collecting the Rust libraries" >&2
    "$cargo" vendor --quiet --locked --versioned-dirs "$work/vendor" >/dev/null
    (cd "$work" && find vendor -type f -print0) | pack "$archive" "$work" 's,^,,'
    rm -rf "$work/vendor"
    cp Cargo.lock "$stamp"
}

# The headings of CHANGELOG.md as the entries of a spec; what is not released has the date of its last commit.
changelog() {
    local heading number date
    grep '^## ' CHANGELOG.md | while read -r _ number date; do
        number=${number%,}
        if [ "$date" = "not released" ]; then
            date=$(git log -1 --format=%cs)
        fi
        heading=$(LC_ALL=C date --date "$date" '+%a %b %d %Y')
        printf '* %s rwsgi <rwsgi@localhost> - %s-1\n' "$heading" "$number"
        printf -- '- Changes of %s: see CHANGELOG.md\n\n' "$number"
    done
}

mkdir -p "$work/SOURCES" "$work/SPECS" "$out"
out=$(cd "$out" && pwd)
git ls-files -z | pack "$work/SOURCES/rwsgi-$version.tar.gz" . "s,^,rwsgi-$version/,"
vendor "$work/SOURCES/rwsgi-$version-vendor.tar.gz"
{ cat "$spec"; changelog; } >"$work/SPECS/rwsgi.spec"

options=(--define "_topdir $work" --define "_rpmdir $out" --define "_srcrpmdir $out"
    --define "_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm")
if [ -z "$(rpm --eval '%{?_httpd_mmn}')" ]; then
    # No package of this machine is called as the spec's requirements are.
    apxs=$(command -v "${APXS:-apxs}" || command -v apxs2) || { echo "apxs was not found: install httpd's headers." >&2; exit 1; }
    major=$(awk '$1 == "#define" && $2 == "MODULE_MAGIC_NUMBER_MAJOR" { print $3 }' "$("$apxs" -q INCLUDEDIR)/ap_mmn.h")
    options+=(--nodeps --define "_httpd_apxs $apxs" --define "python3 $python"
        --define "_httpd_mmn $major%{__isa_name}%{__isa_bits}"
        # Its script compresses manual pages in the words of another shell than Debian's.
        --define "__brp_compress bash %{_rpmconfigdir}/brp-compress %{?_prefix}")
fi
rpmbuild --quiet -ba "${options[@]}" "$work/SPECS/rwsgi.spec" >"$work/build.log" 2>&1 ||
    { tail -n 60 "$work/build.log" >&2; echo "rpmbuild failed: $work/build.log has all of it." >&2; exit 1; }
rm -rf "$work/BUILD" "$work/BUILDROOT"
ls -l "$out"/*.rpm
