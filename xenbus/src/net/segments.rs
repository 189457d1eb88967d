//! Segmentation of a large TCP packet into packets that a receiver can take.
//!
//! Source: `XEN_NETIF_EXTRA_TYPE_GSO` in `io/netif.h`.

use super::checksum::{self, ChecksumState};
use super::{ETHERNET_HEADER as ETHERNET, Segmentation, SegmentationKind};

const FIN: u8 = 0x01;
const PSH: u8 = 0x08;
const CWR: u8 = 0x80;
const TCP: u8 = 6;

/// A large TCP packet as a list of segments, which are written one by one into a buffer of the
/// caller.
///
/// Each segment is a whole packet: it has the headers of the large one, with its own length,
/// sequence number, identification and flags.
///
/// ```
/// # use core::num::NonZeroU16;
/// # use xenbus::net::{ChecksumState, Segmentation, SegmentationKind, Segments, checksum};
/// # let mut frame = [0u8; 54 + 3000];
/// # frame[12..24].copy_from_slice(&[8, 0, 0x45, 0, 0x0b, 0xe0, 0, 0, 0, 0, 64, 6]);
/// # frame[46] = 0x50;
/// let size = NonZeroU16::new(1448).unwrap();
/// let segmentation = Segmentation { kind: SegmentationKind::TcpIpv4, size };
/// let segments = Segments::new(&frame, segmentation).unwrap();
/// let mut buffer = [0; 1514];
/// for index in 0..segments.count() {
///     let segment = &mut buffer[..segments.len(index)];
///     segments.write(index, ChecksumState::Verified, segment).unwrap();
///     assert_eq!(checksum::verify(segment), Some(true));
/// }
/// assert_eq!(segments.count(), 3);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Segments<'m> {
    frame: &'m [u8],
    ipv4: bool,
    /// Offset of the TCP header.
    tcp: usize,
    /// Bytes of all headers.
    headers: usize,
    /// Bytes of payload in each segment but the last.
    size: usize,
    sequence: u32,
    /// Identification of the first segment, for IPv4.
    id: u16,
}

impl<'m> Segments<'m> {
    /// Reads the headers of a frame. `None` if it is not whole TCP of the given kind, directly in
    /// untagged IPv4 or IPv6.
    pub fn new(frame: &'m [u8], segmentation: Segmentation) -> Option<Self> {
        let Segmentation { kind, size } = segmentation;
        let ipv4 = match (kind, frame.get(12..14)?) {
            (SegmentationKind::TcpIpv4, [0x08, 0x00]) => true,
            (SegmentationKind::TcpIpv6, [0x86, 0xdd]) => false,
            _ => return None,
        };
        let (protocol, length, ip) =
            if ipv4 { (9, 2, usize::from(frame.get(ETHERNET)? & 0xf) * 4) } else { (6, 4, 40) };
        if *frame.get(ETHERNET + protocol)? != TCP || !checksum::can_complete(frame) {
            return None;
        }
        let length = usize::from(u16::from_be_bytes(get(frame, ETHERNET + length)?));
        let end = ETHERNET + length + if ipv4 { 0 } else { 40 };
        let tcp = ETHERNET + ip;
        let headers = tcp + usize::from(frame.get(tcp + 12)? >> 4) * 4;
        let sequence = u32::from_be_bytes(get(frame, tcp + 4)?);
        let id = u16::from_be_bytes(get(frame, ETHERNET + 4)?);
        // Bytes after the end are padding.
        let frame = frame.get(..end)?;
        let size = usize::from(size.get());
        (headers >= tcp + 20 && headers <= end).then_some(Self {
            frame,
            ipv4,
            tcp,
            headers,
            size,
            sequence,
            id,
        })
    }

    /// Returns the number of segments; one for a packet without payload.
    pub fn count(&self) -> usize {
        (self.frame.len() - self.headers).div_ceil(self.size).max(1)
    }

    /// Returns the bytes of segment `index` as a frame. The first one is the largest.
    pub fn len(&self, index: usize) -> usize {
        let payload = self.frame.len() - self.headers;
        self.headers + payload.saturating_sub(index.saturating_mul(self.size)).min(self.size)
    }

    /// Writes segment `index` as a frame to `room`, which must have [`len`](Self::len) bytes.
    ///
    /// The TCP checksum is completed, or left partial if `checksum` is
    /// [`Partial`](ChecksumState::Partial). Returns `None` if there is no such segment or `room`
    /// has another length.
    pub fn write(&self, index: usize, checksum: ChecksumState, room: &mut [u8]) -> Option<()> {
        if index >= self.count() || room.len() != self.len(index) {
            return None;
        }
        let at = index * self.size;
        let payload = self.headers + at;
        let (headers, data) = room.split_at_mut_checked(self.headers)?;
        headers.copy_from_slice(self.frame.get(..self.headers)?);
        data.copy_from_slice(self.frame.get(payload..payload + data.len())?);
        let total = room.len() - ETHERNET;
        if self.ipv4 {
            put(room, ETHERNET + 2, (total as u16).to_be_bytes())?;
            put(room, ETHERNET + 4, self.id.wrapping_add(index as u16).to_be_bytes())?;
            put(room, ETHERNET + 10, [0; 2])?;
            let sum = checksum::ipv4_header(room.get(ETHERNET..self.tcp)?);
            put(room, ETHERNET + 10, sum.to_be_bytes())?;
        } else {
            put(room, ETHERNET + 4, ((total - 40) as u16).to_be_bytes())?;
        }
        put(room, self.tcp + 4, self.sequence.wrapping_add(at as u32).to_be_bytes())?;
        let flags = room.get_mut(self.tcp + 13)?;
        if index + 1 != self.count() {
            *flags &= !(FIN | PSH);
        }
        if index > 0 {
            *flags &= !CWR;
        }
        let patch = match checksum {
            ChecksumState::Partial => checksum::pseudo_header(room)?,
            ChecksumState::Verified | ChecksumState::Unknown => checksum::completion(room)?,
        };
        put(room, patch.0, patch.1)
    }
}

fn get<const N: usize>(frame: &[u8], at: usize) -> Option<[u8; N]> {
    frame.get(at..)?.first_chunk().copied()
}

fn put<const N: usize>(room: &mut [u8], at: usize, bytes: [u8; N]) -> Option<()> {
    *room.get_mut(at..)?.first_chunk_mut()? = bytes;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::num::NonZeroU16;
    use proptest::prelude::*;
    use std::{vec, vec::Vec};

    fn segmentation(ipv6: bool, size: u16) -> Segmentation {
        let kind = if ipv6 { SegmentationKind::TcpIpv6 } else { SegmentationKind::TcpIpv4 };
        Segmentation { kind, size: NonZeroU16::new(size).unwrap() }
    }

    /// Returns a frame and the offset of its TCP header. Options have four bytes each.
    fn tcp_frame(data: &[u8], ipv6: bool, ip_options: usize, options: usize) -> (Vec<u8>, usize) {
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        let tcp = 20 + options * 4 + data.len();
        if ipv6 {
            frame.extend([0x86, 0xdd, 0x60, 1, 2, 3]);
            frame.extend((tcp as u16).to_be_bytes());
            frame.extend([6, 64]);
            frame.extend((0..32).map(|byte| 0xf0 ^ byte));
        } else {
            let header = 20 + ip_options * 4;
            frame.extend([8, 0, 0x40 | (header / 4) as u8, 0]);
            frame.extend(((header + tcp) as u16).to_be_bytes());
            frame.extend([0, 1, 0x40, 0, 64, 6, 0x5a, 0xa5, 10, 0, 0, 1, 10, 0, 0, 2]);
            frame.extend(vec![1; ip_options * 4]);
        }
        let at = frame.len();
        frame.extend([0, 80, 0x30, 0x39, 0xff, 0xff, 0xff, 0, 5, 6, 7, 8]);
        frame.extend([((5 + options) << 4) as u8, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
        frame.extend(vec![1; options * 4]);
        frame.extend(data);
        (frame, at)
    }

    #[test]
    fn udp_and_fragments_are_not_cut() {
        let (tcp, _) = tcp_frame(&[7; 100], false, 0, 0);
        let four = segmentation(false, 50);
        assert!(Segments::new(&tcp, four).is_some());
        assert!(Segments::new(&tcp, segmentation(true, 50)).is_none());
        let (six, _) = tcp_frame(&[7; 100], true, 0, 0);
        assert!(Segments::new(&six, four).is_none());
        // A checksum in UDP can be completed as well.
        let mut udp = tcp.clone();
        udp[23] = 17;
        udp[38..40].copy_from_slice(&120u16.to_be_bytes());
        assert!(checksum::can_complete(&udp) && Segments::new(&udp, four).is_none());
        let mut fragment = tcp;
        fragment[20] = 0x20;
        assert!(!checksum::can_complete(&fragment) && Segments::new(&fragment, four).is_none());
    }

    #[test]
    fn other_segment_or_room_is_refused() {
        let (frame, _) = tcp_frame(&[7; 100], false, 0, 0);
        let segments = Segments::new(&frame, segmentation(false, 60)).unwrap();
        let mut room = [0; 200];
        let mut write =
            |index, len| segments.write(index, ChecksumState::Partial, &mut room[..len]).is_some();
        assert_eq!((segments.count(), segments.len(0), segments.len(1)), (2, 114, 94));
        assert_eq!([write(0, 114), write(1, 94)], [true; 2]);
        let wrong = [(0, 113), (0, 115), (1, 93), (1, 114), (2, 54), (usize::MAX, 54)];
        assert_eq!(wrong.map(|(index, len)| write(index, len)), [false; 6]);
    }

    proptest! {
        #[test]
        fn segments_are_whole_and_add_up(
            data in proptest::collection::vec(any::<u8>(), 0..5000),
            size in 1u16..1500,
            flags: u8,
            ipv6: bool,
            ip_options in 0usize..=10,
            options in 0usize..=10,
            padding in 0usize..10,
            partial: bool,
        ) {
            let (mut frame, tcp) = tcp_frame(&data, ipv6, ip_options, options);
            frame[tcp + 13] = flags;
            let end = frame.len();
            frame.extend(vec![9; padding]);
            let headers = tcp + 20 + options * 4;
            let segments = Segments::new(&frame, segmentation(ipv6, size)).unwrap();
            let state = if partial { ChecksumState::Partial } else { ChecksumState::Verified };
            let mut found = Vec::new();
            for index in 0..segments.count() {
                let mut room = vec![0; segments.len(index)];
                segments.write(index, state, &mut room).unwrap();
                if partial {
                    prop_assert!(checksum::complete(&mut room));
                }
                prop_assert_eq!(checksum::verify(&room), Some(true));
                let sequence = u32::from_be_bytes(room[tcp + 4..tcp + 8].try_into().unwrap());
                prop_assert_eq!(sequence, 0xffff_ff00u32.wrapping_add(found.len() as u32));
                let last = index + 1 == segments.count();
                let kept = room[tcp + 13];
                prop_assert_eq!(kept & (FIN | PSH), if last { flags & (FIN | PSH) } else { 0 });
                prop_assert_eq!(kept & CWR, if index == 0 { flags & CWR } else { 0 });
                prop_assert_eq!(kept & !(FIN | PSH | CWR), flags & !(FIN | PSH | CWR));
                prop_assert!(room.len() <= headers + usize::from(size));
                let length = room.len() - ETHERNET;
                // Fields that differ between segments, in the order of their offsets.
                let own = if ipv6 {
                    prop_assert_eq!(&room[18..20], &(length as u16 - 40).to_be_bytes());
                    [18..20, tcp..tcp]
                } else {
                    prop_assert_eq!(checksum::ipv4_header(&room[14..tcp]), 0);
                    prop_assert_eq!(&room[16..18], &(length as u16).to_be_bytes());
                    prop_assert_eq!(&room[18..20], &(1 + index as u16).to_be_bytes());
                    [16..20, 24..26]
                };
                let own = own.into_iter().chain([tcp + 4..tcp + 8, tcp + 13..tcp + 14]);
                let mut at = 0;
                for field in own.chain(core::iter::once(tcp + 16..tcp + 18)) {
                    prop_assert_eq!(&room[at..field.start], &frame[at..field.start]);
                    at = field.end;
                }
                prop_assert_eq!(&room[at..headers], &frame[at..headers]);
                found.extend_from_slice(&room[headers..]);
            }
            prop_assert_eq!(&found, &data);
            prop_assert_eq!(&found, &frame[headers..end]);
        }

        #[test]
        fn any_frame_is_cut_or_refused(
            mut frame in proptest::collection::vec(any::<u8>(), 0..200),
            size in 1u16..,
            header: u8,
            ip: u8,
            ipv6: bool,
            plausible in 0..4,
        ) {
            let (ethertype, protocol, tcp) =
                if ipv6 { ([0x86, 0xdd], 20, 66) } else { ([8, 0], 23, 46) };
            if let Some(place) = frame.get_mut(12..15) {
                place.copy_from_slice(&[ethertype[0], ethertype[1], ip]);
            }
            let len = frame.len().saturating_sub(if ipv6 { 54 } else { 14 }) as u16;
            let at = if ipv6 { 18 } else { 16 };
            if plausible > 0 && let Some(place) = frame.get_mut(at..at + 2) {
                place.copy_from_slice(&len.to_be_bytes());
                frame[14] = if ipv6 { 0x60 } else { 0x45 };
                frame.get_mut(20..22).filter(|_| !ipv6).into_iter().for_each(|word| word.fill(0));
            }
            frame.get_mut(protocol).into_iter().for_each(|byte| *byte = 6);
            frame.get_mut(tcp).into_iter().for_each(|byte| *byte = header);
            if let Some(segments) = Segments::new(&frame, segmentation(ipv6, size)) {
                for index in 0..segments.count() {
                    let mut room = vec![0; segments.len(index)];
                    let written = segments.write(index, ChecksumState::Verified, &mut room);
                    prop_assert!(written.is_some());
                    prop_assert_eq!(checksum::verify(&room), Some(true));
                }
            }
        }
    }
}
