"""Hands a file of 10 MiB to the server, where that has a wsgi.file_wrapper."""

import os

BLOCK = 65536
PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "static", "file")
HEADERS = [("Content-Type", "application/octet-stream"), ("Content-Length", str(os.path.getsize(PATH)))]


def in_blocks(file):
    with file:
        while block := file.read(BLOCK):
            yield block


def application(environ, start_response):
    file = open(PATH, "rb")
    start_response("200 OK", HEADERS)
    if wrapper := environ.get("wsgi.file_wrapper"):
        return wrapper(file, BLOCK)
    return in_blocks(file)
