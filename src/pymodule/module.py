# Fills the module mod_wsgi of one interpreter. What it is told stands in its globals: module, log,
# active_requests; what it leaves there for later: graft_package.

import sys
from importlib.machinery import PathFinder


class RequestTimeout(BaseException):
    """Raised in a request that takes too long. No `except Exception` catches it."""


def add_subscriptions():
    def define(name, registry, doc):
        def subscribe(callback):
            if not callable(callback):
                raise TypeError(f"mod_wsgi.{name}() takes a callable, not {type(callback).__name__}")
            registry.append(callback)
            return callback

        subscribe.__name__ = subscribe.__qualname__ = name
        subscribe.__doc__ = doc
        setattr(module, name, subscribe)

    define(
        "subscribe_events",
        module.event_callbacks,
        "Calls callback(name, **event) for every event. Returns the callback, so it can be a decorator.",
    )
    define(
        "subscribe_shutdown",
        module.shutdown_callbacks,
        "Calls callback('process_stopping', **event) when the process stops. Returns the callback.",
    )

    def subscribe_signals(callback):
        """Calls callback('process_signal', **event) for signals sent to a daemon process. Returns the callback."""
        if not callable(callback):
            raise TypeError(f"mod_wsgi.subscribe_signals() takes a callable, not {type(callback).__name__}")
        if module.process_group:
            module.signal_callbacks.append(callback)
        else:
            place = sys._getframe(1)
            text = "mod_wsgi.subscribe_signals(): only daemon processes get signals; the callback is never called"
            log(20, text, place.f_code.co_filename, place.f_lineno)
        return callback

    module.subscribe_signals = subscribe_signals


def log_handler():
    import logging

    class LogHandler(logging.Handler):
        """Writes records to the server's error log, at the level that fits theirs."""

        def emit(self, record):
            try:
                log(record.levelno, self.format(record), record.pathname or "", record.lineno or 0)
            except RecursionError:
                raise
            except Exception:
                self.handleError(record)

    LogHandler.__qualname__ = "LogHandler"
    return LogHandler


# Made when first asked for: the one imports much, the other is work for every request from then on.
LATER = {"LogHandler": log_handler, "active_requests": active_requests}


def add_later():
    def find(name):
        if name not in LATER:
            raise AttributeError(f"module 'mod_wsgi' has no attribute '{name}'")
        return vars(module).setdefault(name, LATER[name]())

    module.__getattr__ = find
    module.__dir__ = lambda: sorted({*vars(module), *LATER})


def graft_package():
    """Lets sub-modules of an installed package mod_wsgi be imported; false when there is none."""
    spec = PathFinder.find_spec("mod_wsgi", sys.path)
    if spec is None or spec.origin is None or not spec.submodule_search_locations:
        return False
    module.__path__ = list(spec.submodule_search_locations)
    return True


class PackageFinder:
    """Asked last for a sub-module of mod_wsgi: looks whether the package can be found by now."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        if not fullname.startswith("mod_wsgi."):
            return None
        if graft_package():
            return PathFinder.find_spec(fullname, module.__path__)
        raise ModuleNotFoundError(
            f"No module named '{fullname}': inside the server, mod_wsgi is built in; its sub-modules come from "
            f"the package mod_wsgi, which is not installed in {sys.prefix}",
            name=fullname,
        )


module.RequestTimeout = RequestTimeout
module.__path__ = []
add_subscriptions()
add_later()
sys.meta_path.append(PackageFinder)
