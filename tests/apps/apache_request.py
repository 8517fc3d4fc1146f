"""Looks into httpd's own record of the request, as an extension module would."""

import ctypes

get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
get_pointer.restype = ctypes.c_void_p
get_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]

# pool, connection, server, next, prev, main; then the_request (httpd.h, struct request_rec)
THE_REQUEST = 6 * ctypes.sizeof(ctypes.c_void_p)

KEPT = []
ASKED = []


def request_line(environ):
    address = get_pointer(environ["apache.request_rec"], None)
    return ctypes.c_char_p.from_address(address + THE_REQUEST).value.decode()


def allow_access(environ, host):
    ASKED.append(request_line(environ) if "apache.request_rec" in environ else "nothing")
    KEPT.append(environ)
    return True


def application(environ, start_response):
    what = environ["QUERY_STRING"]
    if what == "kept":
        said = set()
        for earlier in KEPT:
            try:
                get_pointer(earlier["apache.request_rec"], None)
                said.add("alive")
            except ValueError as error:
                said.add(str(error))
        text = ",".join(said)
    elif what == "asked":
        text = ASKED[-1]
    elif "apache.request_rec" in environ:
        text = request_line(environ)
        KEPT.append(environ)
    else:
        text = "nothing"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]
