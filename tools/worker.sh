#!/usr/bin/env bash
# Builds the worker, the extension that the processes of a daemon group run, for one Python:
#
#   tools/worker.sh PYTHON OUTDIR
#
# It becomes OUTDIR/pythonX.Y/rwsgi (pythonX.Yt for a free-threaded Python). CARGO_PROFILE names a profile other
# than release. Every Python has a target directory of its own, as its compiled parts differ.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=${1:?the Python to build for} out=${2:?the folder to build into}
profile=${CARGO_PROFILE:-release}
version=$("$python" -c 'import sys; print("%d.%d%s" % (*sys.version_info[:2], sys.abiflags.replace("d", "")))')
python=$("$python" -c 'import sys; print(sys.executable)')
target=$PWD/target/worker-$version

PYO3_PYTHON=$python PYO3_BUILD_EXTENSION_MODULE=1 CARGO_TARGET_DIR=$target \
    "${CARGO:-cargo}" build --locked --quiet --package rwsgi-worker --profile "$profile"

case $profile in dev) built=debug ;; *) built=$profile ;; esac
package=$(realpath -m "$out")/python$version/rwsgi
mkdir -p "$package"
(cd worker/python/rwsgi && find . -name '*.py' -exec install -D -m 644 {} "$package/{}" \;)
# A process may have the present file mapped: it is replaced, not written into.
install -m 755 "$target/$built/lib_native.so" "$package/_native.so.new"
mv -f "$package/_native.so.new" "$package/_native.so"
if readelf -d "$package/_native.so" | grep -q 'NEEDED.*libpython'; then
    echo "$package/_native.so is bound to a libpython: it has to take Python from the executable" >&2
    exit 1
fi
echo "built $package"
