#!/usr/bin/env bash
# Installs the wheel as somebody without a compiler does, and serves with it: a script, Flask, Django, and an httpd with
# the lines of `rwsgi module-config`.
#
#   tests/packages/wheel.sh [OUTDIR]
#
# OUTDIR has the wheel that tools/package-wheel.sh built; without one it is built. Python is /usr/bin/python3. Flask and
# Django come from PyPI. Servers listen on the loopback.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/packages/servers.sh

step() { echo "--- $*"; }
fail() {
    echo "FAILED: $*" >&2
    exit 1
}

out=${1:-}
if [ -z "$out" ]; then
    out=$PWD/target/wheel-test
    rm -rf "$out"
    tools/package-wheel.sh "$out" /usr/bin/python3
fi
tag=$(/usr/bin/python3 -c 'import sys; print("cp%d%d" % sys.version_info[:2])')
wheel=$(compgen -G "$(realpath "$out")/rwsgi-*-$tag-$tag-*.whl" | head -1 || true)
[ -n "$wheel" ] || fail "$out has no wheel for $tag: run tools/package-wheel.sh $out /usr/bin/python3"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
step "the wheel is $(basename "$wheel"), $(stat -c %s "$wheel") bytes"

# The account that serves has to reach it.
site=$(mktemp -d)
chmod 755 "$site"
# shellcheck disable=SC2329
clean_up() {
    stop_server
    rm -rf "$site"
}
trap clean_up EXIT

step "a machine without a compiler: PATH has python3 and a few tools of the system"
mkdir "$site/bin"
for tool in python3 sh cat; do
    ln -s "$(command -v "$tool")" "$site/bin/$tool"
done
bare=(env -i HOME="$site" PATH="$site/bin" TMPDIR="$site" LANG=C.UTF-8)
# Where PyPI is, the environment may have to say.
online=(env PATH="$site/bin")
for tool in cc gcc clang ld cargo rustc apxs apxs2; do
    if "${bare[@]}" sh -c "command -v $tool" >/dev/null; then
        fail "$tool is on the PATH that should have none"
    fi
done

step "pip install into a fresh virtual environment"
"${bare[@]}" /usr/bin/python3 -m venv "$site/venv"
"${bare[@]}" "$site/venv/bin/pip" install --quiet --disable-pip-version-check --no-index "$wheel"
packages=$("${bare[@]}" "$site/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
said=$("${bare[@]}" "$site/venv/bin/rwsgi" --version)
[ "$said" = "rwsgi $version" ] || fail "rwsgi --version says '$said', Cargo.toml $version"
[[ $(basename "$wheel") == "rwsgi-$version-"* ]] || fail "the wheel is of another version than $version"
said=$("${bare[@]}" "$site/venv/bin/python" -m rwsgi --version)
[ "$said" = "rwsgi $version" ] || fail "python -m rwsgi --version says '$said'"
[ "$("${bare[@]}" "$site/venv/bin/python" -c 'import importlib.metadata as m; print(m.metadata("rwsgi")["License-Expression"])')" = Apache-2.0 ] ||
    fail "the wheel does not tell its license"
if readelf -d "$packages/rwsgi/bin/mod_rwsgi.so" | grep -q libpython; then
    fail "the module is bound to a libpython"
fi

step "rwsgi serve app.py"
mkdir "$site/plain"
cat >"$site/plain/app.py" <<'APP'
import sys


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"hello from {sys.prefix} in {environ['mod_wsgi.process_group']}".encode()]
APP
start_server "$site/plain" "${bare[@]}" "$site/venv/bin/rwsgi" serve app.py --port 0
expect / "hello from $site/venv in app"
# The file ends without a line end.
read -r httpd _ <"/proc/$server/task/$server/children" || [ -n "$httpd" ]
grep -q mod_rwsgi.so "/proc/$httpd/maps" || fail "process $httpd is not the httpd that serves"
if grep -q libpython "/proc/$httpd/maps"; then
    fail "httpd has a libpython"
fi
stop_server
grep -q '^Stopped' "$output" || fail "the server did not stop in order"

step "embedded mode is refused before anything runs"
if told=$(cd "$site/plain" && "${bare[@]}" "$site/venv/bin/rwsgi" serve app.py --port 0 --embedded 2>&1); then
    fail "--embedded was accepted"
fi
[[ $told == *"has no Python in it"* ]] || fail "it says: $told"

step "the lines of rwsgi module-config in an httpd of its own"
"${bare[@]}" "$site/venv/bin/rwsgi" module-config | tee "$site/rwsgi.conf"
httpd=$(first_file /usr/sbin/apache2 /usr/sbin/httpd)
write_httpd_conf "$site" "$site/rwsgi.conf" <<CONF
WSGIDaemonProcess site
WSGIScriptAlias /daemon $site/plain/app.py process-group=site application-group=%{GLOBAL}
WSGIScriptAlias /embedded $site/plain/app.py
<Directory $site/plain>
    Require all granted
</Directory>
CONF
start_httpd "$httpd" "$site"
expect /daemon "hello from $site/venv in site"
[ "$(status_of /embedded)" = 500 ] || fail "a request for httpd's own processes got $(status_of /embedded)"
grep -q 'WSGI1180.*WSGIProcessGroup' "$site/error.log" || fail "the log does not say why: $(cat "$site/error.log")"
stop_server
echo "WSGIAccessScript $site/plain/app.py" >>"$site/httpd.conf"
if told=$("$httpd" -f "$site/httpd.conf" -t 2>&1); then
    fail "a script that nobody can ask was accepted"
fi
[[ $told == *WSGI1180* ]] || fail "httpd -t says: $told"

step "Flask"
"${online[@]}" "$site/venv/bin/pip" install --quiet --disable-pip-version-check "$(grep '^Flask' tests/requirements.txt)"
mkdir "$site/flask"
cat >"$site/flask/hello.py" <<'APP'
from flask import Flask, request

app = Flask(__name__)


@app.post("/<name>")
def hello(name):
    return f"{request.form['greeting']} {name}"
APP
start_server "$site/flask" "${bare[@]}" "$site/venv/bin/rwsgi" serve hello.py --port 0
[ "$(curl --silent --fail --max-time 20 --data greeting=ahoi "$address/you")" = "ahoi you" ] || fail "Flask did not answer"
stop_server

step "Django: manage.py runrwsgi"
"${online[@]}" "$site/venv/bin/pip" install --quiet --disable-pip-version-check "$(grep '^Django' tests/requirements.txt)"
mkdir "$site/django"
"${bare[@]}" "$site/venv/bin/django-admin" startproject mysite "$site/django"
cat >>"$site/django/mysite/settings.py" <<'SETTINGS'
INSTALLED_APPS += ["rwsgi.django"]
ALLOWED_HOSTS = ["127.0.0.1"]
DEBUG = False
STATIC_ROOT = BASE_DIR / "collected"
SETTINGS
"${bare[@]}" "$site/venv/bin/python" "$site/django/manage.py" collectstatic --no-input --verbosity 0
start_server "$site/django" "${bare[@]}" "$site/venv/bin/python" manage.py runrwsgi --port 0
page=$(curl --silent --fail --max-time 20 "$address/admin/login/") || fail "the login page was not served"
[[ $page == *csrfmiddlewaretoken* ]] || fail "the login page is: $page"
[ "$(status_of /static/admin/css/base.css)" = 200 ] || fail "the style sheet was not served"
stop_server

step "pip uninstall leaves nothing"
"${bare[@]}" "$site/venv/bin/pip" uninstall --quiet --yes --disable-pip-version-check rwsgi
left=$(find "$site/venv" -iname '*rwsgi*')
[ -z "$left" ] || fail "it left $left"

step "passed"
