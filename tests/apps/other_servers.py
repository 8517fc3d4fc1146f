# What the suite of tests/other_servers asks for.
import os
import time


def environ_text(environ):
    return "".join(f"{name}={value!r}\n" for name, value in sorted(environ.items()) if isinstance(value, str)).encode()


def plain(start_response, body, status="200 OK", *headers):
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), *headers])
    return [body]


def wait_for(path):
    deadline = time.monotonic() + 20
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            raise RuntimeError("nobody has read the first piece")
        time.sleep(0.005)


def stream(environ):
    yield b"first piece\n"
    # The reader of the first piece makes this file: a server that keeps it back until the end gets no end.
    wait_for(environ["HTTP_X_MARKER"])
    yield b"last piece\n"


def breaks(environ):
    yield b"first piece\n" + b"x" * 20000
    wait_for(environ["HTTP_X_MARKER"])
    raise RuntimeError("broken off late")


def many():
    for number in range(2000):
        yield b"%07d\n" % number


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/read":
        return plain(start_response, environ["wsgi.input"].read())
    if path == "/lines":
        lines = list(environ["wsgi.input"])
        return plain(start_response, b"%d %d" % (len(lines), sum(map(len, lines))))
    if path == "/ignore":
        return plain(start_response, b"ignored")
    if path == "/missing":
        return plain(start_response, b"gone", "404 Not Here")
    if path == "/cookies":
        return plain(start_response, b"", "200 OK", ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))
    if path == "/none":
        start_response("204 No Content", [])
        return []
    if path == "/unmodified":
        start_response("304 Not Modified", [("ETag", '"x"')])
        return []
    if path == "/redirect":
        return plain(start_response, b"", "302 Found", ("Location", "/elsewhere?a=b"))
    if path == "/created":
        return plain(start_response, b"made", "201 Created", ("Location", "/new"))
    if path == "/large":
        return plain(start_response, b"0123456789abcdef" * (5 << 16))
    if path == "/file":
        name = environ["HTTP_X_FILE"]
        start_response("200 OK", [("Content-Type", "text/plain")])
        return environ["wsgi.file_wrapper"](open(name, "rb"))
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain"), ("X-Accel-Buffering", "no")])
        return stream(environ)
    if path == "/many":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return many()
    if path == "/raise":
        raise RuntimeError("raised early")
    if path == "/break":
        start_response("200 OK", [("Content-Type", "text/plain"), ("X-Accel-Buffering", "no")])
        return breaks(environ)
    if path == "/short":
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "30000")])
        return [b"x" * 20000]
    if path == "/log":
        print("a line from the application", file=environ["wsgi.errors"])
        return plain(start_response, b"logged")
    return plain(start_response, environ_text(environ))
