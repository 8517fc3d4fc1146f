"""Pure Python work, the same amount on every machine."""

import time


def burn(seconds):
    """Use this much CPU time of the calling thread."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        for _ in range(200):
            pass
