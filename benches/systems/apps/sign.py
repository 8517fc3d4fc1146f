"""Fills the guestbook that django_page.py shows: run once, after django_page.py's directory is on the path."""

import django_page  # noqa: F401  (settles where Django and the database are)
from django.core.management import call_command

call_command("migrate", verbosity=0)

from entries.models import Entry  # noqa: E402

Entry.objects.bulk_create(
    Entry(name=f"Visitor {number}", message=f"Entry {number} of the guestbook.\n\nIt was a pleasure.")
    for number in range(100)
)
