"""Reads wsgi.input in one way per PATH_INFO; the body is the repr of what came."""

CASES = {}
KEPT = []
RESULTS = {}


def case(function):
    """Names a case after its function."""
    CASES["/" + function.__name__] = function
    return function


@case
def read_all(body):
    return body.read()


@case
def read_minus_one(body):
    return body.read(-1)


@case
def read_none(body):
    return body.read(None)


@case
def read_zero(body):
    return [body.read(0), body.read()]


@case
def read_exact(body):
    return [body.read(4), body.read(3)]


@case
def read_past_the_end(body):
    return [body.read(1 << 30), body.read(1), body.read(), body.readline(), body.readlines(), list(body)]


@case
def read_in_threes(body):
    pieces = []
    while piece := body.read(3):
        pieces.append(piece)
    return pieces


@case
def readline(body):
    return [body.readline(), body.readline(), body.readline(), body.readline()]


@case
def readline_sized(body):
    return [body.readline(2), body.readline(100), body.readline(0), body.readline(-1), body.readline(None)]


@case
def readlines(body):
    return body.readlines()


@case
def readlines_hint(body):
    return [body.readlines(1), body.readlines()]


@case
def iterate(body):
    return [line for line in body]


@case
def iterate_after_read(body):
    return [body.read(1), next(iter(body)), body.read(1), list(body)]


@case
def is_its_own_iterator(body):
    return iter(body) is body


@case
def close_then_read(body):
    return [body.close(), body.read()]


@case
def absent_methods(body):
    return [name for name in ("readinto", "seek", "tell", "fileno") if hasattr(body, name)]


@case
def keyword_argument(body):
    return body.read(size=3)


@case
def bad_argument(body):
    return body.read("3")


@case
def length(body):
    return len(body.read())


@case
def keep(body):
    KEPT[:] = [body]
    return body.read(1)


@case
def use_kept(body):
    seen = []
    for call in ("read", "readline", "readlines", "__next__"):
        try:
            getattr(KEPT[0], call)()
        except Exception as error:
            seen.append(f"{type(error).__name__}: {error}")
    return seen


@case
def ignore(body):
    return "ignored"


@case
def remember(body):
    """Reads and keeps what happened, for a client that does not see the response."""
    seen = []
    for _ in range(2):
        try:
            seen.append(body.read())
        except Exception as error:
            seen.append(f"{type(error).__name__}: {error}")
    RESULTS["seen"] = seen
    return seen


@case
def remembered(body):
    return RESULTS.pop("seen", None)


def application(environ, start_response):
    try:
        result = CASES[environ["PATH_INFO"]](environ["wsgi.input"])
    except Exception as error:
        result = f"{type(error).__name__}: {error}"
    answer = repr(result).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]
