# What a group's Python executable runs (-c): finds the worker and becomes one. The arguments are the folders
# where workers are installed, with a folder pythonX.Y for each Python. Leaves nothing behind in __main__.


def _rwsgi_bootstrap():
    import os
    import sys

    def report(message, **facts):
        """Tells the supervisor, by the channel that the worker would have; whoever looks, where there is none."""
        import json
        text = json.dumps({message: facts} if facts else message)
        try:
            os.write(5, len(text.encode()).to_bytes(4, sys.byteorder) + text.encode())
        except OSError:
            sys.stderr.write(f"{text}\n")

    del globals()["_rwsgi_bootstrap"]
    if sys.implementation.name != "cpython":
        report("NoWorker", reason=f"is {sys.implementation.name} ({sys.executable}); create the environment with CPython")
        return lambda: 71
    if sys.flags.no_site:
        report("SiteDisabled")
    # The working directory is no place to import from.
    if sys.path and sys.path[0] == "":
        del sys.path[0]
    version = "%d.%d" % sys.version_info[:2]
    folder = "python" + version + getattr(sys, "abiflags", "").replace("d", "")
    places = [os.path.join(place, folder) for place in sys.argv[1:]]
    reasons = []
    for place in [None, *places]:
        if place is not None:
            sys.path.append(place)
        try:
            from rwsgi import _native
            return _native.main
        except ImportError as error:
            sys.modules.pop("rwsgi", None)
            # A worker that is there and cannot be loaded tells more than one that is not.
            if getattr(error, "name", None) != "rwsgi" or error.path is not None:
                reasons.append(f"; the one in {place or sys.prefix} cannot be loaded: {error}")
        finally:
            if place is not None:
                sys.path.remove(place)
    report("NoWorker", reason=(
        f"finds no worker for Python {version} ({sys.executable}): install the package rwsgi into {sys.prefix}, or "
        f"build it into {' or '.join(places) or 'a folder of workers'} (make build install PYTHON={sys.executable})"
        f"{''.join(reasons)}"
    ))
    return lambda: 71


raise SystemExit(_rwsgi_bootstrap()())
