"""``manage.py runrwsgi``: the project by ``rwsgi serve``, with what its settings say."""

import os
import shutil
from importlib.util import find_spec

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import get_script_prefix

from rwsgi import command

# Options of `rwsgi serve` that choose a folder of static files.
STATIC_OPTIONS = ("--static", "--url-alias")


class Command(BaseCommand):
    help = (
        "Serves this project by Apache httpd: its WSGI_APPLICATION, and its static files from STATIC_ROOT. "
        "Every option of `rwsgi serve` is understood; `rwsgi serve --help` lists them."
    )

    def create_parser(self, prog_name, subcommand, **kwargs):
        parser = super().create_parser(prog_name, subcommand, allow_abbrev=False, **kwargs)

        def parse_args(args=None, namespace=None):
            known, others = parser.parse_known_args(args, namespace)
            known.passed_on = others
            return known

        parser.parse_args = parse_args
        return parser

    def add_arguments(self, parser):
        parser.add_argument("--mount-point", metavar="PATH", help="URL path of the project.")
        parser.add_argument(
            "--working-directory", metavar="FOLDER", help="Where it works [default: the folder of the project]."
        )

    def handle(self, *args, **options):
        if settings.SETTINGS_MODULE is None:
            raise CommandError("The settings are those of no module: set DJANGO_SETTINGS_MODULE.")
        project = folder_of(settings.SETTINGS_MODULE)
        arguments = ["serve", application(), "--env", f"DJANGO_SETTINGS_MODULE={settings.SETTINGS_MODULE}"]
        if options["working_directory"]:
            arguments += ["--working-directory", options["working_directory"], "--python-path", project]
        else:
            arguments += ["--working-directory", project]
        if options["pythonpath"]:
            arguments += ["--python-path", options["pythonpath"]]
        mount = options["mount_point"]
        if mount:
            arguments += ["--mount-point", mount]
        arguments += self.static_files(mount, options["passed_on"])
        command.execute(program(), arguments + options["passed_on"])

    def static_files(self, mount, passed_on):
        """The option for the files that `collectstatic` gathers, unless the command line or the project has its own way."""
        path = static_path(mount)
        if path is None or path in chosen_paths(passed_on) or serves_static_files_itself():
            return []
        root = settings.STATIC_ROOT
        if not root:
            if "django.contrib.staticfiles" in settings.INSTALLED_APPS:
                self.hint(f"set STATIC_ROOT in {settings.SETTINGS_MODULE}, then run `manage.py collectstatic`")
            return []
        if not os.path.isdir(root):
            self.hint(f"STATIC_ROOT, {root}, does not exist; run `manage.py collectstatic`")
            return []
        return ["--static", f"{path}={os.path.abspath(root)}"]

    def hint(self, what):
        self.stderr.write(self.style.WARNING(f"Static files are not served: {what}."))


def application():
    """The project's application, as `rwsgi serve` takes it."""
    dotted = settings.WSGI_APPLICATION
    if dotted is None:
        return "django.core.wsgi:get_wsgi_application()"
    module, _, name = dotted.rpartition(".")
    if not module or not is_importable(module):
        raise CommandError(
            f"WSGI_APPLICATION in {settings.SETTINGS_MODULE} is {dotted!r}, and there is no module {module!r}: "
            f"it has to be module.callable, such as 'mysite.wsgi.application'."
        )
    return f"{module}:{name}"


def is_importable(module):
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def folder_of(module):
    """Where the outermost package of a module is imported from."""
    spec = find_spec(module.partition(".")[0])
    inside = next(iter(spec.submodule_search_locations or []), spec.origin)
    return os.path.dirname(os.path.abspath(inside))


def static_path(mount):
    """The URL path of static files; None where they are on another server, or have no path of their own."""
    # As written: what `settings.STATIC_URL` makes of a relative one knows nothing of the mount point.
    url = settings._wrapped.STATIC_URL
    if not url or "//" in url:
        return None
    if not url.startswith("/"):
        url = f"{(mount or get_script_prefix()).strip('/')}/{url}"
    path = url.strip("/")
    return f"/{path}" if path else None


def chosen_paths(arguments):
    """URL paths that the command line chooses folders for."""
    paths = []
    for option, value in zip(arguments, arguments[1:] + [""]):
        name, equals, rest = option.partition("=")
        if name in STATIC_OPTIONS:
            path = (rest if equals else value).partition("=")[0]
            paths.append("/" + path.strip("/"))
    return paths


def serves_static_files_itself():
    return any("whitenoise" in name.lower() for name in settings.MIDDLEWARE)


def program():
    """The program `rwsgi`: that of this package, or of the distribution."""
    found = command.PROGRAM if os.path.exists(command.PROGRAM) else shutil.which("rwsgi")
    if found is None:
        raise CommandError("The command rwsgi was not found: install the package rwsgi by pip or from the distribution.")
    return found
