"""Reads the whole request body in pieces of 64 KiB and says how long it was."""


def application(environ, start_response):
    body, length = environ["wsgi.input"], 0
    left = int(environ["CONTENT_LENGTH"])
    while left > 0:
        piece = body.read(min(left, 65536))
        if not piece:
            break
        length += len(piece)
        left -= len(piece)
    answer = str(length).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]
