"""Remembers what each function was told, and shows it by the function's name: one sorted line a key."""

TOLD = {}


def remember(function, environ, *arguments):
    TOLD[function] = {**environ, "arguments": arguments, "class": type(environ)}


def allow_access(environ, host):
    remember("allow_access", environ, host)
    return True


def check_password(environ, user, password):
    remember("check_password", environ, user, password)
    return True


def groups_for_user(environ, user):
    remember("groups_for_user", environ, user)
    return ["staff"]


def process_group(environ):
    remember("process_group", environ)


def application_group(environ):
    remember("application_group", environ)


def callable_object(environ):
    remember("callable_object", environ)


def show(value):
    if value is None or isinstance(value, (str, int, tuple)):
        return repr(value)
    if isinstance(value, type):
        return f"class {value.__qualname__}"
    # Functions of C have classes of many names.
    return "callable" if callable(value) else f"<{type(value).__module__}.{type(value).__qualname__}>"


def application(environ, start_response):
    told = TOLD[environ["PATH_INFO"].strip("/")]
    text = "".join(f"{key} = {show(told[key])}\n" for key in sorted(told))
    start_response("200 OK", [("Content-Type", "text/plain; charset=ascii"), ("X-Method", "GET")])
    return [text.encode("ascii", "backslashreplace")]
