from django.apps import AppConfig


class RwsgiConfig(AppConfig):
    name = "rwsgi.django"
    # Another app of a project may well be called django.
    label = "rwsgi"
    verbose_name = "rwsgi"
