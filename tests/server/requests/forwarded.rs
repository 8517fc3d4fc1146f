//! What an application sees of the client behind reverse proxies, and what clients cannot make it see.

use std::fs;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use mod_rwsgi::gateway::forwarded::{Category, HEADERS};
use rwsgi_harness::{Builder, Response, Server, httpd_module_exists};

use super::{GROUPS, mounted, server};
use crate::certificate;

/// A network that the tests' own connections do not come from.
const ELSEWHERE: &str = "WSGITrustedProxies 10.0.0.0/8";
/// The one they come from, and a second proxy behind it.
const HERE: &str = "WSGITrustedProxies 127.0.0.1 10.0.0.0/8";

fn all_headers() -> String {
    let names: Vec<&str> = HEADERS.iter().map(|header| header.name).collect();
    format!("WSGITrustedProxyHeaders {}", names.join(" "))
}

fn dump() -> Builder {
    mounted("environ_dump.py")
}

/// The value of one key in a dump, without quotes.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let shown = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))?;
    Some(shown.trim_matches('\''))
}

fn key_of(header: &str) -> String {
    format!("HTTP_{}", header.to_ascii_uppercase().replace('-', "_"))
}

/// What a header of this category could be forged to.
fn forged(header: &str, category: Category) -> &'static str {
    match category {
        Category::Client => "192.0.2.66",
        Category::Host | Category::Server => "forged.example",
        Category::Port => "6666",
        Category::ScriptName => "/forged",
        Category::Scheme if matches!(header, "X-Forwarded-HTTPS" | "X-Forwarded-SSL" | "X-HTTPS") => "on",
        Category::Scheme => "https",
    }
}

fn send_all(server: &Server, target: &str, spell: fn(&str) -> String) -> Response {
    HEADERS
        .iter()
        .fold(server.request("GET", target), |request, header| {
            request.header(&spell(header.name), forged(header.name, header.category))
        })
        .send()
}

#[test]
fn a04_an_untrusted_peer_cannot_forge_anything() {
    let server = dump()
        .module("setenvif")
        .config(&all_headers())
        .config(ELSEWHERE)
        .config("SetEnvIf X-Real-IP (.*) HTTP_X_CLIENT_IP=$1")
        .start();
    let spellings: [fn(&str) -> String; 4] = [
        str::to_string,
        str::to_ascii_lowercase,
        str::to_ascii_uppercase,
        |name| name.replace('-', "_"),
    ];
    for group in GROUPS {
        for spell in spellings {
            let text = send_all(&server, group, spell).text();
            for header in &HEADERS {
                assert_eq!(value(&text, &key_of(header.name)), None, "{text}");
            }
            for forgery in ["192.0.2.66", "forged", "6666", "https"] {
                assert!(!text.contains(forgery), "{forgery} in {text}");
            }
            assert_eq!(value(&text, "REMOTE_ADDR"), Some("127.0.0.1"));
            assert_eq!(value(&text, "wsgi.url_scheme"), Some("http"));
            assert_eq!(value(&text, "SCRIPT_NAME"), Some(group));
        }
    }
    server.finish();
}

#[test]
fn a04_only_the_header_that_counts_reaches_the_application() {
    let server = dump().config(&all_headers()).config(HERE).start();
    for group in GROUPS {
        let text = send_all(&server, group, str::to_string).text();
        for header in &HEADERS {
            // All are sent, so the last of its category counts.
            let last = HEADERS.iter().rfind(|other| other.category == header.category);
            let counts = last.is_some_and(|last| last.name == header.name);
            let seen = value(&text, &key_of(header.name));
            let sent = forged(header.name, header.category);
            assert_eq!(seen, counts.then_some(sent), "{}", header.name);
        }
        for (key, expected) in [
            ("REMOTE_ADDR", "192.0.2.66"),
            ("HTTP_HOST", "forged.example"),
            ("SERVER_NAME", "forged.example"),
            ("SERVER_PORT", "6666"),
            ("SCRIPT_NAME", "/forged"),
            ("mod_wsgi.mount_point", "/forged"),
            ("mod_wsgi.script_name", group),
            ("PATH_INFO", ""),
            ("wsgi.url_scheme", "https"),
            ("REQUEST_SCHEME", "http"),
        ] {
            assert_eq!(value(&text, key), Some(expected), "{key}");
        }
    }
    server.finish();
}

#[test]
fn forwarding_headers_are_plain_headers_unless_trusted() {
    let server = dump()
        .config("<Location /sub>\nWSGITrustedProxyHeaders X-Real-IP\n</Location>")
        .start();
    let text = send_all(&server, "/main", str::to_string).text();
    for header in &HEADERS {
        let sent = forged(header.name, header.category);
        assert_eq!(value(&text, &key_of(header.name)), Some(sent));
    }
    assert_eq!(value(&text, "REMOTE_ADDR"), Some("127.0.0.1"));
    assert_eq!(value(&text, "wsgi.url_scheme"), Some("http"));
    assert_eq!(value(&text, "mod_wsgi.mount_point"), None);
    // Where one kind is trusted, the other kinds stay plain.
    let text = send_all(&server, "/sub", str::to_string).text();
    assert_eq!(value(&text, "REMOTE_ADDR"), Some("192.0.2.66"));
    assert_eq!(value(&text, "HTTP_X_FORWARDED_FOR"), None);
    assert_eq!(value(&text, "HTTP_X_FORWARDED_PROTO"), Some("https"));
    assert_eq!(value(&text, "wsgi.url_scheme"), Some("http"));
    server.finish();
}

#[test]
fn a05_remote_addr_is_the_last_address_that_a_trusted_proxy_vouches_for() {
    let server = dump()
        .config("WSGITrustedProxyHeaders X-Forwarded-For")
        .config(HERE)
        .start();
    for (sent, addr, kept) in [
        ("192.0.2.1", "192.0.2.1", Some("192.0.2.1")),
        ("192.0.2.6, 192.0.2.1", "192.0.2.1", Some("192.0.2.1")),
        (
            "192.0.2.6, 192.0.2.1, 10.0.0.1",
            "192.0.2.1",
            Some("192.0.2.1, 10.0.0.1"),
        ),
        ("192.0.2.1,,", "192.0.2.1", Some("192.0.2.1,,")),
        (",", "127.0.0.1", None),
        ("evil.example", "127.0.0.1", None),
        ("evil.example, 10.0.0.1", "10.0.0.1", Some("10.0.0.1")),
        (
            "[2001:db8::1]:99, 10.0.0.1",
            "2001:db8::1",
            Some("[2001:db8::1]:99, 10.0.0.1"),
        ),
    ] {
        for group in GROUPS {
            let text = server
                .request("GET", group)
                .header("X-Forwarded-For", sent)
                .send()
                .text();
            assert_eq!(value(&text, "REMOTE_ADDR"), Some(addr), "{sent}");
            assert_eq!(value(&text, "HTTP_X_FORWARDED_FOR"), kept, "{sent}");
        }
    }
    server.finish();
}

#[test]
fn a05_remote_addr_is_always_an_address() {
    let server = dump()
        .config("WSGITrustedProxyHeaders X-Client-IP X-Real-IP X-Forwarded-For")
        .config("<Location /sub>\nWSGITrustedProxies 127.0.0.0/8 10.0.0.0/8\n</Location>")
        .start();
    let pieces = [
        "",
        ",",
        " ",
        "10.0.0.1",
        "192.0.2.1",
        "::1",
        "[::1]",
        ":80",
        "\"",
        "unknown",
        "a.example",
        "1.2",
        "_x",
    ];
    let mut connection = server.connect();
    let mut seen = 0;
    for first in pieces {
        for second in pieces {
            for (group, name) in GROUPS.into_iter().zip(["X-Forwarded-For", "X-Real-IP"]) {
                for sent in [format!("{first},{second}"), format!("{first}{second}")] {
                    let request = server.request("GET", group).header(name, &sent);
                    let text = request.send_on(&mut connection).text();
                    let addr = value(&text, "REMOTE_ADDR").expect("REMOTE_ADDR is always there");
                    assert!(addr.parse::<IpAddr>().is_ok(), "{addr:?} of {sent:?}");
                    seen += 1;
                }
            }
        }
    }
    assert_eq!(seen, pieces.len() * pieces.len() * 4);
    server.finish();
}

#[test]
fn a06_scheme_by_proxy_header_and_tls() {
    let modules = ["ssl", "proxy", "proxy_http", "setenvif"];
    if modules.iter().any(|module| !httpd_module_exists(module)) {
        println!(
            "skipped: the installed httpd lacks one of mod_{}",
            modules.join(", mod_")
        );
        return;
    }
    let Some(certificate) = certificate() else {
        println!("skipped: no openssl to make a certificate with");
        return;
    };
    let pem = |name| fs::read(certificate.path().join(name)).expect("openssl wrote it");
    let server = modules
        .iter()
        .fold(server(), |builder, module| builder.module(module))
        .listen("TLS")
        .file("conf/cert.pem", pem("cert.pem"))
        .file("conf/key.pem", pem("key.pem"))
        .config(
            "WSGIScriptAlias /believed ${APPS}/environ_dump.py\n\
             WSGIScriptAlias /refused ${APPS}/environ_dump.py\n\
             WSGIScriptAlias /anybody ${APPS}/environ_dump.py\n\
             WSGIScriptAlias /unset ${APPS}/environ_dump.py\n\
             SetEnvIf X-Https-Variable (.*) HTTPS=$1\n\
             <LocationMatch ^/(believed|refused|anybody)>\n\
             WSGITrustedProxyHeaders X-Forwarded-Proto X-Forwarded-SSL\n</LocationMatch>\n\
             <Location /believed>\nWSGITrustedProxies 127.0.0.1\n</Location>\n\
             <Location /refused>\nWSGITrustedProxies 10.0.0.1\n</Location>\n\
             SSLProxyEngine on\nSSLProxyCheckPeerName off\nSSLProxyCheckPeerCN off\n\
             ProxyAddHeaders off\nProxyPass /tls/ https://127.0.0.1:${PORT_TLS}/ disablereuse=on\n\
             <VirtualHost 127.0.0.1:${PORT_TLS}>\nSSLEngine on\n\
             SSLCertificateFile conf/cert.pem\nSSLCertificateKeyFile conf/key.pem\n</VirtualHost>",
        )
        .allow_log("AH0(1873|1882|1906|1909)")
        .start();
    for place in ["believed", "refused", "anybody", "unset"] {
        for tls in [false, true] {
            for (name, sent, says) in [
                ("X-Other", "-", None),
                ("X-Forwarded-Proto", "https", Some("https")),
                ("X-Forwarded-Proto", "http", Some("http")),
                ("X-Forwarded-Proto", "gopher", None),
                ("X-Forwarded-SSL", "On", Some("https")),
                ("X-Forwarded-SSL", "off", Some("http")),
            ] {
                for variable in ["on", "off"] {
                    let target = format!("{}/{place}", if tls { "/tls" } else { "" });
                    let response = server
                        .request("GET", &target)
                        .header(name, sent)
                        .header("X-Https-Variable", variable)
                        .send();
                    assert_eq!(response.status, 200, "{response:?}");
                    let own = if tls || variable == "on" { "https" } else { "http" };
                    let believed = matches!(place, "believed" | "anybody");
                    let expected = says.filter(|_| believed).unwrap_or(own);
                    let text = response.text();
                    let case = format!("{target} {name}: {sent}, HTTPS={variable}");
                    assert_eq!(value(&text, "wsgi.url_scheme"), Some(expected), "{case}");
                    assert_eq!(value(&text, "HTTPS"), None, "{case}");
                }
            }
        }
    }
    server.finish();
}

#[test]
fn r32_a_spoofed_chain_of_ten_thousand_is_followed_once() {
    let server = dump()
        .config("LimitRequestFieldSize 200000")
        .config("WSGITrustedProxyHeaders X-Forwarded-For")
        .config(HERE)
        .start();
    let spoofed = vec!["192.0.2.66"; 10_000].join(", ");
    let trusted = vec!["10.0.0.1"; 10_000].join(", ");
    for group in GROUPS {
        for (sent, addr, length) in [
            (format!("{spoofed}, 192.0.2.1"), "192.0.2.1", 9),
            (format!("192.0.2.1, {trusted}"), "192.0.2.1", 100_009),
            (trusted.clone(), "10.0.0.1", 99_998),
        ] {
            let start = Instant::now();
            let text = server
                .request("GET", group)
                .header("X-Forwarded-For", &sent)
                .send()
                .text();
            assert_eq!(value(&text, "REMOTE_ADDR"), Some(addr));
            let kept = value(&text, "HTTP_X_FORWARDED_FOR").map(str::len);
            assert_eq!(kept, Some(length));
            assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        }
    }
    server.finish();
}

#[test]
fn the_client_that_mod_remoteip_finds_is_respected() {
    if !httpd_module_exists("remoteip") {
        println!("skipped: the installed httpd lacks mod_remoteip");
        return;
    }
    let server = dump()
        .module("remoteip")
        .config("RemoteIPHeader X-Client-Chain\nRemoteIPInternalProxy 127.0.0.1")
        .config("WSGITrustedProxyHeaders X-Forwarded-For X-Forwarded-Proto")
        .config("<Location /main>\nWSGITrustedProxies 127.0.0.1\n</Location>")
        .config("<Location /sub>\nWSGITrustedProxies 192.0.2.9\n</Location>")
        .start();
    let ask = |group| {
        server
            .request("GET", group)
            .header("X-Client-Chain", "192.0.2.9")
            .header("X-Forwarded-For", "192.0.2.66")
            .header("X-Forwarded-Proto", "https")
            .send()
            .text()
    };
    // The client that mod_remoteip found is not one of the trusted proxies.
    let text = ask("/main");
    assert_eq!(value(&text, "REMOTE_ADDR"), Some("192.0.2.9"));
    assert_eq!(value(&text, "wsgi.url_scheme"), Some("http"));
    assert_eq!(value(&text, "HTTP_X_FORWARDED_FOR"), None);
    assert_eq!(value(&text, "HTTP_X_FORWARDED_PROTO"), None);
    // Here it is one.
    let text = ask("/sub");
    assert_eq!(value(&text, "REMOTE_ADDR"), Some("192.0.2.66"));
    assert_eq!(value(&text, "wsgi.url_scheme"), Some("https"));
    server.finish();
}

#[test]
fn a58_a_proxy_header_sets_no_proxy() {
    let server = server()
        .app(
            "proxies.py",
            "import os\n\
             def application(environ, start_response):\n    \
                 start_response('200 OK', [])\n    \
                 names = [name for name in (*environ, *os.environ) if name.upper().endswith('PROXY')]\n    \
                 return [(environ['SERVER_PROTOCOL'] + repr(names)).encode()]\n",
        )
        .config("WSGIScriptAlias /main ${APPS}/proxies.py application-group=%{GLOBAL}")
        .config("WSGIScriptAlias /sub ${APPS}/proxies.py")
        .config("WSGITrustedProxyHeaders X-Forwarded-For")
        .start();
    for group in GROUPS {
        for name in ["Proxy", "proxy", "PROXY", "HTTP_PROXY", "Pro_xy"] {
            let request = server.request("GET", group).header(name, "http://evil.example");
            assert_eq!(request.send().text(), "HTTP/1.1[]", "{name}");
        }
    }
    server.finish();
}

/// httpd is its own HTTP/2 client here.
#[test]
fn a58_a_proxy_header_of_http2_sets_no_proxy() {
    let modules = ["http2", "proxy", "proxy_http2"];
    if modules.iter().any(|module| !httpd_module_exists(module)) {
        println!(
            "skipped: the installed httpd lacks one of mod_{}",
            modules.join(", mod_")
        );
        return;
    }
    let server = modules
        .iter()
        .fold(dump(), |builder, module| builder.module(module))
        .config("WSGIChunkedRequest On\nProtocols h2c http/1.1\nProxyPass /h2/ h2c://127.0.0.1:${PORT}/ disablereuse=on")
        .allow_log("AH10034")
        .start();
    for group in GROUPS {
        let target = format!("/h2{group}");
        let request = server
            .request("GET", &target)
            .header("Proxy", "http://evil.example");
        let text = request.header("X-Other", "passed on").send().text();
        assert_eq!(value(&text, "SERVER_PROTOCOL"), Some("HTTP/2.0"), "{text}");
        assert_eq!(value(&text, "HTTP_X_OTHER"), Some("passed on"));
        assert_eq!(value(&text, "HTTP_PROXY"), None);
    }
    server.finish();
}
