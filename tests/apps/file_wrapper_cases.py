"""Returns wsgi.file_wrapper in one way per PATH_INFO; the file is named by SetEnv file.path."""

import io
import os
import shutil
import tempfile

CASES = {}
EVENTS = []
FILES = {}


def case(function):
    """Names a case after its function."""
    CASES["/" + function.__name__] = function
    return function


class Noted:
    """A file-like object without a descriptor that notes its closing."""

    def __init__(self, data):
        self.file = io.BytesIO(data)

    def read(self, size=-1):
        EVENTS.append(f"read {size}")
        return self.file.read(size)

    def close(self):
        EVENTS.append("close")


class NotedFile(io.FileIO):
    """A real file that notes its closing."""

    def close(self):
        if not self.closed:
            EVENTS.append("close")
        super().close()


def begin(start_response, *headers):
    start_response("200 OK", [("Content-Type", "application/octet-stream"), *headers])


@case
def events(environ, start_response):
    """What happened since the last call."""
    begin(start_response)
    seen = ",".join(EVENTS)
    EVENTS.clear()
    return [seen.encode()]


@case
def whole(environ, start_response):
    begin(start_response)
    return environ["wsgi.file_wrapper"](open(environ["file.path"], "rb"))


@case
def whole_noted(environ, start_response):
    begin(start_response)
    return environ["wsgi.file_wrapper"](NotedFile(environ["file.path"]))


@case
def large(environ, start_response):
    """More than sockets hold."""
    begin(start_response)
    return environ["wsgi.file_wrapper"](open(environ["file.large"], "rb"))


@case
def deleted(environ, start_response):
    """A copy that is gone before it is sent."""
    begin(start_response)
    copy = tempfile.NamedTemporaryFile()
    with open(environ["file.path"], "rb") as file:
        shutil.copyfileobj(file, copy)
    copy.seek(0)
    return environ["wsgi.file_wrapper"](copy)


class Kept:
    """A file that stays open, for all requests and with one position."""

    def __init__(self, path):
        self.file = open(path, "rb")
        self.fileno, self.tell, self.read = self.file.fileno, self.file.tell, self.file.read


@case
def kept_open(environ, start_response):
    """From the position that the query names."""
    if "kept" not in FILES:
        FILES["kept"] = Kept(environ["file.large"])
    FILES["kept"].file.seek(int(environ["QUERY_STRING"]))
    begin(start_response)
    return environ["wsgi.file_wrapper"](FILES["kept"])


@case
def close_kept(environ, start_response):
    """Closes that file."""
    FILES.pop("kept").file.close()
    begin(start_response)
    return [b"closed"]


@case
def offset(environ, start_response):
    begin(start_response)
    file = open(environ["file.path"], "rb")
    file.seek(10)
    return environ["wsgi.file_wrapper"](file)


@case
def offset_after_buffered_read(environ, start_response):
    begin(start_response)
    file = open(environ["file.path"], "rb")
    file.read(3)
    return environ["wsgi.file_wrapper"](file)


@case
def exact_length(environ, start_response):
    begin(start_response, ("Content-Length", str(os.path.getsize(environ["file.path"]))))
    return environ["wsgi.file_wrapper"](open(environ["file.path"], "rb"))


@case
def shorter_length(environ, start_response):
    begin(start_response, ("Content-Length", "5"))
    return environ["wsgi.file_wrapper"](open(environ["file.path"], "rb"))


@case
def longer_length(environ, start_response):
    begin(start_response, ("Content-Length", str(os.path.getsize(environ["file.path"]) + 5)))
    return environ["wsgi.file_wrapper"](open(environ["file.path"], "rb"))


@case
def at_the_end(environ, start_response):
    begin(start_response)
    file = open(environ["file.path"], "rb")
    file.seek(0, os.SEEK_END)
    return environ["wsgi.file_wrapper"](file)


@case
def bytes_io(environ, start_response):
    begin(start_response)
    return environ["wsgi.file_wrapper"](io.BytesIO(b"from memory"))


@case
def without_descriptor(environ, start_response):
    begin(start_response)
    return environ["wsgi.file_wrapper"](Noted(b"0123456789"), 4)


@case
def subclass(environ, start_response):
    class Own(environ["wsgi.file_wrapper"]):
        pass

    begin(start_response)
    return Own(open(environ["file.path"], "rb"), 1000)


@case
def iterated_by_the_application(environ, start_response):
    begin(start_response)
    wrapper = environ["wsgi.file_wrapper"](io.BytesIO(b"0123456789"), 4)
    return [b"|".join(wrapper)]


@case
def after_write(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"written first, ")
    return environ["wsgi.file_wrapper"](io.BytesIO(b"then read"))


@case
def file_after_write(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"written first, ")
    file = open(environ["file.path"], "rb")
    file.seek(-5, os.SEEK_END)
    return environ["wsgi.file_wrapper"](file)


@case
def inside_another_iterable(environ, start_response):
    begin(start_response)
    return (piece for piece in environ["wsgi.file_wrapper"](io.BytesIO(b"wrapped"), 3))


@case
def pipe(environ, start_response):
    reader, writer = os.pipe()
    os.write(writer, b"through a pipe")
    os.close(writer)
    begin(start_response)
    return environ["wsgi.file_wrapper"](open(reader, "rb"))


@case
def closed_file(environ, start_response):
    begin(start_response)
    file = open(environ["file.path"], "rb")
    file.close()
    return environ["wsgi.file_wrapper"](file)


@case
def reads_text(environ, start_response):
    begin(start_response)
    return environ["wsgi.file_wrapper"](io.StringIO("secret text"))


@case
def read_raises(environ, start_response):
    class Raising(Noted):
        def read(self, size=-1):
            raise ValueError("secret in read")

    begin(start_response)
    return environ["wsgi.file_wrapper"](Raising(b""))


@case
def close_raises(environ, start_response):
    class Raising(Noted):
        def close(self):
            raise ValueError("secret in close")

    begin(start_response)
    return environ["wsgi.file_wrapper"](Raising(b"fine"))


@case
def attributes(environ, start_response):
    wrapper = environ["wsgi.file_wrapper"]
    file = io.BytesIO(b"")
    seen = [wrapper(file).filelike is file, wrapper(file).blksize, wrapper(file, 7).blksize]
    for arguments in ((file, -1), ()):
        try:
            wrapper(*arguments)
        except Exception as error:
            seen.append(type(error).__name__)
    begin(start_response)
    return [repr(seen).encode()]


def application(environ, start_response):
    return CASES[environ["PATH_INFO"]](environ, start_response)
