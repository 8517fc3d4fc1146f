//! Addresses as proxies write them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a text is a port number, without a sign.
pub(super) fn is_port(text: &[u8]) -> bool {
    let digits = text.iter().all(u8::is_ascii_digit);
    digits
        && std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse::<u16>().ok())
            .is_some()
}

/// An address with or without port, brackets and quotes: the bare address as text and as a number.
pub(super) fn address(element: &[u8]) -> Option<(&[u8], IpAddr)> {
    let text = std::str::from_utf8(element.trim_ascii()).ok()?;
    let unquoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let text = unquoted.unwrap_or(text);
    let (text, ip) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (inside, after) = bracketed.split_once(']')?;
            if !after.is_empty() && !is_port(after.strip_prefix(':')?.as_bytes()) {
                return None;
            }
            (inside, IpAddr::from(inside.parse::<Ipv6Addr>().ok()?))
        }
        None => match text.parse() {
            Ok(ip) => (text, ip),
            Err(_) => {
                let (host, port) = text.rsplit_once(':')?;
                let ip = host.parse::<Ipv4Addr>().ok()?;
                is_port(port.as_bytes()).then_some((host, IpAddr::from(ip)))?
            }
        },
    };
    Some((text.as_bytes(), ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_port_brackets_and_quotes() {
        for (text, bare) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:8080", "192.0.2.1"),
            ("\"192.0.2.1:8080\"", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("\"[2001:db8::1]\"", "2001:db8::1"),
            ("\t192.0.2.1 ", "192.0.2.1"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ] {
            let found = address(text.as_bytes()).map(|(text, _)| text);
            assert_eq!(found, Some(bare.as_bytes()), "{text}");
        }
        for text in [
            "",
            "localhost",
            "192.0.2",
            "010.0.0.1",
            "192.0.2.1:",
            "192.0.2.1:99999",
            "192.0.2.1:+1",
            "[192.0.2.1]",
            "[2001:db8::1",
            "[2001:db8::1]x",
            "[::1]:",
            "fe80::1%eth0",
            "\"192.0.2.1",
            "_hidden",
            "unknown",
            "\u{e9}",
        ] {
            assert_eq!(address(text.as_bytes()), None, "{text}");
        }
    }
}
