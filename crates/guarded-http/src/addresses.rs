//! Where requests may be sent, and which addresses are public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where requests may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destinations {
    /// Anywhere, with or without TLS.
    Any,
    /// Only to public addresses, with TLS.
    /// Every address of a name is checked, and the connection is made to the checked addresses: what the name resolves
    /// to a moment later does not matter.
    Public,
}

/// Whether the address is public: not loopback, private, link-local or reserved.
/// An IPv6 address that embeds an IPv4 address is checked by that.
///
/// Follows the special-purpose registries of IANA (RFC 6890).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    // First address and length of each prefix.
    const RESERVED: [([u8; 4], u32); 15] = [
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12),
        ([192, 0, 0, 0], 24),
        ([192, 0, 2, 0], 24),
        ([192, 88, 99, 0], 24),
        ([192, 168, 0, 0], 16),
        ([198, 18, 0, 0], 15),
        ([198, 51, 100, 0], 24),
        ([203, 0, 113, 0], 24),
        // Multicast and above.
        ([224, 0, 0, 0], 4),
        ([240, 0, 0, 0], 4),
    ];
    let is_in = |(first, length): ([u8; 4], u32)| {
        (address.to_bits() ^ Ipv4Addr::from(first).to_bits()) >> (32 - length) == 0
    };
    !RESERVED.into_iter().any(is_in)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let embedded = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // NAT64 embeds an IPv4 address (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        // IPv4-mapped addresses.
        [0, 0, 0, 0, 0, 0xffff, high, low] => embedded(high, low),
        // 6to4, Teredo and other protocols, documentation.
        [0x2002, ..] | [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        [0x2001, second, ..] if second < 0x0200 => false,
        // Nothing else is global unicast.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_allowed() {
        let addresses = "1.1.1.1 93.184.216.34 172.32.0.1 100.128.0.1 198.20.0.1 2606:4700::1111 64:ff9b::101:101 \
            ::ffff:1.1.1.1";
        for address in addresses.split_whitespace() {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn private_and_reserved_addresses_are_not_public() {
        let addresses = "0.0.0.0 10.1.2.3 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.255 169.254.169.254 \
            172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 \
            198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 \
            ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::1 \
            100::1 2001::1 2001:db8::1 2002:7f00:1::1 3fff::1 fc00::1 fd12::1 fe80::1 fec0::1 ff02::1";
        for address in addresses.split_whitespace() {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }
}
