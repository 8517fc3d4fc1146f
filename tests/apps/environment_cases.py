"""Changes os.environ, and tells what it finds there."""

import os

import mod_wsgi

FOUND = os.environ.get("RWSGI_TEST_GROUP")
os.environ.setdefault("RWSGI_TEST_GROUP", mod_wsgi.application_group or "main")


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{FOUND} {os.environ['RWSGI_TEST_GROUP']} {os.environ['RWSGI_TEST_GIVEN']}".encode()]
