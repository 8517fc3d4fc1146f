"""What the guestbook stores."""

from pathlib import PurePath

from django.core.exceptions import ValidationError
from django.db import models

ATTACHMENT_LIMIT = 5 * 1024 * 1024


def check_attachment_size(file):
    """Refuse an upload above `ATTACHMENT_LIMIT` bytes."""
    if file.size > ATTACHMENT_LIMIT:
        raise ValidationError(f"The attachment may have at most {ATTACHMENT_LIMIT // 1024 // 1024} MB.")


class Entry(models.Model):
    """One signature in the book."""

    name = models.CharField(max_length=80)
    message = models.TextField(max_length=2000)
    attachment = models.FileField(
        upload_to="%Y/%m/", blank=True, max_length=255, validators=[check_attachment_size]
    )
    written = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-written", "-pk"]
        verbose_name_plural = "entries"

    def __str__(self):
        return f"{self.name}, {self.written:%Y-%m-%d %H:%M}"

    @property
    def attachment_name(self):
        """The attachment's file name without its directories."""
        return PurePath(self.attachment.name).name
