"""What a Python without a GIL has to bear: threads at the same time in one interpreter, and in one request."""

import mmap
import sys
import threading

KEPT = {}


def meet(path, own):
    """Shows itself in the file and waits for the other, without a call that would let a GIL go."""
    sys.setswitchinterval(3600)
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 2) as places:
        places[own] = 1
        for _ in range(50_000_000):
            if places[1 - own] == 1:
                return "met"
    return "alone"


def call_kept():
    """Uses the objects of requests that are over."""
    said = set()
    for environ, start_response in KEPT.copy().values():
        for call in (
            lambda: environ["wsgi.input"].read(),
            lambda: start_response("200 OK", [("X-Injected", "1")]),
        ):
            try:
                call()
                said.add("alive")
            except RuntimeError as error:
                said.add("over" if "after request completed" in str(error) else str(error))
    return ",".join(said)


def race(environ, start_response):
    """Four threads use the request's objects at once."""
    token = environ["QUERY_STRING"]
    read, wrong = [], []

    def work(number):
        try:
            start_response("200 OK", [("X-Token", token), ("X-Thread", str(number))])
            while piece := environ["wsgi.input"].read(7):
                read.append(piece)
            environ.get("HTTP_X_TOKEN"), environ.setdefault(f"app.{number}", number)
            environ["wsgi.errors"].flush()
        except Exception as error:
            wrong.append(repr(error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    body = b"".join(read)
    if wrong or sorted(body) != sorted(token.encode() * 9):
        raise AssertionError(f"{wrong} {body}")
    return token.encode()


def application(environ, start_response):
    what = environ["PATH_INFO"].strip("/")
    if what == "race":
        return [race(environ, start_response)]
    if what == "gil":
        text = str(getattr(sys, "_is_gil_enabled", lambda: True)())
    elif what == "meet":
        text = meet(environ["MEETING"], int(environ["QUERY_STRING"]))
    elif what == "keep":
        KEPT[environ["QUERY_STRING"]] = environ, start_response
        text = "kept"
    elif what == "call":
        text = call_kept()
    else:
        token = environ["HTTP_X_TOKEN"]
        assert token == environ["QUERY_STRING"] == environ["wsgi.input"].read().decode(), token
        text = token
    start_response("200 OK", [("Content-Type", "text/plain; token=" + text), ("X-Token", text)])
    return [text.encode()]
