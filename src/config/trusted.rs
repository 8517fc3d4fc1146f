//! Addresses and networks of `WSGITrustedProxies`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses, or a single one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// How many leading bits of `address` count.
    bits: u8,
}

impl Network {
    /// Reads an address, `address/bits`, `address/mask`, or the beginning of an IPv4 address such
    /// as `10.1`, which stands for all addresses that begin so.
    ///
    /// `None` if `text` is none of these; host names never are, and nothing is looked up.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, mask) = match text.split_once('/') {
            Some((address, mask)) => (address, Some(mask)),
            None => (text, None),
        };
        let (address, whole) = match address.parse::<IpAddr>() {
            Ok(address) => (address, if address.is_ipv4() { 32 } else { 128 }),
            Err(_) => beginning_of_ipv4(address)?,
        };
        let bits = match mask {
            None => whole,
            Some(mask) => mask_bits(mask, address)?,
        };
        // `::ffff:a.b.c.d` is the IPv4 address; a network around it means what it says for IPv4.
        match (address.to_canonical(), bits.checked_sub(96)) {
            (canonical @ IpAddr::V4(_), Some(bits)) if address.is_ipv6() => Some(Self {
                address: canonical,
                bits,
            }),
            _ => Some(Self { address, bits }),
        }
    }

    /// Whether `address` lies in this network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= u32::from(self.bits)
            }
            _ => false,
        }
    }
}

/// `10`, `10.1` or `10.1.2`, perhaps with a final dot: address and number of bits given.
fn beginning_of_ipv4(text: &str) -> Option<(IpAddr, u8)> {
    let mut octets = [0; 4];
    let mut bits = 0;
    let text = text.strip_suffix('.').unwrap_or(text);
    for (index, part) in text.split('.').enumerate() {
        *octets.get_mut(index)? = part.parse().ok()?;
        bits += 8;
    }
    Some((Ipv4Addr::from(octets).into(), bits))
}

fn mask_bits(mask: &str, address: IpAddr) -> Option<u8> {
    let width = if address.is_ipv4() { 32 } else { 128 };
    if let Ok(bits) = mask.parse::<u8>() {
        return (bits <= width).then_some(bits);
    }
    match address {
        IpAddr::V4(_) => {
            let mask = mask.parse::<Ipv4Addr>().ok()?.to_bits();
            contiguous(mask.leading_ones(), mask.count_ones())
        }
        IpAddr::V6(_) => {
            let mask = mask.parse::<Ipv6Addr>().ok()?.to_bits();
            contiguous(mask.leading_ones(), mask.count_ones())
        }
    }
}

fn contiguous(leading: u32, all: u32) -> Option<u8> {
    (leading == all).then(|| u8::try_from(leading).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(network: &str, address: &str) -> bool {
        Network::parse(network)
            .unwrap_or_else(|| panic!("{network}"))
            .contains(address.parse().unwrap())
    }

    #[test]
    fn single_addresses() {
        assert!(holds("127.0.0.1", "127.0.0.1"));
        assert!(!holds("127.0.0.1", "127.0.0.2"));
        assert!(holds("::1", "::1"));
        assert!(!holds("::1", "::2"));
    }

    #[test]
    fn networks_by_bits_and_by_mask() {
        for network in [
            "10.0.0.0/8",
            "10.1.2.3/8",
            "10.0.0.0/255.0.0.0",
            "10",
            "10.",
            "0.0.0.0/0",
        ] {
            assert!(holds(network, "10.200.3.4"), "{network}");
        }
        assert!(!holds("10.0.0.0/8", "11.0.0.0"));
        assert!(holds("192.168.1", "192.168.1.77"));
        assert!(!holds("192.168.1", "192.168.2.77"));
        assert!(holds("2001:db8::/32", "2001:db8:1::5"));
        assert!(!holds("2001:db8::/32", "2001:db9::"));
        assert!(holds("2001:db8::/ffff:ffff::", "2001:db8:1::5"));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_form_is_the_ipv4_address() {
        assert!(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(holds("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(!holds("::/0", "10.1.2.3"));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "localhost",
            "10.0.0.0/33",
            "::1/129",
            "10.0.0.0/255.0.255.0",
            "10.0.0.0/",
            "/8",
            "10.0.0.0/-1",
            "1.2.3.4.5",
            "10..1",
            "256.1.1.1",
            "10.0.0.1 ",
            "10.0.0.0/8/8",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
