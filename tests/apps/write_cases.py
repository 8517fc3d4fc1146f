"""Sends a body by write() and by iteration in one way per PATH_INFO."""

import threading

CASES = {}
EVENTS = []
GATES = {}


def case(function):
    """Names a case after its function."""
    CASES["/" + function.__name__] = function
    return function


def begin(start_response, *headers):
    return start_response("200 OK", [("Content-Type", "text/plain"), *headers])


def gate(name):
    return GATES.setdefault(name, threading.Event())


@case
def open_gate(environ, start_response):
    gate(environ["QUERY_STRING"]).set()
    begin(start_response)
    return [b"open"]


@case
def events(environ, start_response):
    """What happened since the last call."""
    begin(start_response)
    seen = ",".join(EVENTS)
    EVENTS.clear()
    return [seen.encode()]


@case
def write_is_sent_at_once(environ, start_response):
    write = begin(start_response)
    write(b"first ")
    opened = gate(environ["QUERY_STRING"]).wait(20)
    return [b"second" if opened else b"timed out"]


@case
def item_is_sent_at_once(environ, start_response):
    begin(start_response)
    yield b"first "
    opened = gate(environ["QUERY_STRING"]).wait(20)
    yield b"second" if opened else b"timed out"


@case
def empty_item_sends_nothing(environ, start_response):
    begin(start_response)
    yield b""
    start_response("201 Created", [("Content-Type", "text/plain")])
    yield b"replaced"


@case
def mixed(environ, start_response):
    write = begin(start_response)
    write(b"one ")

    def body():
        write(b"two ")
        yield b"three "
        write(b"four ")
        yield b"five"

    return body()


@case
def write_only(environ, start_response):
    write = begin(start_response, ("Content-Length", "9"))
    for piece in (b"one", b"two", b"six"):
        write(piece)
    return []


@case
def write_empty(environ, start_response):
    write = begin(start_response)
    write(b"")
    return [b"after"]


@case
def write_str(environ, start_response):
    return attempt_write(start_response, "text")


@case
def write_none(environ, start_response):
    return attempt_write(start_response, None)


@case
def write_bytearray(environ, start_response):
    return attempt_write(start_response, bytearray(b"text"))


def attempt_write(start_response, value):
    write = begin(start_response)
    try:
        write(value)
    except Exception as error:
        return [f"{type(error).__name__}: {error}".encode()]
    return [b"accepted"]


@case
def write_beyond_length(environ, start_response):
    write = begin(start_response, ("Content-Length", "5"))
    write(b"123")
    write(b"456")
    return [b"789"]


@case
def endless(environ, start_response):
    """Streams until the client is gone."""
    begin(start_response)
    return Endless()


class Endless:
    def __iter__(self):
        return self

    def __next__(self):
        return b"x" * 8192

    def close(self):
        EVENTS.append("close")


@case
def endless_write(environ, start_response):
    write = begin(start_response)
    try:
        while True:
            write(b"x" * 8192)
    except Exception as error:
        EVENTS.append(f"{type(error).__name__}: {error}")
    return []


def application(environ, start_response):
    return CASES[environ["PATH_INFO"]](environ, start_response)
