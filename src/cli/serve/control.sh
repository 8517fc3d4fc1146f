#!/bin/sh
# Controls this server. Made by rwsgi serve --setup.
httpd=@HTTPD@
root=@ROOT@

# Variables that httpd and the applications are to have.
if [ -f "$root/environment" ]; then
    set -a
    . "$root/environment"
    set +a
fi

case ${1:-} in
start | stop | restart | graceful | graceful-stop) exec "$httpd" -f "$root/httpd.conf" -k "$1" ;;
run) exec "$httpd" -f "$root/httpd.conf" -DFOREGROUND ;;
test) exec "$httpd" -f "$root/httpd.conf" -t ;;
check) exec @COMMAND@ check "$root/httpd.conf" --httpd "$httpd" ;;
*)
    echo "usage: $0 start|stop|restart|graceful|graceful-stop|run|test|check" >&2
    exit 64
    ;;
esac
