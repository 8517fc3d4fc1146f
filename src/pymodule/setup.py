# Sets up one interpreter. Runs once in each, before any application code; what it is told stands in its globals:
# apache, stderr, stdout, notices, python_path, home, restrict_stdin, restrict_stdout, restrict_signal, debugging,
# switch_interval, environment, is_main, graft_package.

import os
import signal
import sys
import traceback


def report(code, text):
    stderr.write(f"{code}: {text}\n")


class Restricted:
    """Stands for a stream that applications must not touch."""

    def __init__(self, name):
        object.__setattr__(self, "_name", name)

    def __getattribute__(self, _):
        name = object.__getattribute__(self, "_name")
        raise OSError(f"{name} access restricted by mod_wsgi")

    __setattr__ = __getattribute__


def set_up_streams():
    sys.stderr = stderr
    if debugging:
        return
    sys.stdout = Restricted("sys.stdout") if restrict_stdout else stdout
    if restrict_stdin:
        sys.stdin = Restricted("sys.stdin")


def restore_environment():
    """Takes out of os.environ what other application groups put there: Python copies it from the process.

    So each of two Django projects, whose scripts set DJANGO_SETTINGS_MODULE only where it is missing, gets
    its own settings. The process itself is left as it is, for the libraries that were told something by it.
    """
    if not is_main:
        os.environ._data.clear()
        os.environ._data.update(environment)


def refuse_signals():
    """The server's own handling of signals must stay; a process that the application forks is its own."""
    server, original = os.getpid(), signal.signal

    def refuse(signalnum, handler):
        if os.getpid() != server:
            return original(signalnum, handler)
        print(f"Callback registration for signal {signalnum} ignored.", file=notices)
        print("".join(traceback.format_stack()), end="", file=notices)
        return handler

    refuse.__name__ = refuse.__qualname__ = "signal"
    refuse.__doc__ = original.__doc__
    signal.signal = refuse


def add_python_path():
    """Adds directories as site packages are, `.pth` files included, and moves all that is new to the front."""
    if not python_path:
        return
    try:
        import site
    except Exception:
        report("WSGI0095", "the module site cannot be imported, so WSGIPythonPath is not added")
        traceback.print_exc(file=stderr)
        return
    before = list(sys.path)
    for directory in python_path:
        try:
            site.addsitedir(directory)
        except Exception:
            report("WSGI0091", f"WSGIPythonPath: the directory '{directory}' cannot be added")
            traceback.print_exc(file=stderr)
    added = [entry for entry in sys.path if entry not in before]
    sys.path[:] = added + [entry for entry in sys.path if entry in before]


def add_apache_module():
    """An application's own module of that name goes first, and is given the attributes."""
    try:
        import apache as own
    except Exception:
        sys.modules["apache"] = apache
        return
    for name in ("version", "maximum_processes", "threads_per_process", "description", "mpm_name", "build_date"):
        setattr(own, name, getattr(apache, name))


if is_main:
    # Its first import makes the importing thread the main one, which no thread that runs requests is.
    import threading  # noqa: F401
if switch_interval is not None:
    sys.setswitchinterval(switch_interval)
set_up_streams()
restore_environment()
sys.argv = ["mod_wsgi"]
if restrict_signal:
    refuse_signals()
add_python_path()
if home is not None:
    sys.path.insert(0, home)
add_apache_module()
graft_package()
stderr.flush()
