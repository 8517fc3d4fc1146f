"""Applications that misbehave: one function a case, found by the request's path."""

import ctypes
import gc
import io
import itertools
import json
import locale
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import unquote_to_bytes

CASES = {}
EVENTS = []
KEPT = {}


def case(function):
    CASES[function.__name__] = function
    return function


def application(environ, start_response):
    return CASES[environ["PATH_INFO"].strip("/")](environ, start_response)


def plain(start_response, text="fine", status="200 OK", extra=()):
    body = text.encode("utf-8", "backslashreplace")
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    start_response(status, headers + list(extra))
    return [body]


def query(environ):
    """The query string as a str of latin-1 characters, as headers are."""
    return unquote_to_bytes(environ["QUERY_STRING"]).decode("latin-1")


def raised(call, *arguments):
    """The name of the exception that a call raises, or the repr of its result."""
    try:
        return repr(call(*arguments))
    except BaseException as error:
        return type(error).__name__


class Watched:
    """An iterable that notes its end."""

    def __init__(self, items):
        self.items = iter(items)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.items)

    def close(self):
        EVENTS.append("close")


@case
def fine(environ, start_response):
    return plain(start_response)


@case
def pid(environ, start_response):
    return plain(start_response, str(os.getpid()))


@case
def events(environ, start_response):
    """What happened since the last look."""
    happened = " ".join(EVENTS)
    EVENTS.clear()
    return plain(start_response, happened)


@case
def events_kept(environ, start_response):
    """What happened so far."""
    return plain(start_response, " ".join(EVENTS))


# An exception whose report is a trap of its own.


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("secret inside __str__")


@case
def raises_unprintable(environ, start_response):
    raise Unprintable()


@case
def raises_surrogate(environ, start_response):
    raise ValueError("secret \udc80 surrogate")


@case
def raises_control_characters(environ, start_response):
    raise ValueError("secret\r\n[wsgi:error] forged\0\x1b[31m")


@case
def raises_a_long_message(environ, start_response):
    raise ValueError("secret " + "x" * 1_000_000)


@case
def raises_from_another(environ, start_response):
    try:
        raise KeyError("secret cause")
    except KeyError as error:
        raise ValueError("secret effect") from error


@case
def raises_a_group(environ, start_response):
    raise ExceptionGroup("secret group", [ValueError("secret one"), KeyError("secret two")])


# start_response not called.


@case
def returns_nothing(environ, start_response):
    return []


@case
def returns_data(environ, start_response):
    return [b"secret data"]


@case
def yields_data(environ, start_response):
    yield b"secret data"


# start_response called twice.


@case
def starts_twice(environ, start_response):
    start_response("404 Not Found", [("X-First", "yes"), ("Content-Type", "text/plain")])
    return plain(start_response, "second")


@case
def starts_again_with_exc_info(environ, start_response):
    start_response("200 OK", [("X-First", "yes")])
    try:
        raise ValueError("handled")
    except ValueError:
        start_response("503 Sorry", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"sorry"]


@case
def starts_again_after_output(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"part"
    start_response("500 Oops", [])
    yield b"never"


@case
def starts_again_after_output_with_exc_info(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"part"
    try:
        raise ValueError("reported late")
    except ValueError:
        start_response("500 Oops", [], sys.exc_info())
    yield b"never"


# Values that start_response must judge.


@case
def status(environ, start_response):
    start_response(query(environ), [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


ODD_STATUS = [200, b"200 OK", None, 200.0, ["200 OK"], "200 \u20ac", "200 \udc80", "200 " + "x" * 10_240 + "\n"]


@case
def odd_status(environ, start_response):
    start_response(ODD_STATUS[int(query(environ))], [("Content-Type", "text/plain")])
    return [b"never"]


def pairs():
    yield ("X-A", "b")


ODD_HEADERS = [
    (("X-A", "b"),),
    {"X-A": "b"},
    None,
    pairs(),
    [["X-A", "b"]],
    ["X-A: b"],
    [("X-A",)],
    [("X-A", "b", "c")],
    [("X-A", b"b")],
    [(b"X-A", "b")],
    [("X-A", 1)],
    [(1, "b")],
    [("X-A", None)],
    [("X-A", "\udc80")],
    [("X-\u20ac", "b")],
    [("X-A", "b"), None],
]


@case
def odd_headers(environ, start_response):
    start_response("200 OK", ODD_HEADERS[int(query(environ))])
    return [b"never"]


@case
def odd_headers_count(environ, start_response):
    return plain(start_response, f"{len(ODD_STATUS)} {len(ODD_HEADERS)}")


@case
def hop_by_hop(environ, start_response):
    name, value = query(environ).split("=", 1)
    return plain(start_response, "hello", extra=[(name, value)])


@case
def length(environ, start_response):
    """`LENGTHS;BODY`: a Content-Length for each of LENGTHS."""
    lengths, body = query(environ).split(";", 1)
    start_response("200 OK", [("Content-Length", value) for value in lengths.split("|")])
    return [body.encode()]


@case
def typed_length(environ, start_response):
    start_response("200 OK", [("Content-Length", 5)])
    return [b"hello"]


@case
def many_headers(environ, start_response):
    return plain(start_response, extra=[(f"X-{number}", str(number)) for number in range(1000)])


@case
def long_header(environ, start_response):
    return plain(start_response, extra=[("X-Long", "v" * (1 << 20))])


@case
def many_cookies(environ, start_response):
    return plain(start_response, extra=[("Set-Cookie", f"c{number}=1") for number in range(500)])


@case
def inject(environ, start_response):
    """`KIND;TEXT`: the text as status, name or value of a header, or as Content-Type."""
    kind, text = query(environ).split(";", 1)
    headers = [("Content-Length", "2")]
    if kind == "name":
        headers.append((text, "probe"))
    elif kind == "value":
        headers.append(("X-Probe", text))
    elif kind == "content-type":
        headers.append(("Content-Type", text))
    start_response("200 " + text if kind == "status" else "200 OK", headers)
    return [b"ok"]


# What is returned.


class NoClose:
    def __init__(self):
        self.items = [b"no", b"close"]

    def __iter__(self):
        return iter(self.items)


RETURNS = [None, 7, "text", object(), True, {1: 2}, [b"part"[0]], [None], [bytearray(b"x")], [memoryview(b"x")], ["x"]]


@case
def returns(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return RETURNS[int(query(environ))]


@case
def returns_count(environ, start_response):
    return plain(start_response, str(len(RETURNS)))


@case
def returns_text_generator(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return (piece for piece in ["secret"])


@case
def returns_text_later(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return iter([b"part", "secret"])


@case
def returns_dict_of_bytes(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return {b"key": 1}


@case
def returns_without_close(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return NoClose()


@case
def returns_bytes(environ, start_response):
    """Iterating over bytes gives numbers, which are refused."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return b"secret"


@case
def empty_for_ever(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Watched(itertools.repeat(b""))


@case
def data_for_ever(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Watched(itertools.repeat(b"x" * 8192))


@case
def told_for_ever(environ, start_response):
    EVENTS.append("begun")
    return data_for_ever(environ, start_response)


@case
def empty_then_start(environ, start_response):
    yield b""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"late"


# Where an exception is raised.


class Raising:
    def __init__(self, where):
        self.where = where
        self.given = 0

    def __iter__(self):
        if self.where == "iter":
            raise ValueError("secret in iter")
        return self

    def __next__(self):
        self.given += 1
        if self.where == "first":
            raise ValueError("secret in first")
        if self.given == 1:
            return b"part"
        if self.where == "later":
            raise ValueError("secret in later")
        if self.where == "after the end" and self.given > 2:
            raise ValueError("secret after the end")
        raise StopIteration

    def close(self):
        EVENTS.append(self.where)
        if self.where == "close":
            raise ValueError("secret in close")


@case
def raising(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Raising(query(environ))


# write() and what belongs to a request, after the request.


@case
def write_and_iterate(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"one ")
    write(b"")
    write(b"two ")
    return [b"three ", b"four"]


@case
def write_text(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write("secret")
    return []


@case
def keep(environ, start_response):
    """Keeps all that a request is given, for a look after its end."""
    KEPT["environ"] = environ
    KEPT["start_response"] = start_response
    KEPT["input"] = environ["wsgi.input"]
    KEPT["errors"] = environ["wsgi.errors"]
    KEPT["wrapper"] = environ["wsgi.file_wrapper"](io.BytesIO(b"wrapped"))
    KEPT["write"] = start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"kept"]


def use_kept():
    late = [
        raised(KEPT["write"], b"late"),
        raised(KEPT["start_response"], "200 OK", []),
        raised(KEPT["input"].read),
        raised(KEPT["input"].readline),
        raised(KEPT["input"].readlines),
        raised(lambda: list(KEPT["input"])),
        raised(KEPT["errors"].write, "late\n"),
        raised(lambda: b"".join(KEPT["wrapper"])),
        raised(lambda: KEPT["environ"]["REQUEST_METHOD"]),
    ]
    gc.collect()
    return " ".join(late)


@case
def use_after(environ, start_response):
    return plain(start_response, use_kept())


@case
def use_after_in_thread(environ, start_response):
    found = []
    thread = threading.Thread(target=lambda: found.append(use_kept()))
    thread.start()
    thread.join()
    return plain(start_response, found[0])


@case
def drop_kept(environ, start_response):
    KEPT.clear()
    gc.collect()
    return plain(start_response)


@case
def write_in_thread_after(environ, start_response):
    """A thread that goes on writing when its request is long gone."""
    write = start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    errors, body = environ["wsgi.errors"], environ["wsgi.input"]

    def go_on():
        early, end = set(), time.monotonic() + 0.3
        while time.monotonic() < end:
            late = {raised(write, b"late"), raised(body.read), raised(errors.write, "late\n")}
            early |= late
            time.sleep(0.001)
        EVENTS.append(f"thread:{' '.join(late)} after {sorted(early)}")

    KEPT["thread"] = threading.Thread(target=go_on)
    return Late([b"body"], KEPT["thread"])


class Late(Watched):
    """Starts its thread when the response is over."""

    def __init__(self, items, thread):
        super().__init__(items)
        self.thread = thread

    def close(self):
        self.thread.start()


@case
def join_thread(environ, start_response):
    KEPT.pop("thread").join()
    return plain(start_response)


# Ways to leave.


class Own(BaseException):
    pass


LEAVES = [lambda: sys.exit(), lambda: sys.exit(3), lambda: sys.exit("secret")]
LEAVES += [lambda kind=kind: throw(kind) for kind in (KeyboardInterrupt, GeneratorExit, Own, StopIteration)]


def throw(kind):
    raise kind()


@case
def leaves(environ, start_response):
    LEAVES[int(query(environ))]()


@case
def leaves_count(environ, start_response):
    return plain(start_response, str(len(LEAVES)))


def bus_error():
    with tempfile.TemporaryFile() as file:
        file.truncate(4096)
        view = mmap.mmap(file.fileno(), 4096)
        file.truncate(0)
        return view[0]


DEATHS = {
    "exit_0": lambda: os._exit(0),
    "exit_1": lambda: os._exit(1),
    "abort": os.abort,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segv": lambda: ctypes.memset(0, 0, 1),
    "bus": bus_error,
    "ill": lambda: signal.raise_signal(signal.SIGILL),
}


@case
def dies(environ, start_response):
    DEATHS[query(environ)]()


@case
def sleeps(environ, start_response):
    EVENTS.append("asleep")
    time.sleep(2)
    return plain(start_response, "slept")


@case
def spins(environ, start_response):
    EVENTS.append("spinning")
    end = time.monotonic() + 2
    while time.monotonic() < end:
        pass
    return plain(start_response, "spun")


@case
def leaks_threads(environ, start_response):
    daemon = query(environ) == "daemon"
    pause = 3600 if daemon else 0.5
    for _ in range(10):
        threading.Thread(target=time.sleep, args=(pause,), daemon=daemon).start()
    return plain(start_response, str(threading.active_count()))


# Processes made by the application.


@case
def forks(environ, start_response):
    """The copy goes on as if the request were its own."""
    child = os.fork()
    if child == 0:
        body = environ["wsgi.input"]
        write = start_response("200 OK", [("Content-Type", "text/plain"), ("X-From", "copy")])
        kind = query(environ)
        if kind == "write":
            write(b"from the copy")
        elif kind == "read":
            body.read()
        elif kind == "raise":
            raise ValueError("in the copy")
        return [b"from the copy"]
    _, status = os.waitpid(child, 0)
    return plain(start_response, f"parent {os.waitstatus_to_exitcode(status)}")


@case
def forks_and_exits(environ, start_response):
    child = os.fork()
    if child == 0:
        os._exit(7)
    return plain(start_response, str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))


@case
def runs_a_program(environ, start_response):
    done = subprocess.run(["/bin/echo", "hello"], capture_output=True, check=True, text=True)
    held = subprocess.run(["/bin/ls", "/proc/self/fd"], capture_output=True, check=True, text=True).stdout.split()
    return plain(start_response, f"{done.stdout.strip()} {len(held)}")


@case
def spawns(environ, start_response):
    """A spawned worker imports the main module by name; sys.executable has to be a Python."""
    script = "import sys; print(sys.version_info[0])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    return plain(start_response, done.stdout.strip())


@case
def takes_signals(environ, start_response):
    def handler(number, frame):
        EVENTS.append(f"signal {number}")

    results = [raised(signal.signal, number, handler) == repr(handler) for number in (signal.SIGTERM, signal.SIGUSR1)]
    results.append(raised(signal.set_wakeup_fd, -1))
    results.append(signal.getsignal(signal.SIGTERM) is handler)
    return plain(start_response, " ".join(map(str, results)))


# The request's body.


@case
def input_limits(environ, start_response):
    body = environ["wsgi.input"]
    found = [
        raised(body.read, 0),
        raised(body.readline, 0),
        raised(body.read, 2),
        raised(body.read, None),
        raised(body.read),
        raised(body.read, -1),
        raised(body.readline),
        raised(body.readlines),
        repr(list(body)),
        repr(list(body)),
        raised(body.close),
        raised(body.read),
        str(hasattr(body, "seek")),
    ]
    return plain(start_response, " ".join(found))


@case
def input_huge_size(environ, start_response):
    return plain(start_response, raised(environ["wsgi.input"].read, sys.maxsize))


@case
def input_size_beyond(environ, start_response):
    return plain(start_response, raised(environ["wsgi.input"].read, 2**63))


@case
def input_two_threads(environ, start_response):
    """Every byte is read once, by one of the threads; a refusal of the other is fine as well."""
    body, pieces = environ["wsgi.input"], []

    def read():
        while True:
            try:
                piece = body.read(1000)
            except Exception:
                time.sleep(0.001)
                continue
            if not piece:
                return
            pieces.append(piece)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return plain(start_response, str(sum(map(len, pieces))))


# Limits of the interpreter and the machine.


@case
def recursion(environ, start_response):
    return recursion(environ, start_response)


@case
def deep_json(environ, start_response):
    return plain(start_response, str(json.loads("[" * 100_000)))


@case
def deep_repr(environ, start_response):
    nested = []
    for _ in range(100_000):
        nested = [nested]
    return plain(start_response, repr(nested))


@case
def big_answer(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(10 << 20))])
    return [b"x" * (1 << 20)] * 10


@case
def memory_bomb(environ, start_response):
    return [bytes(1 << 60)]


# Output that is not the response.


@case
def prints(environ, start_response):
    os.write(1, b"secret written to 1\n")
    os.write(2, b"secret written to 2\n")
    print("secret printed")
    print("secret unfinished", end="")
    sys.stdout.flush()
    sys.stderr.write("secret on stderr\n")
    sys.stderr.buffer.write(b"secret \xff binary\n")
    return plain(start_response)


@case
def prints_much(environ, start_response):
    for _ in range(100):
        print("y" * 5000)
    return plain(start_response)


@case
def closes_stdout(environ, start_response):
    import logging

    sys.stdout.close()
    sys.stderr.close()
    logging.shutdown()
    return plain(start_response, raised(print, "secret after close"))


# Changes to the process.


@case
def upsets_the_process(environ, start_response):
    os.umask(0o777)
    os.chdir("/")
    os.environ.clear()
    locale.setlocale(locale.LC_ALL, "C")
    os.nice(1)
    gc.disable()
    sys.path.clear()
    sys.path.append("/nonexistent")

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(64, soft // 2), hard))
    return plain(start_response)


@case
def upsets_python(environ, start_response):
    socket.socket = None
    threading.Thread.start = None
    threading.current_thread = None
    threading.settrace(lambda *_: throw(ValueError))
    sys.excepthook = None
    sys.setswitchinterval(10)
    sys.modules["threading"] = None
    sys.modules["io"] = None
    sys.modules["traceback"] = None
    return plain(start_response)


@case
def raises(environ, start_response):
    raise ValueError("secret while upset")


# file_wrapper.


def wrap(environ, start_response, file, *headers):
    start_response("200 OK", [("Content-Type", "application/octet-stream"), *headers])
    return environ["wsgi.file_wrapper"](file)


class Noted(io.BytesIO):
    def close(self):
        EVENTS.append("file closed")
        super().close()


class BadRead:
    def read(self, size):
        raise OSError("secret in read")


@case
def wraps_noted(environ, start_response):
    return wrap(environ, start_response, Noted(b"noted"))


@case
def wraps_pipe(environ, start_response):
    reading, writing = os.pipe()
    os.write(writing, b"through a pipe")
    os.close(writing)
    return wrap(environ, start_response, open(reading, "rb"))


@case
def wraps_closed(environ, start_response):
    file = tempfile.TemporaryFile()
    file.close()
    return wrap(environ, start_response, file)


@case
def wraps_bad_read(environ, start_response):
    return wrap(environ, start_response, BadRead())


@case
def wraps_sparse(environ, start_response):
    """A file beyond 4 GiB, from an offset beyond 4 GiB."""
    file = tempfile.TemporaryFile()
    size = (4 << 30) + 10
    file.truncate(size)
    file.seek(size - 5 if query(environ) == "end" else 0)
    return wrap(environ, start_response, file)


class Shrinks(Watched):
    pass


@case
def wraps_shrinking(environ, start_response):
    """The file loses its content after its length was told. Sockets cannot hold all of it before."""
    file = tempfile.TemporaryFile()
    file.truncate(64 << 20)
    KEPT["shrinking"] = os.dup(file.fileno())
    return wrap(environ, start_response, file)


@case
def shrink(environ, start_response):
    os.ftruncate(KEPT["shrinking"], 0)
    os.close(KEPT.pop("shrinking"))
    return plain(start_response)


@case
def wraps_too_long(environ, start_response):
    file = tempfile.TemporaryFile()
    file.write(b"12345")
    file.seek(0)
    return wrap(environ, start_response, file, ("Content-Length", "9"))


# Odd iterables.


class LyingLength(list):
    def __len__(self):
        return 1


class RaisingBool(list):
    def __bool__(self):
        raise ValueError("secret in bool")


class RaisingLength(list):
    def __len__(self):
        raise ValueError("secret in len")


class RaisingClose:
    def __iter__(self):
        return iter([b"one ", b"two"])

    def __getattr__(self, name):
        if name == "close":
            raise ValueError("secret in close lookup")
        raise AttributeError(name)


ITERABLES = [
    LyingLength([b"one ", b"two"]),
    RaisingBool([b"one ", b"two"]),
    RaisingLength([b"one ", b"two"]),
    RaisingClose(),
]


@case
def odd_iterable(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ITERABLES[int(query(environ))]


@case
def location(environ, start_response):
    code, target = query(environ).split(";", 1)
    return plain(start_response, "body", status=f"{code} Somewhere", extra=[("Location", target)] if target else [])
