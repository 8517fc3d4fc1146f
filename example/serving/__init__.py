"""Serves the example site by a private httpd: who runs it, what it needs on disk, the server itself."""
