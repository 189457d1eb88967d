//! Segmentation of a large TCP packet into packets that a receiver can take.

use super::{Segmentation, SegmentationKind, checksum};
use xenbus::net::ETHERNET_HEADER as ETHERNET;

const FIN: u8 = 0x01;
const PSH: u8 = 0x08;
const CWR: u8 = 0x80;

/// A TCP packet in IPv4 as a list of segments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segments<'m> {
    frame: &'m [u8],
    /// Bytes of all headers.
    headers: usize,
    /// Bytes of the IPv4 header.
    ip: usize,
    /// Bytes of payload in each segment but the last.
    size: usize,
    sequence: u32,
    id: u16,
}

impl<'m> Segments<'m> {
    /// Reads the headers of a frame. `None` if it is not whole TCP of the given kind, or a kind
    /// other than IPv4.
    pub(super) fn new(frame: &'m [u8], segmentation: Segmentation) -> Option<Self> {
        let Segmentation { kind, size } = segmentation;
        if kind != SegmentationKind::TcpIpv4
            || frame.get(12..14)? != [8, 0]
            || *frame.get(ETHERNET + 9)? != 6
            || !checksum::can_complete(frame)
        {
            return None;
        }
        let ip = usize::from(frame.get(ETHERNET)? & 0xf) * 4;
        let tcp = ETHERNET + ip;
        let headers = tcp + usize::from(frame.get(tcp + 12)? >> 4) * 4;
        let end =
            ETHERNET + usize::from(u16::from_be_bytes(*frame.get(ETHERNET + 2..)?.first_chunk()?));
        let sequence = u32::from_be_bytes(*frame.get(tcp + 4..)?.first_chunk()?);
        let id = u16::from_be_bytes(*frame.get(ETHERNET + 4..)?.first_chunk()?);
        // Bytes after the end are padding.
        let frame = frame.get(..end)?;
        (headers >= tcp + 20 && headers <= end).then_some(Self {
            frame,
            headers,
            ip,
            size: usize::from(size.get()),
            sequence,
            id,
        })
    }

    /// Returns the number of segments; one for a packet without payload.
    pub(super) fn count(&self) -> usize {
        (self.frame.len() - self.headers).div_ceil(self.size).max(1)
    }

    /// Returns the size of segment `index` as a frame.
    pub(super) fn len(&self, index: usize) -> usize {
        let payload = self.frame.len() - self.headers;
        self.headers + payload.saturating_sub(index * self.size).min(self.size)
    }

    /// Writes segment `index` as a frame, its TCP checksum left blank. `room` has to have its size.
    pub(super) fn write(&self, index: usize, room: &mut [u8]) -> Option<()> {
        let payload = self.headers + index * self.size;
        let (headers, data) = room.split_at_mut_checked(self.headers)?;
        headers.copy_from_slice(self.frame.get(..self.headers)?);
        data.copy_from_slice(self.frame.get(payload..payload + data.len())?);
        let last = index + 1 == self.count();
        let tcp = ETHERNET + self.ip;
        let total = (room.len() - ETHERNET) as u16;
        put(room, ETHERNET + 2, total.to_be_bytes())?;
        put(room, ETHERNET + 4, self.id.wrapping_add(index as u16).to_be_bytes())?;
        put(room, tcp + 4, self.sequence.wrapping_add((index * self.size) as u32).to_be_bytes())?;
        let flags = room.get_mut(tcp + 13)?;
        if !last {
            *flags &= !(FIN | PSH);
        }
        if index > 0 {
            *flags &= !CWR;
        }
        put(room, ETHERNET + 10, [0; 2])?;
        let sum = checksum::ipv4_header(room.get(ETHERNET..tcp)?);
        put(room, ETHERNET + 10, sum.to_be_bytes())?;
        checksum::set_partial(room).then_some(())
    }
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

    fn ipv4(size: u16) -> Segmentation {
        Segmentation { kind: SegmentationKind::TcpIpv4, size: NonZeroU16::new(size).unwrap() }
    }

    fn tcp_frame(data: &[u8]) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
        frame.extend((40 + data.len() as u16).to_be_bytes());
        frame.extend([0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend([
            0, 80, 0x30, 0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0,
        ]);
        frame.extend(data);
        frame
    }

    #[test]
    fn udp_and_fragments_are_not_cut() {
        let tcp = tcp_frame(&[7; 100]);
        assert!(Segments::new(&tcp, ipv4(50)).is_some());
        let ipv6 = Segmentation { kind: SegmentationKind::TcpIpv6, ..ipv4(50) };
        assert!(Segments::new(&tcp, ipv6).is_none());
        // A checksum in UDP can be completed as well.
        let mut udp = tcp.clone();
        udp[23] = 17;
        udp[38..40].copy_from_slice(&120u16.to_be_bytes());
        assert!(checksum::can_complete(&udp) && Segments::new(&udp, ipv4(50)).is_none());
        let mut fragment = tcp;
        fragment[20] = 0x20;
        assert!(!checksum::can_complete(&fragment) && Segments::new(&fragment, ipv4(50)).is_none());
    }

    proptest! {
        #[test]
        fn segments_are_whole_and_add_up(
            data in proptest::collection::vec(any::<u8>(), 0..5000),
            size in 1u16..1500,
            flags: u8,
        ) {
            let mut frame = tcp_frame(&data);
            frame[47] = flags;
            // The checksum of the whole, which no segment has.
            frame[24..26].copy_from_slice(&[0x5a, 0xa5]);
            let segments = Segments::new(&frame, ipv4(size)).unwrap();
            let mut found = Vec::new();
            for index in 0..segments.count() {
                let mut room = vec![0; segments.len(index)];
                segments.write(index, &mut room).unwrap();
                prop_assert!(checksum::complete(&mut room));
                prop_assert_eq!(checksum::verify(&room), Some(true));
                prop_assert_eq!(checksum::ipv4_header(&room[14..34]), 0);
                let sequence = u32::from_be_bytes(room[38..42].try_into().unwrap());
                prop_assert_eq!(sequence.wrapping_sub(0x0102_0304), found.len() as u32);
                let last = index + 1 == segments.count();
                prop_assert_eq!(room[47] & (FIN | PSH), if last { flags & (FIN | PSH) } else { 0 });
                prop_assert_eq!(room[47] & CWR, if index == 0 { flags & CWR } else { 0 });
                prop_assert!(room.len() <= 54 + usize::from(size));
                // Addresses, ports and the other fields that all segments share.
                for shared in [0..16, 20..24, 26..38, 42..47, 48..50, 52..54] {
                    prop_assert_eq!(&room[shared.clone()], &frame[shared]);
                }
                prop_assert_eq!(u16::from_be_bytes([room[18], room[19]]), 1 + index as u16);
                found.extend_from_slice(&room[54..]);
            }
            prop_assert_eq!(found, data);
        }

        #[test]
        fn any_frame_is_cut_or_refused(
            mut frame in proptest::collection::vec(any::<u8>(), 0..200),
            size in 1u16..,
            header: u8,
        ) {
            if let Some(place) = frame.get_mut(12..15) {
                place.copy_from_slice(&[8, 0, 0x45]);
            }
            if let Some(byte) = frame.get_mut(23) {
                *byte = 6;
            }
            if let Some(byte) = frame.get_mut(46) {
                *byte = header;
            }
            if let Some(segments) = Segments::new(&frame, ipv4(size)) {
                for index in 0..segments.count() {
                    let mut room = vec![0; segments.len(index)];
                    prop_assert!(segments.write(index, &mut room).is_some());
                }
            }
        }
    }
}
