"""For ``INSTALLED_APPS`` of a Django project: ``manage.py runrwsgi``."""
