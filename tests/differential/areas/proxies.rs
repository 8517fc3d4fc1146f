//! Headers of reverse proxies: believed from everybody, from some, from nobody.

use super::server;
use crate::case::{Area, Case, get};

const CONFIG: &str = "
WSGIScriptAlias / ${APPS}/environ_dump.py application-group=%{GLOBAL}
<Location /all>
  WSGITrustedProxyHeaders X-Forwarded-For X-Forwarded-Host X-Forwarded-Server X-Forwarded-Port X-Script-Name X-Forwarded-Proto
</Location>
<Location /trusted>
  WSGITrustedProxyHeaders X-Forwarded-For X-Forwarded-Host X-Forwarded-Server X-Forwarded-Port X-Script-Name X-Forwarded-Proto
  WSGITrustedProxies 127.0.0.1 10.0.0.0/8 2001:db8::/32
</Location>
<Location /untrusted>
  WSGITrustedProxyHeaders X-Forwarded-For X-Forwarded-Host X-Forwarded-Server X-Forwarded-Port X-Script-Name X-Forwarded-Proto
  WSGITrustedProxies 192.0.2.0/24
</Location>
<Location /others>
  WSGITrustedProxyHeaders X-Client-IP X-Host X-Forwarded-Script-Name X-HTTPS Forwarded X-Unknown
</Location>
<Location /last>
  WSGITrustedProxyHeaders X-Forwarded-For X-Real-IP X-Forwarded-Proto X-Scheme
</Location>
";

/// Each a set of fields that every place gets.
const FIELDS: &[(&str, &[(&str, &str)])] = &[
    ("one client", &[("X-Forwarded-For", "203.0.113.9")]),
    (
        "chain",
        &[("X-Forwarded-For", "203.0.113.9, 198.51.100.7, 10.1.2.3")],
    ),
    (
        "chain in fields",
        &[
            ("X-Forwarded-For", "203.0.113.9"),
            ("X-Forwarded-For", "10.1.2.3"),
        ],
    ),
    ("all trusted", &[("X-Forwarded-For", "10.0.0.1,10.0.0.2")]),
    ("ipv6", &[("X-Forwarded-For", "2001:db8::1, 2001:db8::2")]),
    (
        "empty elements",
        &[("X-Forwarded-For", ", 203.0.113.9,, 10.1.2.3,")],
    ),
    (
        "host, server and port",
        &[
            ("X-Forwarded-Host", "www.example"),
            ("X-Forwarded-Server", "proxy.example"),
            ("X-Forwarded-Port", "8443"),
        ],
    ),
    ("scheme https", &[("X-Forwarded-Proto", "https")]),
    ("scheme http", &[("X-Forwarded-Proto", "http")]),
    ("scheme in capitals", &[("X-Forwarded-Proto", "HTTPS")]),
    ("mount point", &[("X-Script-Name", "/outer")]),
    ("mount point of the root", &[("X-Script-Name", "")]),
    (
        "every synonym",
        &[
            ("X-Forwarded-For", "203.0.113.1"),
            ("X-Client-IP", "203.0.113.2"),
            ("X-Real-IP", "203.0.113.3"),
            ("X-Forwarded-Host", "a.example"),
            ("X-Host", "b.example"),
            ("X-Forwarded-Server", "c.example"),
            ("X-Forwarded-Port", "8001"),
            ("X-Script-Name", "/one"),
            ("X-Forwarded-Script-Name", "/two"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Scheme", "http"),
            ("X-Scheme", "https"),
            ("X-Forwarded-HTTPS", "On"),
            ("X-Forwarded-SSL", "1"),
            ("X-HTTPS", "true"),
        ],
    ),
    ("switch off", &[("X-HTTPS", "Off")]),
    ("forwarded", &[("Forwarded", "for=203.0.113.9;proto=https")]),
];

pub(super) fn area() -> Area {
    let mut cases: Vec<Case> = Vec::new();
    for place in ["/all", "/trusted", "/untrusted", "/others", "/last"] {
        for (name, fields) in FIELDS {
            let case = get(&format!("{place}/x")).named(format!("{place} {name}"));
            cases.push(
                fields
                    .iter()
                    .fold(case, |case, (name, value)| case.header(name, value)),
            );
        }
    }
    // What is no address, where a peer would ask the DNS for a name.
    for value in [
        "unknown",
        "256.1.1.1",
        "203.0.113.9:4711",
        "[2001:db8::9]",
        "a b",
        "203.0.113.9, 1.2.3, 10.0.0.1",
    ] {
        cases.push(
            get("/trusted/x")
                .header("X-Forwarded-For", value)
                .named(format!("no address {value}")),
        );
    }
    Area::embedded("proxies", server().config(CONFIG), cases)
}
