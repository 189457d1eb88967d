//! The checksums of TCP and UDP, which a guest may leave to whoever puts its packet on a wire.

use super::packet::ETHERNET;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const TCP: u8 = 6;
const UDP: u8 = 17;

fn byte(frame: &[u8], at: usize) -> Option<u8> {
    frame.get(at).copied()
}

fn word(frame: &[u8], at: usize) -> Option<u16> {
    frame.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

/// Where a frame's TCP or UDP lies.
#[derive(Clone, Copy)]
struct Segment {
    start: usize,
    end: usize,
    /// Offset of the checksum in the frame.
    field: usize,
    /// The pseudo-header's sum, not folded.
    pseudo: u64,
    udp: bool,
}

impl Segment {
    /// Finds whole TCP or UDP directly in untagged IPv4 or IPv6.
    fn find(frame: &[u8]) -> Option<Self> {
        let (protocol, start, end, addresses) = match word(frame, 12)? {
            IPV4 => {
                let first = byte(frame, ETHERNET)?;
                let header = usize::from(first & 0xf) * 4;
                // A fragment's checksum is over more than what is here.
                let fragment = word(frame, ETHERNET + 6)? & 0x3fff;
                if first >> 4 != 4 || header < 20 || fragment != 0 {
                    return None;
                }
                let end = ETHERNET + usize::from(word(frame, ETHERNET + 2)?);
                (byte(frame, ETHERNET + 9)?, ETHERNET + header, end, frame.get(ETHERNET + 12..ETHERNET + 20)?)
            }
            IPV6 => {
                let start = ETHERNET + 40;
                let end = start + usize::from(word(frame, ETHERNET + 4)?);
                (byte(frame, ETHERNET + 6)?, start, end, frame.get(ETHERNET + 8..start)?)
            }
            _ => return None,
        };
        let udp = protocol == UDP;
        let (end, field) = match protocol {
            TCP if start + 20 <= end => (end, start + 16),
            UDP => {
                let len = usize::from(word(frame, start + 4)?);
                if len < 8 || start + len > end {
                    return None;
                }
                (start + len, start + 6)
            }
            _ => return None,
        };
        if end > frame.len() {
            return None;
        }
        let pseudo = sum(addresses) + u64::from(protocol) + (end - start) as u64;
        Some(Self { start, end, field, pseudo, udp })
    }
}

/// Adds up 16-bit words; an odd last byte is the high half of one.
fn sum(bytes: &[u8]) -> u64 {
    let quads = bytes.chunks_exact(4);
    let mut last = [0; 4];
    last.iter_mut().zip(quads.remainder()).for_each(|(to, from)| *to = *from);
    // Two words at once: 2^16 is 1 modulo 2^16 - 1, so folding gives the same.
    let whole: u64 =
        quads.filter_map(|quad| quad.first_chunk()).map(|quad| u64::from(u32::from_be_bytes(*quad))).sum();
    whole + u64::from(u32::from_be_bytes(last))
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum as u16
}

/// Returns the checksum of an IPv4 header whose field is zero; zero for one whose field is right.
pub(super) fn of(header: &[u8]) -> u16 {
    !fold(sum(header))
}

/// Tells whether [`fill`] can complete the frame: it is whole TCP or UDP in IPv4 or IPv6.
pub fn can_fill(frame: &[u8]) -> bool {
    Segment::find(frame).is_some()
}

/// Computes the TCP or UDP checksum of an Ethernet frame, whatever the field has, and writes it there.
///
/// Returns `false`, with the frame unchanged, if it is not whole TCP or UDP in IPv4 or IPv6.
pub fn fill(frame: &mut [u8]) -> bool {
    let Some(segment) = Segment::find(frame) else { return false };
    let Some(field) = frame.get_mut(segment.field..).and_then(|rest| rest.first_chunk_mut()) else {
        return false;
    };
    *field = [0; 2];
    let Some(bytes) = frame.get(segment.start..segment.end) else { return false };
    let checksum = match !fold(segment.pseudo + sum(bytes)) {
        // In UDP a zero says that there is none; its other form is as good.
        0 if segment.udp => 0xffff,
        checksum => checksum,
    };
    if let Some(field) = frame.get_mut(segment.field..).and_then(|rest| rest.first_chunk_mut()) {
        *field = checksum.to_be_bytes();
    }
    true
}

/// Writes the pseudo-header's sum into the checksum field of an Ethernet frame, which leaves the rest to whoever puts it on a wire.
///
/// Returns `false`, with the frame unchanged, if it is not whole TCP or UDP in IPv4: of no other do all guests know how to complete it.
pub fn leave_blank(frame: &mut [u8]) -> bool {
    let ipv4 = word(frame, 12) == Some(IPV4);
    let Some(segment) = Segment::find(frame).filter(|_| ipv4) else { return false };
    let Some(field) = frame.get_mut(segment.field..).and_then(|rest| rest.first_chunk_mut()) else {
        return false;
    };
    *field = fold(segment.pseudo).to_be_bytes();
    true
}

/// Checks the TCP or UDP checksum of an Ethernet frame. `None` if there is nothing that can be checked.
pub fn verify(frame: &[u8]) -> Option<bool> {
    let segment = Segment::find(frame)?;
    if segment.udp && word(frame, 12)? == IPV4 && word(frame, segment.field)? == 0 {
        return Some(true);
    }
    Some(fold(segment.pseudo + sum(frame.get(segment.start..segment.end)?)) == 0xffff)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    pub(crate) fn tcp_frame(data: &[u8], ipv6: bool) -> Vec<u8> {
        let mut frame = std::vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
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
        frame.extend([0, 80, 0x30, 0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
        frame.extend(data);
        frame
    }

    #[test]
    fn a_filled_frame_verifies_and_a_changed_one_does_not() {
        for mut frame in [tcp_frame(b"some data", false), tcp_frame(b"", true), tcp_frame(b"odd", true)] {
            assert_eq!(verify(&frame), Some(false));
            assert!(can_fill(&frame) && fill(&mut frame));
            assert_eq!(verify(&frame), Some(true));
            *frame.last_mut().unwrap() ^= 1;
            assert_eq!(verify(&frame), Some(false));
        }
    }

    #[test]
    fn a_blank_field_is_completed_by_summing_over_it() {
        let mut frame = tcp_frame(b"some data", false);
        assert!(leave_blank(&mut frame));
        let sum = !fold(sum(&frame[34..]));
        let mut filled = frame.clone();
        assert!(fill(&mut filled));
        assert_eq!(filled[50..52], sum.to_be_bytes());
        assert!(!leave_blank(&mut tcp_frame(b"", true)));
    }

    #[test]
    fn a_known_packet_has_its_known_checksum() {
        // A DNS query; its field says that there is no checksum.
        let mut frame = [
            0x00, 0x16, 0x3e, 0x00, 0x00, 0x01, 0x00, 0x16, 0x3e, 0x00, 0x00, 0x02, 0x08, 0x00, 0x45, 0x00,
            0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0x40, 0x11, 0x66, 0xc8, 10, 0, 0, 1, 10, 0, 0, 2, 0x13, 0x88,
            0x00, 0x35, 0x00, 0x0c, 0x00, 0x00, 0xab, 0xcd, 0x01, 0x00,
        ];
        assert_eq!(verify(&frame), Some(true));
        assert!(fill(&mut frame));
        // 0a00 + 0001 + 0a00 + 0002 + 0011 + 000c + 1388 + 0035 + 000c + abcd + 0100, complemented.
        assert_eq!(frame[40..42], (!0xd4b6u16).to_be_bytes());
    }

    #[test]
    fn fragments_other_protocols_and_cut_frames_are_left_alone() {
        let good = tcp_frame(b"data", false);
        for (at, value) in [(20, 0x20), (21, 1), (23, 1), (14, 0x44), (14, 0x65), (17, 45), (17, 39), (13, 6)]
        {
            let mut frame = good.clone();
            frame[at] = value;
            let before = frame.clone();
            assert!(!fill(&mut frame) && frame == before && verify(&frame).is_none(), "byte {at} = {value}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_filled_or_left_alone(mut frame in proptest::collection::vec(any::<u8>(), 0..200), kind in 0u8..3) {
            if let (Some(place), true) = (frame.get_mut(12..15), kind < 2) {
                place.copy_from_slice(&[[8, 0, 0x45], [0x86, 0xdd, 0x60]][usize::from(kind)]);
            }
            if fill(&mut frame) {
                prop_assert_eq!(verify(&frame), Some(true));
            }
        }
    }
}
