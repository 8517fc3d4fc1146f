//! The stable numbers of all warning and error lines: one table, from which `docs/errors.md` derives.
//!
//! Numbers below 1000 are mod_wsgi's, where the meaning is the same; ours start at 1001.

use std::fmt;

/// The number of a log line; shown as `WSGI0174`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Code(u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WSGI{:04}", self.0)
    }
}

impl Code {
    /// The plain number.
    pub fn number(self) -> u16 {
        self.0
    }

    /// The code with this number, if the table has it.
    pub fn of_number(number: u16) -> Option<Code> {
        entry(number).map(|entry| entry.code)
    }
}

/// The row with this number, if the table has it.
pub fn entry(number: u16) -> Option<&'static Entry> {
    let row = CODES.binary_search_by_key(&number, |entry| entry.code.0).ok()?;
    CODES.get(row)
}

/// One row of the table.
#[derive(Debug)]
pub struct Entry {
    /// The number.
    pub code: Code,
    /// What the line says, in short.
    pub summary: &'static str,
    /// What led to it.
    pub cause: &'static str,
    /// What to do.
    pub fix: &'static str,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal: $summary:literal, $cause:literal, $fix:literal;)+) => {
        impl Code {
            $(#[doc = $summary] pub const $name: Code = Code($number);)+
        }

        /// All numbers, in rising order.
        pub static CODES: &[Entry] = &[
            $(Entry { code: Code::$name, summary: $summary, cause: $cause, fix: $fix },)+
        ];
    };
}

codes! {
    USER_SCRIPT_NOT_SET = 41: "There is no script to check a password with.",
        "AuthBasicProvider names wsgi, and no WSGIAuthUserScript applies to the place. The client gets 500.",
        "Set WSGIAuthUserScript where the provider is chosen, or take wsgi out of AuthBasicProvider.";
    CHECK_PASSWORD_MISSING = 43: "The script has no check_password().",
        "WSGIAuthUserScript names a script whose module has no global of this name. The client gets 500.",
        "Define `check_password(environ, user, password)` in the script.";
    DIGEST_SCRIPT_NOT_SET = 44: "There is no script to look a user's hash up with.",
        "AuthDigestProvider names wsgi, and no WSGIAuthUserScript applies to the place. The client gets 500.",
        "Set WSGIAuthUserScript where the provider is chosen, or take wsgi out of AuthDigestProvider.";
    REALM_HASH_MISSING = 46: "The script has no get_realm_hash().",
        "WSGIAuthUserScript names a script whose module has no global of this name. The client gets 500.",
        "Define `get_realm_hash(environ, user, realm)` in the script.";
    GROUP_NOT_LATIN1 = 49: "A group's name cannot be compared.",
        "groups_for_user() gave a str that Latin-1 cannot hold. The user is refused.",
        "Give such a name as bytes, encoded as the configuration file is.";
    GROUP_NOT_TEXT = 50: "A group has no name.",
        "groups_for_user() gave an item that is neither str nor bytes. The user is refused.",
        "Let groups_for_user() give names only.";
    GROUPS_NOT_ITERABLE = 51: "The groups of a user are no sequence.",
        "groups_for_user() returned something that cannot be iterated over. The user is refused.",
        "Return a list of names; an empty one for a user without groups.";
    GROUPS_FUNCTION_MISSING = 52: "The script has no groups_for_user().",
        "WSGIAuthGroupScript names a script whose module has no global of this name. The user is refused.",
        "Define `groups_for_user(environ, user)` in the script.";
    ACCESS_ANSWER_UNKNOWN = 55: "The answer of allow_access() is none of those it may give.",
        "It returned something other than True, False and None. The client gets 403.",
        "Return True to let the client in, False to refuse it, None to leave that to others.";
    ACCESS_FUNCTION_MISSING = 56: "The script has no allow_access().",
        "WSGIAccessScript names a script whose module has no global of this name. The client gets 403.",
        "Define `allow_access(environ, host)` in the script.";
    ACCESS_REFUSED = 57: "The access script refused a client.",
        "allow_access() returned False. The client gets 403.",
        "Nothing, if that was meant.";
    GROUP_SCRIPT_NOT_SET = 58: "There is no script to look a user's groups up with.",
        "`Require wsgi-group` applies to the place, and no WSGIAuthGroupScript does. The user is refused.",
        "Set WSGIAuthGroupScript where the groups are required.";
    USER_WITHOUT_GROUPS = 59: "A user is in no group.",
        "groups_for_user() gave no name, and the place asks for a group. The user is refused.",
        "Nothing, if that was meant.";
    USER_NOT_IN_GROUP = 60: "A user is in none of the groups asked for.",
        "No name that groups_for_user() gave is listed by `Require wsgi-group`; letter case counts. The user is refused.",
        "Nothing, if that was meant.";
    SOCKET_PATH_TOO_LONG = 64: "The sockets of daemon processes would have too long a path.",
        "WSGISocketPrefix, or httpd's directory of run-time files (DefaultRuntimeDir), is so long that the system cannot address sockets below it. The server does not start.",
        "Name a shorter path by WSGISocketPrefix.";
    PRIORITY_NOT_SET = 75: "cpu-priority= could not be set.",
        "The system refused the priority for a process of a daemon group: only root may ask for more than it has. The process runs with the one it has.",
        "Give cpu-priority= a positive number, or start httpd as root.";
    MEMORY_LIMIT_NOT_SET = 77: "memory-limit= could not be set.",
        "The system refused the limit for a process of a daemon group. The process runs without.",
        "Lower the limit below the one that httpd was started with.";
    ADDRESS_LIMIT_NOT_SET = 78: "virtual-memory-limit= could not be set.",
        "The system refused the limit for a process of a daemon group. The process runs without.",
        "Lower the limit below the one that httpd was started with.";
    LOCALE_MISSING = 79: "locale= names a locale that is not installed.",
        "The variable LC_ALL has it all the same; code in C and what asks it go on with another locale.",
        "Install the locale, or name one of `locale -a`, such as C.UTF-8.";
    SCRIPT_OUTSIDE_CHROOT = 81: "A script is outside of the group's new root directory.",
        "The group has chroot=, and the script's path does not begin with that directory, so its processes cannot see it. The client gets 500.",
        "Move the script below the directory, and name it in the configuration by its full path, with the directory.";
    QUEUE_TIMEOUT = 84: "A request waited too long for a thread of its group.",
        "All threads of the group's processes were busy for as long as queue-timeout= allows. The client gets 504.",
        "Give the group more threads or processes, make the application faster, or raise queue-timeout=.";
    DISPATCH_FAILED = 86: "The dispatch script gave no answer.",
        "It could not be loaded, one of its functions raised, or what it returned is no name; an earlier line says which. The client gets 500, as nobody can say who is to run the request.",
        "Mend the script; its functions return str, bytes or None.";
    CALLABLE_MISSING = 89: "The script has no such callable.",
        "The script was loaded, but its module has no global of the name given by WSGICallableObject (`application` by default). The client gets 404.",
        "Define `application` in the script, or name the callable with WSGICallableObject or the alias option callable-object=.";
    ADD_SITE_DIR_FAILED = 91: "A directory of WSGIPythonPath could not be added.",
        "`site.addsitedir()` raised for the directory named in the line; a broken `.pth` file is the usual reason.",
        "Mend or remove the `.pth` file that the traceback names.";
    SITE_IMPORT_FAILED = 95: "The module `site` could not be imported.",
        "WSGIPythonPath is set, but Python's standard library is incomplete or shadowed. The path is not added.",
        "Check WSGIPythonHome, and that no file named `site.py` stands in the way.";
    PYTHON_HOME_MISSING = 100: "WSGIPythonHome, or the Python of a daemon group, cannot be used.",
        "The directory named by WSGIPythonHome or by the option python-home=, the program named by python=, or an element of its path, is missing, is not a Python installation or virtual environment, or has no Python of the version that the module was built with (daemon groups: of a version from 3.11 on). Embedded requests get 500, those of the daemon group 503; other virtual hosts go on.",
        "The line names the path element and the fix. WSGIPythonHome takes the value of `sys.prefix`: the virtual environment's folder, not its `bin` or `lib`.";
    PYTHON_HOME_NOT_ACCESSIBLE = 102: "WSGIPythonHome, or the Python of a daemon group, cannot be read by the serving user.",
        "httpd's children run as the user named by `User`, daemon processes as the one named by `user=`; that user may not traverse or read the path element that the line names.",
        "Give that user the missing permission on the element named, or move the environment out of a private folder such as /root.";
    SCRIPT_UNREADABLE = 105: "The script could not be read or compiled.",
        "The file cannot be opened by the serving user, or is not valid Python. A traceback follows.",
        "Mend the syntax error that the traceback shows, or the permissions of the file.";
    SCRIPT_EXIT = 107: "The script called sys.exit() while it was loaded.",
        "SystemExit was raised by the script's module body; it does not end the process.",
        "Remove the call, or keep it behind `if __name__ == '__main__'`.";
    SCRIPT_FAILED = 109: "The script raised while it was loaded.",
        "An exception left the script's module body; the traceback follows. The next request tries again.",
        "Mend what the traceback shows: most often an import that fails for lack of WSGIPythonHome or WSGIPythonPath.";
    EVENT_CALLBACK_RAISED = 112: "An event callback raised an exception.",
        "A function given to mod_wsgi.subscribe_events(), subscribe_shutdown() or subscribe_signals() raised; the traceback follows. The request, or the stop of the process, goes on as if it had returned None.",
        "Mend what the traceback shows.";
    EVENT_FAILED = 113: "An event could not be published.",
        "What the event tells could not be put together; the traceback follows. No callback saw the event.",
        "Look at the traceback: most often there is no memory left.";
    NO_PROCESS = 116: "No process of the group takes requests.",
        "There was none for as long as connect-timeout= allows: they are still starting, or have ended and are being replaced. The client gets 503 with Retry-After.",
        "Look for the messages of the group's processes; raise connect-timeout= if the application takes longer to start.";
    CONNECT_FAILED = 117: "A process of the group could not be connected to.",
        "The line has the system's reason; a lack of permission usually comes from SELinux, AppArmor or changed rights of the socket's directory. The client gets 503 with Retry-After.",
        "Mend the reason given.";
    EXEC_CGI_OFF = 134: "Options ExecCGI is off for this script.",
        "A file was mapped to wsgi-script by SetHandler or AddHandler, and `Options ExecCGI` is not set there. The client gets 403.",
        "Set `Options +ExecCGI` for the directory, or mount the script with WSGIScriptAlias.";
    SCRIPT_MISSING = 135: "The script does not exist.",
        "The file that the request maps to was not found, or the serving user may not see it. The client gets 404.",
        "Check the path in WSGIScriptAlias, and the permissions of each folder on the way.";
    SCRIPT_IS_DIRECTORY = 136: "The target is a directory, not a script.",
        "The request maps to a directory. The client gets 403.",
        "Let WSGIScriptAlias name a file, or request a file in that directory.";
    PATH_INFO_REFUSED = 137: "AcceptPathInfo is off and the request has extra path.",
        "The URL goes on after the script's name, and AcceptPathInfo Off refuses that. The client gets 404.",
        "Remove AcceptPathInfo Off for the script.";
    TRANSFER_ENCODING_UNKNOWN = 138: "The request's Transfer-Encoding is not supported.",
        "Only `chunked` is. The client gets 501.",
        "Nothing on the server; the client sends what HTTP/1.1 does not oblige a server to accept.";
    CHUNKED_REFUSED = 139: "A chunked request was refused.",
        "The request has a chunked body and WSGIChunkedRequest is Off, as is the default. The client gets 411.",
        "Set `WSGIChunkedRequest On` where the application reads to the end of its input (Django, Flask and others that honour wsgi.input_terminated do).";
    CONTENT_LENGTH_INVALID = 141: "The request's Content-Length is not a number.",
        "The client gets 400.",
        "Nothing on the server.";
    EMBEDDED_RESTRICTED = 143: "Embedded mode is switched off.",
        "WSGIRestrictEmbedded On forbids Python in httpd's own processes, and the request is not delegated to another. The client gets 500.",
        "Set WSGIRestrictEmbedded Off, or delegate the application with WSGIProcessGroup.";
    HEAD_TOO_LONG = 144: "A response has a header that is too long.",
        "A line of the response's head is longer than header-buffer-size=, or all together are longer than a megabyte. The client gets 500.",
        "Let the application send shorter headers (cookies, most often), or raise header-buffer-size=.";
    NO_HEAD_IN_TIME = 145: "A process sent no response in time.",
        "The application has not started its response for as long as socket-timeout= (httpd's Timeout unless set) allows. It goes on running; the client gets 504.",
        "Find out what the application waits for, or raise socket-timeout=.";
    PROCESS_LOST = 146: "A process of the group ended while it ran a request.",
        "The line says how: a signal or an exit status, what it ran and for how long; what the process left to say follows, for a fatal signal the stacks of its Python threads. The client gets 502 if nothing was sent yet, otherwise an incomplete response; 504 if the process was ended because it took too long.",
        "A signal such as SEGV comes from an extension module that the stacks name; KILL that rwsgi did not send usually means that the machine ran out of memory.";
    ANSWER_UNREADABLE = 147: "A process's answer could not be read.",
        "The system reported an error for the connection to the process; the line has the reason. The client gets 502.",
        "Mend the reason given.";
    HEAD_MALFORMED = 148: "A process sent a malformed response head.",
        "The line says what is wrong with it. The client gets 500.",
        "Let module and worker be of the same version; if they are, please report it.";
    GROUP_RESTRICTED = 149: "WSGIRestrictProcess forbids the process group.",
        "The group that the request is delegated to is not listed there. The client gets 500.",
        "List the group, as %{GLOBAL} for httpd's own processes, or delegate the request to one that is listed.";
    NO_SUCH_GROUP = 150: "The process group does not exist.",
        "WSGIProcessGroup, or the alias option process-group=, names a group that is not defined. The client gets 500.",
        "Correct the name, or use %{GLOBAL} for embedded mode.";
    GROUP_INVISIBLE = 152: "The process group belongs to another virtual host.",
        "A group that is defined inside a virtual host can be used by virtual hosts of the same ServerName only. The client gets 500.",
        "Define the group outside of any virtual host, or give both hosts the same ServerName.";
    SCRIPT_OWNER_UNKNOWN = 153: "The owner of a script could not be determined.",
        "script-user= or script-group= is set, and the file cannot be looked at. The client gets 403.",
        "Mend the reason given.";
    SCRIPT_USER_WRONG = 154: "A script belongs to the wrong user.",
        "script-user= names another one. The client gets 403.",
        "Change the owner of the file, or script-user=.";
    SCRIPT_GROUP_WRITABLE = 155: "A script can be written by its group.",
        "script-user= asks that nobody but that user can. The client gets 403.",
        "Take the right from the group (chmod g-w).";
    SCRIPT_WORLD_WRITABLE = 156: "A script can be written by everybody.",
        "script-user= or script-group= asks that not everybody can. The client gets 403.",
        "Take the right from the others (chmod o-w).";
    SCRIPT_FOLDER_UNREACHABLE = 157: "The folder of a script could not be looked at.",
        "script-user= or script-group= is set, and holds for the folder too. The client gets 403.",
        "Mend the reason given.";
    SCRIPT_FOLDER_USER_WRONG = 158: "The folder of a script belongs to the wrong user.",
        "script-user= names another one: whoever owns the folder can replace the script. The client gets 403.",
        "Change the owner of the folder, or script-user=.";
    SCRIPT_FOLDER_GROUP_WRITABLE = 159: "The folder of a script can be written by its group.",
        "script-user= asks that nobody but that user can. The client gets 403.",
        "Take the right from the group (chmod g-w).";
    SCRIPT_FOLDER_WORLD_WRITABLE = 160: "The folder of a script can be written by everybody.",
        "script-user= or script-group= asks that not everybody can. The client gets 403.",
        "Take the right from the others (chmod o-w).";
    SCRIPT_GROUP_WRONG = 163: "A script belongs to the wrong group.",
        "script-group= names another one. The client gets 403.",
        "Change the group of the file, or script-group=.";
    SCRIPT_FOLDER_GROUP_WRONG = 164: "The folder of a script belongs to the wrong group.",
        "script-group= names another one. The client gets 403.",
        "Change the group of the folder, or script-group=.";
    APPLICATION_RAISED = 174: "The application raised an exception.",
        "An exception left the application or the iteration over its response; the traceback follows. The client gets 500, or an incomplete response when some of it was sent. Where a function of WSGIAuthUserScript, WSGIAuthGroupScript, WSGIAccessScript or WSGIDispatchScript raised, the request is refused; from `reload_required()` an exception counts as no.",
        "Mend what the traceback shows.";
    APPLICATION_EXIT = 175: "The application raised SystemExit.",
        "sys.exit() was called in a request; it does not end the process. The client gets 500.",
        "Remove the call.";
    USER_NAME_EMPTY = 176: "check_password() returned an empty user name.",
        "A str as its answer replaces the user's name, and a user has to have one. The client gets 500.",
        "Return True to keep the name.";
    PASSWORD_ANSWER_UNKNOWN = 177: "The answer of check_password() is none of those it may give.",
        "It returned something other than True, False, None and a str that can be a user's name. The client gets 500.",
        "Return one of those.";
    REALM_HASH_EMPTY = 178: "get_realm_hash() returned an empty hash.",
        "The client gets 500.",
        "Return None for a user who is not known.";
    REALM_HASH_UNKNOWN = 179: "The answer of get_realm_hash() is none of those it may give.",
        "It returned something other than None and the hexadecimal digits of a hash as str or bytes. The client gets 500.",
        "Return the MD5 sum of `user:realm:password` in hexadecimal digits.";
    EVENT_CALLBACK_EXIT = 190: "An event callback raised SystemExit.",
        "sys.exit() was called in a function given to mod_wsgi.subscribe_events(), subscribe_shutdown() or subscribe_signals(); it does not end the process.",
        "Remove the call.";
    CLOSE_LOOKUP_FAILED = 194: "The attribute close of a response could not be looked up.",
        "Reading `close` raised something other than AttributeError; the traceback follows.",
        "Mend the `__getattr__` of the response object.";
    OWN_GIL_UNAVAILABLE = 198: "WSGIPerInterpreterGIL needs Python 3.12 or later.",
        "The Python that the module was built with has no interpreters with a GIL of their own. Application groups share one GIL.",
        "Build the module for a newer Python, or remove the directive.";
    SWITCH_INTERVAL_IGNORED = 199: "WSGISwitchInterval is ignored for an application group.",
        "It stands in a section that names an application group whose interpreter shares its GIL with others. The interval is a matter of the GIL.",
        "Give the group a GIL of its own (WSGIPerInterpreterGIL), or move the directive out of the section.";
    FREE_THREADING_UNAVAILABLE = 200: "WSGIFreeThreading needs a free-threaded Python.",
        "The Python that the module was built with always has a GIL. The directive has no effect.",
        "Build the module for a free-threaded Python of 3.14 or later, or remove the directive.";
    FREE_THREADING_IGNORED = 201: "WSGIFreeThreading does not belong to an application group.",
        "It stands in a section that names an application group, but whether Python has a GIL is decided for the whole process. It is ignored there.",
        "Move it out of the section.";
    OWN_GIL_WITHOUT_GIL = 202: "WSGIPerInterpreterGIL has no effect without a GIL.",
        "WSGIFreeThreading On runs httpd's own processes without a GIL, so no application group gets one.",
        "Remove one of the two directives.";
    SWITCH_INTERVAL_WITHOUT_GIL = 203: "WSGISwitchInterval has no effect without a GIL.",
        "WSGIFreeThreading On runs httpd's own processes without a GIL, so there is none to let go.",
        "Remove one of the two directives.";
    PYTHON_NOT_RUNNING = 210: "Python is not running in this process.",
        "It could not be started (an earlier line says why), or the process is being stopped. The client gets 500.",
        "Look for WSGI0100, WSGI0102 or WSGI1002 above.";
    INTERNAL_ERROR = 1001: "Internal error in mod_rwsgi.",
        "A defect of the module was caught at its boundary with httpd or Python. The request gets 500 and the process lives on.",
        "Please report it, with the line.";
    PYTHON_START_FAILED = 1002: "Python could not be started.",
        "Python refused its configuration, or the setting up of the main interpreter failed; the line has the reason. Embedded requests get 500.",
        "Mend the reason given; WSGIPythonHome is the usual one.";
    INTERPRETER_FAILED = 1003: "An application group's interpreter could not be made.",
        "The line has the reason. The client gets 500.",
        "Use `WSGIApplicationGroup %{GLOBAL}` for the application.";
    TOO_MANY_INTERPRETERS = 1004: "No more application groups are made in this process.",
        "Every name of an application group gets an interpreter of its own, and a client can vary names that are made from its Host header. The client gets 503 once the limit is reached.",
        "Set `UseCanonicalName On`, or name the application group explicitly.";
    RESPONSE_SHORT = 1005: "The response is shorter than its Content-Length.",
        "The application ended its response before it had sent what it declared. The connection is closed so that the client can tell.",
        "Correct the application's Content-Length.";
    RESPONSE_LONG = 1006: "The response is longer than its Content-Length.",
        "What goes beyond the declared length was cut off.",
        "Correct the application's Content-Length.";
    HEADER_DROPPED = 1007: "A header that belongs to the connection was left out.",
        "The application set Connection, Transfer-Encoding or another header that only a server may set (PEP 3333, \"Other HTTP Features\").",
        "Remove the header from the application's response.";
    STOP_INCOMPLETE = 1008: "Python was left without being finalised.",
        "The process had to end while requests or threads were still running Python.",
        "Bound the running time of requests, and stop background threads in an `atexit` callback.";
    ARGUMENT_LENIENT = 1009: "A directive's value was read leniently.",
        "The value has trailing characters that older releases ignored, and they are ignored here too.",
        "Write the plain value.";
    CLIENT_BODY_FAILED = 1010: "The request's body could not be read.",
        "The client sent a broken body, or stopped sending; the application got an OSError. Told at info level.",
        "Nothing on the server, unless LimitRequestBody or Timeout is too low.";
    EXTENSION_REFUSED = 1011: "An extension module refuses sub-interpreters.",
        "The application runs in an application group of its own, which is a sub-interpreter, and an extension module it imports works in the main interpreter only. The line names the module.",
        "Set `WSGIApplicationGroup %{GLOBAL}` for the application: the main interpreter. Only one such application fits in a process.";
    DIRECTIVE_REMOVED = 1012: "A directive or option of older releases has no effect.",
        "The configuration has a name that mod_wsgi knew once. It is accepted so that the server starts, and ignored.",
        "Remove it; the line says what to use instead, if anything.";
    GROUP_UNDEFINED = 1013: "A script is to be loaded by a daemon group that is not defined.",
        "WSGIImportScript, or an alias with both process-group= and application-group=, names a group for which the whole configuration has no WSGIDaemonProcess. The server does not start.",
        "Define the group, or correct its name; %{GLOBAL} means httpd's own processes.";
    GROUP_NOT_VISIBLE = 1014: "A script is to be loaded by a daemon group of another virtual host.",
        "A group defined in a virtual host belongs to the virtual hosts of the same ServerName. The server does not start.",
        "Move the WSGIDaemonProcess out of the virtual host, or give both virtual hosts the same ServerName.";
    GROUP_CONFLICT = 1015: "A daemon group is defined twice with different options.",
        "Two WSGIDaemonProcess lines have one name, and the option that the line names differs. The server does not start.",
        "Give one of the groups another name, or both lines the same options.";
    GROUP_REPEATED = 1016: "A daemon group is defined twice with the same options.",
        "Two WSGIDaemonProcess lines agree, as when a virtual host for https is a copy of the one for http. Both mean one group. Told at info level.",
        "Nothing.";
    DIRECTIVE_WITHOUT_EFFECT = 1017: "A directive has no effect.",
        "WSGIVerboseDebugging is deprecated. Told at info level.",
        "Remove it; `LogLevel wsgi:debug` tells more.";
    DISPATCH_ANSWER_UNKNOWN = 1040: "The answer of a dispatch script is no name.",
        "One of its functions returned something other than None, bytes and a str that Latin-1 can hold. The client gets 500.",
        "Return one of those.";
    IMPORT_FAILED = 1041: "A script could not be loaded when the process started.",
        "WSGIImportScript, or an alias with both process-group= and application-group=, asks for it; the lines before say what failed. The process serves, and a request for the script tries again.",
        "Mend what the lines before show.";
    DIRECTORY_REFUSED = 1100: "The directory of the daemon groups' sockets cannot be used.",
        "It cannot be made, is a link, belongs to somebody else, or its name is too long for a socket's address. No daemon group of this configuration has processes; what ran before goes on.",
        "Let WSGISocketPrefix name a place in a directory that root alone can write, such as /run/apache2/wsgi.";
    WORKER_NOT_STARTED = 1101: "A process of a daemon group could not be started.",
        "The line says what the system refused: the Python executable cannot be run, env-file= cannot be read, or there are too many processes. It is tried again, at most every 30 seconds, and at once when the file has changed.",
        "Mend what the line says. The executable comes from python=, python-home= or WSGIPythonHome.";
    WORKER_NOT_ITS_USER = 1102: "A process of a daemon group could not become its user.",
        "Changing the user, groups, root or working directory was refused, or did not come true. The process has ended without running anything.",
        "Check user=, group=, supplementary-groups=, home= and chroot= of the group, and that httpd is started as root with all its capabilities.";
    PROCESS_DIED = 1103: "A process of a daemon group died.",
        "It was ended by a signal or ended by itself without having been asked to; a Python traceback follows where there is one. Another takes its place. Each request that it was running has a line in the log of its virtual host.",
        "Look at the signal: SIGSEGV, SIGABRT and SIGBUS come from an extension module or Python itself, SIGKILL mostly from a system out of memory, a status from os._exit() in the application.";
    WORKER_UNFIT = 1104: "A process of a daemon group cannot serve.",
        "It said so itself, or is of another version than httpd's module; the line says why.",
        "Mend what the line says. After an upgrade, let the module, the rwsgi command and the worker be of one version.";
    GROUP_FAILS = 1105: "The processes of a daemon group fail again and again.",
        "They die before they take requests, or soon after. They are started again after growing pauses, up to 30 seconds; until one serves, requests get 503 with Retry-After. Each reason is told once; this line follows after half a minute, then every ten minutes.",
        "Mend what the lines before show. A change to the script or the Python executable is noticed at once; httpd need not be restarted.";
    VERSION_REFUSED = 1106: "The new version of a script cannot be loaded; the old one goes on serving.",
        "A process was to replace another, or to join it, and could not load a script that the other has loaded. It is stopped. The lines before show the traceback.",
        "Mend the script; it is tried again as soon as its file has changed.";
    STARTUP_TIMEOUT = 1107: "A process did not load its scripts within startup-timeout=.",
        "Loading takes too long or hangs. The process is replaced.",
        "Look at the Python stacks that follow, or raise startup-timeout=.";
    REQUEST_TIMEOUT = 1108: "A request ran longer than request-timeout= allows.",
        "The limit grows with threads=, as the documentation of the option says. With interrupt-timeout= an exception is raised in the request first; otherwise, or if that does not end it, the process is replaced. The Python stacks of its threads are in the log.",
        "Look where the stacks are: most often a service that does not answer. Set timeouts there, or raise request-timeout=.";
    DEADLOCK_TIMEOUT = 1109: "Python's lock was out of reach longer than deadlock-timeout= allows.",
        "An extension module held the GIL all the time, or threads wait for each other. The process is ended and replaced.",
        "Look for an extension module that computes or waits without releasing the GIL, or raise deadlock-timeout=.";
    WORKER_KILLED = 1110: "A process did not end within shutdown-timeout=.",
        "It had been asked to end, and was killed with SIGKILL. Its atexit callbacks may not have run.",
        "Let background threads end in an atexit callback, or raise shutdown-timeout=.";
    LIMIT_NOT_SET = 1111: "A limit of a process could not be set.",
        "The system refused cpu-time-limit=, or the limit of core files. The process runs without.",
        "Lower the limit below the one that httpd was started with.";
    HOME_NOT_USABLE = 1112: "The home directory of a daemon group's user cannot be used.",
        "home= is not set, and the home directory of the user is missing or closed to it. The process works in / instead.",
        "Set home= to a directory that the user may enter.";
    SOCKET_LOST = 1113: "The socket of a daemon group's process has vanished or was changed.",
        "Somebody removed or replaced it in the directory of WSGISocketPrefix, or changed permissions there. The directory is mended, and the process replaced by one with a new socket.",
        "Exclude the directory from whatever cleans up there.";
    DRAIN_CUT = 1114: "Requests were still running when a process had to end.",
        "The process was to be replaced, and graceful-timeout= or eviction-timeout= was over before its requests were done. They have until shutdown-timeout=, then their clients get 502 or an incomplete response.",
        "Raise graceful-timeout= above the time that requests take.";
    GROUP_RECOVERED = 1115: "A daemon group serves again.",
        "Processes of the group had failed before they took requests, which was told; one of those started since has answered, or has lived for five seconds.",
        "Nothing.";
    SITE_DISABLED = 1116: "The Python of a daemon group runs without its module site.",
        "The group's executable starts Python with the option -S, mostly because it is a script of its own. Packages of the environment are not found; the process serves all the same.",
        "Let the executable start Python without -S, or name that of the virtual environment by python-home=.";
    STALE_PATH_FILE = 1117: "A .pth file of a daemon group's environment names what is not there.",
        "A package that was installed with `pip install -e` has been moved or removed. Python goes on without, and what the file stood for cannot be imported.",
        "Install the package anew, or remove the file that the line names.";
    WORKER_MISSING = 1120: "The worker is not installed for the Python of a daemon group.",
        "The group's Python executable found the package `rwsgi` neither in its environment nor in the folder where the module was installed with workers. The group has no processes.",
        "Do what the line says: install the package `rwsgi` into the environment, or build the worker for this Python.";
    WORKER_FAILED = 1121: "A process of a daemon group could not begin to serve.",
        "The line has the reason: what the supervisor is to hand over was missing, or Python could not be set up.",
        "Mend the reason given.";
    PRELOAD_FAILED = 1122: "A module of preload= could not be imported.",
        "The traceback follows. The process serves without it.",
        "Mend what the traceback shows, or remove the module from preload=.";
    REQUEST_INTERRUPTED = 1123: "A request was interrupted because it took too long.",
        "request-timeout= was over, so mod_wsgi.RequestTimeout was raised in the request and left the application. The client gets 504, or an incomplete response. Told at info level, after the stack.",
        "Look at the stack for what the request waited for.";
    STRANGER_REFUSED = 1124: "A process that is not httpd connected to a daemon group.",
        "The socket of a group is for httpd's children only. The connection was closed.",
        "Find out who connects; the line has the user's number.";
    WIRE_BROKEN = 1125: "A connection from httpd was closed because of what it carried.",
        "What came is not what the module of this version sends.",
        "Restart httpd after an upgrade; otherwise report it, with the line.";
    STACKS_WRITTEN = 1126: "The stacks of all threads follow.",
        "A process of a daemon group is stuck or has a request that takes too long, or somebody asked for its stacks.",
        "Look at what the threads wait for.";
    SUPERVISOR_LOST = 1127: "The supervisor is gone; this process serves on until it is replaced.",
        "The process that watches over daemon groups has ended unexpectedly. httpd starts another, which replaces the processes one by one.",
        "Look for the reason in the main log.";
    CONNECTION_REFUSED = 1128: "A process of a daemon group could not accept a connection.",
        "The line has the reason; a limit on open files is the usual one.",
        "Raise the limit.";
    ANSWER_FAULTY = 1130: "A process's answer is not FastCGI.",
        "What the process sent has no place in an answer; the line says what. The connection is closed. The client gets 502, or an incomplete response.",
        "Let module and worker be of the same version; if they are, please report it.";
    GROUP_WITHOUT_THREADS = 1131: "The group runs no requests.",
        "It has threads=0, so its processes run their import script and nothing else. The client gets 500.",
        "Give the group threads, or delegate the request to another group.";
    NO_ROOM_FOR_BODY = 1132: "There is no room for a request's body.",
        "A body of more than a megabyte is collected in a file without a name below TMPDIR (/tmp unless set), and that could not be written. The client gets 503 with Retry-After.",
        "Make room there, point TMPDIR to another place, or lower request-buffer=.";
    QUEUE_FULL = 1133: "Too many requests wait for a thread of the group.",
        "As many as listen-backlog= allows wait already. The client gets 503 with Retry-After at once.",
        "Give the group more threads or processes, make the application faster, or raise listen-backlog=.";
    GROUP_SHUT = 1134: "The processes of the group cannot be started.",
        "They end again and again before they take requests, and the next try is due only later. The client gets 503 with Retry-After.",
        "Look for the messages of the group's processes. What they mend by themselves (a script that can be loaded again) needs no restart of httpd.";
    GROUP_NOT_RUNNING = 1135: "The group has no supervisor.",
        "The process that starts the group's processes is not running, or could not set the group up. The client gets 503 with Retry-After.",
        "Look for the message of httpd's start that says why.";
    ANSWER_STALLED = 1136: "A process stopped in the middle of a response.",
        "Nothing came for as long as socket-timeout= (httpd's Timeout unless set) allows. The client gets an incomplete response.",
        "Find out what the application waits for, or raise socket-timeout=.";
    NO_ANSWER = 1137: "A process ended a request without a response.",
        "It neither gave a response nor said why. The client gets 502.",
        "Let module and worker be of the same version; if they are, please report it.";
    ACCOUNT_UNKNOWN = 1150: "An option of a daemon group names a user or a group that does not exist.",
        "user=, group=, supplementary-groups=, socket-user=, script-user= or script-group= has a name that the system's database does not know. The server does not start.",
        "Correct the name or create the account; a number is written as #1000.";
    GROUP_AS_ROOT = 1151: "The processes of a daemon group would run as root.",
        "user=, or httpd's own User, stands for user number 0. The server does not start.",
        "Name an account without privileges.";
    IDENTITY_IGNORED = 1152: "Options of a daemon group that name accounts have no effect.",
        "httpd was not started by root and cannot start processes as somebody else: they run as httpd does.",
        "Start httpd as root, or remove the options.";
    TOO_MANY_ACCOUNT_GROUPS = 1153: "supplementary-groups= names too many groups.",
        "With the primary group there are more than a process can have. The server does not start.",
        "Name fewer.";
    CHROOT_WITHOUT_ROOT = 1154: "chroot= needs root.",
        "httpd was not started by root. The server does not start.",
        "Start httpd as root, or remove the option.";
    GROUP_TOO_LARGE = 1155: "A daemon group has too many processes and threads.",
        "processes= and threads= ask for more than can be kept account of. The server does not start.",
        "Lower them: a few processes for each processor are enough.";
    SUPERVISOR_MISSING = 1156: "The command rwsgi is missing or cannot be started.",
        "It supervises daemon processes and is found beside the module, in /usr/bin or in /usr/local/bin, or where RWSGICommand says. Requests for daemon groups fail; everything else is served.",
        "Install it, then restart httpd.";
    SUPERVISOR_VERSION = 1157: "The command rwsgi and the module are of different versions.",
        "One of them was installed alone, or both were while httpd was running, which keeps the module that it has loaded. Requests for daemon groups fail.",
        "Install both from one package, then stop and start httpd.";
    SUPERVISOR_FAILED = 1158: "The supervisor does not do what it is to do.",
        "The line says what is the matter; the supervisor's own lines before may say why. At a restart, processes of the configuration before go on with the requests for their groups, as far as that has the same users and socket directory; requests for other groups fail. Everything else is served.",
        "Mend the reason given, then restart httpd.";
    SUPERVISOR_DIED = 1159: "The supervisor has ended unasked.",
        "Somebody killed it, or it has a defect. Daemon processes go on serving; httpd starts another supervisor, which takes them over.",
        "Look for a reason in the lines before and in the system's log; please report a defect.";
    SUPERVISOR_KILLED = 1160: "The supervisor did not end with httpd.",
        "It had not ended when the longest shutdown-timeout= of all groups and 2 seconds were over, and was killed. Its processes notice that by themselves.",
        "Look for what kept a process from ending.";
    LOG_LOST = 1161: "Lines of a daemon process or of the supervisor are lost.",
        "Their log did not take them: its disk was full, or the program that it is piped to did not read. Nobody waits for a log for long. Written once the log takes lines again, with the number of records; a record may have several lines.",
        "Make room on the disk, or look for what stopped the program of ErrorLog.";
    EMBEDDED_BY_ROOT = 1170: "Applications may run in httpd's own processes, which root has started.",
        "Told once, at the start. What runs in httpd's processes has their account, and all that is in their memory: the keys of TLS, the requests of other sites, and the scoreboard, which httpd's parent trusts and reads as root (CVE-2019-0211 was such a case). No module can close that off.",
        "Run applications in daemon groups, under accounts of their own, and set `WSGIRestrictEmbedded On`; or accept it for applications that you trust as you trust httpd.";
    VARIABLE_IGNORED = 1171: "A variable that the configuration or another module sets is computed by the server, and keeps that value.",
        "SetEnv, SetEnvIf, RewriteRule or a module sets, for example, SCRIPT_NAME, REMOTE_ADDR or a key that begins with `wsgi.`. An application has to be able to rely on those, so it sees what the server computes. Told once for each name in each of httpd's processes.",
        "Give the variable another name.";
    TELEMETRY_MISSING = 1172: "Figures are sent to nobody.",
        "`WSGITelemetryService` is accepted, as are `WSGISlowRequests` and `WSGITelemetryOptions`, and none has an effect: this module sends no telemetry.",
        "Remove the directive. Applications can report what `mod_wsgi.request_metrics()`, `mod_wsgi.process_metrics()` and the events of the module mod_wsgi tell.";
    EMBEDDED_NOT_BUILT = 1180: "This build of the module runs applications in daemon groups only.",
        "The module, such as the one that pip installs, has no Python in it, so that it fits every Python and needs no libpython. Something asks for Python in httpd's own processes: an application without a daemon group (the client gets 500), or a script for access, users, groups, dispatch or import, with which httpd does not start.",
        "Delegate the application with WSGIProcessGroup; for those scripts use a module with Python, from a distribution's package or `make install`.";
    PLAN_KEPT = 1190: "A server of other web servers goes on with the settings that it has.",
        "SIGHUP or SIGUSR1 asked for new processes, and what the command line names cannot be used any more. The line says why.",
        "Mend the reason given, then send the signal again.";
    PEER_REFUSED = 1191: "A connection from a web server was closed because of what it carried.",
        "What came is not what the protocol (FastCGI or SCGI) allows, or no request that can be answered. The line says what.",
        "Look which program connects. A web server that is set to another protocol is the usual reason.";
    LISTENS_OPENLY = 1192: "Other machines can connect to an address that is for web servers.",
        "Whoever can connect is believed in everything: the client's address, its user, its certificate.",
        "Listen on a UNIX socket or a loopback address, or let a firewall see to who connects.";
    CGI_FAILED = 1193: "A CGI request could not be answered.",
        "The line has the reason: a variable that the web server did not set, or Python could not be set up.",
        "Mend the reason given.";
}

/// The page `docs/errors.md`.
pub fn errors_page() -> String {
    let mut page = String::from(
        "# Log codes\n\nEvery warning and error line of the module begins with one of these numbers. Numbers below 1000 mean\nwhat they mean in mod_wsgi. This page is generated from `src/gateway/codes.rs`.\n",
    );
    for entry in CODES {
        let Entry {
            code,
            summary,
            cause,
            fix,
        } = entry;
        page.push_str(&format!(
            "\n## {code}\n\n**{summary}** {cause}\n\n*What to do:* {fix}\n"
        ));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_so_that_none_stands_twice() {
        assert!(CODES.windows(2).all(|pair| pair[0].code.0 < pair[1].code.0));
    }

    #[test]
    fn a_code_is_found_by_its_number() {
        for entry in CODES {
            assert_eq!(Code::of_number(entry.code.0), Some(entry.code));
        }
        for number in [0, 42, u16::MAX] {
            assert_eq!(Code::of_number(number), None);
        }
    }

    #[test]
    fn a_number_has_four_digits() {
        assert_eq!(Code::APPLICATION_RAISED.to_string(), "WSGI0174");
    }

    /// `RWSGI_BLESS=1` rewrites the page.
    #[test]
    fn the_page_is_in_step_with_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md");
        if std::env::var_os("RWSGI_BLESS").is_some() {
            std::fs::write(path, errors_page()).expect("docs/errors.md is writable");
        }
        let page = std::fs::read_to_string(path).expect("docs/errors.md is there");
        assert!(
            page == errors_page(),
            "docs/errors.md is stale: run `RWSGI_BLESS=1 cargo test --lib codes`"
        );
    }
}
