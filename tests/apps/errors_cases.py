"""Writes to wsgi.errors, sys.stderr or sys.stdout in one way per PATH_INFO."""

import sys

CASES = {}
KEPT = []


def case(function):
    """Names a case after its function."""
    CASES["/" + function.__name__] = function
    return function


@case
def one_line(errors):
    errors.write("first marker\n")


@case
def several_lines(errors):
    errors.write("marker one\nmarker two\n\nmarker three\n")


@case
def writelines(errors):
    errors.writelines(["marker one\n", "marker", " two\n"])


@case
def printed(errors):
    print("marker", "by", "print", file=errors)


@case
def pieces(errors):
    errors.write("mar")
    errors.write("ker in ")
    errors.write("pieces\n")


@case
def incomplete_line(errors):
    errors.write("marker without end")


@case
def flushed_line(errors):
    errors.write("marker before flush")
    errors.flush()
    errors.write("marker after flush\n")


@case
def unicode_text(errors):
    errors.write("marker caf\xe9 \u20ac\n")


@case
def surrogate(errors):
    errors.write("marker lone \udce9 end\n")


@case
def controls(errors):
    errors.write("marker \x1b[31mred\x07 \r end\n")


@case
def long_line(errors):
    errors.write("marker start " + "x" * 20000 + " marker end\n")


@case
def nul(errors):
    errors.write("marker before\0marker after\n")


@case
def bytes_text(errors):
    errors.write(b"marker bytes\n")


@case
def buffer(errors):
    errors.buffer.write(b"marker buffer\n")


@case
def attributes(errors):
    seen = [errors.isatty(), errors.name, errors.writable(), errors.encoding, errors.closed]
    try:
        errors.fileno()
    except OSError:
        seen.append("OSError")
    return seen


@case
def keep(errors):
    KEPT[:] = [errors]


@case
def use_kept(errors):
    try:
        KEPT[0].write("marker late\n")
        KEPT[0].flush()
    except Exception as error:
        return f"{type(error).__name__}"
    return "accepted"


@case
def stderr(errors):
    print("marker stderr", file=sys.stderr)


@case
def stdout(errors):
    print("marker stdout")


@case
def quiet(errors):
    """Says nothing."""


def application(environ, start_response):
    try:
        result = CASES[environ["PATH_INFO"]](environ["wsgi.errors"])
    except Exception as error:
        result = f"{type(error).__name__}: {error}"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [repr(result).encode()]
