//! Free bytes before packets.

use super::*;
use core::num::NonZeroU16;
use xenbus::net::xdp;

const HEADROOM: u16 = 256;

impl<'m> World<'m> {
    fn with_headroom(memory: &'m mut Memory, headroom: u16) -> Self {
        let rx = RxFeatures { scatter_gather: true, segmentation: true, headroom };
        Self::with_features(memory, rx, ALL)
    }

    /// Puts parts of a packet into buffers as Linux's netback does: the free bytes are a part of
    /// the length, and the offset is 0.
    fn send_shifted(&mut self, parts: &[&[u8]], extras: &[NetifExtraInfo]) {
        for (index, part) in parts.iter().enumerate() {
            let id = self.posted().id;
            let (memory, at) = self.rx_buffer(id);
            memory.copy_from(at, &[0xee; HEADROOM as usize]).unwrap();
            memory.copy_from(at + usize::from(HEADROOM), part).unwrap();
            let mut flags = NetRxFlags::empty();
            flags.set(NetRxFlags::MORE_DATA, index + 1 < parts.len());
            flags.set(NetRxFlags::EXTRA_INFO, index == 0);
            self.respond(id, 0, flags, (usize::from(HEADROOM) + part.len()) as i16);
            for (number, extra) in extras.iter().enumerate().filter(|_| index == 0) {
                self.posted();
                let mut extra = *extra;
                extra.flags.set(NetifExtraFlags::MORE, number + 1 < extras.len());
                self.rx.push(&zerocopy::transmute!(extra)).unwrap();
            }
        }
    }

    fn next(&mut self) -> Option<(Vec<u8>, PacketMeta)> {
        let mut buffer = vec![0; 1 << 16];
        let packet = self.front.receive(&mut [&mut buffer]).unwrap()?;
        Some((buffer[..packet.len].to_vec(), packet.meta))
    }
}

#[test]
fn free_bytes_are_removed() {
    let mut memory = Memory::new();
    let mut world = World::with_headroom(&mut memory, HEADROOM);
    let size = NonZeroU16::new(1000).unwrap();
    let gso = Segmentation { kind: SegmentationKind::TcpIpv4, size };
    let large = ipv4(6, &tcp(9000));
    let parts: Vec<&[u8]> = large.chunks(4096 - usize::from(HEADROOM)).collect();
    assert_eq!(parts.len(), 3);
    for _ in 0..20 {
        world.send_shifted(&[&packet(1)], &[xdp::extra_info(HEADROOM)]);
        world.send_shifted(&parts, &[gso.extra_info(), xdp::extra_info(HEADROOM)]);
        // A backend that leaves none.
        world.send(&packet(2), NetRxFlags::empty());
        let _ = world.rx.publish();
        assert_eq!(world.next().unwrap().0, packet(1));
        let (bytes, meta) = world.next().unwrap();
        assert_eq!((bytes, meta.segmentation), (large.clone(), Some(gso)));
        assert_eq!(world.next().unwrap().0, packet(2));
        assert_eq!(world.next(), None);
        let _ = world.front.publish();
    }
    assert_eq!(world.front.statistics.rx_dropped(), 0);
}

/// D-N19.
#[test]
fn impossible_headroom_drops_packet() {
    let mut memory = Memory::new();
    let mut world = World::with_headroom(&mut memory, HEADROOM);
    let len = HEADROOM + 61;
    for headroom in [len + 1, len - 13, 5000, u16::MAX] {
        world.send_shifted(&[&packet(1)], &[xdp::extra_info(headroom)]);
    }
    world.send_shifted(&[&packet(3)], &[xdp::extra_info(HEADROOM)]);
    let _ = world.rx.publish();
    assert_eq!(world.next().unwrap().0, packet(3));
    let NetFrontStatistics { rx_outside, rx_runts, rx_extra, .. } = world.front.statistics;
    assert_eq!((rx_outside, rx_runts, rx_extra), (3, 1, 0));
    // It was not requested.
    let mut memory = Memory::new();
    let mut world = World::with_headroom(&mut memory, 0);
    world.send_shifted(&[&packet(1)], &[xdp::extra_info(HEADROOM)]);
    let _ = world.rx.publish();
    assert_eq!((world.next(), world.front.statistics.rx_extra), (None, 1));
}
