#!/usr/bin/env bash
# Installs the module as mod_rwsgi.so and its configuration where this httpd's distribution keeps such files, and
# for daemon mode the command rwsgi and the workers that were built.
#
#   tools/install.sh MODULE [DESTDIR]
#
# Command and workers lie beside the module: `rwsgi` (or in the folder above) and `worker/pythonX.Y/rwsgi`.
# Nothing is enabled and no server is touched; the last lines say how to do that.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

module=${1:?the module to install} destdir=${2:-}
if [ ! -f "$module" ]; then
    echo "$module is missing: run \`make build\` first." >&2
    exit 1
fi
built=$(dirname "$module")
command=$built/rwsgi
[ -f "$command" ] || command=$built/../rwsgi
if [ ! -f "$command" ]; then
    echo "$built/rwsgi is missing: run \`make build\` first." >&2
    exit 1
fi
apxs=$(command -v "${APXS:-apxs}" || command -v apxs2 || true)
if [ -z "$apxs" ]; then
    echo "apxs was not found: install apache2-dev (Debian, Ubuntu) or httpd-devel (Fedora, RHEL), or set APXS." >&2
    exit 1
fi

libexec=$("$apxs" -q LIBEXECDIR)
sysconf=$("$apxs" -q SYSCONFDIR)
# Both are where the module looks, in a distribution's httpd and in one of your own.
case $libexec in
/usr/lib* | /usr/libexec*) prefix=/usr ;;
*) prefix=/usr/local ;;
esac

# put MODE SOURCE TARGET: install one file below DESTDIR and say so.
put() {
    install -D -m "$1" "$2" "$destdir$3"
    echo "installed $destdir$3"
}

# The load line names the module by its real place.
load=$(mktemp)
trap 'rm -f "$load"' EXIT
sed "s|/usr/lib/apache2/modules|$libexec|" apache-conf/rwsgi.load >"$load"

put 644 "$module" "$libexec/mod_rwsgi.so"
put 755 "$command" "$prefix/bin/rwsgi"
workers=0
for package in "$built"/worker/python*/rwsgi; do
    [ -d "$package" ] || continue
    python=$(basename "$(dirname "$package")")
    while IFS= read -r file; do
        put 644 "$package/$file" "$prefix/lib/rwsgi/$python/rwsgi/$file"
    done < <(cd "$package" && find . -type f -not -path '*/__pycache__/*' -printf '%P\n' | sort)
    workers=$((workers + 1))
done
if [ "$workers" = 0 ]; then
    echo "No worker was built, so daemon groups will not start: \`make build\` makes one for its Python." >&2
fi
if [ "$("$apxs" -q PROGNAME)" = apache2 ]; then
    put 644 "$load" "$sysconf/mods-available/rwsgi.load"
    put 644 apache-conf/rwsgi.conf "$sysconf/mods-available/rwsgi.conf"
    next="a2enmod rwsgi && systemctl restart apache2"
elif [ -d "$sysconf/../conf.modules.d" ]; then
    base=$(realpath "$sysconf/..")
    put 644 "$load" "$base/conf.modules.d/10-rwsgi.conf"
    put 644 apache-conf/rwsgi.conf "$base/conf.d/rwsgi.conf"
    next="systemctl restart httpd"
else
    put 644 "$load" "$sysconf/extra/rwsgi.load"
    put 644 apache-conf/rwsgi.conf "$sysconf/extra/rwsgi.conf"
    next="add 'Include $sysconf/extra/rwsgi.load' and 'Include $sysconf/extra/rwsgi.conf' to httpd.conf, restart httpd"
fi
echo "To use it (a loaded mod_wsgi has to go first): $next"
