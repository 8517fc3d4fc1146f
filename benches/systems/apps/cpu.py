"""Computes for 2 ms."""

from burn import burn

BODY = b"done"
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]


def application(environ, start_response):
    burn(0.002)
    start_response("200 OK", HEADERS)
    return [BODY]
