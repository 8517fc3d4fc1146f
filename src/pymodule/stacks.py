# Writes stacks. What it is told stands in its globals: stream, only, application_group.

import sys
import threading
import traceback

names = {thread.ident: thread.name for thread in threading.enumerate()}
for ident, frame in sys._current_frames().items():
    if ident == threading.get_ident() or only not in (None, ident):
        continue
    print(f"Stack of thread {ident} ({names.get(ident, '?')}) in application group '{application_group}':", file=stream)
    print("".join(traceback.format_stack(frame)), end="", file=stream)
stream.flush()
