import os
import sys
import sysconfig

if sys.path and sys.path[0] == "":
    del sys.path[0]


def find():
    try:
        import rwsgi._native as native

        return native
    except ModuleNotFoundError as error:
        if error.name not in ("rwsgi", "rwsgi._native"):
            raise
    minor = "python%d.%d" % sys.version_info[:2]
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        minor += "t"
    for folder in sys.argv[1:]:
        sys.modules.pop("rwsgi", None)
        sys.path.insert(0, os.path.join(folder, minor))
        try:
            import rwsgi._native as native

            return native
        except ModuleNotFoundError as error:
            if error.name not in ("rwsgi", "rwsgi._native"):
                raise
        finally:
            del sys.path[0]
    sys.stderr.write(
        "%s has no package 'rwsgi', and none for it is in %s: run '%s -m pip install rwsgi'.\n"
        % (sys.executable, ", ".join(os.path.join(f, minor) for f in sys.argv[1:]), sys.executable)
    )
    sys.stderr.flush()
    os._exit(71)


find().main()
