#!/usr/bin/env bash
# Makes a virtual environment that holds what a requirements file names, or leaves a current one as it is.
#
#   tools/venv.sh PYTHON DIRECTORY REQUIREMENTS
set -euo pipefail

python=${1:?Python} directory=${2:?directory} requirements=${3:?requirements file}
stamp=$directory/.made-from

# Another user than the one who builds may have to read it.
umask 022

wanted=$("$python" -c 'import sys; print(sys.executable, sys.version)'; cat "$requirements")
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    exit 0
fi

echo "Making a virtual environment with: $(grep -v '^ *#' "$requirements" | paste -s -d ' ') (once; this downloads)"
rm -rf "$directory"
mkdir -p "$(dirname "$directory")"
"$python" -m venv "$directory"
"$directory/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
printf '%s\n' "$wanted" >"$stamp"
