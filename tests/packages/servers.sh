# Servers of the tests of packages: started, asked, stopped. To be sourced.
#
# One server runs at a time: `server` is its process, `address` where it answers, `output` what it printed.

server=
address=
output=

# first_file FILE...: the first of the files that is there.
first_file() {
    local file
    for file; do
        if [ -f "$file" ]; then
            echo "$file"
            return
        fi
    done
    echo "None of $* is there: install apache2-bin (Debian, Ubuntu) or httpd (Fedora, RHEL)." >&2
    return 1
}

# start_server FOLDER COMMAND...: start a command that serves from FOLDER and says where.
start_server() {
    local folder=$1 tries
    shift
    output=$folder/output.txt
    (cd "$folder" && exec "$@" >output.txt 2>&1) &
    server=$!
    for ((tries = 0; tries < 600; tries++)); do
        address=$(sed -n 's|.* at \(http://[^ ]*\)/$|\1|p' "$output" 2>/dev/null | head -1 || true)
        if [ -n "$address" ]; then
            return
        fi
        if ! kill -0 "$server" 2>/dev/null; then
            break
        fi
        sleep 0.05
    done
    echo "The server did not start:" >&2
    cat "$output" >&2
    exit 1
}

# write_httpd_conf FOLDER LOAD-FILE: an httpd.conf at a free port, with LOAD-FILE and then the standard input.
write_httpd_conf() {
    local folder=$1 load=$2 modules port
    modules=$(dirname "$(first_file /usr/{lib/apache2,lib64/httpd,lib/httpd}/modules/mod_mpm_event.so)")
    port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    address=http://127.0.0.1:$port
    output=$folder/error.log
    {
        echo "ServerRoot $folder"
        echo "DefaultRuntimeDir $folder"
        echo "PidFile $folder/httpd.pid"
        echo "ServerName localhost"
        echo "Listen 127.0.0.1:$port"
        echo "ErrorLog $folder/error.log"
        echo "LoadModule mpm_event_module $modules/mod_mpm_event.so"
        echo "LoadModule authz_core_module $modules/mod_authz_core.so"
        if [ -f "$modules/mod_unixd.so" ]; then
            echo "LoadModule unixd_module $modules/mod_unixd.so"
        fi
        if [ "$(id -u)" = 0 ]; then
            echo "User www-data"
            echo "Group www-data"
        fi
        cat "$load" -
    } >"$folder/httpd.conf"
}

# start_httpd PROGRAM FOLDER: start an httpd with the configuration of write_httpd_conf.
start_httpd() {
    local tries
    "$1" -f "$2/httpd.conf" -DFOREGROUND &
    server=$!
    for ((tries = 0; tries < 600; tries++)); do
        if [ -f "$2/httpd.pid" ]; then
            return
        fi
        if ! kill -0 "$server" 2>/dev/null; then
            break
        fi
        sleep 0.05
    done
    echo "httpd did not start:" >&2
    cat "$output" >&2
    exit 1
}

# stop_server: let the server end, and wait for it.
stop_server() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" || true
        server=
    fi
}

# status_of PATH: the status that a GET gets.
status_of() {
    curl --silent --output /dev/null --max-time 20 --write-out '%{http_code}' "$address$1"
}

# expect PATH TEXT: fail unless a GET gets TEXT.
expect() {
    local found
    found=$(curl --silent --show-error --max-time 20 "$address$1")
    if [ "$found" != "$2" ]; then
        echo "$address$1 answered '$found' instead of '$2'; the log:" >&2
        cat "$output" >&2
        exit 1
    fi
}
