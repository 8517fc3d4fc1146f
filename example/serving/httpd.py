"""A private httpd: its own ServerRoot, its own port on the loopback, no part of any system service."""

import ctypes
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from serving.account import CannotServe
from serving.place import site_environment

# What the site's configuration uses. A module built into httpd has no file and is skipped.
HTTPD_MODULES = ("unixd", "log_config", "mpm_event", "authz_core", "alias", "mime")
PORTS_TO_TRY = 100
START_LIMIT = 60.0
STOP_LIMIT = 15.0
PR_SET_PDEATHSIG = 1

SERVER_CONFIG = """\
ServerRoot "{root}"
DefaultRuntimeDir run
PidFile run/httpd.pid
ServerName localhost
Listen 127.0.0.1:{port}
{load}
LoadModule wsgi_module "{module}"
RWSGICommand "{command}"
WSGISocketPrefix "{sockets}"
{identity}
StartServers 1
MinSpareThreads 8
MaxSpareThreads 32
ThreadsPerChild 16
MaxRequestWorkers 64
ErrorLog "{log}"
LogLevel warn
CustomLog logs/access.log "%h %t \\"%r\\" %>s %b %D"
TypesConfig conf/mime.types
<Directory />
    AllowOverride None
    Require all denied
</Directory>
Include conf/site.conf
"""
MIME_TYPES = """\
text/css css
text/javascript js
image/svg+xml svg
image/png png
font/woff2 woff2
"""


@dataclass(frozen=True)
class Installation:
    """The httpd of this machine."""

    program: Path
    modules: Path

    @classmethod
    def find(cls):
        """Ask apxs where httpd and its modules are."""
        apxs = shutil.which(os.environ.get("APXS", "apxs")) or shutil.which("apxs2")
        if apxs is None:
            raise CannotServe("apxs was not found: install apache2-dev (Debian) or httpd-devel (Fedora).")

        def ask(name):
            return subprocess.run([apxs, "-q", name], capture_output=True, text=True, check=True).stdout.strip()

        program = Path(ask("SBINDIR"), ask("PROGNAME"))
        if not program.exists():
            raise CannotServe(f"{program} is missing: install apache2-bin (Debian) or httpd (Fedora).")
        return cls(program, Path(ask("LIBEXECDIR")))

    def load_lines(self):
        """Return the LoadModule lines for those modules that are files of their own."""
        files = ((name, self.modules / f"mod_{name}.so") for name in HTTPD_MODULES)
        return "\n".join(f'LoadModule {name}_module "{file}"' for name, file in files if file.exists())


def free_port(first):
    """Return the first port from `first` on that nobody listens on."""
    for port in range(first, first + PORTS_TO_TRY):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise CannotServe(f"No port from {first} to {first + PORTS_TO_TRY - 1} is free.")


def site_config(template, place, port):
    """Put the site's paths and address into the virtual host that is published for copying."""
    targets = {
        "/srv/mysite/app/mysite": place.site / "guestbook",
        "/srv/mysite/app": place.site,
        "/srv/mysite/venv": place.venv,
        "/srv/mysite/static": place.state / "static",
    }

    def real_path(match):
        for example, path in targets.items():
            if match[0].startswith(example):
                return f'"{path}{match[0].removeprefix(example)}"'
        raise CannotServe(f"the template names {match[0]}, which has no counterpart in the example site")

    text = re.sub(r"/srv/mysite[^\s>]*", real_path, template.read_text())
    # The names of accounts that only a real site has; without any, the processes run as httpd's children do.
    text = text.replace(" user=mysite group=mysite", "")
    return text.replace("*:80", f"127.0.0.1:{port}").replace("www.example.com", "localhost")


class PrivateHttpd:
    """One httpd below `root`, from its configuration to its end."""

    def __init__(self, installation, root, module, port, account):
        self.installation = installation
        self.root = root
        self.module = module
        self.port = port
        self.account = account
        self.log = root / "logs" / "error.log"

    @property
    def address(self):
        """The URL of the site."""
        return f"http://127.0.0.1:{self.port}/"

    def configure(self, site_text, place):
        """Write a fresh ServerRoot."""
        shutil.rmtree(self.root, ignore_errors=True)
        for name in ("conf", "logs", "run"):
            (self.root / name).mkdir(parents=True)
        identity = f"User {self.account.user}\nGroup {self.account.group}" if os.getuid() == 0 else ""
        server_text = SERVER_CONFIG.format(
            root=self.root,
            port=self.port,
            load=self.installation.load_lines(),
            module=self.module,
            command=place.command,
            # The serving account has to get there too, which it may not below `root`.
            sockets=place.state.parent / "wsgi",
            identity=identity,
            log=self.log,
        )
        (self.root / "conf" / "httpd.conf").write_text(server_text)
        (self.root / "conf" / "site.conf").write_text(site_text)
        (self.root / "conf" / "mime.types").write_text(MIME_TYPES)

    @contextmanager
    def running(self, state):
        """Start httpd, yield its process once the site answers, and end every process of it at the end."""
        process = subprocess.Popen(
            [self.installation.program, "-DFOREGROUND", "-f", self.root / "conf" / "httpd.conf"],
            env=site_environment(state),
            cwd="/",
            stdin=subprocess.DEVNULL,
            # Away from the terminal: its Ctrl-C and its resizing are signals that mean other things to httpd.
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        try:
            self._wait_until_it_answers(process)
            yield process
        finally:
            _stop(process)

    def log_tail(self, lines=20):
        """Return the end of the error log, for a message."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def _wait_until_it_answers(self, process):
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise CannotServe(f"httpd ended with status {process.returncode}:\n{self.log_tail()}")
            try:
                status = self._ask()
            except OSError:
                time.sleep(0.05)
                continue
            if status != 200:
                raise CannotServe(f"The site answers with status {status}. From {self.log}:\n{self.log_tail()}")
            return
        raise CannotServe(f"No answer within {START_LIMIT:.0f} s. From {self.log}:\n{self.log_tail()}")

    def _ask(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_LIMIT)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status
        except http.client.HTTPException as error:
            raise CannotServe(f"No HTTP answer: {error!r}. From {self.log}:\n{self.log_tail()}") from error
        finally:
            connection.close()


def _end_with_parent():
    """Have the kernel end httpd when this script dies without a chance to do it."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _stop(process):
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    process.terminate()
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        pass
    # The session is httpd's own, so this reaches what is left of it and nothing else.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
