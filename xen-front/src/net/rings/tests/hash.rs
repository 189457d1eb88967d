//! Hashes beside packets.

use super::*;
use crate::net::PacketHash;
use core::num::NonZeroU16;
use xen_sys::io::netif::NetifHashType;

const HASH: PacketHash = PacketHash { kind: NetifHashType::IPV4_TCP, value: 0x5ccc_c178 };

fn gso() -> Segmentation {
    Segmentation { kind: SegmentationKind::TcpIpv4, size: NonZeroU16::new(1000).unwrap() }
}

impl World<'_> {
    /// Sends a packet with slots of extra info; all but the last have flag MORE.
    fn send_with(&mut self, packet: &[u8], extras: &[NetifExtraInfo]) {
        self.send(packet, NetRxFlags::EXTRA_INFO);
        for (index, extra) in extras.iter().enumerate() {
            self.posted();
            let mut extra = *extra;
            extra.flags.set(NetifExtraFlags::MORE, index + 1 < extras.len());
            self.rx.push(&zerocopy::transmute!(extra)).unwrap();
        }
    }
}

#[test]
fn sent_hash_is_extra_info() {
    let meta = PacketMeta::default().with_hash(HASH);
    let large = meta.with_segmentation(gso());
    let long = ipv4(6, &tcp(3000));
    for (packet, meta, types) in [
        (&packet(1), meta, &[NetifExtraType::HASH][..]),
        (&long, large, &[NetifExtraType::GSO, NetifExtraType::HASH]),
    ] {
        let mut memory = Memory::new();
        let mut world = World::full(&mut memory);
        world.transmit(packet, meta).unwrap();
        let _ = world.front.publish();
        let first = world.tx.pop().unwrap().unwrap();
        assert!(first.flags.contains(NetTxFlags::EXTRA_INFO));
        for (index, type_) in types.iter().enumerate() {
            let slot = world.tx.pop().unwrap().unwrap();
            let [low, high, _]: [u32; 3] = zerocopy::transmute!(slot);
            let info: NetifExtraInfo = zerocopy::transmute!([low, high]);
            let more = info.flags.contains(NetifExtraFlags::MORE);
            assert_eq!((info.type_, more), (*type_, index + 1 < types.len()));
            if *type_ == NetifExtraType::HASH {
                assert_eq!(PacketHash::from_extra(zerocopy::transmute!(info.u)), Some(HASH));
            }
        }
        assert_eq!(world.tx.pop(), Ok(None));
        // A response for each slot.
        world.complete(first.id);
        for _ in types {
            world.tx.push(&NetifTxResponse { id: 9, status: NetifStatus::NULL }).unwrap();
        }
        let _ = world.tx.publish();
        world.front.tx.reap(&mut world.front.statistics).unwrap();
        assert_eq!((world.front.statistics.tx_packets, world.front.tx.free()), (1, 32));
    }
}

/// Linux's netback before 4.7 disconnects a frontend that sends an unknown kind.
#[test]
fn backend_without_hash_gets_none() {
    let mut memory = Memory::new();
    let features = TxFeatures { hash: false, ..ALL };
    let mut world = World::with_features(&mut memory, RxFeatures::default(), features);
    world.transmit(&packet(1), PacketMeta::default().with_hash(HASH)).unwrap();
    let (request, sent) = world.transmitted();
    assert_eq!((request.flags, sent), (NetTxFlags::empty(), packet(1)));
    assert_eq!(world.tx.pop(), Ok(None));
}

#[test]
fn received_hash_is_in_metadata() {
    let mut memory = Memory::new();
    let mut world = World::full(&mut memory);
    let hash = HASH.extra_info();
    let mut unknown = hash;
    unknown.u = [0x0209, 0, 0];
    let segmented = ipv4(6, &tcp(2000));
    world.send_with(&packet(1), &[hash]);
    world.send_with(&segmented, &[hash, gso().extra_info()]);
    world.send_with(&segmented, &[gso().extra_info(), hash]);
    world.send_with(&packet(2), &[unknown]);
    world.send(&packet(3), NetRxFlags::empty());
    let _ = world.rx.publish();
    let mut buffer = vec![0; 4096];
    let mut next = || world.front.receive(&mut [&mut buffer]).unwrap().unwrap().meta;
    for (hash, segmentation) in
        [(Some(HASH), None), (Some(HASH), Some(gso())), (Some(HASH), Some(gso())), (None, None)]
    {
        let meta = next();
        assert_eq!((meta.hash, meta.segmentation), (hash, segmentation));
    }
    assert_eq!(next().hash, None);
    assert_eq!(world.front.statistics.rx_dropped(), 0);
}
