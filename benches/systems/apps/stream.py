"""Yields 16 pieces of 1 KiB, without a Content-Length."""

PIECE = b"x" * 1024
HEADERS = [("Content-Type", "text/plain")]


def application(environ, start_response):
    start_response("200 OK", HEADERS)
    for _ in range(16):
        yield PIECE
