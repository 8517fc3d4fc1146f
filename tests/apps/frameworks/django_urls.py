from django.contrib import admin
from django.urls import path

from . import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("form/", views.form),
    path("upload/", views.upload),
    path("download/", views.download),
    path("stream/", views.stream),
    path("crash/", views.crash),
    path("settings/", views.which),
]
