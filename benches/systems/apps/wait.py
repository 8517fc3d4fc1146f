"""Waits 5 ms, as for a database, and computes for 0.2 ms."""

import time

from burn import burn

BODY = b"done"
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]


def application(environ, start_response):
    time.sleep(0.005)
    burn(0.0002)
    start_response("200 OK", HEADERS)
    return [BODY]
