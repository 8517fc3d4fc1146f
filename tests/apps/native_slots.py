"""Reaches one native slot for each path: an attribute, a constructor, an iterator."""


def application(environ, start_response):
    slot = environ["PATH_INFO"].strip("/")
    if slot == "attribute":
        body = environ["wsgi.errors"].name.encode()
    elif slot == "construct":
        environ["wsgi.file_wrapper"](None)
        body = b"constructed"
    else:
        body = b"".join(environ["wsgi.input"]) + b"iterated"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
