#!/usr/bin/env bash
# Installs the packages of Debian over a running mod_wsgi site in a fresh system, and takes them away again:
#
#   tests/packages/debian.sh FOLDER
#
# FOLDER has the packages, as `tools/package.sh deb FOLDER` makes them for this machine's release. The system is a tree
# made by debootstrap below target/; what runs in it has namespaces of its own and ends with this script. Takes root,
# and this machine's package sources.
set -euo pipefail
self=$(realpath "${BASH_SOURCE[0]}")
cd "$(dirname "$self")/../.."

tree=$PWD/target/packages-test/debian
clean_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

skip() {
    echo "skipped: the packages in a fresh Debian: $*"
    exit 0
}

fail() {
    echo "FAILED: $*" >&2
    for log in "$tree/var/log/apache2/error.log" "$tree/var/log/step"; do
        [ ! -f "$log" ] || { echo "--- the end of $log" >&2; tail -n 30 "$log" >&2; }
    done
    exit 1
}

steps=0
step() {
    steps=$((steps + 1))
    printf '\n%d. %s\n' "$steps" "$*"
}

saw() { echo "   $*"; }

# Runs a command in the tree.
within() { env -i PATH=$clean_path LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$tree" "$@"; }

# The same, with what it prints kept for a failure.
quietly() { within "$@" >"$tree/var/log/step" 2>&1 </dev/null || fail "$*"; }

# ---------------------------------------------------------------- a system with mod_wsgi and Django

# services STATUS: whether packages may start and stop services; 101 says no.
services() {
    printf '#!/bin/sh\nexit %d\n' "$1" >"$tree/usr/sbin/policy-rc.d"
    chmod 755 "$tree/usr/sbin/policy-rc.d"
}

# The tree has this machine's release and package sources.
make_tree() {
    local codename mirror
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
        awk -v release="$codename" '$1 == release { print $2; exit }')
    [ -n "$mirror" ] || skip "apt knows no mirror of $codename"
    rm -rf "$tree"
    mkdir -p "$tree"
    debootstrap --variant=minbase "$codename" "$tree" "$mirror" >"$tree.log" 2>&1 ||
        { tail "$tree.log" >&2; echo "FAILED: debootstrap" >&2; exit 1; }
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
        grep -E " $codename(-[a-z]+)? " | sort -u >"$tree/etc/apt/sources.list"
    apt-config dump Acquire >"$tree/etc/apt/apt.conf.d/machine"
    cp -L /etc/resolv.conf "$tree/etc/resolv.conf"
    # Nothing starts outside of the namespaces.
    services 101
    quietly apt-get -q update
    quietly apt-get -y -q --no-install-recommends install apache2 libapache2-mod-wsgi-py3 python3-django
    quietly apt-get -y -q --no-install-recommends --download-only --reinstall install libapache2-mod-wsgi-py3
}

# Needs no mount: what looks for compilers is the shell.
check_for_compilers() {
    local tool
    for tool in cc gcc c++ ld as rustc cargo; do
        ! within sh -c "command -v $tool" >/dev/null || fail "the tree has $tool"
    done
    saw "no cc, gcc, c++, ld, as, rustc, cargo in it"
}

make_site() {
    within useradd --system --home-dir /srv/mysite --create-home mysite
    within mkdir /srv/mysite/app
    within django-admin startproject mysite /srv/mysite/app
    cat >>"$tree/srv/mysite/app/mysite/settings.py" <<'PYTHON'
ALLOWED_HOSTS = ["127.0.0.1"]
DEBUG = False
PYTHON
    cat >"$tree/srv/mysite/app/mysite/urls.py" <<'PYTHON'
import os
import pwd

import django
from django.http import HttpResponse
from django.urls import path


def page(request):
    import mod_wsgi

    return HttpResponse(
        f"Django {django.get_version()} in group {mod_wsgi.process_group!r}"
        f" as {pwd.getpwuid(os.getuid()).pw_name},"
        f" authorization {request.META.get('HTTP_AUTHORIZATION')}\n"
    )


urlpatterns = [path("", page)]
PYTHON
    cat >"$tree/etc/apache2/sites-available/mysite.conf" <<'APACHE'
<VirtualHost 127.0.0.1:80>
    ServerName www.example.com
    WSGIDaemonProcess mysite user=mysite group=mysite processes=2 threads=5 python-path=/srv/mysite/app display-name=%{GROUP}
    WSGIProcessGroup mysite
    WSGIApplicationGroup %{GLOBAL}
    WSGIScriptAlias / /srv/mysite/app/mysite/wsgi.py
    <Directory /srv/mysite/app/mysite>
        <Files wsgi.py>
            Require all granted
        </Files>
    </Directory>
</VirtualHost>
APACHE
    # A setting of the whole server, where administrators of Debian make it.
    sed -i 's/^<IfModule mod_wsgi.c>$/&\n    WSGIPassAuthorization On/' "$tree/etc/apache2/mods-available/wsgi.conf"
    sed -i 's/^Listen 80$/Listen 127.0.0.1:80/' "$tree/etc/apache2/ports.conf"
    echo 'ServerName www.example.com' >"$tree/etc/apache2/conf-available/name.conf"
    quietly a2enconf name
    quietly a2dissite 000-default
    quietly a2ensite mysite
}

# ---------------------------------------------------------------- looking

parent_pid() { cat "$tree/run/apache2/apache2.pid" 2>/dev/null; }

# The file of the loaded module wsgi_module.
loaded() { grep -oE 'mod_r?wsgi\.so[^ ]*' "/proc/$(parent_pid)/maps" 2>/dev/null | sort -u | sed 's/\.so.*//' | tr '\n' ' '; }

wanted="Django [0-9.]+ in group 'mysite' as mysite, authorization Basic eDp5"

answers() {
    local page
    page=$(curl -sS --max-time 20 --user x:y http://127.0.0.1/ 2>&1) || fail "no answer: $page"
    grep -qE "$wanted" <<<"$page" || fail "answered: $page"
    saw "answered: $page"
}

# serves MODULE: the site answers, and this module of the two is in httpd.
serves() {
    answers
    [[ "$(within apachectl -M 2>&1)" = *" wsgi_module "* ]] || fail "apachectl -M shows no wsgi_module"
    [ "$(loaded)" = "$1 " ] || fail "httpd has loaded '$(loaded)', not $1"
    saw "apachectl -M: wsgi_module; in httpd's memory: $(loaded); enabled: $(cd "$tree/etc/apache2/mods-enabled" && echo ./*wsgi.load)"
    [ "$(configuration)" = "$configuration_before" ] || fail "the configuration has changed"
    saw "configuration of the site unchanged"
}

# Sums of all files of httpd's configuration, without what belongs to the module rwsgi and the links that enable.
configuration() {
    (cd "$tree/etc/apache2" && find . -type f -not -name 'rwsgi.*' -exec sha256sum {} + | sort -k 2)
}

# Everything in the tree but logs, and what apt and dpkg note down.
files() {
    (cd "$tree" && find etc usr var srv home root opt -not -path 'var/log/*' -not -path 'var/cache/apt*' \
        -not -path 'var/lib/dpkg/*' -not -path 'var/lib/apt/*' -not -path 'var/cache/ldconfig/*' \
        -not -path 'var/cache/debconf/*' -not \( -type d -path 'var/lib/apache2/*/*_by_*' \) \
        -not -name '*.pyc' -not -name __pycache__ | sort)
}

# The same files as before the packages came, which includes the marks that a2enmod keeps.
shows_that_nothing_is_left() {
    diff <(echo "$files_before") <(files) || fail "files are left, or missing"
    saw "the same files as before, the same marks of a2enmod"
}

# The supervisor and its processes, by /proc.
shows_processes() {
    local pid supervisor='' workers=0
    for pid in /proc/[0-9]*; do
        case $(tr '\0' ' ' <"$pid/cmdline" 2>/dev/null) in
        *rwsgi\ supervisor*) supervisor=${pid#/proc/} ;;
        esac
    done
    [ -n "$supervisor" ] || fail "no supervisor runs"
    [ "$(readlink "/proc/$supervisor/exe")" = "$tree/usr/bin/rwsgi" ] || fail "the supervisor is $(readlink "/proc/$supervisor/exe")"
    for pid in $(pgrep -P "$supervisor"); do
        grep -q 'usr/lib/rwsgi/python.*/_native.so' "/proc/$pid/maps" || continue
        [ "$(stat -c %U:%u "/proc/$pid" | cut -d: -f2)" = "$(within id -u mysite)" ] || fail "worker $pid is not of mysite"
        workers=$((workers + 1))
    done
    [ "$workers" = 2 ] || fail "$workers workers instead of 2"
    saw "/usr/bin/rwsgi supervisor is process $supervisor, with 2 workers of mysite that have /usr/lib/rwsgi/.../_native.so"
}

no_processes() {
    ! pgrep -f 'rwsgi supervisor' >/dev/null || fail "a supervisor is left"
}

# ---------------------------------------------------------------- doing

# polled COMMAND...: while it is carried out, a client asks on and on. Prints what it saw.
polled() {
    local folder poller
    folder=$(mktemp -d)
    python3 tests/packages/poll.py http://127.0.0.1/ "in group 'mysite' as mysite" "$folder" >"$folder/told" &
    poller=$!
    until [ -e "$folder/begun" ]; do
        kill -0 "$poller" || fail "the client has ended: $(cat "$folder/told")"
        sleep 0.05
    done
    quietly "$@"
    touch "$folder/stop"
    wait "$poller" || fail "clients see, $(cat "$folder/told")"
    saw "clients, $(cat "$folder/told")"
    rm -r "$folder"
    grep -E '^(libapache2-mod-rwsgi:|apache2_invoke.* no action)' "$tree/var/log/step" | sed 's/^/   said: /' || true
}

install=(apt-get -y -q --no-install-recommends install)

# restarted: httpd's service as an administrator restarts it.
restart() { quietly service apache2 restart; }

# A package of the same content with another version.
make_newer() {
    local deb=$1 work
    work=$(mktemp -d)
    dpkg-deb --raw-extract "$deb" "$work/new"
    sed -i -E 's/^Version: .*/&+newer/; s/(python3-rwsgi \(= [^)]*)\)/\1+newer)/' "$work/new/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$work/new" "$tree/newer/" >/dev/null
    rm -rf "$work"
}

inside() {
    mount -t proc proc "$tree/proc"
    mount -t proc proc /proc
    mount -t tmpfs tmpfs "$tree/dev/shm"
    mount -t devpts devpts "$tree/dev/pts"
    ip link set lo up
    # From here on services start as they do on a server.
    services 0
    trap 'within service apache2 stop >/dev/null 2>&1 || true' EXIT

    step "A Django site in daemon mode under mod_wsgi, in this tree without a compiler"
    check_for_compilers
    make_site
    configuration_before=$(configuration)
    quietly service apache2 start
    serves mod_wsgi
    files_before=$(files)

    step "apt install ./libapache2-mod-rwsgi*.deb ./python3-rwsgi*.deb, while clients ask"
    polled "${install[@]}" "/packages/$module_deb" "/packages/$worker_deb"
    serves mod_rwsgi
    shows_processes
    within man -w rwsgi >/dev/null 2>&1 || [ -f "$tree/usr/share/man/man1/rwsgi.1.gz" ] || fail "no manual page"

    step "apt install --reinstall of both"
    polled "${install[@]}" --reinstall "/packages/$module_deb" "/packages/$worker_deb"
    serves mod_rwsgi
    shows_processes

    step "Upgrade of both to a newer version: httpd is restarted, so that all parts are of one build"
    local parent
    parent=$(parent_pid)
    mkdir "$tree/newer"
    make_newer "$tree/packages/$module_deb"
    make_newer "$tree/packages/$worker_deb"
    polled sh -c "${install[*]} /newer/*.deb"
    [ "$(parent_pid)" != "$parent" ] || fail "httpd was not restarted"
    serves mod_rwsgi
    shows_processes

    step "mod_wsgi is installed anew meanwhile, as an upgrade of it does: it stays aside"
    polled sh -c 'dpkg -i /var/cache/apt/archives/libapache2-mod-wsgi-py3_*.deb'
    restart
    serves mod_rwsgi

    step "a2dismod rwsgi and a2enmod wsgi bring the old one back, and the other way round"
    quietly sh -c 'a2dismod rwsgi && a2enmod wsgi'
    restart
    serves mod_wsgi
    no_processes
    ! within a2enmod rwsgi >"$tree/var/log/step" 2>&1 || fail "both are enabled"
    saw "a2enmod rwsgi beside it: $(grep ERROR "$tree/var/log/step" | head -n 1)"
    quietly sh -c 'a2dismod wsgi && a2enmod rwsgi'
    restart
    serves mod_rwsgi

    step "apt remove brings mod_wsgi back, while clients ask"
    polled apt-get -y -q remove libapache2-mod-rwsgi python3-rwsgi
    serves mod_wsgi
    no_processes

    step "apt purge leaves nothing"
    polled apt-get -y -q purge libapache2-mod-rwsgi python3-rwsgi
    serves mod_wsgi
    shows_that_nothing_is_left

    step "Again, and purged at once"
    polled "${install[@]}" "/packages/$module_deb" "/packages/$worker_deb"
    serves mod_rwsgi
    polled apt-get -y -q purge libapache2-mod-rwsgi python3-rwsgi
    serves mod_wsgi
    shows_that_nothing_is_left

    step "A configuration that is not valid with rwsgi: mod_wsgi runs on, and the package says why"
    printf '<IfDirective RWSGIApplicationGroup>\n    NoSuchDirective\n</IfDirective>\n' >"$tree/etc/apache2/conf-available/odd.conf"
    quietly a2enconf odd
    configuration_before=$(configuration)
    parent=$(parent_pid)
    polled "${install[@]}" "/packages/$module_deb" "/packages/$worker_deb"
    grep -q "Invalid command 'NoSuchDirective'" "$tree/var/log/step" || fail "it does not say what is wrong"
    [ "$(parent_pid)" = "$parent" ] || fail "httpd was restarted"
    restart
    serves mod_wsgi
    quietly apt-get -y -q purge libapache2-mod-rwsgi python3-rwsgi
    quietly a2disconf odd
    rm "$tree/etc/apache2/conf-available/odd.conf"
    rm -f "$tree"/var/lib/apache2/conf/*/odd
    configuration_before=$(configuration)
    serves mod_wsgi
    shows_that_nothing_is_left

    step "httpd stopped, mod_wsgi disabled by the administrator: removal leaves it disabled"
    quietly service apache2 stop
    quietly a2dismod wsgi
    quietly "${install[@]}" "/packages/$module_deb" "/packages/$worker_deb"
    quietly service apache2 start
    serves mod_rwsgi
    quietly apt-get -y -q remove libapache2-mod-rwsgi python3-rwsgi
    [ ! -e "$tree/etc/apache2/mods-enabled/wsgi.load" ] || fail "mod_wsgi is enabled"
    saw "mod_wsgi is still disabled"

    step "Without mod_wsgi, installed anew after the removal"
    quietly apt-get -y -q purge libapache2-mod-wsgi-py3
    wanted=${wanted%Basic*}None
    configuration_before=$(configuration)
    quietly "${install[@]}" "/packages/$module_deb" "/packages/$worker_deb"
    serves mod_rwsgi
    shows_processes
    quietly apt-get -y -q purge libapache2-mod-rwsgi python3-rwsgi
    grep 'broken' "$tree/var/log/step" | sed 's/^/   said: /' || true
    quietly service apache2 stop
    no_processes
    ! files | grep rwsgi || fail "files are left"
    saw "nothing is left"
}

if [ "${1:-}" = --inside ]; then
    module_deb=$2 worker_deb=$3 steps=${4:-0}
    inside
    printf '\n%d passed, 0 failed\n' "$steps"
    exit
fi

packages=$(realpath "${1:?the folder with the packages}")
[ "$(id -u)" = 0 ] || skip "it takes root"
[ -e /etc/debian_version ] || skip "this is no Debian, whose packages they are"
for tool in debootstrap unshare ip curl python3 pgrep dpkg-deb; do
    command -v "$tool" >/dev/null || skip "$tool is missing: run \`tools/setup.sh test-packages /usr/bin/python3\`"
done
unshare --mount --pid --net --fork true 2>/dev/null || skip "this machine allows no namespaces"
module_deb=$(cd "$packages" && compgen -G 'libapache2-mod-rwsgi_*.deb') ||
    { echo "$packages has no libapache2-mod-rwsgi_*.deb: run \`make package\`." >&2; exit 1; }
worker_deb=$(cd "$packages" && compgen -G 'python3-rwsgi_*.deb')

if command -v lintian >/dev/null; then
    step "lintian"
    (cd "$packages" && lintian --allow-root --fail-on error,warning "$module_deb" "$worker_deb") || fail "lintian"
    saw "no error, and no warning without a reason in its overrides"
fi
step "A fresh system by debootstrap with apache2, mod_wsgi and Django, below $tree"
make_tree
saw "$(. "$tree/etc/os-release" && echo "$PRETTY_NAME"), $(within dpkg-query -W -f '${Package} ${Version}, ' apache2 libapache2-mod-wsgi-py3 python3-django)"
mkdir "$tree/packages"
cp "$packages/$module_deb" "$packages/$worker_deb" "$tree/packages"
unshare --mount --pid --net --fork --kill-child -- "$self" --inside "$module_deb" "$worker_deb" "$steps"
rm -rf "$tree"
