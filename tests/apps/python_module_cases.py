"""What the module mod_wsgi offers, one answer per PATH_INFO."""

import importlib
import json
import logging
import sys
import threading

import mod_wsgi

CASES = {}


def case(function):
    """Names a case after its function."""
    CASES["/" + function.__name__] = function
    return function


@case
def facts(environ):
    return {
        "version": mod_wsgi.version == environ["mod_wsgi.version"],
        "process_group": mod_wsgi.process_group,
        "application_group": mod_wsgi.application_group == environ["mod_wsgi.application_group"],
        "maximum_processes": type(mod_wsgi.maximum_processes).__name__,
        "threads_per_process": mod_wsgi.threads_per_process > 0,
        "FileWrapper": mod_wsgi.FileWrapper is environ["wsgi.file_wrapper"],
        "lists": [
            type(getattr(mod_wsgi, name)).__name__
            for name in ("event_callbacks", "shutdown_callbacks", "signal_callbacks")
        ],
        "dir": {"LogHandler", "active_requests", "request_data"} <= set(dir(mod_wsgi)),
    }


@case
def request_timeout(environ):
    class_ = mod_wsgi.RequestTimeout
    return [class_.__module__, class_.__name__, [base.__name__ for base in class_.__mro__]]


@case
def handler_class(environ):
    class_ = mod_wsgi.LogHandler
    return [class_.__module__, class_.__name__, issubclass(class_, logging.Handler), class_ is mod_wsgi.LogHandler]


@case
def decorators(environ):
    def callback(name, **event):
        pass

    def refuses(subscribe):
        try:
            subscribe("no callable")
        except TypeError as error:
            return str(error)

    answers = []
    for name, registry in (("events", "event_callbacks"), ("shutdown", "shutdown_callbacks")):
        subscribe = getattr(mod_wsgi, f"subscribe_{name}")
        answers.append(subscribe(callback) is callback)
        answers.append(getattr(mod_wsgi, registry).pop() is callback)
        answers.append(refuses(subscribe))
    return answers


@case
def signals(environ):
    def callback(name, **event):
        pass

    return [mod_wsgi.subscribe_signals(callback) is callback, len(mod_wsgi.signal_callbacks)]


@case
def data(environ):
    shared = mod_wsgi.request_data()
    before = dict(shared)
    shared["seen"] = True
    return [before, mod_wsgi.request_data() is shared]


@case
def data_elsewhere(environ):
    """Another thread runs no request."""
    answers = []

    def ask():
        try:
            mod_wsgi.request_data()
        except RuntimeError as error:
            answers.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return answers


@case
def active(environ):
    mod_wsgi.request_data()["path"] = environ["PATH_INFO"]
    requests = mod_wsgi.active_requests
    own = [key for key, value in requests.items() if value is mod_wsgi.request_data()]
    return {
        "type": type(requests).__name__,
        "own": len(own) == 1 and isinstance(own[0], str),
        "paths": sorted(value.get("path", "") for value in requests.values()),
        "id": environ.get("mod_wsgi.request_id") in (None, *own),
    }


@case
def unknown_attribute(environ):
    try:
        mod_wsgi.nothing_of_that_name
    except AttributeError as error:
        return str(error)


@case
def import_express(environ):
    try:
        module = importlib.import_module("mod_wsgi.express")
    except ImportError as error:
        return [type(error).__name__, error.name, str(error)]
    return module.WORDS


@case
def import_later(environ):
    """The package becomes importable after the interpreter was set up."""
    sys.path.append(environ["package.path"])
    return importlib.import_module("mod_wsgi.express").WORDS


@case
def import_missing(environ):
    try:
        importlib.import_module("mod_wsgi.no_such_part")
    except ImportError as error:
        return [type(error).__name__, str(error)]


@case
def package_path(environ):
    return list(mod_wsgi.__path__)


@case
def metrics_before(environ):
    return mod_wsgi.request_metrics()


@case
def metrics_start(environ):
    return mod_wsgi.start_recording_metrics()


@case
def metrics(environ):
    return mod_wsgi.request_metrics()


@case
def process(environ):
    return mod_wsgi.process_metrics()


@case
def server(environ):
    return mod_wsgi.server_metrics()


@case
def work(environ):
    body = environ["wsgi.input"].read()
    end = 0
    while end < 200_000:
        end += 1
    return body.decode()


def application(environ, start_response):
    answer = json.dumps(CASES[environ["PATH_INFO"]](environ)).encode()
    status = environ["QUERY_STRING"] or "200 OK"
    start_response(status.replace("+", " "), [("Content-Type", "application/json")])
    return [answer]
