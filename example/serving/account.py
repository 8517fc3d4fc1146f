"""The account that the server's processes run under, and what it may read."""

import grp
import os
import pwd
import subprocess
from dataclasses import dataclass

# Debian's, Fedora's and the general name of the account that web servers use.
SERVER_ACCOUNTS = ("www-data", "apache", "daemon", "nobody")


class CannotServe(Exception):
    """Something the user has to put right; the message says what and how."""


@dataclass(frozen=True)
class Account:
    """A user and its group, by name and number."""

    user: str
    group: str
    uid: int
    gid: int

    @property
    def switch(self):
        """Arguments with which `subprocess` starts a program under this account."""
        if os.getuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_read(self, path):
        """Tell whether this account can open `path`, every directory above it included."""
        if os.getuid() == self.uid:
            return os.access(path, os.R_OK)
        return subprocess.run(["/usr/bin/test", "-r", path], cwd="/", **self.switch).returncode == 0

    def own(self, directory):
        """Make `directory` with this account as its owner, readable by nobody else."""
        if not directory.exists():
            directory.mkdir(mode=0o700, parents=True)
            os.chown(directory, self.uid, self.gid)


def serving_account():
    """Return the caller's own account or, since httpd serves nothing as root, a web server's."""
    if os.getuid() != 0:
        return _account(pwd.getpwuid(os.getuid()))
    for name in SERVER_ACCOUNTS:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise CannotServe(
        f"httpd serves nothing as root, and none of the accounts {', '.join(SERVER_ACCOUNTS)} exists here. "
        "Run this as an ordinary user."
    )


def _account(entry):
    try:
        group = grp.getgrgid(entry.pw_gid).gr_name
    except KeyError:
        group = f"#{entry.pw_gid}"
    return Account(entry.pw_name, group, entry.pw_uid, entry.pw_gid)
