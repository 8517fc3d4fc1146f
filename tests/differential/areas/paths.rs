//! From the target of a request to SCRIPT_NAME and PATH_INFO.

use super::{gets, server};
use crate::case::{Area, Case, get};

const TARGETS: &str = "/ // /// /a /a/ /a//b //a//b /a/./b /a/../b /../a /a/.. /mount /mount/ /mount// //mount /mount/x \
    //mount//x /mount/../x /mount/./x /mount/x/../y /mountain /Mount /mo%75nt /mount%2Fx /mount/%2F /mount/a%2Fb \
    /mount/a%2fb /mount/%2e%2e/x /mount/%2e/x /mount/%00 /mount/a%00b /mount/%20 /mount/+ /mount/%25 /mount/%2520 \
    /mount/%e2%82%ac /mount/%E2%82%AC /mount/%ff%fe /mount/%e9 /mount/% /mount/%4 /mount/%zz /mount/a;b=c /mount/a,b \
    /mount/a:b /mount/a@b /mount/a?b?c /mount?x=/../ /mount/a&b /mount/'q' /mount/\"q\" /mount/<x> /mount/{x} /mount/|x| \
    /mount/\\x /mount/^x /mount/`x` /mount/[x] /mount/~ /mount/a#fragment /mount/* /deep/mount /deep/mount/x \
    /deep//mount/x /deep/mount//x /dir /dir/ /dir/one.py /dir/one.py/x /dir/one.py//x /dir/two.py /dir/none.py /dir/one \
    /re/12 /re/12/x /re/ab /re/12/34 /files/one.py /files/one.py/x /files/one.py?y /files/none.py /files/ /files/note.txt \
    /files/two.py /slashed/ /slashed/x /slashed /static/note.txt /off/one.py /off/one.py/x /on/one.py/x /nocgi/one.py";

/// Slash policies of httpd, each with the same requests.
const ENCODED: &str = "/mount/a%2Fb /mount%2Fa /mount/%2F%2F/x";

pub(super) fn area() -> Area {
    let mut cases: Vec<Case> = gets("", TARGETS);
    cases.push(get("/mount/\u{20ac}").named("raw UTF-8 in the target"));
    cases.push(get("*").named("asterisk"));
    cases.push(Case::new("OPTIONS", "*"));
    cases.push(get("mount").named("no slash"));
    cases.push(get("/mount/a b").named("space in the target"));
    cases.push(get(&format!("/mount/{}", "x".repeat(4000))).named("long path"));
    cases.push(get(&format!("/mount/{}", "x".repeat(9000))).named("too long a target"));
    cases.push(get(&format!("/mount/{}", "y/".repeat(800))).named("many segments"));
    for (host, policy) in [("allow.example", "On"), ("decode.example", "NoDecode")] {
        for case in gets("", ENCODED) {
            let name = format!("{} AllowEncodedSlashes {policy}", case.name);
            cases.push(case.header("Host", host).named(name));
        }
    }
    for target in ["/mount//x", "//mount/x", "/x//y"] {
        cases.push(
            get(target)
                .header("Host", "unmerged.example")
                .named(format!("{target} MergeSlashes Off")),
        );
    }
    Area::embedded(
        "paths",
        with_files().file("conf/mounts.conf", MOUNTS).config(CONFIG),
        cases,
    )
}

/// Scripts in a directory and beside static files.
fn with_files() -> rwsgi_harness::Builder {
    let dump = include_str!("../../apps/environ_dump.py");
    let mut server = server().file("htdocs/static/note.txt", "static\n");
    for file in [
        "apps/dir/one.py",
        "apps/dir/two.py",
        "htdocs/files/one.py",
        "htdocs/files/two.py",
        "htdocs/off/one.py",
        "htdocs/on/one.py",
        "htdocs/nocgi/one.py",
    ] {
        server = server.file(file, dump);
    }
    server.file("htdocs/files/note.txt", "a note\n")
}

const MOUNTS: &str = "
WSGIScriptAlias /mount ${APPS}/environ_dump.py
WSGIScriptAlias / ${APPS}/environ_dump.py
";

/// Every policy of slashes is one of a virtual host.
const CONFIG: &str = "
<VirtualHost *:${PORT}>
  ServerName localhost
  WSGIScriptAlias /mount ${APPS}/environ_dump.py
  WSGIScriptAlias /deep/mount ${APPS}/environ_dump.py
  WSGIScriptAlias /dir ${APPS}/dir
  WSGIScriptAliasMatch ^/re/([0-9]+) ${APPS}/environ_dump.py
  WSGIScriptAlias /slashed/ ${APPS}/environ_dump.py
  Alias /static ${HTDOCS}/static
  Alias /files ${HTDOCS}/files
  Alias /off ${HTDOCS}/off
  Alias /on ${HTDOCS}/on
  Alias /nocgi ${HTDOCS}/nocgi
  WSGIScriptAlias / ${APPS}/environ_dump.py
</VirtualHost>
<VirtualHost *:${PORT}>
  ServerName allow.example
  AllowEncodedSlashes On
  Include conf/mounts.conf
</VirtualHost>
<VirtualHost *:${PORT}>
  ServerName decode.example
  AllowEncodedSlashes NoDecode
  Include conf/mounts.conf
</VirtualHost>
<VirtualHost *:${PORT}>
  ServerName unmerged.example
  MergeSlashes Off
  Include conf/mounts.conf
</VirtualHost>
<Directory ${HTDOCS}/files>
  Options +ExecCGI
  AddHandler wsgi-script .py
</Directory>
<Directory ${HTDOCS}/off>
  Options +ExecCGI
  SetHandler wsgi-script
  AcceptPathInfo Off
</Directory>
<Directory ${HTDOCS}/on>
  Options +ExecCGI
  SetHandler wsgi-script
  AcceptPathInfo On
</Directory>
<Directory ${HTDOCS}/nocgi>
  SetHandler wsgi-script
</Directory>
";
