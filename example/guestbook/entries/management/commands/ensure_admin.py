"""`manage.py ensure_admin`: the administrator of a fresh site."""

import os
import secrets

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

NAME = "admin"


class Command(BaseCommand):
    """Create the user `admin` if there is none, and print how to log in."""

    help = "Create the administrator with a random password if there is none, and print the log-in."

    def handle(self, *args, **options):
        note = settings.STATE_DIR / "admin_password"
        users = get_user_model().objects
        admin = users.filter(username=NAME).first()
        if admin is None:
            password = secrets.token_urlsafe(9)
            with open(os.open(note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(password)
            users.create_superuser(NAME, password=password)
        else:
            password = note.read_text() if note.exists() else ""
            if not admin.check_password(password):
                password = "(the one you chose)"
        self.stdout.write(f"user {NAME}, password {password}")
