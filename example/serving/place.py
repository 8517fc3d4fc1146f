"""Where the site, its packages and its state lie while they are served."""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from serving.account import Account, CannotServe


@dataclass(frozen=True)
class Sources:
    """What is served, where it was made."""

    site: Path
    venv: Path
    command: Path

    @property
    def workers(self):
        """The folder of workers beside the command."""
        return self.command.parent / "worker"


@dataclass(frozen=True)
class Place:
    """Directories as the serving account sees them."""

    site: Path
    venv: Path
    command: Path
    state: Path
    account: Account

    def manage(self, *command):
        """Run a command of the site under the serving account and return what it printed."""
        done = subprocess.run(
            [self.venv / "bin" / "python", "manage.py", *command],
            cwd=self.site,
            env=site_environment(self.state) | {"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            **self.account.switch,
        )
        if done.returncode != 0:
            raise CannotServe(f"manage.py {command[0]} failed:\n{done.stderr or done.stdout}")
        return done.stdout.strip()


def site_environment(state):
    """Return the whole environment that the site runs with: nothing of the caller's shell leaks in."""
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "GUESTBOOK_STATE": str(state)}


@contextmanager
def readable_place(sources, home, account):
    """Yield a `Place` that `account` can read, and write where it must.

    A repository below a closed directory (root's home, for example) is served from a copy, which goes away at
    the end; what the site stored returns to `home` first.
    """
    site, venv, command = sources.site, sources.venv, sources.command
    _check_python(venv, account)
    kept = home / "state"
    needed = (site / "guestbook" / "settings.py", venv / "pyvenv.cfg", sources.workers, home)
    if all(map(account.can_read, needed)):
        account.own(kept)
        yield Place(site, venv, command, kept, account)
        return

    stage = Path(tempfile.mkdtemp(prefix="rwsgi-site-"))
    try:
        stage.chmod(0o755)
        print(f"{account.user} cannot read {site}: serving a copy in {stage}", flush=True)
        _copy_readable(site, stage / "site")
        _copy_readable(venv, stage / "venv")
        # Its processes load the worker under their own account.
        shutil.copy(command, stage / "rwsgi")
        if sources.workers.exists():
            _copy_readable(sources.workers, stage / "worker")
        account.own(stage / "state")
        _copy_state(kept, stage / "state")
        try:
            yield Place(stage / "site", stage / "venv", stage / "rwsgi", stage / "state", account)
        finally:
            kept.mkdir(mode=0o700, exist_ok=True)
            _copy_state(stage / "state", kept)
    finally:
        shutil.rmtree(stage)


def _check_python(venv, account):
    """The Python behind the virtual environment has to be readable too, and is never copied."""
    library = subprocess.run(
        [venv / "bin" / "python", "-c", "import os; print(os.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    if not account.can_read(library):
        raise CannotServe(
            f"{account.user}, who serves when root starts httpd, cannot read {os.path.dirname(library)}. "
            "Choose a Python installed for everybody: make serve PYTHON=/usr/bin/python3"
        )


def _copy_readable(source, target):
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "var"))
    for directory, _, files in os.walk(target):
        os.chmod(directory, 0o755)
        for name in files:
            path = Path(directory, name)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o444)


def _copy_state(source, target):
    """Copy files with their owners and modes; a link that the site planted is copied, never followed."""
    if source.exists():
        subprocess.run(["cp", "-a", "-T", "--", source, target], check=True)
