"""Asks a server for a page until it is told to stop, and says what clients saw.

    poll.py URL WANTED FOLDER

Every 20 ms one request, each on a connection of its own. After the first answer the file `begun` is in FOLDER; it ends
when the file `stop` is there, or after ten minutes.
"""

import http.client
import os
import sys
import time
import urllib.parse


def ask(address, path):
    """What came back: the page, or why there is none."""
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode("utf-8", "replace")
        return body if response.status == 200 else f"status {response.status}"
    except ConnectionRefusedError:
        return "refused"
    except OSError as error:
        return f"broken off: {error}"
    except http.client.HTTPException as error:
        return f"broken off: {type(error).__name__}"
    finally:
        connection.close()


def main():
    url, wanted, folder = sys.argv[1:]
    begun, stop = os.path.join(folder, "begun"), os.path.join(folder, "stop")
    parts = urllib.parse.urlsplit(url)
    outcomes, gap, longest, began = {}, None, 0.0, time.monotonic()
    while not os.path.exists(stop) and time.monotonic() - began < 600:
        sent = time.monotonic()
        answer = ask(parts.netloc, parts.path)
        is_good = wanted in answer
        outcome = "answered" if is_good else answer.partition("\n")[0]
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        if is_good:
            if gap is not None:
                longest = max(longest, time.monotonic() - gap)
            gap = None
            open(begun, "a").close()
        elif gap is None:
            gap = sent
        time.sleep(0.02)
    if gap is not None:
        longest = max(longest, time.monotonic() - gap)
    told = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
    print(f"over {time.monotonic() - began:.1f} s: {told}; longest time without an answer {longest:.2f} s")
    sys.exit(gap is not None or "answered" not in outcomes)


main()
