"""Shows the environ: one sorted line a key, objects by their class."""


def show(value):
    if value is None or isinstance(value, (str, int, float, tuple)):
        return repr(value)
    if isinstance(value, type):
        return f"<class {value.__module__}.{value.__qualname__}>"
    return f"<{type(value).__module__}.{type(value).__qualname__}>"


def application(environ, start_response):
    assert type(environ) is dict
    body = environ["wsgi.input"].read(-1)
    lines = [f"{key} = {show(environ[key])}\n" for key in sorted(environ)]
    if body:
        lines.append(f"(body) = {body!r}\n")
    start_response("200 OK", [("Content-Type", "text/plain; charset=ascii"), ("X-Method", environ["REQUEST_METHOD"])])
    return ["".join(lines).encode("ascii", "backslashreplace")]
