//! Bytes that are no ASCII: on the wire as Latin-1, in files as UTF-8 whatever the locale is.

use rwsgi_harness::credentials::base64;
use rwsgi_harness::{Builder, Server};

use super::{GROUPS, mode, server};
use crate::modes::Mode;

/// Sends the environ value that `X-Key` names back as the bytes that it stands for.
const ROUND_TRIP: &str = "\
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'application/octet-stream')])
    return [environ[environ['HTTP_X_KEY']].encode('latin-1')]
";

/// Tells how Python decodes, and writes and reads a file with a name and text outside of ASCII.
const FILES: &str = "\
import os, shutil, sys, tempfile
def application(environ, start_response):
    seen = [sys.flags.utf8_mode, sys.getfilesystemencoding()]
    folder = tempfile.mkdtemp()
    try:
        path = os.path.join(folder, '\\u00e4\\u6f22.txt')
        with open(path, 'w') as file:
            file.write('\\u00e4\\u6f22')
        with open(os.fsencode(folder) + b'/\\xc3\\xa4\\xe6\\xbc\\xa2.txt', 'rb') as file:
            seen.append(file.read() == b'\\xc3\\xa4\\xe6\\xbc\\xa2')
        seen.append(os.listdir(folder) == ['\\u00e4\\u6f22.txt'])
    except UnicodeError as error:
        seen.append(type(error).__name__)
    finally:
        shutil.rmtree(folder)
    start_response('200 OK', [])
    return [' '.join(map(str, seen)).encode()]
";

fn mounted(name: &str, source: &str) -> Builder {
    server()
        .app(name, source)
        .config(&format!(
            "WSGIScriptAlias /main ${{APPS}}/{name} application-group=%{{GLOBAL}} pass-authorization=On"
        ))
        .config(&format!(
            "WSGIScriptAlias /sub ${{APPS}}/{name} pass-authorization=On"
        ))
}

/// The value of `key` for a request with this target and header line, as the application got it.
fn received(server: &Server, key: &str, target: &[u8], line: &[u8]) -> Vec<u8> {
    let head = [
        b"GET ",
        target,
        b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Key: ",
        key.as_bytes(),
        b"\r\n",
        line,
        b"\r\n",
    ]
    .concat();
    let mut connection = server.connect();
    connection.send_lossy(head);
    let response = connection.response();
    assert_eq!(response.status, 200, "{key} {target:?} {line:?}: {response:?}");
    response.body
}

fn high_bytes() -> Vec<u8> {
    (0x80..=0xff).collect()
}

fn percent_encoded(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| format!("%{byte:02X}").into_bytes())
        .collect()
}

#[test]
fn a08_any_byte_in_path_and_query_comes_through() {
    let server = mounted("round_trip.py", ROUND_TRIP).start();
    for group in GROUPS {
        for byte in high_bytes() {
            let path = [group.as_bytes(), b"/x", &percent_encoded(&[byte])].concat();
            assert_eq!(
                received(&server, "PATH_INFO", &path, b""),
                [b"/x", &[byte][..]].concat()
            );
            assert_eq!(received(&server, "REQUEST_URI", &path, b""), path);
        }
        let bytes = high_bytes();
        for raw in [&bytes[..], b"\xc3\xa4\xe6\xbc\xa2", b"\xff"] {
            let path = [group.as_bytes(), b"/", raw].concat();
            assert_eq!(received(&server, "PATH_INFO", &path, b""), [b"/", raw].concat());
            assert_eq!(received(&server, "REQUEST_URI", &path, b""), path);
            for query in [raw.to_vec(), percent_encoded(raw)] {
                let target = [group.as_bytes(), b"?", &query].concat();
                assert_eq!(received(&server, "QUERY_STRING", &target, b""), query);
            }
        }
    }
    server.finish();
}

#[test]
fn a08_any_byte_in_a_header_comes_through() {
    let server = mounted("round_trip.py", ROUND_TRIP).start();
    for group in GROUPS {
        for (name, key) in [
            ("X-Any", "HTTP_X_ANY"),
            ("Cookie", "HTTP_COOKIE"),
            ("User-Agent", "HTTP_USER_AGENT"),
            ("Referer", "HTTP_REFERER"),
            ("Content-Type", "CONTENT_TYPE"),
            ("X-Forwarded-For", "HTTP_X_FORWARDED_FOR"),
            ("Sec-WebSocket-Protocol", "HTTP_SEC_WEBSOCKET_PROTOCOL"),
        ] {
            let line = [name.as_bytes(), b": ", &high_bytes(), b"\r\n"].concat();
            assert_eq!(
                received(&server, key, group.as_bytes(), &line),
                high_bytes(),
                "{name}"
            );
        }
    }
    server.finish();
}

#[test]
fn a08_any_byte_in_basic_credentials_comes_through() {
    let modules = ["auth_basic", "authn_core", "authn_anon", "authz_user"];
    let server = modules
        .iter()
        .fold(mounted("round_trip.py", ROUND_TRIP), |builder, module| {
            builder.module(module)
        })
        .config(
            "<Location />\nAuthType Basic\nAuthName \"r\u{e9}alm\"\nAuthBasicProvider anon\nAnonymous *\n\
             Anonymous_MustGiveEmail Off\nAnonymous_LogEmail Off\nRequire valid-user\n</Location>",
        )
        .start();
    for group in GROUPS {
        for user in [high_bytes(), b"j\xc3\xa4ne".to_vec(), b"\xff".to_vec()] {
            let credentials = base64(&[&user[..], b":", &high_bytes()].concat());
            let line = format!("Authorization: Basic {credentials}\r\n");
            let seen = received(&server, "REMOTE_USER", group.as_bytes(), line.as_bytes());
            assert_eq!(seen, user);
            let seen = received(&server, "HTTP_AUTHORIZATION", group.as_bytes(), line.as_bytes());
            assert_eq!(seen, format!("Basic {credentials}").into_bytes());
        }
    }
    server.finish();
}

/// What [`FILES`] tells in each interpreter with this environment and configuration.
fn files(environment: &[(&str, &str)], config: &str) -> String {
    let builder = environment
        .iter()
        .fold(mounted("files.py", FILES), |builder, (name, value)| {
            builder.env(name, value)
        });
    let server = builder.config(config).start();
    let [main, sub] = GROUPS.map(|group| server.get(group).text());
    server.finish();
    assert_eq!(main, sub, "{environment:?} {config}");
    main
}

#[test]
fn files_are_utf8_under_the_c_locale() {
    for environment in [
        &[][..],
        &[("LANG", "C")],
        &[("LC_ALL", "C")],
        &[("LC_ALL", "POSIX")],
        &[("LANG", "xx_YY.missing")],
    ] {
        assert_eq!(files(environment, ""), "1 utf-8 True True", "{environment:?}");
    }
}

#[test]
fn files_are_utf8_when_told() {
    let refuses = [("LC_ALL", "C"), ("PYTHONUTF8", "0")];
    assert_eq!(files(&refuses, "RWSGIUTF8Mode On"), "1 utf-8 True True");
    let asks = [("LC_ALL", "C.UTF-8"), ("PYTHONUTF8", "1")];
    assert_eq!(files(&asks, "RWSGIUTF8Mode Auto"), "1 utf-8 True True");
    assert_eq!(
        files(&[("LC_ALL", "C.UTF-8")], "RWSGIUTF8Mode Off"),
        "0 utf-8 True True"
    );
}

#[test]
fn utf8_mode_can_be_declined() {
    let declined = "0 ascii UnicodeEncodeError";
    let variable = [("LC_ALL", "C"), ("PYTHONUTF8", "0")];
    assert_eq!(files(&variable, ""), declined);
    for locale in ["LANG", "LC_ALL"] {
        if locale == "LANG" && mode() == Mode::Daemon {
            // Python's own executable puts C.UTF-8 in the place of a C locale that LC_ALL does not insist on.
            continue;
        }
        assert_eq!(files(&[(locale, "C")], "RWSGIUTF8Mode Off"), declined, "{locale}");
    }
}
