"""Ends a request in one way per PATH_INFO."""

import os

CASES = {}
EVENTS = []


def case(function):
    """Names a case after its function."""
    CASES["/" + function.__name__] = function
    return function


def plain(start_response, *headers, status="200 OK"):
    return start_response(status, [("Content-Type", "text/plain"), *headers])


class Body:
    """An iterable that notes when it is closed."""

    def __init__(self, *pieces):
        self.pieces = iter(pieces)

    def __iter__(self):
        return self

    def __next__(self):
        piece = next(self.pieces)
        if isinstance(piece, BaseException):
            raise piece
        return piece

    def close(self):
        EVENTS.append("close")


@case
def hello(environ, start_response):
    plain(start_response, ("Content-Length", "6"))
    return [b"hello\n"]


@case
def pid(environ, start_response):
    plain(start_response)
    return [str(os.getpid()).encode()]


@case
def events(environ, start_response):
    """What happened since the last call."""
    plain(start_response)
    seen = ",".join(EVENTS)
    EVENTS.clear()
    return [seen.encode()]


@case
def raises_before_start(environ, start_response):
    raise ValueError("secret before start")


@case
def raises_after_start(environ, start_response):
    plain(start_response, ("X-Leaked", "1"))
    raise ValueError("secret after start")


@case
def raises_in_first_item(environ, start_response):
    plain(start_response, ("X-Leaked", "1"))
    return Body(ValueError("secret in first item"))


@case
def raises_after_empty_item(environ, start_response):
    plain(start_response, ("X-Leaked", "1"))
    return Body(b"", ValueError("secret after empty item"))


@case
def raises_in_iter(environ, start_response):
    class Broken:
        def __iter__(self):
            raise ValueError("secret in iter")

        def close(self):
            EVENTS.append("close")

    plain(start_response, ("X-Leaked", "1"))
    return Broken()


@case
def raises_after_output_with_length(environ, start_response):
    plain(start_response, ("Content-Length", "100"))
    return Body(b"part", ValueError("secret after output"))


@case
def raises_after_output_chunked(environ, start_response):
    plain(start_response)
    return Body(b"part", ValueError("secret after output"))


@case
def raises_after_complete_body(environ, start_response):
    plain(start_response, ("Content-Length", "4"))
    return Body(b"full", ValueError("secret after the end"))


@case
def raises_in_close(environ, start_response):
    class Closing(Body):
        def close(self):
            raise ValueError("secret in close")

    plain(start_response, ("Content-Length", "4"))
    return Closing(b"full")


@case
def raises_in_close_lookup(environ, start_response):
    class Closing(Body):
        @property
        def close(self):
            raise ValueError("secret in close lookup")

    plain(start_response, ("Content-Length", "4"))
    return Closing(b"full")


@case
def system_exit(environ, start_response):
    raise SystemExit("secret exit")


@case
def system_exit_zero(environ, start_response):
    raise SystemExit(0)


@case
def keyboard_interrupt(environ, start_response):
    raise KeyboardInterrupt("secret interrupt")


@case
def generator_exit(environ, start_response):
    raise GeneratorExit("secret generator exit")


@case
def own_base_exception(environ, start_response):
    class Own(BaseException):
        pass

    raise Own("secret base exception")


@case
def never_starts_empty(environ, start_response):
    return []


@case
def never_starts_data(environ, start_response):
    return [b"secret data"]


@case
def never_starts_and_writes_late(environ, start_response):
    def body():
        plain(start_response)
        yield b"late but fine"

    return body()


@case
def returns_none(environ, start_response):
    plain(start_response)


@case
def returns_int(environ, start_response):
    plain(start_response)
    return 7


@case
def returns_str(environ, start_response):
    plain(start_response)
    return "secret text"


@case
def first_item_str(environ, start_response):
    plain(start_response)
    return Body("secret text")


@case
def later_item_str(environ, start_response):
    plain(start_response)
    return Body(b"part", "secret text")


@case
def later_item_of_list_str(environ, start_response):
    """All items of a list go out together, so nothing has gone when the wrong one is met."""
    plain(start_response, ("X-Own", "taken back"), ("WWW-Authenticate", "Basic"))
    return [b"first", "second"]


@case
def item_none(environ, start_response):
    plain(start_response)
    return Body(None)


@case
def item_bytearray(environ, start_response):
    plain(start_response)
    return Body(bytearray(b"secret text"))


@case
def item_memoryview(environ, start_response):
    plain(start_response)
    return Body(memoryview(b"secret text"))


def length(name, *values, body=b"12345"):
    """A case that only differs in its Content-Length fields."""

    def function(environ, start_response):
        plain(start_response, *(("Content-Length", value) for value in values))
        return [body]

    CASES["/" + name] = function


length("length_letters", "abc")
length("length_empty", "")
length("length_negative", "-5")
length("length_plus", "+5")
length("length_hex", "0x5")
length("length_underscore", "1_0")
length("length_list", "5,5")
length("length_huge", str(2**64))
length("length_twice_different", "5", "6")
length("length_twice_equal", "5", "5")
length("length_exact", "5")
length("length_shorter_than_body", "3")
length("length_longer_than_body", "9")
length("length_zero_with_body", "0")
length("length_longer_than_empty_body", "9", body=b"")


@case
def stream_longer_than_length(environ, start_response):
    plain(start_response, ("Content-Length", "5"))
    return Body(b"12", b"34", b"56", b"78")


@case
def empty_list(environ, start_response):
    plain(start_response, status="202 Accepted")
    return []


@case
def empty_items(environ, start_response):
    plain(start_response)
    return Body(b"", b"")


@case
def several_items(environ, start_response):
    plain(start_response)
    return Body(b"one ", b"", b"two ", b"three")


@case
def generator(environ, start_response):
    plain(start_response)
    try:
        yield b"one "
        yield b"two"
    finally:
        EVENTS.append("finally")


@case
def no_content(environ, start_response):
    start_response("204 No Content", [])
    return Body(b"secret body")


@case
def not_modified(environ, start_response):
    start_response("304 Not Modified", [("ETag", '"1"'), ("Content-Length", "11")])
    return Body(b"secret body")


@case
def hop_by_hop(environ, start_response):
    plain(
        start_response,
        ("Connection", "keep-alive, X-Secret"),
        ("Keep-Alive", "timeout=99"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "websocket"),
        ("TE", "trailers"),
        ("Trailer", "X-Late"),
        ("Proxy-Connection", "keep-alive"),
    )
    return [b"5\r\nhello\r\n0\r\n\r\n"]


@case
def transfer_encoding_and_length(environ, start_response):
    plain(start_response, ("Transfer-Encoding", "chunked"), ("Content-Length", "5"))
    return [b"hello"]


@case
def repeated_headers(environ, start_response):
    plain(
        start_response,
        ("Set-Cookie", "a=1"),
        ("X-Many", "one"),
        ("Set-Cookie", "b=2"),
        ("X-Many", "two"),
        ("WWW-Authenticate", "Basic realm=x"),
        ("Set-Cookie", "a=3"),
        ("WWW-Authenticate", "Digest realm=y"),
    )
    return [b"hello"]


@case
def own_server_and_date(environ, start_response):
    plain(start_response, ("Server", "secret"), ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"))
    return [b"hello"]


@case
def location_with_200(environ, start_response):
    plain(start_response, ("Location", "/main/pid"))
    return [b"not redirected"]


@case
def location_relative(environ, start_response):
    plain(start_response, ("Location", "../elsewhere?x=1"), status="302 Found")
    return [b"moved"]


@case
def status_header(environ, start_response):
    plain(start_response, ("Status", "404 Not Found"))
    return [b"still 200"]


@case
def error_status(environ, start_response):
    plain(start_response, status="404 Not Here")
    return [b"the application's own page"]


@case
def no_content_type(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]


@case
def big_body(environ, start_response):
    plain(start_response, ("Content-Length", str(3 << 20)))
    return [b"x" * (1 << 20)] * 3


def application(environ, start_response):
    return CASES[environ["PATH_INFO"]](environ, start_response)
