#!/usr/bin/env bash
# Runs all Rust and server tests, then those of requests once more in a daemon group whose interpreters have a GIL
# each, where tools/other-python.sh has found a Python for that.
set -euo pipefail

cargo=${CARGO:-cargo}
"$cargo" test --locked --workspace --no-fail-fast
if [ -z "${RWSGI_TEST_OWN_GIL_HOME:-}" ]; then
    echo "skipped: request tests with a GIL for each interpreter, for want of a second Python" >&2
    exit
fi
echo "Request tests in a daemon group with a GIL for each interpreter" >&2
RWSGI_TEST_OWN_GIL=1 "$cargo" test --locked --test server -- in_daemon::application in_daemon::errors \
    in_daemon::file_wrapper in_daemon::input in_daemon::outcome in_daemon::python_module in_daemon::start_response \
    in_daemon::write
