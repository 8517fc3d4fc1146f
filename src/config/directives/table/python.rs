//! Python and its interpreters.

use super::super::apply::{
    python_hash_seed, python_home, python_optimize, python_warnings, set_server_switch, utf8_mode,
};
use super::super::{Directive, interpreter, server};
use super::directive;

pub(super) const ROWS: &[Directive] = &[
    directive!(
        "WSGIPythonHome",
        Global,
        "directory",
        "",
        "A virtual environment, or the prefix of a Python installation, for the applications in httpd's \
         own processes. It must belong to the minor version that the module was built with, and be \
         readable by the user that httpd serves as.",
        python_home
    ),
    directive!(
        "WSGIPythonPath",
        GlobalOrInterpreter,
        "directory[:directory...]",
        "",
        "Directories that come first in `sys.path` of the applications in httpd's own processes. `.pth` \
         files in them are followed. Sections add theirs in front of these.",
        interpreter::path
    ),
    directive!(
        "WSGIPythonEggs",
        Global,
        "directory",
        "",
        "Value of the variable PYTHON_EGG_CACHE in httpd's own processes.",
        server::eggs
    ),
    directive!(
        "WSGIPythonOptimize",
        Global,
        "0|1|2",
        "0",
        "Level of optimisation: 1 as `python -O`, which drops `assert`, 2 as `python -OO`, which drops \
         docstrings as well.",
        python_optimize
    ),
    directive!(
        "WSGIPythonWarnings",
        Global,
        "action[:message[:category[:module[:line]]]]",
        "",
        "A filter for Python's warnings, as `python -W` takes it. Use it repeatedly for several filters.",
        python_warnings
    ),
    directive!(
        "WSGIPythonHashSeed",
        Global,
        "random|0..4294967295",
        "random",
        "Seed of the hashes of strings. A number makes the order of sets the same in every process; 0 \
         switches randomisation off, and with it the protection against crafted keys.",
        python_hash_seed
    ),
    directive!(
        "WSGIDontWriteBytecode",
        Global,
        "On|Off",
        "Off",
        "Whether Python leaves `.pyc` files unwritten.",
        |call| set_server_switch(call, |server| &mut server.python.dont_write_bytecode)
    ),
    directive!(
        "<WSGIInterpreterOptions",
        Global,
        "[process-group=name] [application-group=name]>",
        "",
        "A section for the interpreters of the groups named, or of all; `%{GLOBAL}` stands for httpd's own \
         processes, or the main interpreter. Where several sections fit, the one that names more groups \
         wins, and of equals the later.",
        interpreter::section
    ),
    directive!(
        "WSGISwitchInterval",
        GlobalOrInterpreter,
        "seconds",
        "",
        "How long a thread keeps Python's lock while others wait; decimals are allowed.",
        interpreter::switch_interval
    ),
    directive!(
        "WSGIPerInterpreterGIL",
        GlobalOrInterpreter,
        "On|Off",
        "Off",
        "Whether each application group but the main interpreter gets a lock of its own, so that their \
         threads run at once. Takes Python 3.12; many extension modules refuse to load there.",
        |call| interpreter::set_option_switch(call, |options| &mut options.per_interpreter_gil)
    ),
    directive!(
        "WSGIFreeThreading",
        GlobalOrInterpreter,
        "On|Off",
        "Off",
        "Whether a free-threaded build of Python runs without its lock, so that requests of one application \
         group run at the same time. An extension module that needs the lock brings it back for its process, \
         and Python says so in the log. It is a matter of the process, so \
         a section that names an application group has no say.",
        |call| interpreter::set_option_switch(call, |options| &mut options.free_threading)
    ),
    directive!(
        "WSGIRestrictStdin",
        GlobalOrInterpreter,
        "On|Off",
        "Off",
        "Whether using `sys.stdin` raises an error.",
        |call| interpreter::set_option_switch(call, |options| &mut options.restrict_stdin)
    ),
    directive!(
        "WSGIRestrictStdout",
        GlobalOrInterpreter,
        "On|Off",
        "Off",
        "Whether using `sys.stdout` raises an error; otherwise it goes to the error log.",
        |call| interpreter::set_option_switch(call, |options| &mut options.restrict_stdout)
    ),
    directive!(
        "WSGIRestrictSignal",
        GlobalOrInterpreter,
        "On|Off",
        "On",
        "Whether `signal.signal` is without effect, so that no application takes away the signals that \
         httpd controls its processes with.",
        |call| interpreter::set_option_switch(call, |options| &mut options.restrict_signal)
    ),
    directive!(
        "WSGIDestroyInterpreter",
        Global,
        "On|Off",
        "On",
        "Whether a process that stops ends Python in order. Off helps where an extension module crashes at \
         the end; `atexit` callbacks do not run then.",
        |call| set_server_switch(call, |server| &mut server.python.destroy_interpreter)
    ),
    directive!(
        "WSGICaseSensitivity",
        Global,
        "On|Off",
        "On (Off on macOS and Windows)",
        "Whether paths that differ in letter case name different scripts.",
        |call| set_server_switch(call, |server| &mut server.case_sensitivity)
    ),
    directive!(
        "RWSGIUTF8Mode",
        Global,
        "On|Off|Auto",
        "Auto",
        "Whether Python takes UTF-8 for the encoding of file names, of files opened without `encoding=` and \
         of its standard streams, whatever the locale is. `Auto` does so under the C and POSIX locales, \
         where init scripts start httpd, and heeds the environment variable `PYTHONUTF8`. `Off` leaves it \
         all to the locale.",
        utf8_mode
    ),
];
