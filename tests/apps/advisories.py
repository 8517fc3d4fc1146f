"""What past vulnerabilities need: answers as told, hashes of bodies, and environ as JSON.

The header X-Case chooses, or a path /case/NAME."""

import hashlib
import itertools
import json

CALLS = itertools.count(1)
CASES = {}

# Who asked for an attribute by URL would find these.
secret = "attribute"


def other_application(environ, start_response):
    start_response("200 OK", [])
    return [b"other_application"]


def case(function):
    CASES[function.__name__] = function
    return function


def body_of(environ):
    return environ["wsgi.input"].read()


@case
def environ(environ, start_response):
    body_of(environ)
    shown = {key: value for key, value in environ.items() if isinstance(value, str)}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(shown).encode()]


@case
def answer(environ, start_response):
    told = json.loads(body_of(environ))
    headers = [("X-First", "1"), *map(tuple, told.get("headers", [])), ("X-Last", "1")]
    start_response(told.get("status", "200 OK"), headers)
    return [told.get("body", "the body").encode()]


@case
def token(environ, start_response):
    """Content-Type from a temporary, and a body that comes late: the memory of the one is used again."""
    token = environ["QUERY_STRING"]
    start_response("200 OK", [("Content-Type", "text/x-" + token), ("X-Token", token + "!")])

    def late():
        churn = [("text/x-%0*d" % (len(token), number)) for number in range(40)]
        yield b""
        del churn
        yield token.encode()

    return late()


@case
def digest(environ, start_response):
    body = body_of(environ)
    start_response("200 OK", [("X-Digest", hashlib.sha256(body).hexdigest())])
    return [body]


@case
def variables(environ, start_response):
    found = {key: value for key, value in environ.items() if key.startswith("VAR_")}
    wrong = [key for key, value in found.items() if value != "value of " + key]
    start_response("200 OK", [])
    return [f"{len(found)} {wrong}".encode()]


@case
def pieces(environ, start_response):
    """As many bytes as asked for, in pieces of 1000 or in one."""
    length, way = environ["QUERY_STRING"].split("-")
    line = bytes(97 + number % 26 for number in range(79)) + b"\n"
    body = (line * (int(length) // 80 + 1))[: int(length)]
    start_response("200 OK", [("Content-Type", "text/plain")])
    if way == "one":
        return [body]
    return (body[at : at + 1000] for at in range(0, len(body), 1000))


@case
def huge(environ, start_response):
    start_response("200 OK", [("Content-Length", environ["QUERY_STRING"])])
    return [bytes(int(environ["QUERY_STRING"]))]


@case
def ignores(environ, start_response):
    start_response("200 OK", [])
    return [b"x" * int(environ["QUERY_STRING"])]


@case
def fails(environ, start_response):
    raise RuntimeError("told to fail")


@case
def breaks(environ, start_response):
    start_response("200 OK", [])

    def body():
        yield b"some of it"
        raise RuntimeError("told to fail")

    return body()


@case
def missing(environ, start_response):
    start_response("404 Not Found", [])
    return [b"the application's own page"]


@case
def logs(environ, start_response):
    environ["wsgi.errors"].write(body_of(environ).decode("latin-1"))
    start_response("200 OK", [])
    return [b"logged"]


@case
def wsgiref_headers(environ, start_response):
    """The standard library's helper has let line ends through."""
    from wsgiref.headers import Headers

    pairs = []
    try:
        headers = Headers(pairs)
        headers["X-A"] = "1\r\nX-Injected: 1"
    except ValueError:
        pairs.append(("X-A", "1\r\nX-Injected: 1"))
    start_response("200 OK", pairs)
    return [b"sent"]


@case
def calls(environ, start_response):
    start_response("200 OK", [])
    return [str(next(CALLS)).encode()]


def application(environ, start_response):
    name = environ.get("HTTP_X_CASE", "environ")
    if environ["PATH_INFO"].startswith("/case/"):
        name = environ["PATH_INFO"].removeprefix("/case/")
    if name != "calls":
        next(CALLS)
    return CASES[name](environ, start_response)
