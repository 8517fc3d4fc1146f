"""Authenticates users by their names, and shows what it was told.

Every good password is `open-5e5ame`.
"""

import hashlib
import sys

SEEN = {}
KEPT = []
PASSWORD = "open-5e5ame"


def check_password(environ, user, password):
    remember("check_password", environ, user)
    SEEN["password"] = password
    if user == "keeper":
        KEPT.append(environ)
    elif user == "kept":
        KEPT[0]["mod_ssl.is_https"]()
    elif user == "writer":
        print("to errors", file=environ["wsgi.errors"])
        print("to stderr", file=sys.stderr)
    if user in ("admin", "keeper", "writer") or any(ord(letter) > 127 for letter in user):
        return password == PASSWORD
    return answer(user, password)


def answer(user, password):
    if user == "raiser":
        raise ValueError("not today")
    if user == "leaver":
        sys.exit(7)
    answers = {
        "denied": False,
        "renamed": "some\xf6ne \u20ac",
        "empty": "",
        "bytes": b"admin",
        "one": 1,
        "zero": 0,
        "list": [True],
        "nul": "admin\0istrator",
        "surrogate": "\ud800",
    }
    return answers.get(user)


def get_realm_hash(environ, user, realm):
    remember("get_realm_hash", environ, user)
    SEEN["realm"] = realm
    if user == "raiser":
        raise ValueError("not today")
    text = f"{user}:{realm}:{PASSWORD}".encode("latin-1")
    digits = hashlib.md5(text).hexdigest()
    answers = {"str": digits, "bytes": digits.encode(), "empty": "", "none_bytes": b"", "int": 7, "nul": digits + "\0"}
    return answers.get(user)


def remember(function, environ, user):
    SEEN.clear()
    SEEN.update(function=function, user=user, environ=dict(environ), type=type(environ))
    SEEN["is_https"] = environ["mod_ssl.is_https"]()
    SEEN["variable"] = environ["mod_ssl.var_lookup"]("SSL_PROTOCOL")
    SEEN["variable_bytes"] = environ["mod_ssl.var_lookup"](b"SSL_PROTOCOL")


def application(environ, start_response):
    """What the last call was told, one line a key."""
    lines = [f"{key} = {SEEN[key]!r}\n" for key in sorted(SEEN) if key not in ("environ", "type")]
    told = SEEN.get("environ", {})
    lines += [f"environ {key} = {told[key]!r}\n" for key in sorted(told)]
    start_response("200 OK", [("Content-Type", "text/plain; charset=ascii")])
    return ["".join(lines).encode("ascii", "backslashreplace")]
