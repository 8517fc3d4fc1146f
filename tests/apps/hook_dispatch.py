"""Sends requests where their query strings say: `function=value`, several by `&`."""

from urllib.parse import parse_qsl, unquote_to_bytes

TOLD = []


def choose(environ, function):
    TOLD.append(environ)
    for name, value in parse_qsl(environ["QUERY_STRING"]):
        if name == function:
            if value == "raise":
                raise ValueError("not today")
            special = {"None": None, "7": 7, "wide": "\u20ac", "list": []}
            return special.get(value, value)
        if name == function + "_bytes":
            return value.encode()
    return None


def process_group(environ):
    return choose(environ, "process")


def application_group(environ):
    return choose(environ, "application")


def callable_object(environ):
    return choose(environ, "callable")


def show(environ, start_response, name):
    start_response("200 OK", [("Content-Type", "text/plain")])
    group = environ["mod_wsgi.application_group"]
    return [f"{name} {environ['mod_wsgi.process_group']!r} {group!r} {environ['mod_wsgi.callable_object']}".encode()]


def application(environ, start_response):
    return show(environ, start_response, "application")


def other(environ, start_response):
    return show(environ, start_response, "other")


def told(environ, start_response):
    """What the functions were told, one line a key."""
    last = TOLD[-1]
    text = "".join(f"{key} = {last[key]!r}\n" for key in sorted(last))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode("ascii", "backslashreplace")]
