"""What the guestbook promises, checked without a server."""

import tempfile

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import TestCase, override_settings
from django.urls import reverse

from entries import models
from entries.models import Entry


class BookTest(TestCase):
    """Signing and reading the book."""

    def test_a_signature_is_stored_and_listed(self):
        response = self.client.post(reverse("book"), {"name": "Ada", "message": "<b>Hello</b>"}, follow=True)
        self.assertRedirects(response, reverse("book"))
        self.assertContains(response, "Thank you, Ada.")
        self.assertContains(response, "&lt;b&gt;Hello&lt;/b&gt;")

    def test_a_signature_without_a_message_is_refused(self):
        response = self.client.post(reverse("book"), {"name": "Ada"})
        self.assertContains(response, "This field is required", status_code=400)
        self.assertFalse(Entry.objects.exists())

    def test_a_post_without_the_csrf_token_is_refused(self):
        client = self.client_class(enforce_csrf_checks=True)
        response = client.post(reverse("book"), {"name": "Ada", "message": "Hello"})
        self.assertEqual(response.status_code, 403)

    def test_long_books_have_pages(self):
        Entry.objects.bulk_create(Entry(name=f"Visitor {n}", message="Hello") for n in range(30))
        self.assertContains(self.client.get(reverse("book")), 'href="?page=2"')
        self.assertContains(self.client.get(reverse("book"), {"page": 2}), 'href="?page=1"')

    def test_an_unknown_address_shows_the_sites_own_404_page(self):
        self.assertContains(self.client.get("/nowhere"), "not in the book", status_code=404)


class AttachmentTest(TestCase):
    """Uploads and what becomes of them."""

    def setUp(self):
        uploads = tempfile.TemporaryDirectory()
        self.addCleanup(uploads.cleanup)
        moved = override_settings(MEDIA_ROOT=uploads.name)
        moved.enable()
        self.addCleanup(moved.disable)

    def sign_with(self, file):
        return self.client.post(reverse("book"), {"name": "Ada", "message": "See", "attachment": file})

    def test_an_upload_comes_back_byte_for_byte_as_a_download(self):
        content = bytes(range(256)) * 40
        self.sign_with(SimpleUploadedFile("photo.png", content))
        response = self.client.get(reverse("attachment", args=[Entry.objects.get().pk]))
        self.assertEqual(response.getvalue(), content)
        self.assertTrue(response["Content-Disposition"].startswith("attachment"))

    def test_an_upload_above_the_limit_is_refused(self):
        response = self.sign_with(SimpleUploadedFile("big", b"x" * (models.ATTACHMENT_LIMIT + 1)))
        self.assertEqual(response.status_code, 400)

    def test_a_lost_file_is_not_found(self):
        entry = Entry.objects.create(name="Ada", message="Gone", attachment="gone.txt")
        self.assertEqual(self.client.get(reverse("attachment", args=[entry.pk])).status_code, 404)


class ExportTest(TestCase):
    """The CSV download."""

    def test_rows_are_streamed_and_formulas_are_defused(self):
        Entry.objects.create(name="Ada", message="=1+1")
        response = self.client.get(reverse("export"))
        self.assertTrue(response.streaming)
        lines = response.getvalue().decode().splitlines()
        self.assertEqual(lines[0], "written,name,message,attachment")
        self.assertTrue(lines[1].endswith(",Ada,'=1+1,"))
