"""The guestbook of example/: a template over an SQLite query, with sessions, messages and a form."""

import os
import site
import sys

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.environ["GUESTBOOK_STATE"] = os.path.join(HERE, "state")
os.environ["DJANGO_SETTINGS_MODULE"] = "guestbook.settings"
site.addsitedir("@PACKAGES@")
sys.path.insert(0, os.path.join(HERE, "guestbook"))

from guestbook.wsgi import application  # noqa: E402,F401
