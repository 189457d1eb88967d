//! Hashes of packets, which spread flows over the queues of a device.
//!
//! Source: "Hash types" and `XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ` in `io/netif.h`; "RSS hashing
//! functions" and "Verifying the RSS hash calculation" in Microsoft's NDIS documentation.

use super::ETHERNET_HEADER;
use xen_sys::io::netif::{
    NetifExtraFlags, NetifExtraHash, NetifExtraInfo, NetifExtraType, NetifHashType,
    XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ,
};

/// Bytes of a key: those of the largest input, the addresses and ports of TCP over IPv6, and four
/// more.
pub const HASH_KEY: usize = 40;

/// Bytes of the largest input.
const INPUT: usize = HASH_KEY - 4;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Addresses and ports of a packet, in the order that hashes take them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    bytes: [u8; INPUT],
    /// Bytes of both addresses: 8 or 32.
    addresses: usize,
    ports: Option<Ports>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ports {
    Tcp,
    Udp,
}

impl Flow {
    /// Reads the addresses and ports of `packet`, an Ethernet frame. `None` if it is not untagged
    /// IPv4 or IPv6, or ends before its addresses. A fragment has no ports.
    pub fn find(packet: &[u8]) -> Option<Self> {
        let ip = packet.get(ETHERNET_HEADER..)?;
        let version = *ip.first()?;
        let (header, first, addresses, protocol) = match packet.get(12..ETHERNET_HEADER)? {
            [0x08, 0x00] if version >> 4 == 4 && version & 0xf >= 5 => {
                let whole = u16::from_be_bytes(*ip.get(6..)?.first_chunk()?) & 0x3fff == 0;
                (usize::from(version & 0xf) * 4, 12, 8, whole.then_some(*ip.get(9)?))
            }
            [0x86, 0xdd] if version >> 4 == 6 => (40, 8, 32, Some(*ip.get(6)?)),
            _ => return None,
        };
        let mut bytes = [0; INPUT];
        bytes.get_mut(..addresses)?.copy_from_slice(ip.get(first..first + addresses)?);
        let protocol = protocol.and_then(|protocol| match protocol {
            TCP => Some(Ports::Tcp),
            UDP => Some(Ports::Udp),
            _ => None,
        });
        let found = ip.get(header..header + 4).filter(|_| protocol.is_some());
        let ports = found.and_then(|ports| {
            bytes.get_mut(addresses..addresses + 4)?.copy_from_slice(ports);
            protocol
        });
        Some(Self { bytes, addresses, ports })
    }

    /// Returns source address, destination address, source port and destination port, without the
    /// ports if the packet has none.
    pub fn bytes(&self) -> &[u8] {
        self.part(self.ports.is_some())
    }

    fn part(&self, ports: bool) -> &[u8] {
        let len = self.addresses + if ports { 4 } else { 0 };
        self.bytes.get(..len).unwrap_or_default()
    }

    /// Returns the one of the hash types `types` that covers most of the packet, and its input;
    /// `None` if it is subject to none of them.
    pub fn input(&self, types: NetifHashType) -> Option<(NetifHashType, &[u8])> {
        let (plain, tcp) = if self.addresses == 8 {
            (NetifHashType::IPV4, NetifHashType::IPV4_TCP)
        } else {
            (NetifHashType::IPV6, NetifHashType::IPV6_TCP)
        };
        if self.ports == Some(Ports::Tcp) && types.contains(tcp) {
            return Some((tcp, self.part(true)));
        }
        types.contains(plain).then(|| (plain, self.part(false)))
    }
}

/// A key of the Toeplitz hash, as a table for four bits of the input at a time.
///
/// The table has 4.5 KiB.
#[derive(Clone, Debug)]
#[doc(alias = "XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ")]
pub struct Toeplitz {
    /// For each byte, the hashes of its high and of its low half.
    table: [[[u32; 16]; 2]; INPUT],
}

/// The key that Microsoft has published with its test vectors.
pub const DEFAULT_KEY: [u8; HASH_KEY] = [
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0,
    0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c,
    0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
];

/// Hash of [`DEFAULT_KEY`], for a sender that is free to choose a key.
pub static DEFAULT_HASH: Toeplitz = Toeplitz::new(&DEFAULT_KEY);

impl Toeplitz {
    /// Creates the table of `key`.
    #[expect(clippy::indexing_slicing, reason = "in bounds of constant loops; no `get` in `const`")]
    pub const fn new(key: &[u8; HASH_KEY]) -> Self {
        let mut table = [[[0; 16]; 2]; INPUT];
        let mut byte = 0;
        while byte < INPUT {
            // The 40 bits of the key that the bits of this byte select 32 of.
            let window = (key[byte] as u64) << 32
                | (key[byte + 1] as u64) << 24
                | (key[byte + 2] as u64) << 16
                | (key[byte + 3] as u64) << 8
                | key[byte + 4] as u64;
            let mut value = 0;
            while value < 16 {
                let mut bit = 0;
                while bit < 4 {
                    if value & 8 >> bit != 0 {
                        table[byte][0][value] ^= (window >> (8 - bit)) as u32;
                        table[byte][1][value] ^= (window >> (4 - bit)) as u32;
                    }
                    bit += 1;
                }
                value += 1;
            }
            byte += 1;
        }
        Self { table }
    }

    /// Returns the hash of `input`, of which the first 36 bytes count.
    pub fn hash(&self, input: &[u8]) -> u32 {
        let halves = input.iter().zip(&self.table).map(|(byte, [high, low])| {
            let half = |table: &[u32; 16], index: u8| table.get(usize::from(index)).copied();
            half(high, byte >> 4).unwrap_or(0) ^ half(low, byte & 0xf).unwrap_or(0)
        });
        halves.fold(0, |hash, halves| hash ^ halves)
    }

    /// Returns the hash of `packet`, an Ethernet frame, of the one of the hash types `types` that
    /// covers most of it; `None` if it is subject to none of them.
    pub fn hash_packet(&self, packet: &[u8], types: NetifHashType) -> Option<PacketHash> {
        let flow = Flow::find(packet)?;
        let (kind, input) = flow.input(types)?;
        Some(PacketHash { kind, value: self.hash(input) })
    }

    /// Returns a hash of `packet`, an Ethernet frame, that differs between flows of TCP and UDP,
    /// for a sender that is free to choose queues. 0 if the packet is not IP.
    pub fn spread(&self, packet: &[u8]) -> u32 {
        Flow::find(packet).map_or(0, |flow| self.hash(flow.bytes()))
    }
}

/// Toeplitz hash of a packet, as either end passes it to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "XEN_NETIF_EXTRA_TYPE_HASH")]
pub struct PacketHash {
    /// The hashed fields: one of the types.
    pub kind: NetifHashType,
    /// The hash.
    pub value: u32,
}

impl PacketHash {
    /// Reads the content of an extra info slot of type HASH. `None` for an unknown hash type or
    /// algorithm.
    pub fn from_extra(extra: NetifExtraHash) -> Option<Self> {
        let known =
            extra.type_ < 4 && u32::from(extra.algorithm) == XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ;
        known.then(|| Self {
            kind: NetifHashType(1 << extra.type_),
            value: u32::from_le_bytes(extra.value),
        })
    }

    /// Returns the extra info slot of the packet.
    pub fn extra_info(self) -> NetifExtraInfo {
        let hash = NetifExtraHash {
            type_: self.kind.0.trailing_zeros() as u8,
            algorithm: XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ as u8,
            value: self.value.to_le_bytes(),
        };
        NetifExtraInfo {
            type_: NetifExtraType::HASH,
            flags: NetifExtraFlags::empty(),
            u: zerocopy::transmute!(hash),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};
    use proptest::prelude::*;
    use std::vec::Vec;

    const IPV4: NetifHashType = NetifHashType::IPV4;
    const IPV6: NetifHashType = NetifHashType::IPV6;

    fn all() -> NetifHashType {
        NetifHashType(0xf)
    }

    fn frame(
        source: &[u8],
        destination: &[u8],
        protocol: u8,
        [from, to]: [u16; 2],
        options: usize,
    ) -> Vec<u8> {
        let mut frame = std::vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        if source.len() == 4 {
            let header = 20 + options * 4;
            frame.extend([8, 0, 0x40 | (header / 4) as u8, 0, 0, header as u8 + 20]);
            frame.extend([0, 1, 0x40, 0, 64, protocol, 0, 0]);
            frame.extend([source, destination].concat());
            frame.extend(std::vec![1; options * 4]);
        } else {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, protocol, 64]);
            frame.extend([source, destination].concat());
        }
        frame.extend([from.to_be_bytes(), to.to_be_bytes()].concat());
        frame.extend([0; 16]);
        frame
    }

    /// Source and destination with their ports, the hash of the addresses, and the one with ports.
    type Vector<A> = ((A, u16), (A, u16), u32, u32);

    const V4: [Vector<[u8; 4]>; 5] = [
        (([66, 9, 149, 187], 2794), ([161, 142, 100, 80], 1766), 0x323e_8fc2, 0x51cc_c178),
        (([199, 92, 111, 2], 14230), ([65, 69, 140, 83], 4739), 0xd718_262a, 0xc626_b0ea),
        (([24, 19, 198, 95], 12898), ([12, 22, 207, 184], 38024), 0xd2d0_a5de, 0x5c2b_394a),
        (([38, 27, 205, 30], 48228), ([209, 142, 163, 6], 2217), 0x8298_9176, 0xafc7_327f),
        (([153, 39, 163, 191], 44251), ([202, 188, 127, 2], 1303), 0x5d18_09c5, 0x10e8_28a2),
    ];

    const V6: [Vector<&str>; 3] = [
        (("3ffe:2501:200:1fff::7", 2794), ("3ffe:2501:200:3::1", 1766), 0x2cc1_8cd5, 0x4020_7d3d),
        (("3ffe:501:8::260:97ff:fe40:efab", 14230), ("ff02::1", 4739), 0x0f0c_461c, 0xdde5_1bbf),
        (
            ("3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251),
            ("fe80::200:f8ff:fe21:67cf", 38024),
            0x4b61_e985,
            0x02d1_feef,
        ),
    ];

    fn check(source: &[u8], destination: &[u8], ports: [u16; 2], plain: u32, tcp: u32) {
        let (address, with_ports) = if source.len() == 4 {
            (IPV4, NetifHashType::IPV4_TCP)
        } else {
            (IPV6, NetifHashType::IPV6_TCP)
        };
        for options in [0, 10] {
            let frame = frame(source, destination, TCP, ports, options);
            let hash = |types| DEFAULT_HASH.hash_packet(&frame, types);
            let found = |kind, value| Some(PacketHash { kind, value });
            assert_eq!(hash(address), found(address, plain));
            assert_eq!(hash(all()), found(with_ports, tcp));
            assert_eq!(hash(with_ports), found(with_ports, tcp));
            assert_eq!(DEFAULT_HASH.spread(&frame), tcp);
            assert_eq!(hash(NetifHashType::empty()), None);
        }
        let udp = frame(source, destination, UDP, ports, 0);
        assert_eq!(
            DEFAULT_HASH.hash_packet(&udp, all()).unwrap(),
            PacketHash { kind: address, value: plain }
        );
        assert_eq!(DEFAULT_HASH.hash_packet(&udp, with_ports), None);
        assert_eq!(DEFAULT_HASH.spread(&udp), tcp, "of the same ports");
    }

    #[test]
    fn published_hashes_are_computed() {
        for ((source, from), (destination, to), plain, tcp) in V4 {
            let [source, destination] = [source, destination].map(|ip| Ipv4Addr::from(ip).octets());
            check(&source, &destination, [from, to], plain, tcp);
        }
        for ((source, from), (destination, to), plain, tcp) in V6 {
            let [source, destination] =
                [source, destination].map(|ip| ip.parse::<Ipv6Addr>().unwrap().octets());
            check(&source, &destination, [from, to], plain, tcp);
        }
    }

    #[test]
    fn fragments_have_no_ports() {
        let whole = frame(&[10, 0, 0, 1], &[10, 0, 0, 2], TCP, [1, 2], 0);
        for (at, value) in [(20, 0x20), (21, 1)] {
            let mut fragment = whole.clone();
            fragment[at] = value;
            let hash = DEFAULT_HASH.hash_packet(&fragment, all()).unwrap();
            assert_eq!((hash.kind, Flow::find(&fragment).unwrap().bytes().len()), (IPV4, 8));
        }
        let cut = &whole[..34 + 3];
        assert_eq!(Flow::find(cut).unwrap().bytes().len(), 8, "ends within its ports");
        assert_eq!(Flow::find(&whole[..33]), None, "ends within its addresses");
    }

    #[test]
    fn empty_key_hashes_to_zero() {
        assert_eq!(Toeplitz::new(&[0; HASH_KEY]).hash(&[0xff; INPUT]), 0);
    }

    proptest! {
        #[test]
        fn table_hash_equals_bitwise_hash(
            key: [u8; 32],
            end: [u8; 8],
            input in proptest::collection::vec(any::<u8>(), 0..=INPUT),
        ) {
            let key: [u8; HASH_KEY] = [&key[..], &end].concat().try_into().unwrap();
            let bit = |bytes: &[u8], at: usize| bytes[at / 8] >> (7 - at % 8) & 1;
            let slow = (0..input.len() * 8)
                .filter(|&at| bit(&input, at) == 1)
                .map(|at| (0..32).fold(0u32, |word, i| word << 1 | u32::from(bit(&key, at + i))))
                .fold(0, |hash, window| hash ^ window);
            prop_assert_eq!(Toeplitz::new(&key).hash(&input), slow);
        }

        #[test]
        fn any_bytes_cause_no_panic(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..120),
            kind in 0usize..3,
        ) {
            if bytes.len() > 14 && kind < 2 {
                bytes[12..14].copy_from_slice([[8, 0], [0x86, 0xdd]][kind].as_slice());
            }
            if let Some(flow) = Flow::find(&bytes) {
                prop_assert!([8, 12, 32, 36].contains(&flow.bytes().len()));
            }
        }

        #[test]
        fn hash_slot_round_trips(kind in 0u32..4, value: u32, type_: u8, algorithm: u8) {
            let hash = PacketHash { kind: NetifHashType(1 << kind), value };
            let info = hash.extra_info();
            prop_assert_eq!(info.type_, NetifExtraType::HASH);
            let slot: NetifExtraHash = zerocopy::transmute!(info.u);
            prop_assert_eq!(PacketHash::from_extra(slot), Some(hash));
            let known = type_ < 4 && algorithm == 1;
            let found = PacketHash::from_extra(NetifExtraHash { type_, algorithm, ..slot });
            prop_assert_eq!(found.is_some(), known);
        }
    }
}
