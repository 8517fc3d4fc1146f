"""The application's name in Django's registry."""

from django.apps import AppConfig


class EntriesConfig(AppConfig):
    """Guestbook entries."""

    name = "entries"
    verbose_name = "Guestbook"
