//! From an address to a script, and to nothing else.

use std::collections::BTreeSet;

use super::{APPLICATION, MOUNTS, ask, builder, goes_on, json};
use crate::{server, skips};
use rwsgi_harness::{Builder, Server, httpd_module_exists};

/// Text that stands in each script and must never reach a client.
const CANARY: &str = "source-that-nobody-may-read";

const SCRIPT: &str = "# source-that-nobody-may-read\n\
    def application(environ, start_response):\n    \
        start_response('200 OK', [('Content-Type', 'text/html')])\n    \
        return [b'ran']\n";

/// CVE-2005-0088: a URL named any object; in uWSGI and PHP-FPM, parameters named files to run.
#[test]
fn a20_a60_no_request_names_an_attribute_or_a_file() {
    let server = builder().start();
    let children = server.children();
    for name in [
        "other_application",
        "secret",
        "__doc__",
        "CASES",
        "hashlib",
        "json/dumps",
        "__builtins__/eval",
    ] {
        for target in [
            format!("/app/{name}"),
            format!("/app.{name}"),
            format!("/app:{name}"),
            format!("/app?callable-object={name}"),
            format!("/app?{name}"),
        ] {
            let response = server
                .request("GET", &target)
                .header("mod-wsgi-callable-object", name)
                .header("mod_wsgi.callable_object", name)
                .header("UWSGI-FILE", "/etc/passwd")
                .header("PHP-VALUE", "auto_prepend_file=/etc/passwd")
                .send();
            if response.status == 200 {
                assert_eq!(json(&response)["mod_wsgi.callable_object"], "application");
            } else {
                assert_eq!(response.status, 404, "{target}: {response:?}");
            }
        }
    }
    goes_on(&server, &children);
    server.finish();
}

/// CVE-2019-11043: PATH_INFO came from pointer arithmetic that a line end misled.
#[test]
fn a27_script_name_and_path_info_make_up_the_path() {
    let server = builder().start();
    let segments = [
        ("a", "a"),
        ("%0a", "\n"),
        ("x%0Ay", "x\ny"),
        ("%0d%0a", "\r\n"),
        ("%25", "%"),
        ("%3f", "?"),
        ("%23", "#"),
        ("%e4", "\u{e4}"),
        ("b%20c", "b c"),
        (";p=1", ";p=1"),
        ("...", "..."),
        (".a", ".a"),
        ("%09", "\t"),
        ("%7f", "\x7f"),
    ];
    let mut connection = server.connect();
    for (number, (first, plain_first)) in segments.iter().enumerate() {
        for (second, plain_second) in segments {
            let mount = MOUNTS[number % 2];
            let response = connection.get(&format!("{mount}/{first}/{second}"));
            let shown = json(&response);
            assert_eq!(shown["SCRIPT_NAME"], mount, "{first}/{second}");
            assert_eq!(shown["PATH_INFO"], format!("/{plain_first}/{plain_second}"));
            assert_eq!(shown["REQUEST_URI"], format!("{mount}/{first}/{second}"));
            if response.says_close() {
                connection = server.connect();
            }
        }
    }
    server.finish();
}

/// What some variables are, by address and configuration: they changed their meaning elsewhere, several times.
#[test]
fn a31_golden_paths_of_addresses() {
    let server = server()
        .one_process()
        .file("scripts/one.py", APPLICATION)
        .file("scripts/inner/two.py", APPLICATION)
        .file("htdocs/files/three.wsgi", APPLICATION)
        .config(
            "<VirtualHost *:${PORT}>\nWSGIScriptAlias /dir/ ${ROOT}/scripts/\nWSGIScriptAlias /sub/path ${ROOT}/scripts/one.py\n\
             WSGIScriptAlias /sub ${ROOT}/scripts/inner/two.py\n\
             WSGIScriptAliasMatch ^/m/([a-z]+) ${ROOT}/scripts/$1.py\n\
             WSGIScriptAlias / ${ROOT}/scripts/one.py\n</VirtualHost>\n\
             <Directory ${HTDOCS}/files>\nOptions +ExecCGI\n<Files *.wsgi>\nSetHandler wsgi-script\n</Files>\n</Directory>\n\
             <VirtualHost *:${PORT}>\nServerName files.test\nAlias /aliased ${HTDOCS}/files/three.wsgi\n</VirtualHost>",
        )
        .start();
    let rows = "\
        /                       |            |/                  |one.py
        /?q                     |            |/                  |one.py
        //                      |            |/                  |one.py
        /a                      |            |/a                 |one.py
        /a/                     |            |/a/                |one.py
        /a//b                   |            |/a/b               |one.py
        /a/./b                  |            |/a/b               |one.py
        /a/../b                 |            |/b                 |one.py
        /a/%2e%2e/b             |            |/b                 |one.py
        /a%20b                  |            |/a b               |one.py
        /a;b=c                  |            |/a;b=c             |one.py
        /%C3%A4                 |            |/\u{c3}\u{a4}      |one.py
        /a%3Fb?c                |            |/a?b               |one.py
        /subway                 |            |/subway            |one.py
        /sub                    |/sub        |                   |two.py
        /sub/                   |/sub        |/                  |two.py
        /sub/x                  |/sub        |/x                 |two.py
        //sub//x                |/sub        |/x                 |two.py
        /sub/pathology          |/sub        |/pathology         |two.py
        /sub/path               |/sub/path   |                   |one.py
        /sub/path/              |/sub/path   |/                  |one.py
        /sub/path/x/y           |/sub/path   |/x/y               |one.py
        /sub/./path/x           |/sub/path   |/x                 |one.py
        /sub/x/../path/y        |/sub/path   |/y                 |one.py
        /dir/one.py             |/dir/one.py |                   |one.py
        /dir/one.py/            |/dir/one.py |/                  |one.py
        /dir/one.py/x           |/dir/one.py |/x                 |one.py
        /dir/one.py?q=/x        |/dir/one.py |                   |one.py
        /dir/inner/two.py/x     |/dir/inner/two.py|/x            |two.py
        /dir//one.py//x         |/dir/one.py |/x                 |one.py
        /m/one                  |/m/one      |                   |one.py
        /m/one/x                |/m/one      |/x                 |one.py
        /files/three.wsgi       |/files/three.wsgi|              |three.wsgi
        /files/three.wsgi/      |/files/three.wsgi|/             |three.wsgi
        /files/three.wsgi/x/y   |/files/three.wsgi|/x/y          |three.wsgi
        /aliased                |/aliased    |                   |three.wsgi
        /aliased/x              |/aliased    |/x                 |three.wsgi
        /dir                    |            |/dir               |one.py
        /m/                     |            |/m/                |one.py
        /SUB                    |            |/SUB               |one.py";
    assert_eq!(rows.lines().count(), 40);
    for row in rows.lines() {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [target, script_name, path_info, file] = cells[..] else {
            panic!("not four cells: {row}")
        };
        let host = if file == "three.wsgi" {
            "files.test"
        } else {
            "localhost"
        };
        let shown = json(&server.request("GET", target).header("Host", host).send());
        let got = [&shown["SCRIPT_NAME"], &shown["PATH_INFO"]];
        assert_eq!(got, [script_name, path_info], "{target}");
        let script = shown["SCRIPT_FILENAME"].as_str().unwrap_or_default();
        assert!(script.ends_with(&format!("/{file}")), "{target}: {script}");
    }
    server.finish();
}

/// mod_proxy_fcgi: an ErrorDocument of the same backend looped.
#[test]
fn a32_an_error_document_by_the_application_ends() {
    let server = builder()
        .config(
            "WSGIErrorOverride On\nErrorDocument 404 /app/page\nErrorDocument 500 /app/page\n\
             WSGIScriptAlias /broken ${ROOT}/apps/not-there.py",
        )
        .allow_log("told to fail|^ |Traceback|WSGI0174|WSGI0135|AH")
        .start();
    for case in ["missing", "fails"] {
        let before: u32 = ask(&server, "calls", "/app")
            .send()
            .text()
            .parse()
            .expect("a number");
        let response = ask(&server, case, "/app/x").send();
        assert!(
            [404, 500].contains(&response.status) && response.complete,
            "{response:?}"
        );
        let after: u32 = ask(&server, "calls", "/app")
            .send()
            .text()
            .parse()
            .expect("a number");
        assert!(after - before <= 3, "{case}: called {} times", after - before - 1);
    }
    server.finish();
}

/// CVE-2024-38473: what access rules saw was not what the backend got.
#[test]
fn a35_no_spelling_of_a_path_gets_past_its_rules() {
    let server = builder()
        .config("<Location /app/private>\nRequire all denied\n</Location>")
        .allow_log("AH")
        .start();
    for target in [
        "/app/private",
        "/app/private/",
        "/app/private/x",
        "/app/%70rivate",
        "/app/%70%72%69%76%61%74%65/x",
        "/app/x/../private",
        "/app/x/%2e%2e/private/y",
        "/app/./private",
        "/app/%2e/private",
        "//app//private",
        "/app//private/x",
        "/%61pp/private",
        "/x/../app/private",
        "/app/private%2fx",
        "/app/private%2Fx",
        "/app%2fprivate",
        "/app/private?x",
        "/app/private%3fx",
        "/app/private;x",
        "/app/private%00",
        "/app/.%2e/app/private",
        "/app/private/.",
        "/app/private/x/..",
        "/app/private%20",
        "/app/private.",
        "/app/%2570rivate",
    ] {
        let response = server.get(target);
        if response.status == 200 {
            let shown = json(&response);
            let path = format!(
                "{}{}",
                shown["SCRIPT_NAME"].as_str().expect("text"),
                shown["PATH_INFO"].as_str().expect("text")
            );
            assert!(
                path != "/app/private" && !path.starts_with("/app/private/"),
                "{target} became {path}"
            );
        } else {
            assert!(
                [400, 403, 404].contains(&response.status),
                "{target}: {response:?}"
            );
        }
    }
    server.finish();
}

fn with_scripts() -> Builder {
    server()
        .file("scripts/one.wsgi", SCRIPT)
        .file("scripts/one.txt", CANARY)
        .file("outside.wsgi", SCRIPT)
        .file("htdocs/files/index.wsgi", SCRIPT)
        .config("WSGIScriptAlias /srv ${ROOT}/scripts")
        .allow_log("AH|WSGI013[4567]|WSGI0105|WSGI0109|WSGI0174|^ |Traceback|Error")
}

#[track_caller]
fn shows_no_source(server: &Server, target: &str) -> u16 {
    let response = server.get(target);
    assert!(!response.text().contains(CANARY), "{target}: {response:?}");
    response.status
}

/// CVE-2024-38474, -38475: a `?` in the text that a rule took from the path.
#[test]
fn a36_rewriting_selects_no_other_script() {
    if !httpd_module_exists("rewrite") {
        skips::<()>("this httpd has no mod_rewrite");
        return;
    }
    let server = with_scripts()
        .module("rewrite")
        .config("RewriteEngine On\nRewriteRule ^/r/(.+)$ /srv/$1.wsgi [PT]")
        .start();
    assert_eq!(server.get("/r/one").text(), "ran");
    for target in [
        "/r/one.txt%3f",
        "/r/one.txt%3Fx",
        "/r/../outside",
        "/r/%2e%2e/outside",
        "/r/one.txt%00",
        "/r/one.txt%23",
    ] {
        let status = shows_no_source(&server, target);
        assert!(status >= 400, "{target}: {status}");
    }
    server.finish();
}

/// CVE-2024-39884, -40725: indirect requests got the source of scripts.
#[test]
fn a38_no_way_leads_to_the_source_of_a_script() {
    let server = with_scripts()
        .module("include")
        .module("rewrite")
        .file("htdocs/page.shtml", "<!--#include virtual=\"/files/index.wsgi\" -->")
        .config(
            "<Directory ${HTDOCS}>\nOptions +ExecCGI +Includes\nAddHandler wsgi-script .wsgi\n\
             AddType text/html .shtml\nAddOutputFilter INCLUDES .shtml\nDirectoryIndex index.wsgi\n</Directory>\n\
             ErrorDocument 404 /files/index.wsgi\nErrorDocument 403 /files/index.wsgi\n\
             RewriteEngine On\nRewriteRule ^/rewritten$ /files/index.wsgi [PT]\n\
             <Location /forbidden>\nRequire all denied\n</Location>",
        )
        .start();
    for target in [
        "/files/",
        "/files/index.wsgi",
        "/page.shtml",
        "/rewritten",
        "/not-there.html",
        "/forbidden",
    ] {
        assert!(
            server.get(target).text().contains("ran"),
            "{target}: {:?}",
            server.get(target)
        );
    }
    for target in [
        "/files/index.wsgi/",
        "/files/index.wsgi%00",
        "/files/index.wsgi%20",
        "/files/index.wsgi.",
        "/FILES/index.wsgi",
        "/srv/one.wsgi.",
        "/srv/one.wsgi%00.txt",
        "/srv/one.wsgi~",
        "/srv/",
        "/srv/one.txt",
    ] {
        shows_no_source(&server, target);
    }
    server.finish();
}

/// CVE-2021-41773, -42013: dots that were encoded once or twice left the directory.
#[test]
fn a52_no_dots_lead_out_of_a_directory_of_scripts() {
    let server = with_scripts().start();
    let dots = [
        "..",
        "%2e%2e",
        ".%2e",
        "%2e.",
        "%%32%65%%32%65",
        "%%32e%%32e",
        "%252e%252e",
        "..%00",
        "%c0%ae%c0%ae",
        ".\\.",
    ];
    let separators = ["/", "//", "%2f", "%5c", "/./", "%252f"];
    let mut statuses = BTreeSet::new();
    for dot in dots {
        for separator in separators {
            for target in [
                format!("/srv{separator}{dot}{separator}outside.wsgi"),
                format!("/srv/{dot}{separator}outside.wsgi"),
                format!("/srv/one.wsgi{separator}{dot}{separator}{dot}{separator}outside.wsgi"),
                format!("/srv/x{separator}{dot}{separator}{dot}{separator}outside.wsgi"),
            ] {
                let response = server.get(&target);
                let text = response.text();
                assert!(!text.contains(CANARY), "{target}: {response:?}");
                // A path behind one.wsgi belongs to that script; nothing else runs.
                assert!(
                    !text.contains("ran") || target.starts_with("/srv/one.wsgi"),
                    "{target}: {response:?}"
                );
                statuses.insert(response.status);
            }
        }
    }
    assert!(
        statuses
            .iter()
            .all(|status| [200, 400, 403, 404].contains(status)),
        "{statuses:?}"
    );
    assert_eq!(server.get("/srv/one.wsgi").text(), "ran");
    server.finish();
}
