"""Returns 64 KiB in one bytes object."""

BODY = b"x" * 65536
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]


def application(environ, start_response):
    start_response("200 OK", HEADERS)
    return [BODY]
