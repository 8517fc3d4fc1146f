"""Ends with status 0 if the server on this machine answers, and not with an error of its own (5xx).

HEALTH_PATH is asked for (/ unless set), with HEALTH_HOST as the name of the site (localhost unless set), at the port
HEALTH_PORT (8080 unless set).
"""

import http.client
import os
import sys


def problem():
    """What is wrong, if anything."""
    path = os.environ.get("HEALTH_PATH", "/")
    port = int(os.environ.get("HEALTH_PORT", "8080"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", path, headers={"Host": os.environ.get("HEALTH_HOST", "localhost")})
        status = connection.getresponse().status
    except OSError as error:
        return f"no answer at port {port}: {error}"
    except http.client.HTTPException as error:
        return f"no HTTP at port {port}: {error!r}"
    return f"{path} answers {status}" if status >= 500 else None


sys.exit(problem())
