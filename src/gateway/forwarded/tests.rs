//! The table, the way back through a chain of proxies, and who is believed.

use proptest::prelude::*;

use super::*;

const PEER: &[u8] = b"127.0.0.1";

fn trusted(names: &[&str]) -> TrustedHeaders {
    let headers = TrustedHeaders::of_keys(names.iter().map(|name| key(name)));
    assert_eq!(headers.listed.len(), names.len(), "{names:?}");
    headers
}

fn key(name: &str) -> String {
    format!("HTTP_{}", name.to_ascii_uppercase().replace('-', "_"))
}

fn proxies(networks: &[&str]) -> Vec<Network> {
    networks
        .iter()
        .map(|network| Network::parse(network).expect(network))
        .collect()
}

fn all_names() -> Vec<&'static str> {
    HEADERS.iter().map(|header| header.name).collect()
}

fn read_pairs<'r>(
    names: &[&str],
    networks: Option<&[&str]>,
    headers: &[(&'r str, &'r str)],
) -> Forwarded<'r> {
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let networks = networks.map(proxies);
    read(&trusted(names), networks.as_deref(), headers, PEER)
}

/// A value that the header's form accepts and that changes something.
fn telling_value(header: &Header) -> &'static str {
    match header.form {
        Form::AddressChain | Form::Address => "192.0.2.7",
        Form::Name => "evil.example",
        Form::Path => "/evil",
        Form::Port => "666",
        Form::Scheme => "https",
        Form::Switch => "on",
    }
}

#[test]
fn a04_nothing_of_an_untrusted_peer_survives() {
    for listed in &HEADERS {
        // One header mentioned, all sent: every synonym goes.
        let sent: Vec<(&str, &str)> = HEADERS
            .iter()
            .map(|header| (header.name, telling_value(header)))
            .collect();
        let forwarded = read_pairs(&[listed.name], Some(&["10.0.0.0/8"]), &sent);
        for header in &HEADERS {
            let same = header.category == listed.category;
            let variable = key(header.name);
            for name in [header.name.to_ascii_lowercase(), header.name.to_ascii_uppercase()] {
                assert_eq!(
                    forwarded.drops_header(name.as_bytes()),
                    same,
                    "{name} {}",
                    listed.name
                );
            }
            assert_eq!(forwarded.drops_variable(variable.as_bytes()), same, "{variable}");
        }
        let changed = Forwarded {
            dropped: Vec::new(),
            ..forwarded
        };
        assert_eq!(changed, Forwarded::default());
    }
    let forwarded = read_pairs(&all_names(), Some(&["10.0.0.0/8"]), &[]);
    assert_eq!(forwarded.dropped.len(), HEADERS.len());
}

#[test]
fn a04_a_peer_without_an_address_is_not_trusted() {
    let headers = [(&b"X-Real-IP"[..], &b"192.0.2.7"[..])];
    for peer in [&b""[..], b"localhost", b"\xff"] {
        let everybody = proxies(&["::/0", "0.0.0.0/0"]);
        let forwarded = read(
            &trusted(&["X-Real-IP"]),
            Some(&everybody[..]),
            headers.into_iter(),
            peer,
        );
        assert_eq!(forwarded.remote_addr, None);
        assert!(forwarded.drops_header(b"x-real-ip"));
    }
}

#[test]
fn every_header_has_its_effect_and_drops_its_synonyms() {
    for header in &HEADERS {
        let value = telling_value(header);
        let forwarded = read_pairs(&all_names(), Some(&["127.0.0.0/8"]), &[(header.name, value)]);
        let set = match header.category {
            Category::Client => forwarded.remote_addr,
            Category::Host => forwarded.http_host,
            Category::Server => forwarded.server_name,
            Category::Port => forwarded.server_port,
            Category::ScriptName => forwarded.script_name,
            Category::Scheme => forwarded.https.map(|_| value.as_bytes()),
        };
        assert_eq!(set, Some(value.as_bytes()), "{}", header.name);
        assert!(!forwarded.drops_header(header.name.as_bytes()));
        assert_eq!(forwarded.dropped.len(), HEADERS.len() - 1);
    }
}

#[test]
fn the_header_listed_last_counts() {
    let sent = [("X-Real-IP", "192.0.2.1"), ("X-Forwarded-For", "192.0.2.2")];
    let addr = |names: &[&str]| read_pairs(names, None, &sent).remote_addr;
    assert_eq!(addr(&["X-Real-IP", "X-Forwarded-For"]), Some(&b"192.0.2.2"[..]));
    assert_eq!(addr(&["X-Forwarded-For", "X-Real-IP"]), Some(&b"192.0.2.1"[..]));
    // Listed last but not sent: the one before.
    assert_eq!(addr(&["X-Real-IP", "X-Client-IP"]), Some(&b"192.0.2.1"[..]));
    let forwarded = read_pairs(&["X-Real-IP", "X-Forwarded-For"], None, &sent);
    assert!(forwarded.drops_header(b"X-Real-IP") && forwarded.drops_header(b"X-Client-IP"));
    assert!(!forwarded.drops_header(b"X-Forwarded-For"));
    assert!(!forwarded.drops_header(b"X-Forwarded-Proto"), "not mentioned");
}

#[test]
fn unknown_names_have_no_effect() {
    let keys = [
        "HTTP_FORWARDED",
        "",
        "HTTP_",
        "HTTP_X_FORWARDED",
        "X_REAL_IP",
        "HTTP_HOST",
    ];
    assert!(TrustedHeaders::of_keys(keys).is_empty());
    assert!(!TrustedHeaders::of_keys(["HTTP_X_REAL_IP"]).is_empty());
}

#[test]
fn a05_the_way_back_through_a_chain() {
    for (value, addr, kept) in [
        ("192.0.2.1", Some("192.0.2.1"), Some("192.0.2.1")),
        ("6.6.6.6, 192.0.2.1", Some("192.0.2.1"), Some("192.0.2.1")),
        (
            "6.6.6.6, 192.0.2.1, 10.0.0.1",
            Some("192.0.2.1"),
            Some("192.0.2.1, 10.0.0.1"),
        ),
        (
            "192.0.2.1,10.0.0.2,10.0.0.1",
            Some("192.0.2.1"),
            Some("192.0.2.1,10.0.0.2,10.0.0.1"),
        ),
        ("10.0.0.3, 10.0.0.2", Some("10.0.0.3"), Some("10.0.0.3, 10.0.0.2")),
        (
            "192.0.2.1,, ,10.0.0.1",
            Some("192.0.2.1"),
            Some("192.0.2.1,, ,10.0.0.1"),
        ),
        (",192.0.2.1,", Some("192.0.2.1"), Some("192.0.2.1,")),
        ("unknown, 10.0.0.1", Some("10.0.0.1"), Some("10.0.0.1")),
        ("192.0.2.1, evil.example", None, None),
        ("", None, None),
        (",", None, None),
        (
            "\"[2001:db8::1]:443\", 10.0.0.1:80",
            Some("2001:db8::1"),
            Some("\"[2001:db8::1]:443\", 10.0.0.1:80"),
        ),
    ] {
        let forwarded = read_pairs(
            &["X-Forwarded-For"],
            Some(&["127.0.0.1", "10.0.0.0/8"]),
            &[("x-forwarded-for", value)],
        );
        assert_eq!(forwarded.remote_addr, addr.map(str::as_bytes), "{value}");
        assert_eq!(forwarded.forwarded_for, kept.map(str::as_bytes), "{value}");
        assert_eq!(
            forwarded.drops_header(b"X-Forwarded-For"),
            kept.is_none(),
            "{value}"
        );
    }
}

#[test]
fn a05_without_a_list_of_proxies_the_first_address_counts() {
    for (value, addr) in [
        ("192.0.2.1, 10.0.0.1", Some("192.0.2.1")),
        (" ,, 192.0.2.1 , x", Some("192.0.2.1")),
        ("evil.example, 192.0.2.1", None),
        (",", None),
    ] {
        let forwarded = read_pairs(&["X-Forwarded-For"], None, &[("X-Forwarded-For", value)]);
        assert_eq!(forwarded.remote_addr, addr.map(str::as_bytes), "{value}");
        assert_eq!(forwarded.forwarded_for, None);
        assert!(!forwarded.drops_header(b"X-Forwarded-For"));
    }
}

#[test]
fn values_that_say_nothing_change_nothing() {
    for (name, value) in [
        ("X-Forwarded-Proto", "https, http"),
        ("X-Forwarded-Proto", "ftp"),
        ("X-Forwarded-SSL", "yes"),
        ("X-Forwarded-Port", ""),
        ("X-Forwarded-Port", "80, 443"),
        ("X-Forwarded-Port", "99999"),
        ("X-Forwarded-Port", "+80"),
        ("X-Forwarded-Host", " "),
        ("X-Forwarded-Server", ""),
        ("X-Real-IP", "192.0.2.1, 192.0.2.2"),
    ] {
        let forwarded = read_pairs(&[name], None, &[(name, value)]);
        let changed = Forwarded {
            dropped: Vec::new(),
            ..forwarded
        };
        assert_eq!(changed, Forwarded::default(), "{name}: {value}");
    }
}

#[test]
fn a06_scheme_words() {
    for header in HEADERS
        .iter()
        .filter(|header| header.category == Category::Scheme)
    {
        let words: &[(&str, Option<bool>)] = if header.form == Form::Scheme {
            &[
                ("https", Some(true)),
                ("HTTPS", Some(true)),
                ("http", Some(false)),
                ("on", None),
            ]
        } else {
            &[
                ("On", Some(true)),
                ("true", Some(true)),
                ("1", Some(true)),
                ("Off", Some(false)),
                ("False", Some(false)),
                ("0", Some(false)),
                ("https", None),
            ]
        };
        for (word, https) in words {
            let forwarded = read_pairs(&[header.name], None, &[(header.name, word)]);
            assert_eq!(forwarded.https, *https, "{}: {word}", header.name);
        }
    }
}

#[test]
fn r32_a_long_chain_is_followed_once() {
    let chain = vec!["10.0.0.1"; 10_000].join(", ");
    let forwarded = read_pairs(
        &["X-Forwarded-For"],
        Some(&["127.0.0.1", "10.0.0.0/8"]),
        &[("X-Forwarded-For", &chain)],
    );
    assert_eq!(forwarded.remote_addr, Some(&b"10.0.0.1"[..]));
    assert_eq!(forwarded.forwarded_for, Some(chain.as_bytes()));
}

fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|ip| IpAddr::from(ip).to_string().into_bytes()),
        any::<[u8; 3]>().prop_map(|[a, b, c]| format!("10.{a}.{b}.{c}").into_bytes()),
        any::<([u8; 16], u16)>().prop_map(|(ip, port)| format!("[{}]:{port}", IpAddr::from(ip)).into_bytes()),
        any::<[u8; 16]>().prop_map(|ip| format!(" \"{}\"", IpAddr::from(ip)).into_bytes()),
        "[0-9a-f.:\\[\\]\", ]{0,12}".prop_map(String::into_bytes),
        proptest::collection::vec(1_u8.., 0..6),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn a05_remote_addr_is_always_an_address(elements in proptest::collection::vec(element(), 0..8)) {
        let value = elements.join(&b","[..]);
        let proxies = proxies(&["127.0.0.1", "10.0.0.0/8"]);
        for name in ["X-Forwarded-For", "X-Real-IP", "X-Client-IP"] {
            for proxies in [None, Some(&proxies[..])] {
                let headers = [(name.as_bytes(), &value[..])];
                let forwarded = read(&trusted(&[name]), proxies, headers.into_iter(), PEER);
                if let Some(addr) = forwarded.remote_addr {
                    let text = std::str::from_utf8(addr).expect("text");
                    prop_assert!(text.parse::<IpAddr>().is_ok(), "{text:?} of {value:?}");
                }
                if let Some(kept) = forwarded.forwarded_for {
                    prop_assert!(value.trim_ascii().ends_with(kept));
                    prop_assert!(forwarded.remote_addr.is_some());
                }
            }
        }
    }
}

/// A million values put together from what such headers are made of.
#[test]
fn a05_no_combination_of_fragments_becomes_remote_addr() {
    const FRAGMENTS: [&str; 16] = [
        "",
        ",",
        ",",
        ", ",
        ":",
        "::",
        "::1",
        "[",
        "]",
        "\"",
        "10.0.0.1",
        "192.0.2.1",
        ":80",
        "unknown",
        "7",
        ".1",
    ];
    let proxies = proxies(&["127.0.0.1", "10.0.0.0/8"]);
    let trusted = trusted(&["X-Forwarded-For"]);
    let (mut seed, mut value, mut found) = (0x9e37_79b9_7f4a_7c15_u64, String::new(), 0);
    for _ in 0..1_000_000 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        value.clear();
        for position in 0..=seed >> 61 {
            let index = usize::try_from(seed >> (4 * position) & 15).unwrap_or_default();
            value.push_str(FRAGMENTS[index]);
        }
        let headers = [(&b"X-Forwarded-For"[..], value.as_bytes())].into_iter();
        if let Some(addr) = read(&trusted, Some(&proxies), headers, PEER).remote_addr {
            found += 1;
            let text = std::str::from_utf8(addr).expect("text");
            assert!(text.parse::<IpAddr>().is_ok(), "{text:?} of {value:?}");
        }
    }
    assert!(found > 10_000, "the fragments make too few addresses: {found}");
}

#[test]
fn an_environ_is_changed_accordingly() {
    let mut environ = Environ::default();
    environ.push(Name::Set(b"HTTP_X_REAL_IP"), b"6.6.6.6");
    environ.push(Name::Set(b"X-Real-IP"), b"kept");
    environ.push(Name::Header(b"x-real-ip"), b"6.6.6.6");
    environ.push(Name::Header(b"Host"), b"backend");
    environ.server(Key::RemoteAddr, PEER);
    environ.server(Key::ScriptName, b"/here");
    let sent = [
        ("X-Forwarded-For", "192.0.2.1"),
        ("X-Forwarded-Host", "www.example"),
        ("X-Script-Name", "/there"),
    ];
    let names = ["X-Forwarded-For", "X-Forwarded-Host", "X-Script-Name"];
    read_pairs(&names, None, &sent).apply_to(&mut environ);
    assert_eq!(environ.get(Key::RemoteAddr), Some(&b"192.0.2.1"[..]));
    assert_eq!(environ.get(Key::ScriptName), Some(&b"/there"[..]));
    assert_eq!(environ.get(Key::WsgiMountPoint), Some(&b"/there"[..]));
    assert_eq!(environ.get(Key::ServerName), None);
    let host = environ
        .variables
        .iter()
        .rfind(|variable| variable.name == Name::Header(b"Host"));
    assert_eq!(host.map(|host| host.value), Some(&b"www.example"[..]));
    assert!(
        environ
            .variables
            .iter()
            .all(|variable| variable.value != b"6.6.6.6")
    );
    assert!(environ.variables.iter().any(|variable| variable.value == b"kept"));
}
