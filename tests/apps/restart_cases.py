"""What an application keeps, and what it does when its process ends."""

import atexit
import os
import sys
import threading
import time

import mod_wsgi

LOCAL = threading.local()
GROUP = mod_wsgi.application_group or "main"


def told_at_exit():
    print(f"exit callback of {GROUP} in {os.getpid()}", file=sys.stderr)


atexit.register(told_at_exit)


def application(environ, start_response):
    what = environ["PATH_INFO"].strip("/")
    if what == "sleep":
        print(f"stuck in {GROUP}", file=sys.stderr)
        while True:
            time.sleep(3600)
    if what == "spin":
        print(f"stuck in {GROUP}", file=sys.stderr)
        while True:
            pass
    if what == "lock":
        print(f"stuck in {GROUP}", file=sys.stderr)
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()
    if what == "slow":
        time.sleep(1)
    LOCAL.count = getattr(LOCAL, "count", 0) + 1
    body = f"{GROUP} {LOCAL.count} {os.getpid()}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
