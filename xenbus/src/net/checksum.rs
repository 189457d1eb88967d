//! Checksums of TCP and UDP.
//!
//! Each end of a network device may leave a checksum partial: it covers the pseudo-header only, and
//! the domain that forwards the packet to a physical network completes it.
//!
//! Source: `NETTXF_csum_blank` and `NETRXF_csum_blank` in `io/netif.h`.

/// State of a packet's TCP or UDP checksum.
///
/// Source: `csum_blank` and `data_validated` in `io/netif.h`. Transmit requests and receive
/// responses have these flags in different bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias(
    "NETTXF_csum_blank",
    "NETRXF_csum_blank",
    "NETTXF_data_validated",
    "NETRXF_data_validated"
))]
pub enum ChecksumState {
    /// The field has the sum of the pseudo-header only, because the packet has not been on a wire.
    /// The data needs no check. [`complete`] computes the field for a receiver that checks it.
    Partial,
    /// The field is correct: the sender of the packet or an earlier receiver has checked it.
    Verified,
    /// The field has not been checked: [`verify`] does.
    #[default]
    Unknown,
}

/// Position of a packet's transport header.
#[derive(Clone, Copy)]
struct Transport {
    start: usize,
    end: usize,
    /// Offset of the checksum in the packet.
    field: usize,
    /// Sum of the pseudo-header.
    pseudo: u64,
    ipv4: bool,
    udp: bool,
}

const TCP: u8 = 6;
const UDP: u8 = 17;

fn byte(packet: &[u8], at: usize) -> Option<u8> {
    packet.get(at).copied()
}

fn word(packet: &[u8], at: usize) -> Option<u16> {
    packet.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

/// Adds up 16-bit words; an odd last byte is the high half of one.
fn sum(bytes: &[u8]) -> u64 {
    let chunks = bytes.chunks_exact(4);
    let mut last = [0; 4];
    last.iter_mut().zip(chunks.remainder()).for_each(|(to, from)| *to = *from);
    // Pairs of words at once: 2^32 is 1 modulo 2^16 - 1, so folding gives the same.
    let total: u64 = chunks
        .map(|chunk| chunk.first_chunk().map_or(0, |chunk| u64::from(u32::from_be_bytes(*chunk))))
        .sum();
    total + u64::from(u32::from_be_bytes(last))
}

/// Folds a sum to 16 bits in one's complement arithmetic.
fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum as u16
}

impl Transport {
    /// Finds TCP or UDP directly in untagged IPv4 or IPv6, not fragmented.
    fn find(packet: &[u8]) -> Option<Self> {
        let ip = super::ETHERNET_HEADER;
        let (ipv4, protocol, start, end, addresses) = match word(packet, 12)? {
            0x0800 => {
                let version = byte(packet, ip)?;
                let header = usize::from(version & 0xf) * 4;
                let fragment = word(packet, ip + 6)? & 0x3fff;
                if version >> 4 != 4 || header < 20 || fragment != 0 {
                    return None;
                }
                let end = ip + usize::from(word(packet, ip + 2)?);
                (true, byte(packet, ip + 9)?, ip + header, end, packet.get(ip + 12..ip + 20)?)
            }
            0x86dd => {
                let end = ip + 40 + usize::from(word(packet, ip + 4)?);
                (false, byte(packet, ip + 6)?, ip + 40, end, packet.get(ip + 8..ip + 40)?)
            }
            _ => return None,
        };
        let udp = protocol == UDP;
        let (end, field) = match protocol {
            TCP if start + 20 <= end => (end, start + 16),
            UDP => {
                let len = usize::from(word(packet, start + 4)?);
                if len < 8 || start + len > end {
                    return None;
                }
                (start + len, start + 6)
            }
            _ => return None,
        };
        if end > packet.len() {
            return None;
        }
        let pseudo = sum(addresses) + u64::from(protocol) + (end - start) as u64;
        Some(Self { start, end, field, pseudo, ipv4, udp })
    }

    /// Returns the sum over pseudo-header, header and data, including the checksum field.
    fn sum(&self, packet: &[u8]) -> Option<u64> {
        Some(self.pseudo + sum(packet.get(self.start..self.end)?))
    }

    /// Returns the checksum that the field must have.
    fn checksum(&self, packet: &[u8]) -> Option<u16> {
        let found = word(packet, self.field)?;
        // Adding the complement of the field subtracts its content from the sum.
        let checksum = !fold(self.sum(packet)? + u64::from(!found));
        // In UDP, zero means that there is no checksum (RFC 768): the other zero of one's
        // complement stands for it.
        Some(if checksum == 0 && self.udp { 0xffff } else { checksum })
    }
}

/// Two bytes to write into a packet, at an offset.
pub type Patch = (usize, [u8; 2]);

/// Returns the bytes that complete the checksum of `packet`, an Ethernet frame; `None` if it is not
/// whole TCP or UDP in IPv4 or IPv6.
pub fn completion(packet: &[u8]) -> Option<Patch> {
    let transport = Transport::find(packet)?;
    Some((transport.field, transport.checksum(packet)?.to_be_bytes()))
}

/// Protocols of a packet whose checksum can be partial, and the bytes that make it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offload {
    /// The sum of the pseudo-header, for the checksum field.
    pub patch: Patch,
    /// IPv4 rather than IPv6.
    pub ipv4: bool,
    /// TCP rather than UDP.
    pub tcp: bool,
}

impl Offload {
    /// Examines `packet`, an Ethernet frame. `None` if it is not whole TCP or UDP directly in IPv4
    /// or IPv6.
    pub fn find(packet: &[u8]) -> Option<Self> {
        let Transport { field, pseudo, ipv4, udp, .. } = Transport::find(packet)?;
        Some(Self { patch: (field, fold(pseudo).to_be_bytes()), ipv4, tcp: !udp })
    }
}

/// Returns the bytes that make the checksum of `packet` partial: the sum of the pseudo-header.
///
/// Returns `None` if the packet is not a whole TCP or UDP packet in IPv4. Not every peer can
/// complete the checksum of other packets.
pub fn partial(packet: &[u8]) -> Option<Patch> {
    let transport = Transport::find(packet).filter(|transport| transport.ipv4)?;
    Some((transport.field, fold(transport.pseudo).to_be_bytes()))
}

/// Computes the TCP or UDP checksum of `packet`, an Ethernet frame, and writes it to its field.
///
/// Returns `false`, with the packet unchanged, if it is not whole TCP or UDP in IPv4 or IPv6.
pub fn complete(packet: &mut [u8]) -> bool {
    completion(packet).is_some_and(|patch| apply(packet, patch))
}

/// Makes the checksum of `packet`, an Ethernet frame, partial: writes the bytes of [`partial`].
///
/// Returns `false`, with the packet unchanged, if that is not possible.
pub fn set_partial(packet: &mut [u8]) -> bool {
    partial(packet).is_some_and(|patch| apply(packet, patch))
}

/// Writes the bytes of a patch. Returns `false` if its field is not in the packet.
pub fn apply(packet: &mut [u8], (field, bytes): Patch) -> bool {
    let Some(target) = packet.get_mut(field..).and_then(|rest| rest.first_chunk_mut()) else {
        return false;
    };
    *target = bytes;
    true
}

/// Returns whether [`complete`] can complete the packet: it is whole TCP or UDP in IPv4 or IPv6.
pub fn can_complete(packet: &[u8]) -> bool {
    Transport::find(packet).is_some()
}

/// Returns the bytes that make the checksum of `packet` partial, in IPv4 or IPv6.
pub(super) fn pseudo_header(packet: &[u8]) -> Option<Patch> {
    let transport = Transport::find(packet)?;
    Some((transport.field, fold(transport.pseudo).to_be_bytes()))
}

/// Returns the checksum of an IPv4 header whose field is zero, and zero if the field is correct.
pub fn ipv4_header(header: &[u8]) -> u16 {
    !fold(sum(header))
}

/// Checks the TCP or UDP checksum of `packet`, an Ethernet frame.
///
/// Returns `None` if the packet is not whole TCP or UDP in IPv4 or IPv6.
pub fn verify(packet: &[u8]) -> Option<bool> {
    let transport = Transport::find(packet)?;
    if transport.udp && transport.ipv4 && word(packet, transport.field)? == 0 {
        return Some(true);
    }
    Some(fold(transport.sum(packet)?) == 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{vec, vec::Vec};

    /// Computes the sum independently: word by word, carry by carry.
    fn slow_sum(bytes: &[u8]) -> u16 {
        bytes.chunks(2).fold(0u16, |acc, pair| {
            let word = u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]);
            let (sum, carry) = acc.overflowing_add(word);
            sum + u16::from(carry)
        })
    }

    /// A DNS query without a UDP checksum.
    const UDP_FRAME: [u8; 59] = [
        0x00, 0x16, 0x3e, 0x00, 0x00, 0x01, 0x00, 0x16, 0x3e, 0x00, 0x00, 0x02, 0x08,
        0x00, // Ethernet
        0x45, 0x00, 0x00, 0x2d, 0x00, 0x01, 0x00, 0x00, 0x40, 0x11, 0x66, 0xbb, 10, 0, 0, 1, 10, 0,
        0, 2, // IPv4
        0x13, 0x88, 0x00, 0x35, 0x00, 0x19, 0x00, 0x00, // UDP
        0xab, 0xcd, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x61, 0x00,
        0x00, 0x01,
    ];

    fn tcp_frame(data: &[u8], ipv6: bool) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        let len = 20 + data.len() as u16;
        if ipv6 {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend(len.to_be_bytes());
            frame.extend([6, 64]);
            frame.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
            frame.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        } else {
            frame.extend([8, 0, 0x45, 0]);
            frame.extend((20 + len).to_be_bytes());
            frame.extend([0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        }
        frame.extend([
            0, 80, 0x30, 0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0,
        ]);
        frame.extend(data);
        frame
    }

    #[test]
    fn changed_packet_does_not_verify() {
        for mut frame in [UDP_FRAME.to_vec(), tcp_frame(b"some data", false), tcp_frame(b"", true)]
        {
            assert!(complete(&mut frame));
            assert_eq!(verify(&frame), Some(true));
            let (field, bytes) = completion(&frame).unwrap();
            assert_eq!(frame[field..field + 2], bytes);
            *frame.last_mut().unwrap() ^= 1;
            assert_eq!(verify(&frame), Some(false));
        }
    }

    #[test]
    fn udp_without_checksum_is_valid() {
        assert_eq!(verify(&UDP_FRAME), Some(true));
    }

    #[test]
    fn ipv6_checksum_covers_its_pseudo_header() {
        let mut frame = tcp_frame(b"odd", true);
        assert!(complete(&mut frame));
        let length_and_protocol = [0, 0, 0, 23, 0, 0, 0, 6];
        let covered = [&frame[22..54], &length_and_protocol, &frame[54..]].concat();
        assert_eq!(slow_sum(&covered), 0xffff);
    }

    #[test]
    fn partial_field_has_pseudo_header_sum() {
        let frame = tcp_frame(b"xyz", false);
        let pseudo = [10, 0, 0, 1, 10, 0, 0, 2, 0, 6, 0, 23];
        assert_eq!(partial(&frame), Some((50, slow_sum(&pseudo).to_be_bytes())));
        assert_eq!(partial(&tcp_frame(b"xyz", true)), None);
        assert_eq!(partial(&frame[..frame.len() - 1]), None, "a packet that was cut");
    }

    #[test]
    fn partial_field_completes_as_in_linux() {
        let mut frame = tcp_frame(b"odd", false);
        let (field, bytes) = partial(&frame).unwrap();
        frame[field..field + 2].copy_from_slice(&bytes);
        let completed = !slow_sum(&frame[34..]);
        assert_eq!(completion(&frame), Some((field, completed.to_be_bytes())));
    }

    #[test]
    fn known_packet_has_known_checksum() {
        // A DNS query; its field says that there is no checksum.
        let mut frame = [
            0x00, 0x16, 0x3e, 0x00, 0x00, 0x01, 0x00, 0x16, 0x3e, 0x00, 0x00, 0x02, 0x08, 0x00,
            0x45, 0x00, 0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0x40, 0x11, 0x66, 0xc8, 10, 0, 0, 1,
            10, 0, 0, 2, 0x13, 0x88, 0x00, 0x35, 0x00, 0x0c, 0x00, 0x00, 0xab, 0xcd, 0x01, 0x00,
        ];
        assert_eq!(verify(&frame), Some(true));
        assert!(complete(&mut frame));
        // 0a00 + 0001 + 0a00 + 0002 + 0011 + 000c + 1388 + 0035 + 000c + abcd + 0100, complemented.
        assert_eq!(frame[40..42], (!0xd4b6u16).to_be_bytes());
    }

    #[test]
    fn incomplete_packets_are_unchanged() {
        let good = tcp_frame(b"data", false);
        let broken = |at: usize, value: u8| {
            let mut frame = good.clone();
            frame[at] = value;
            (verify(&frame), complete(&mut frame))
        };
        assert_eq!(broken(20, 0x20), (None, false), "more fragments");
        assert_eq!(broken(21, 1), (None, false), "a later fragment");
        assert_eq!(broken(23, 1), (None, false), "ICMP");
        assert_eq!(broken(14, 0x44), (None, false), "header too short");
        assert_eq!(broken(14, 0x65), (None, false), "version 6 in an IPv4 frame");
        assert_eq!(broken(17, 45), (None, false), "total length past the end");
        assert_eq!(broken(17, 39), (None, false), "too short for TCP");
        assert_eq!(broken(13, 6), (None, false), "ARP");
    }

    #[test]
    fn udp_length_bounds_the_checksum() {
        // Padding behind the packet is not covered.
        let frame = |len: u8| {
            let mut frame = [UDP_FRAME.as_slice(), &[9; 10]].concat();
            frame[39] = len;
            frame
        };
        for len in [0, 7, 26, 30, 255] {
            assert_eq!((verify(&frame(len)), complete(&mut frame(len))), (None, false), "{len}");
        }
        for len in [8, 9, 24, 25] {
            let mut frame = frame(len);
            assert!(complete(&mut frame));
            assert_eq!(verify(&frame), Some(true), "{len}");
            let end = 34 + usize::from(len);
            frame[end] ^= 1;
            assert_eq!(verify(&frame), Some(true), "what follows {len} bytes does not count");
            frame[end - 1] ^= 1;
            assert_eq!(verify(&frame), Some(false), "the last of {len} bytes counts");
        }
    }

    proptest! {
        #[test]
        fn fast_sum_equals_slow_sum(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let (fast, slow) = (fold(sum(&bytes)), slow_sum(&bytes));
            prop_assert!(fast == slow || (fast ^ slow == 0xffff && (fast == 0 || slow == 0)));
        }

        #[test]
        fn any_bytes_cause_no_panic(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..120),
            kind in 0usize..3,
            ip: u8,
        ) {
            if bytes.len() > 14 && kind < 2 {
                bytes[12..14].copy_from_slice([[8, 0], [0x86, 0xdd]][kind].as_slice());
                bytes[14] = [0x40 | ip & 0xf, 0x60][kind];
            }
            let _ = partial(&bytes);
            if complete(&mut bytes) {
                prop_assert_eq!(verify(&bytes), Some(true));
            }
        }

        #[test]
        fn completed_packets_verify(
            data in proptest::collection::vec(any::<u8>(), 0..1460),
            ipv6: bool,
        ) {
            let mut frame = tcp_frame(&data, ipv6);
            prop_assert!(complete(&mut frame));
            prop_assert_eq!(verify(&frame), Some(true));
        }
    }
}
