"""Calls start_response in one way per PATH_INFO.

With the query string `catch` the exception a call raises becomes the body of a 200 response;
without it the exception leaves the application.
"""

import sys

CASES = {}
KEPT = []


def case(function):
    """Names a case after its function."""
    CASES["/" + function.__name__] = function
    return function


def status(name, value):
    """A case that only differs in its status."""

    def function(environ, start_response):
        start_response(value, [])

    CASES["/" + name] = function


def headers(name, value):
    """A case that only differs in its header list."""

    def function(environ, start_response):
        start_response("200 OK", value)

    CASES["/" + name] = function


class ListSubclass(list):
    """A list by inheritance only."""


class StrSubclass(str):
    """A str by inheritance only."""


status("status_int", 200)
status("status_bytes", b"200 OK")
status("status_none", None)
status("status_not_latin1", "200 \u20ac")
status("status_surrogate", "200 \ud800")
status("status_empty", "")
status("status_letters", "abc")
status("status_two_digits", "20 OK")
status("status_sign", "+20 OK")
status("status_four_digits", "2000 OK")
status("status_no_space", "200OK")
status("status_newline", "200 OK\r\nX-Injected: 1")
status("status_nul", "200 O\0K")
status("status_delete", "200 O\x7fK")
status("status_99", "099 Low")
status("status_100", "100 Continue")
status("status_101", "101 Switching Protocols")
status("status_103", "103 Early Hints")
status("status_600", "600 High")
status("status_bare", "200")
status("status_no_reason", "200 ")
status("status_latin1", "200 Tr\xe8s bien")
status("status_unknown", "299 Something Else")

headers("headers_tuple", (("X-A", "1"),))
headers("headers_dict", {"X-A": "1"})
headers("headers_str", "X-A: 1")
headers("headers_none", None)
headers("headers_generator", (pair for pair in [("X-A", "1")]))
headers("headers_list_subclass", ListSubclass([("X-A", "1")]))
headers("item_list", [("X-Before", "1"), ["X-A", "1"]])
headers("item_str", ["ab"])
headers("item_none", [None])
headers("item_empty", [()])
headers("item_one", [("X-A",)])
headers("item_three", [("X-A", "1", "2")])
headers("name_bytes", [(b"X-A", "1")])
headers("name_int", [(1, "1")])
headers("name_not_latin1", [("X-\u20ac", "1")])
headers("name_empty", [("", "1")])
headers("name_newline", [("X-A\r\nX-Injected", "1")])
headers("name_nul", [("X-\0A", "1")])
headers("name_space", [("X A", "1")])
headers("name_trailing_space", [("X-A ", "1")])
headers("name_colon", [("X-A:", "1")])
headers("name_parenthesis", [("X-(A)", "1")])
headers("name_latin1", [("X-\xe9", "1")])
headers("value_bytes", [("X-A", b"1")])
headers("value_int", [("X-A", 1)])
headers("value_none", [("X-A", None)])
headers("value_not_latin1", [("X-A", "\u20ac")])
headers("value_surrogate", [("X-A", "\udce9")])
headers("value_cr", [("X-A", "1\rX-Injected: 1")])
headers("value_lf", [("X-A", "1\nX-Injected: 1")])
headers("value_nul", [("X-A", "1\x002")])
headers("value_control", [("X-A", "1\x012")])
headers("value_delete", [("X-A", "1\x7f2")])
headers("value_tab", [("X-A", "1\t2")])
headers("value_latin1", [("X-A", "caf\xe9")])
headers("value_empty", [("X-A", "")])
headers("content_type_lf", [("Content-Type", "text/plain\nX-Injected: 1")])


@case
def keyword_arguments(environ, start_response):
    start_response(status="200 OK", headers=[])


@case
def no_arguments(environ, start_response):
    start_response()


@case
def exc_info_list(environ, start_response):
    start_response("200 OK", [], [None, None, None])


@case
def exc_info_str(environ, start_response):
    start_response("200 OK", [], "boom")


@case
def exc_info_none(environ, start_response):
    start_response("200 OK", [("X-A", "1")], None)
    return [b"accepted"]


@case
def returns_write(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"written, ")
    return [b"returned"]


@case
def second_call_replaces(environ, start_response):
    start_response("404 Not Found", [("X-First", "1")])
    start_response("201 Created", [("X-Second", "2")])
    return [b"accepted"]


@case
def second_call_after_output(environ, start_response):
    write = start_response("200 OK", [("X-First", "1")])
    write(b"output, ")
    try:
        start_response("201 Created", [("X-Second", "2")])
    except Exception as error:
        return [describe(error)]
    return [b"no exception"]


@case
def exc_info_before_output(environ, start_response):
    start_response("200 OK", [("X-First", "1")])
    try:
        raise ValueError("before output")
    except ValueError:
        start_response("503 Sorry", [("X-Second", "2")], sys.exc_info())
    return [b"accepted"]


@case
def exc_info_after_output(environ, start_response):
    write = start_response("200 OK", [("X-First", "1")])
    write(b"output, ")
    try:
        raise ValueError("after output")
    except ValueError:
        failure = sys.exc_info()
    try:
        start_response("503 Sorry", [("X-Second", "2")], failure)
    except Exception as error:
        return [describe(error), b" same" if error is failure[1] else b" other"]
    return [b"no exception"]


@case
def exc_info_after_output_uncaught(environ, start_response):
    write = start_response("200 OK", [("X-First", "1")])
    write(b"output, ")
    try:
        raise ValueError("after output")
    except ValueError:
        start_response("503 Sorry", [("X-Second", "2")], sys.exc_info())
    return [b"not reached"]


@case
def keep(environ, start_response):
    KEPT[:] = [start_response, start_response("200 OK", [])]
    return [b"kept"]


@case
def call_kept(environ, start_response):
    KEPT[0]("200 OK", [])


@case
def write_kept(environ, start_response):
    KEPT[1](b"late")


@case
def str_subclasses(environ, start_response):
    start_response(StrSubclass("200 OK"), [(StrSubclass("X-A"), StrSubclass("1"))])
    return [b"accepted"]


@case
def caller_changes_list_later(environ, start_response):
    pairs = [("X-A", "1")]
    start_response("200 OK", pairs)
    pairs.append(("X-Late", "2"))
    return [b"accepted"]


def describe(error):
    return f"{type(error).__name__}: {error}".encode("utf-8", "backslashreplace")


def application(environ, start_response):
    function = CASES[environ["PATH_INFO"]]
    if environ["QUERY_STRING"] != "catch":
        return function(environ, start_response) or [b"accepted"]
    try:
        result = function(environ, start_response) or [b"accepted"]
    except Exception as error:
        start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
        return [describe(error)]
    return result
