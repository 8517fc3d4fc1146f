#!/usr/bin/env bash
# Prints debian/copyright: copyright.in, then every library that is linked into the programs, with the notices of its
# own license files. To be run in a source tree whose libraries are in vendor/.
set -euo pipefail

cargo=${CARGO:-cargo}

# Each library as `NAME-VERSION LICENSE`; those with a path are the project's own.
linked() {
    "$cargo" tree --locked --offline --edges normal,no-proc-macro --prefix none \
        --package rwsgi --package rwsgi-worker --format '{p}|{l}' |
        sed -nE 's/ \(\*\)$//; /\/.*\|/d; s/^([^ ]+) v([^ |]+)[^|]*\|(.*)$/\1-\2 \3/p' | sort -u
}

# The first of copyright.in that is among them.
chosen() {
    local license
    for license in Apache-2.0 CC0-1.0 MIT ISC; do
        case " ${1//[()\/]/ } " in
        *" AND "* | *" WITH "*) ;;
        *" $license "*)
            echo "$license"
            return
            ;;
        esac
    done
    echo "packaging/debian/copyright.in has no license of: $1" >&2
    return 1
}

# Lines of a list begin with a space.
notices() {
    local found
    found=$(find "vendor/$1" -maxdepth 1 \( -iname 'license*' -o -iname 'copyright*' -o -iname 'copying*' \) -type f \
        -exec grep -hE '^ *Copyright ([(]c[)]|[0-9]|©|The |[A-Z])' {} + |
        grep -vE 'yyyy|Copyright (License|notice)' | sed -E 's/^ */ /; s/[[:space:]]+$//' | sort -u)
    echo "${found:- the authors of ${1%-*}}"
}

cat "$(dirname "${BASH_SOURCE[0]}")/copyright.in"
libraries=$(linked)
while read -r library license; do
    license=$(chosen "$license")
    printf '\nFiles: vendor/%s/*\nCopyright:\n%s\nLicense: %s\n' "$library" "$(notices "$library")" "$license"
done <<<"$libraries"
