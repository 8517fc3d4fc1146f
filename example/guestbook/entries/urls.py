"""Addresses of the guestbook."""

from django.urls import path

from entries import views

urlpatterns = [
    path("", views.book, name="book"),
    path("attachments/<int:pk>/", views.attachment, name="attachment"),
    path("guestbook.csv", views.export, name="export"),
]
