"""What tells interpreters apart: work for a processor, and imports that not every interpreter allows."""

import mmap
import threading


def meet(path, own):
    """Shows itself in the file and waits for the other, without a call that would let the GIL go."""
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 2) as places:
        places[own] = 1
        for _ in range(200_000_000):
            if places[1 - own] == 1:
                return "met"
    return "alone"


def application(environ, start_response):
    what = environ["PATH_INFO"].strip("/")
    if what == "meet":
        text = meet(environ["MEETING"], int(environ["QUERY_STRING"]))
    elif what == "numpy":
        import numpy

        text = numpy.__version__
    elif what == "threads":
        seen = []
        thread = threading.Thread(target=lambda: seen.append(1))
        thread.start()
        thread.join()
        text = str(len(seen))
    else:
        text = environ["mod_wsgi.application_group"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]
