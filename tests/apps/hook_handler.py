"""Answers for other files."""

import os

LOADS = [os.urandom(8).hex()]


def reload_required(resource):
    if resource.endswith("raise.dat"):
        raise ValueError("not today")
    return resource.endswith("reload.dat")


def handle_request(environ, start_response):
    keys = [
        "SCRIPT_FILENAME",
        "SCRIPT_NAME",
        "PATH_INFO",
        "mod_wsgi.handler_script",
        "mod_wsgi.request_handler",
        "mod_wsgi.callable_object",
        "mod_wsgi.application_group",
        "HTTP_AUTHORIZATION",
    ]
    lines = [f"{key} = {environ.get(key)!r}\n" for key in keys] + [f"load = {LOADS[0]}\n"]
    body = environ["wsgi.input"].read()
    lines.append(f"body = {body!r}\n")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["".join(lines).encode()]


def application(environ, start_response):
    raise AssertionError("only handle_request is called")
