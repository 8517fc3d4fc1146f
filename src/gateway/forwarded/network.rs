//! Networks of trusted proxies.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

/// Addresses with a common beginning. IPv4 is kept as the part of IPv6 that it is mapped to, so that
/// `::ffff:10.0.0.1` and `10.0.0.1` are the same client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    bits: u128,
    mask: u128,
}

/// Not an address or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadNetwork;

impl fmt::Display for BadNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an IP address, or a network such as 10.0.0.0/8 or 2001:db8::/32")
    }
}

impl std::error::Error for BadNetwork {}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// A mask of this many one bits.
fn ones(count: u32) -> u128 {
    u128::MAX.checked_shl(128 - count).unwrap_or(0)
}

impl Network {
    fn new(ip: IpAddr, mask: u128) -> Self {
        Network {
            bits: number(ip) & mask,
            mask,
        }
    }

    /// Whether the address belongs to it.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        number(ip) & self.mask == self.bits
    }
}

/// `address`, `address/bits`, `address/netmask`, and the first numbers of an IPv4 network (`10.1`).
impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let Some((ip, mask)) = text.split_once('/') else {
            return match text.parse() {
                Ok(ip) => Ok(Network::new(ip, u128::MAX)),
                Err(_) => partial(text).ok_or(BadNetwork),
            };
        };
        let ip: IpAddr = ip.parse().map_err(|_| BadNetwork)?;
        let outside = if ip.is_ipv4() { 96 } else { 0 };
        if !mask.is_empty() && mask.bytes().all(|byte| byte.is_ascii_digit()) {
            let bits: u32 = mask.parse().map_err(|_| BadNetwork)?;
            if bits > 128 - outside {
                return Err(BadNetwork);
            }
            return Ok(Network::new(ip, ones(outside + bits)));
        }
        let mask: Ipv4Addr = mask.parse().map_err(|_| BadNetwork)?;
        if !ip.is_ipv4() || mask.to_bits().leading_ones() != mask.to_bits().count_ones() {
            return Err(BadNetwork);
        }
        Ok(Network::new(ip, ones(96 + mask.to_bits().count_ones())))
    }
}

fn partial(text: &str) -> Option<Network> {
    let mut octets = [0; 4];
    let mut count = 0;
    for part in text.strip_suffix('.').unwrap_or(text).split('.') {
        if !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *octets.get_mut(count)? = part.parse().ok()?;
        count += 1;
    }
    let bits = u32::try_from(8 * count).ok().filter(|bits| *bits < 32)?;
    Some(Network::new(Ipv4Addr::from(octets).into(), ones(96 + bits)))
}

/// The peers that are believed: `WSGITrustedProxies`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<Network>,
}

impl TrustedProxies {
    /// Adds a network.
    ///
    /// # Errors
    /// When `text` is none.
    pub fn add(&mut self, text: &str) -> Result<(), BadNetwork> {
        self.networks.push(text.parse()?);
        Ok(())
    }

    /// Whether an address is in one of the networks.
    #[must_use]
    pub fn contain(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(ip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(network: &str, ip: &str) -> bool {
        let network: Network = network.parse().expect(network);
        network.contains(ip.parse().expect(ip))
    }

    #[test]
    fn networks_hold_their_addresses_only() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.9.9.9/8", "10.0.0.0", "9.255.255.255"),
            ("192.168.4.0/255.255.252.0", "192.168.7.255", "192.168.8.0"),
            ("192.168.1.7", "192.168.1.7", "192.168.1.6"),
            ("10.1", "10.1.200.3", "10.2.0.0"),
            ("10.", "10.1.200.3", "11.2.0.0"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::1", "::1", "::2"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
        ] {
            assert!(holds(network, inside), "{network} {inside}");
            assert!(!holds(network, outside), "{network} {outside}");
        }
        assert!(holds("::/0", "203.0.113.9"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "localhost",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "10.0.0.0/255.0.255.0",
            "::/129",
            "2001:db8::/255.0.0.0",
            "300.1",
            "1.2.3.4.5",
            "10..1",
            "10.0.0.0/8/8",
            " 10.0.0.1",
        ] {
            assert_eq!(text.parse::<Network>(), Err(BadNetwork), "{text:?}");
        }
    }
}
