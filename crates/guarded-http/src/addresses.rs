//! Which addresses are public, local, or never connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether the address is loopback, link-local or unspecified, which connects to loopback.
pub(crate) fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_link_local() || address.octets()[0] == 0,
        IpAddr::V6(address) => match embedded_v4(address) {
            Some(embedded) => is_local(embedded.into()),
            None => {
                address.is_loopback() || address.is_unspecified() || address.segments()[0] & 0xffc0 == 0xfe80
            }
        },
    }
}

/// Whether the address is one of a cloud's metadata services, link-local, multicast, broadcast or unspecified: behind
/// those are credentials or the services of this machine, never a server that an operator runs.
pub(crate) fn is_never_allowed(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_link_local()
                || address.is_multicast()
                || address.is_broadcast()
                || address.octets()[0] == 0
                || METADATA_V4.contains(&address.octets())
        }
        IpAddr::V6(address) => match (embedded_v4(address), address.segments()) {
            (Some(embedded), _) => is_never_allowed(embedded.into()),
            // IPv4-compatible, which connects nowhere, except for loopback.
            (None, [0, 0, 0, 0, 0, 0, ..]) => !address.is_loopback(),
            // Amazon's and Google's services.
            (None, [0xfd00, 0x0ec2, ..] | [0xfd20, 0x00ce, ..]) => true,
            (None, [first, ..]) => first & 0xffc0 == 0xfe80 || first & 0xff00 == 0xff00,
        },
    }
}

/// Metadata services of Alibaba, Azure and Oracle that are not link-local.
const METADATA_V4: [[u8; 4]; 3] = [[100, 100, 100, 200], [168, 63, 129, 16], [192, 0, 0, 192]];

/// The IPv4 address in one of NAT64 (RFC 6052), in an IPv4-mapped one, or in one of 6to4.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let (high, low) = match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0, 0xffff, high, low] => (high, low),
        [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

/// Whether the address is public: not loopback, private, link-local or reserved.
/// An IPv6 address that embeds an IPv4 address is checked by that.
///
/// Follows the special-purpose registries of IANA (RFC 6890).
pub(crate) fn is_public(address: IpAddr) -> bool {
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
    match (address.segments(), embedded_v4(address)) {
        ([0x2002, ..], _) => false,
        (_, Some(embedded)) => is_public_v4(embedded),
        (segments, None) => is_global_unicast(segments),
    }
}

fn is_global_unicast(segments: [u16; 8]) -> bool {
    match segments {
        // Documentation, then Teredo and other protocols.
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => false,
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

    #[test]
    fn metadata_and_link_local_addresses_are_never_allowed() {
        let never = "169.254.169.254 169.254.170.2 0.0.0.0 0.1.2.3 224.0.0.1 255.255.255.255 100.100.100.200 \
            168.63.129.16 192.0.0.192 :: ::7f00:1 fe80::1 febf::1 ff02::1 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 \
            ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::1 ::ffff:0.0.0.0";
        for address in never.split_whitespace() {
            assert!(is_never_allowed(address.parse().unwrap()), "{address}");
        }
        let others = "127.0.0.1 10.1.2.3 172.17.0.2 192.168.1.1 100.64.0.1 1.1.1.1 ::1 fd12::1 2606:4700::1111 \
            ::ffff:10.0.0.1";
        for address in others.split_whitespace() {
            assert!(!is_never_allowed(address.parse().unwrap()), "{address}");
        }
    }
}
