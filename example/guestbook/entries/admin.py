"""The guestbook in Django's admin."""

from django.contrib import admin

from entries.models import Entry


@admin.register(Entry)
class EntryAdmin(admin.ModelAdmin):
    """Entries can be searched, corrected and removed."""

    list_display = ["name", "message", "attachment", "written"]
    list_filter = ["written"]
    search_fields = ["name", "message"]
    readonly_fields = ["written"]
