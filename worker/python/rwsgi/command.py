"""The command ``rwsgi``, a program that lies in this package and is told which Python the package is for."""

import os
import sys

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "rwsgi")


def main():
    """Becomes the program."""
    execute(PROGRAM, sys.argv[1:])


def execute(program, arguments):
    """Becomes a program ``rwsgi`` that serves by this Python unless its arguments name another."""
    sys.stdout.flush()
    sys.stderr.flush()
    environment = dict(os.environ, RWSGI_PYTHON=sys.executable)
    try:
        os.execve(program, ["rwsgi", *arguments], environment)
    except OSError as error:
        sys.exit(
            f"rwsgi: {program} cannot be run: {error.strerror}; install the package rwsgi again, by a wheel for this machine"
        )
