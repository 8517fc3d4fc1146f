"""Tells what it was asked, in one line, and how often it was called before."""

import itertools

CALLS = itertools.count(1)


def application(environ, start_response):
    call = next(CALLS)
    length = environ.get("CONTENT_LENGTH")
    body = environ["wsgi.input"].read(-1)
    line = " ".join(
        [
            environ["REQUEST_METHOD"],
            repr(environ["SCRIPT_NAME"]),
            repr(environ["PATH_INFO"]),
            repr(environ["QUERY_STRING"]),
            f"length={length}",
            f"host={environ.get('HTTP_HOST')}",
            f"body={body[:100]!r}",
            f"size={len(body)}",
        ]
    ).encode("ascii", "backslashreplace")
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(line))), ("X-Call", str(call))]
    start_response("200 OK", headers)
    return [line]
