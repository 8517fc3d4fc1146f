#!/usr/bin/env bash
# Checks the RPM packages that tools/package-rpm.sh has built, without installing them:
#
#   tests/packages/rpm.sh [OUTDIR]
#
# Without OUTDIR they are built first, into target/packages. Looks at files, permissions, requirements and scripts, asks
# rpmlint, and unpacks them: httpd of this machine loads the module as httpd of Fedora would, beside a configuration of
# mod_wsgi, and the command serves a page.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

out=${1:-}
if [ -z "$out" ]; then
    out=target/packages
    tools/package-rpm.sh "$out"
fi
python=${PYO3_PYTHON:-/usr/bin/python3}
version=$(sed -n 's/^Version: *//p' packaging/rpm/rwsgi.spec)
python_version=$("$python" -c 'import sysconfig; print(sysconfig.get_python_version())')
arch=$(rpm --eval '%{_arch}')
libdir=$(rpm --eval '%{_libdir}')
work=$(mktemp -d)
server=
# Only what was started here.
clean() {
    if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
        kill "$server"
        wait "$server" || true
    fi
    rm -rf "$work"
}
trap clean EXIT
chmod 755 "$work"

step() { echo "== $*"; }
fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# package NAME: its file.
package() {
    local found=("$out/$1-$version"-*."$arch".rpm)
    [ -f "${found[0]}" ] && [ ${#found[@]} = 1 ] || fail "$out has not one $1-$version-*.$arch.rpm"
    echo "${found[0]}"
}

# same WHAT EXPECTED FOUND
same() {
    diff -u --label "$1, expected" --label "$1, found" <(printf '%s\n' "$2") <(printf '%s\n' "$3") || fail "$1"
}

# has WHAT TEXT LINE: a line of the text is that line.
has() { grep -qxF -- "$3" <<<"$2" || fail "$1 has no '$3':"$'\n'"$2"; }

# files NAME: its files without documents and links of debuggers, each with permissions and owner.
files() {
    rpm -qp --qf '[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\n]' "$(package "$1")" |
        grep -v -e /usr/share/doc/ -e /usr/share/licenses/ -e /.build-id
}

check_files() {
    step "files"
    same "files of rwsgi" "drwxr-xr-x root:root /etc/rwsgi
-rwxr-xr-x root:root /usr/bin/rwsgi
-rw-r--r-- root:root /usr/lib/systemd/system/rwsgi-fastcgi@.service
-rw-r--r-- root:root /usr/lib/systemd/system/rwsgi-fastcgi@.socket
-rw-r--r-- root:root /usr/share/bash-completion/completions/rwsgi
-rw-r--r-- root:root /usr/share/fish/vendor_completions.d/rwsgi.fish
-rw-r--r-- root:root /usr/share/man/man1/rwsgi.1.gz
-rw-r--r-- root:root /usr/share/zsh/site-functions/_rwsgi" "$(files rwsgi)"
    same "files of mod_rwsgi" "-rw-r--r-- root:root /etc/httpd/conf.d/rwsgi.conf
-rw-r--r-- root:root /etc/httpd/conf.modules.d/10-rwsgi.conf
-rwxr-xr-x root:root $libdir/httpd/modules/mod_rwsgi.so" "$(files mod_rwsgi)"
    local worker=/usr/lib/rwsgi/python$python_version
    same "files of python3-rwsgi" "drwxr-xr-x root:root /usr/lib/rwsgi
drwxr-xr-x root:root $worker
drwxr-xr-x root:root $worker/rwsgi
-rw-r--r-- root:root $worker/rwsgi/__init__.py
-rwxr-xr-x root:root $worker/rwsgi/_native.so" "$(files python3-rwsgi)"
    same "configuration files" "/etc/httpd/conf.d/rwsgi.conf
/etc/httpd/conf.modules.d/10-rwsgi.conf" "$(rpm -qpc "$(package mod_rwsgi)")"
    # What was changed in them stays over an upgrade.
    same "their flags" "cn
cn" "$(rpm -qp --qf '[%{FILEFLAGS:fflags}\n]' "$(package mod_rwsgi)" | grep c)"
    local name
    for name in rwsgi mod_rwsgi python3-rwsgi; do
        rpm -qpl --licensefiles "$(package "$name")" | grep -q LICENSE || fail "$name comes without its license"
        rpm -qp --changelog "$(package "$name")" | grep -qF -- "- $version-" || fail "$name: no entry for $version"
    done
}

check_relations() {
    step "what they require and provide"
    local requires provides release mmn
    release=$(rpm -qp --qf '%{VERSION}-%{RELEASE}' "$(package rwsgi)")
    mmn=$(rpm --eval '%{__isa_name}%{__isa_bits}')
    requires=$(rpm -qp --requires "$(package mod_rwsgi)")
    grep -Eq "^httpd-mmn = [0-9]{8}$mmn\$" <<<"$requires" || fail "mod_rwsgi requires no httpd-mmn: $requires"
    has "mod_rwsgi's requirements" "$requires" "rwsgi$(rpm --eval '%{?_isa}') = $release"
    has "rwsgi's requirements" "$(rpm -qp --requires "$(package rwsgi)")" \
        "python3-rwsgi$(rpm --eval '%{?_isa}') = $release"
    has "python3-rwsgi's requirements" "$(rpm -qp --requires "$(package python3-rwsgi)")" \
        "python(abi) = $python_version"
    provides=$(rpm -qp --provides "$(package mod_rwsgi)")
    has "what mod_rwsgi provides" "$provides" mod_wsgi
    ! grep -q '\.so' <<<"$provides" || fail "a module is a library for nobody: $provides"
    [ -z "$(rpm -qp --conflicts --obsoletes "$(package mod_rwsgi)")" ] || fail "mod_rwsgi drives other packages away"
}

check_scripts() {
    step "scripts"
    local scripts
    scripts=$(rpm -qp --scripts "$(package mod_rwsgi)")
    [[ $scripts == *"postuninstall scriptlet"*"try-restart --no-block httpd.service"* ]] || fail "$scripts"
    [[ $scripts != *"preinstall scriptlet"* && $scripts != *"posttrans scriptlet"* ]] || fail "$scripts"
    [[ $(rpm -qp --scripts "$(package rwsgi)") == *"try-restart 'rwsgi-fastcgi@*.service'"* ]] || fail "rwsgi's scripts"
    [ -z "$(rpm -qp --scripts "$(package python3-rwsgi)")" ] || fail "python3-rwsgi has scripts"
    # A removal succeeds, and does nothing.
    local name
    for name in rwsgi mod_rwsgi; do
        rpm -qp --qf '%{POSTUN}' "$(package "$name")" | sh -s 0 || fail "$name: removal fails"
    done
}

check_lint() {
    step "rpmlint"
    if ! command -v rpmlint >/dev/null; then
        echo "skipped: rpmlint is not installed"
        return
    fi
    rpmlint --config packaging/rpm/rpmlint.toml "$(package rwsgi)" "$(package mod_rwsgi)" "$(package python3-rwsgi)" \
        packaging/rpm/rwsgi.spec
}

unpack() {
    local name
    for name in rwsgi mod_rwsgi python3-rwsgi; do
        rpm2archive --nocompression - <"$(package "$name")" | tar --extract --directory "$work"
    done
}

# As httpd of Fedora reads it, with the file of the package python3-mod_wsgi.
check_module() {
    step "the module in httpd, beside mod_wsgi"
    local httpd modules=/usr/lib/apache2/modules root=$work/etc/httpd
    httpd=$(command -v apache2 /usr/sbin/apache2 httpd /usr/sbin/httpd | head -n 1) || fail "there is no httpd here"
    [ -d "$modules" ] || modules=$libdir/httpd/modules
    ln -s "$work$libdir/httpd/modules" "$root/modules"
    printf '<IfModule !wsgi_module>\n    LoadModule wsgi_module modules/mod_wsgi_python3.so\n</IfModule>\n' \
        >"$root/conf.modules.d/10-wsgi-python3.conf"
    mkdir "$root/run"
    {
        echo "ServerRoot $root"
        echo "ServerName localhost"
        echo "DefaultRuntimeDir run"
        echo "ErrorLog run/error.log"
        local name
        for name in mpm_event authz_core; do
            echo "LoadModule ${name}_module $modules/mod_$name.so"
        done
        echo "IncludeOptional conf.modules.d/*.conf"
        echo "IncludeOptional conf.d/*.conf"
        echo "WSGIDaemonProcess site processes=1"
    } >"$root/httpd.conf"
    local told
    told=$("$httpd" -f "$root/httpd.conf" -t -D DUMP_MODULES 2>&1) || fail "$told"
    grep -q 'wsgi_module (shared)' <<<"$told" || fail "$told"
    # With our load line away, it is mod_wsgi that would be loaded.
    sed -i '/^LoadModule/d' "$root/conf.modules.d/10-rwsgi.conf"
    told=$("$httpd" -f "$root/httpd.conf" -t 2>&1) && fail "nothing loads mod_wsgi in our place"
    grep -q 'mod_wsgi_python3.so' <<<"$told" || fail "$told"
}

check_command() {
    step "the command serves a page"
    printf '%s\n' 'def application(environ, start_response):' \
        '    start_response("200 OK", [("Content-Length", "5")])' '    return [b"hello"]' >"$work/site.wsgi"
    RWSGI_MODULE=$work$libdir/httpd/modules/mod_rwsgi.so RWSGI_WORKER=$work/usr/lib/rwsgi \
        "$work/usr/bin/rwsgi" serve "$work/site.wsgi" --port 0 --python "$python" >"$work/out" 2>"$work/err" &
    server=$!
    local address= tries
    for ((tries = 0; tries < 600; tries++)); do
        address=$(sed -n 's/^Serving .* at \(http.*\)$/\1/p' "$work/out")
        [ -z "$address" ] || break
        kill -0 "$server" || break
        sleep 0.05
    done
    [ -n "$address" ] || fail "$(cat "$work/err")"
    same "the page" hello "$("$python" -c '
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=30).read().decode())' "$address")"
    kill "$server"
    wait "$server" || fail "it did not end well: $(cat "$work/err")"
    server=
    "$work/usr/bin/rwsgi" --version | grep -qF "$version" || fail "another version"
}

check_files
check_relations
check_scripts
check_lint
unpack
check_module
check_command
step "installed sizes"
rpm -qp --qf '%{NAME} %{SIZE}\n' "$(package rwsgi)" "$(package mod_rwsgi)" "$(package python3-rwsgi)"
echo "All checks of the RPM packages passed."
