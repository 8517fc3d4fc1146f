"""What daemon processes are asked for: one function a case, found by the request's path."""

import ctypes
import faulthandler
import hashlib
import json
import os
import resource
import signal
import sys
import threading
import time
from urllib.parse import parse_qs

import mod_wsgi

CASES = {}


def tell(text):
    print(text, file=sys.stderr, flush=True)


def stopping(name, **event):
    tell(f"stopping of {os.getpid()}: {event['shutdown_reason']}")


mod_wsgi.subscribe_shutdown(stopping)


def case(function):
    CASES[function.__name__] = function
    return function


def application(environ, start_response):
    return CASES[environ["PATH_INFO"].strip("/").split("/")[0]](environ, start_response)


def plain(start_response, text):
    body = text if isinstance(text, bytes) else text.encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def query(environ, name, default=None):
    return parse_qs(environ["QUERY_STRING"]).get(name, [default])[0]


@case
def pid(environ, start_response):
    return plain(start_response, str(os.getpid()))


@case
def token(environ, start_response):
    """The query and the body again, after a moment in which something may happen."""
    body = environ["wsgi.input"].read()
    time.sleep(0.005)
    return plain(start_response, f"{environ['QUERY_STRING']} {body.decode()} {os.getpid()}")


@case
def sleeps(environ, start_response):
    seconds = float(query(environ, "for"))
    tell(f"asleep in {os.getpid()}")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.02)
    return plain(start_response, f"slept {os.getpid()}")


@case
def streams(environ, start_response):
    """A first piece, a pause, a second."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"first "
    tell(f"first piece from {os.getpid()}")
    time.sleep(float(query(environ, "for")))
    yield b"second"


@case
def holds_the_lock(environ, start_response):
    """Sleeps without letting Python's lock go."""
    tell(f"holding in {os.getpid()}")
    ctypes.PyDLL(None).usleep(int(float(query(environ, "for")) * 1e6))
    return plain(start_response, "let go")


@case
def computes(environ, start_response):
    """Uses up processor time."""
    tell(f"computing in {os.getpid()}")
    end = time.process_time() + float(query(environ, "for"))
    while time.process_time() < end:
        pass
    return plain(start_response, "computed")


def is_killed():
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def runs_out_of_memory():
    """What a C library does that cannot allocate."""
    try:
        bytearray(1 << 40)
    except MemoryError:
        os.abort()


DEATHS = {
    "kill": is_killed,
    "segv": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "memory": runs_out_of_memory,
    "exit_0": lambda: os._exit(0),
    "exit_3": lambda: os._exit(3),
}


@case
def dies(environ, start_response):
    """Before the head, or in the middle of a body with or without a length."""
    death, when = DEATHS[query(environ, "by")], query(environ, "when")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if when == "head":
        death()
    headers = [("Content-Type", "text/plain")]
    if when == "length":
        headers.append(("Content-Length", "1000"))
    write = start_response("200 OK", headers)
    write(b"part")
    # Until the client has told that it has the part, or for long enough.
    end = time.monotonic() + float(query(environ, "after", "20"))
    while time.monotonic() < end and not os.path.exists(environ["DOCUMENT_ROOT"] + "/arrived"):
        time.sleep(0.005)
    death()


@case
def digest(environ, start_response):
    """Length and hash of the body, read in pieces of any size."""
    found, length = hashlib.md5(), 0
    size = int(query(environ, "size", "65536"))
    while piece := environ["wsgi.input"].read(size):
        found.update(piece)
        length += len(piece)
    return plain(start_response, f"{length} {found.hexdigest()}")


def pattern(length):
    """Bytes in which each offset is told apart from its neighbours."""
    return (bytes(range(251)) * (length // 251 + 1))[:length]


@case
def body(environ, start_response):
    """So many bytes, in one piece or several, with or without a length; nothing is read."""
    length, piece = int(query(environ, "length")), int(query(environ, "piece", "0"))
    data = pattern(length)
    headers = [("Content-Type", "application/octet-stream")]
    if query(environ, "framing", "length") == "length":
        headers.append(("Content-Length", str(length)))
    start_response("200 OK", headers)
    if not piece:
        return [data]
    return (data[at : at + piece] for at in range(0, length, piece))


@case
def long_header(environ, start_response):
    start_response("200 OK", [("X-Long", "x" * int(query(environ, "length")))])
    return [b"sent"]


@case
def identity(environ, start_response):
    umask = os.umask(0)
    os.umask(umask)
    facts = {
        "uids": os.getresuid(),
        "gids": os.getresgid(),
        "groups": sorted(os.getgroups()),
        "umask": umask,
        "directory": os.getcwd(),
        "path": sys.path,
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "limits": {
            name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in ("CPU", "DATA", "AS")
        },
        "stack": threading.stack_size(),
        "switch_interval": sys.getswitchinterval(),
        "prefix": sys.prefix,
        "version": sys.version.split()[0],
        "encoding": sys.getfilesystemencoding(),
        "argv": sys.argv,
    }
    return plain(start_response, json.dumps(facts))


@case
def environment(environ, start_response):
    return plain(start_response, json.dumps(dict(os.environ)))


@case
def configuration(environ, start_response):
    facts = {
        "process_group": mod_wsgi.process_group,
        "application_group": mod_wsgi.application_group,
        "multithread": environ["wsgi.multithread"],
        "multiprocess": environ["wsgi.multiprocess"],
        "run_once": environ["wsgi.run_once"],
    }
    return plain(start_response, json.dumps(facts))


@case
def grows(environ, start_response):
    """Keeps so many bytes for good."""
    CASES.setdefault("kept", []).append(b"x" * int(query(environ, "by")))
    return plain(start_response, str(os.getpid()))


@case
def too_much(environ, start_response):
    """Wants more memory than there can be."""
    bytearray(int(query(environ, "bytes")))
    return plain(start_response, "had it")


@case
def never_ends(environ, start_response):
    """Cannot be interrupted by an exception."""
    tell(f"never ending in {os.getpid()}")
    while True:
        try:
            time.sleep(0.02)
        except BaseException:
            pass


@case
def faults(environ, start_response):
    return plain(start_response, str(faulthandler.is_enabled()))


@case
def prints(environ, start_response):
    print("marker on stdout")
    print("marker on stderr", file=sys.stderr)
    environ["wsgi.errors"].write("marker on wsgi.errors\n")
    thread = threading.Thread(target=tell, args=("marker from a thread",))
    thread.start()
    thread.join()
    return plain(start_response, "printed")


@case
def tells_in_thread(environ, start_response):
    """Writes so many lines that belong to no request."""
    lines = int(query(environ, "lines"))

    def speak():
        for number in range(lines):
            tell(f"told in a thread: {number}")

    thread = threading.Thread(target=speak)
    thread.start()
    thread.join()
    return plain(start_response, f"told {lines}")


@case
def time_of_day(environ, start_response):
    return plain(start_response, str(time.time()))
