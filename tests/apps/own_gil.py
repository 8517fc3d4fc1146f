"""What tells interpreters apart: work for a processor, and imports that not every interpreter allows."""

import threading
import time


def burn(seconds_of_work):
    """A fixed amount of work in pure Python."""
    total = 0
    for number in range(int(seconds_of_work * 20_000_000)):
        total += number & 3
    return total


def application(environ, start_response):
    what = environ["PATH_INFO"].strip("/")
    if what == "burn":
        started = time.monotonic()
        burn(0.5)
        text = f"{time.monotonic() - started:.3f}"
    elif what == "numpy":
        import numpy

        text = numpy.__version__
    elif what == "threads":
        seen = []
        thread = threading.Thread(target=lambda: seen.append(burn(0.01)))
        thread.start()
        thread.join()
        text = str(len(seen))
    else:
        text = environ["mod_wsgi.application_group"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]
