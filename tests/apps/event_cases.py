"""Notes every event; /take answers with those of earlier requests and forgets them."""

import json
import sys

import mod_wsgi

EVENTS = []
PATHS = {}


def shown(value):
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, BaseException):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    if isinstance(value, type):
        return value.__name__
    return type(value).__name__


@mod_wsgi.subscribe_events
def note(name, **event):
    if name.startswith("request_") or name.startswith("response_"):
        assert event["request_data"] is mod_wsgi.request_data()
        event["request_data"]["events"] = event["request_data"].get("events", 0) + 1
    if name == "request_started":
        PATHS[event["request_id"]] = event["request_environ"]["PATH_INFO"]
    EVENTS.append({"event": name, **{key: shown(value) for key, value in event.items()}})
    EVENTS[-1]["shared"] = event.get("request_data", {}).get("events")


def take(environ):
    own = environ["mod_wsgi.request_id"]
    events = [event for event in EVENTS if event.get("request_id") != own]
    EVENTS[:] = [event for event in EVENTS if event.get("request_id") == own]
    counts = {}
    for event in events:
        counts.setdefault(event["request_id"], []).append(event)
    return [group for number, group in counts.items() if PATHS.get(number, "/take") != "/take"]


def answer(start_response, text, status="200 OK", *rest):
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))], *rest)
    return [text.encode()]


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/take":
        return answer(start_response, json.dumps(take(environ)))
    if path == "/raise":
        raise ValueError("marker in the application")
    if path == "/raise_in_iteration":
        def pieces():
            start_response("200 OK", [])
            yield b""
            raise KeyError("marker in the iteration")
        return pieces()
    if path == "/raise_in_close":
        class Closing(list):
            def close(self):
                raise OSError("marker in close")
        start_response("200 OK", [])
        return Closing([b"closed"])
    if path == "/replaced_error":
        try:
            raise LookupError("marker that was caught")
        except LookupError:
            return answer(start_response, "sorry", "503 Busy", sys.exc_info())
    if path == "/never_started":
        return [b"nothing"]
    if path == "/read":
        return answer(start_response, str(len(environ["wsgi.input"].read())))
    if path == "/write":
        write = start_response("200 OK", [])
        write(b"one")
        write(b"two")
        return [b"three"]
    return answer(start_response, "hello")
