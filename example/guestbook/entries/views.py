"""The guestbook's pages."""

import csv

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from entries.forms import EntryForm
from entries.models import Entry

ENTRIES_PER_PAGE = 20


@require_http_methods(["GET", "HEAD", "POST"])
def book(request):
    """List the entries and take a new one."""
    form = EntryForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        entry = form.save()
        messages.success(request, f"Thank you, {entry.name}.")
        return redirect("book")
    page = Paginator(Entry.objects.all(), ENTRIES_PER_PAGE).get_page(request.GET.get("page"))
    status = 400 if form.errors else 200
    return render(request, "entries/book.html", {"form": form, "page": page}, status=status)


@require_safe
def attachment(request, pk):
    """Send an entry's attachment back, always as a download: what visitors upload is never shown inline."""
    entry = get_object_or_404(Entry.objects.exclude(attachment=""), pk=pk)
    try:
        file = entry.attachment.open("rb")
    except FileNotFoundError as error:
        raise Http404("The attachment is no longer on the disk.") from error
    return FileResponse(file, as_attachment=True, filename=entry.attachment_name)


class Echo:
    """A file whose `write` returns the line, so that csv.writer yields rows instead of collecting them."""

    def write(self, line):
        """Return `line` unchanged."""
        return line


def as_cell(text):
    """Keep a spreadsheet from running `text` as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


@require_safe
def export(request):
    """Stream all entries as CSV, row by row."""
    writer = csv.writer(Echo())

    def rows():
        yield writer.writerow(["written", "name", "message", "attachment"])
        for entry in Entry.objects.iterator():
            cells = (entry.name, entry.message, entry.attachment_name)
            yield writer.writerow([entry.written.isoformat(), *map(as_cell, cells)])

    return StreamingHttpResponse(
        rows(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="guestbook.csv"'},
    )
