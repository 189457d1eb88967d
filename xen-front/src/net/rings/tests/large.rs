//! Packets in several slots, and packets that are segmented.

use super::*;
use core::num::NonZeroU16;
use xen_sys::io::netif::NetifGsoType;

fn segmented(kind: SegmentationKind, size: u16) -> PacketMeta {
    let size = NonZeroU16::new(size).unwrap();
    PacketMeta::default().with_segmentation(Segmentation { kind, size })
}

impl World<'_> {
    /// Takes the next packet out of the transmit ring, and its extra information.
    fn take_large(&mut self) -> (Vec<NetifTxRequest>, Option<NetifExtraInfo>, Vec<u8>) {
        let _ = self.front.publish();
        let mut requests = vec![self.tx.pop().unwrap().unwrap()];
        let mut extra = None;
        if requests[0].flags.contains(NetTxFlags::EXTRA_INFO) {
            let [low, high, _]: [u32; 3] = zerocopy::transmute!(self.tx.pop().unwrap().unwrap());
            extra = Some(zerocopy::transmute!([low, high]));
        }
        while requests.last().unwrap().flags.contains(NetTxFlags::MORE_DATA) {
            requests.push(self.tx.pop().unwrap().unwrap());
        }
        // The first request has the size of the whole packet.
        let rest: u16 = requests[1..].iter().map(|request| request.size).sum();
        let sizes: Vec<u16> = requests.iter().map(|request| request.size).collect();
        let parts = requests.iter().zip(sizes).enumerate().map(|(index, (request, size))| {
            assert_eq!(request.gref.0, TX_REF + u32::from(request.id));
            self.sent(request, if index == 0 { size - rest } else { size })
        });
        let packet = parts.collect::<Vec<_>>().concat();
        (requests, extra, packet)
    }

    /// Puts a packet into posted buffers, cut into parts at the given lengths.
    fn send_parts(&mut self, parts: &[&[u8]], flags: NetRxFlags, extra: Option<NetifExtraInfo>) {
        for (index, part) in parts.iter().enumerate() {
            let mut flags = if index == 0 { flags } else { NetRxFlags::empty() };
            if index + 1 < parts.len() {
                flags |= NetRxFlags::MORE_DATA;
            }
            let extra = extra.filter(|_| index == 0);
            if extra.is_some() {
                flags |= NetRxFlags::EXTRA_INFO;
            }
            self.send(part, flags);
            if let Some(extra) = extra {
                self.posted();
                self.rx.push(&zerocopy::transmute!(extra)).unwrap();
            }
        }
    }
}

#[test]
fn large_packet_takes_adjacent_pages() {
    let mut memory = Memory::new();
    let mut world = World::full(&mut memory);
    for (kind, packet) in [
        (SegmentationKind::TcpIpv4, ipv4(6, &tcp(65000))),
        (SegmentationKind::TcpIpv6, ipv6(6, &tcp(65000))),
    ] {
        world.transmit(&packet, segmented(kind, 1448)).unwrap();
        let (requests, extra, sent) = world.take_large();
        assert_eq!((requests.len(), usize::from(requests[0].size)), (16, packet.len()));
        assert!(requests[0].flags.contains(NetTxFlags::CSUM_BLANK | NetTxFlags::DATA_VALIDATED));
        let extra = extra.unwrap();
        let gso: [u8; 6] = zerocopy::transmute!(extra.u);
        let expected = if kind == SegmentationKind::TcpIpv4 {
            NetifGsoType::TCPV4
        } else {
            NetifGsoType::TCPV6
        };
        assert_eq!(extra.type_, NetifExtraType::GSO);
        assert_eq!((gso[..2].to_vec(), gso[2]), (1448u16.to_le_bytes().to_vec(), expected.0));
        // The checksum field has the sum of the pseudo-header; all else is the packet.
        let field = checksum::Offload::find(&packet).unwrap().patch;
        assert_eq!(sent[field.0..field.0 + 2], field.1);
        assert_eq!(sent[..field.0], packet[..field.0]);
        assert_eq!(sent[field.0 + 2..], packet[field.0 + 2..]);
        for request in requests {
            world.complete(request.id);
        }
        world.tx.push(&NetifTxResponse { id: 7, status: NetifStatus::NULL }).unwrap();
        let _ = world.tx.publish();
    }
    world.front.tx.reap(&mut world.front.statistics).unwrap();
    let NetFrontStatistics { tx_packets, tx_segmented, .. } = world.front.statistics;
    assert_eq!((tx_packets, tx_segmented, world.front.tx.free()), (2, 2, 32));
}

#[test]
fn wrong_segmentation_is_refused() {
    let mut memory = Memory::new();
    let mut world = World::full(&mut memory);
    let (v4, v6) = (SegmentationKind::TcpIpv4, SegmentationKind::TcpIpv6);
    for (packet, kind) in [
        (ipv6(6, &tcp(3000)), v4),
        (ipv4(6, &tcp(3000)), v6),
        (udp(3000), v4),
        (vec![0x42; 3000], v4),
    ] {
        assert_eq!(world.transmit(&packet, segmented(kind, 1448)), Err(TxError::Segmentation));
    }
    let long = ipv4(6, &tcp(65482));
    let too_long = TxError::TooLong { len: 65536, limit: 65535 };
    assert_eq!(world.transmit(&long, segmented(v4, 1448)), Err(too_long));
    let too_long = TxError::TooLong { len: 1519, limit: 1518 };
    assert_eq!(world.transmit(&long[..1519], PacketMeta::default()), Err(too_long));
    assert_eq!(world.front.tx.free(), 32);
    // A backend that segments one kind.
    let mut memory = Memory::new();
    let features = TxFeatures { tcp_ipv6: false, ..ALL };
    let mut world = World::with_features(&mut memory, RxFeatures::default(), features);
    let refused = world.transmit(&ipv6(6, &tcp(3000)), segmented(v6, 1448));
    assert_eq!(refused, Err(TxError::Segmentation));
    assert_eq!(world.transmit(&ipv4(6, &tcp(3000)), segmented(v4, 1448)), Ok(()));
}

/// D-N16.
#[test]
fn wait_lasts_until_packet_fits() {
    let mut memory = Memory::new();
    let mut world = World::full(&mut memory);
    let large = ipv4(6, &tcp(60000));
    let meta = segmented(SegmentationKind::TcpIpv4, 1448);
    world.transmit(&large, meta).unwrap();
    let (first, ..) = world.take_large();
    world.transmit(&large, meta).unwrap();
    assert_eq!(world.transmit(&large, meta), Err(TxError::Full));
    assert_eq!(world.front.final_check(), Ok(false));
    // Room for short packets is not what the caller waits for.
    let (last, others) = first.split_last().unwrap();
    for request in others {
        world.complete(request.id);
        assert_eq!(world.front.final_check(), Ok(false));
    }
    assert_eq!(world.transmit(&large, meta), Err(TxError::Full));
    world.complete(last.id);
    assert_eq!(world.front.final_check(), Ok(true));
    assert_eq!(world.transmit(&large, meta), Ok(()));
}

/// D-N01.
#[test]
fn unexpected_extra_response_breaks_device() {
    let mut memory = Memory::new();
    let mut world = World::full(&mut memory);
    world.transmit(&packet(1), PacketMeta::default()).unwrap();
    let _ = world.transmitted();
    world.tx.push(&NetifTxResponse { id: 0, status: NetifStatus::NULL }).unwrap();
    let _ = world.tx.publish();
    let reaped = world.front.tx.reap(&mut world.front.statistics);
    assert_eq!(reaped, Err(ProtocolError::TxExtra));
}

/// D-N11: a packet of 14 to 128 bytes in every partition into up to three slots, with empty ones.
#[test]
fn every_partition_is_one_packet() {
    let mut memory = Memory::new();
    let mut world = World::full(&mut memory);
    for len in [14, 60, 61, 128] {
        let packet: Vec<u8> = (0..len).collect();
        for first in 0..=packet.len() {
            for second in first..=packet.len() {
                let parts = [&packet[..first], &packet[first..second], &packet[second..]];
                world.send_parts(&parts, NetRxFlags::empty(), None);
                assert_eq!(world.received(), [&packet[..]], "{first}, {second}");
            }
        }
    }
}

/// D-N11, D-N15.
#[test]
fn slots_beyond_18_drop_packet() {
    let mut memory = Memory::new();
    let mut world = World::full(&mut memory);
    let packet: Vec<u8> = (0..60).collect();
    for slots in 1..=SLOTS.into() {
        let parts: Vec<&[u8]> =
            (0..slots).map(|slot| if slot == 0 { &packet[..] } else { &[] }).collect();
        world.send_parts(&parts, NetRxFlags::empty(), None);
        let expected = if slots <= 18 { vec![packet.clone()] } else { vec![] };
        assert_eq!(world.received(), expected, "{slots} slots");
    }
    assert_eq!(world.front.statistics.rx_fragmented, u64::from(SLOTS) - 18);
}

#[test]
fn segmented_packet_is_received_whole() {
    let mut memory = Memory::new();
    let mut world = World::full(&mut memory);
    for (kind, packet) in [
        (SegmentationKind::TcpIpv4, ipv4(6, &tcp(65000))),
        (SegmentationKind::TcpIpv6, ipv6(6, &tcp(65000))),
    ] {
        let meta = segmented(kind, 1448);
        let extra = meta.segmentation.unwrap().extra_info();
        // Linux says nothing about the checksum of a packet that it has received segmented.
        for flags in [NetRxFlags::CSUM_BLANK, NetRxFlags::DATA_VALIDATED, NetRxFlags::empty()] {
            let parts: Vec<&[u8]> = packet.chunks(4096).collect();
            world.send_parts(&parts, flags, Some(extra));
            let _ = world.rx.publish();
            let (mut head, mut rest) = (vec![0; 20000], vec![0; 50000]);
            let found = world.front.receive(&mut [&mut head, &mut rest]).unwrap().unwrap();
            assert_eq!((found.len, found.meta.checksum), (packet.len(), ChecksumState::Partial));
            assert_eq!(found.meta.segmentation, meta.segmentation);
            assert_eq!([&head[..], &rest[..packet.len() - 20000]].concat(), packet);
            let _ = world.front.publish();
        }
    }
    assert_eq!(world.front.statistics.rx_segmented, 6);
}

/// D-N10.
#[test]
fn wrong_offload_drops_packet() {
    let mut memory = Memory::new();
    let mut world = World::full(&mut memory);
    let good = ipv4(6, &tcp(1000));
    let gso = |kind: u8, size: u16| {
        let mut info = segmented(SegmentationKind::TcpIpv4, 1).segmentation.unwrap().extra_info();
        let [low, high] = size.to_ne_bytes();
        info.u = zerocopy::transmute!([low, high, kind, 0, 0, 0]);
        Some(info)
    };
    let drops = [
        (good.clone(), gso(1, 0), NetRxFlags::CSUM_BLANK),
        (good.clone(), gso(1, 1055), NetRxFlags::CSUM_BLANK),
        (good.clone(), gso(2, 500), NetRxFlags::CSUM_BLANK),
        (good.clone(), gso(0, 500), NetRxFlags::CSUM_BLANK),
        (good.clone(), gso(255, 500), NetRxFlags::CSUM_BLANK),
        (udp(1000), gso(1, 500), NetRxFlags::CSUM_BLANK),
        (good[..good.len() - 1].to_vec(), gso(1, 500), NetRxFlags::CSUM_BLANK),
        (good[..49].to_vec(), None, NetRxFlags::CSUM_BLANK),
        (packet(1), None, NetRxFlags::CSUM_BLANK),
    ];
    let count = drops.len() as u64;
    for (packet, extra, flags) in drops {
        world.send_parts(&[&packet], flags, extra);
        assert_eq!(world.received(), NONE);
    }
    assert_eq!(world.front.statistics.rx_bad_offload, count);
    world.send_parts(&[&good], NetRxFlags::CSUM_BLANK, gso(1, 1054));
    assert_eq!(world.received(), [good]);
}

proptest! {
    /// Any use of the buffers takes each page once.
    #[test]
    fn pages_have_one_packet(calls in vec_of((1u16..=16, any::<u16>()), 1..200), last in 0u16..16) {
        let mut buffers = TxBuffers::new();
        buffers.add(vec![0; CHUNK * PAGE_SIZE], GrantRef(1), CHUNK as u16);
        if last != 0 {
            buffers.add(vec![0; usize::from(last) * PAGE_SIZE], GrantRef(50), last);
        }
        let mut used = std::collections::BTreeSet::new();
        for (pages, done) in calls {
            if let Some(run) = buffers.find(pages) {
                prop_assert_eq!(run.ids().len(), usize::from(pages));
                prop_assert_eq!(buffers.bytes_mut(run, usize::from(pages) * PAGE_SIZE).len(),
                    usize::from(pages) * PAGE_SIZE);
                buffers.begin(run).unwrap();
                prop_assert!(run.ids().all(|id| used.insert(id)));
            }
            let id = done % 40;
            prop_assert_eq!(buffers.complete(id).is_some(), used.remove(&id));
            prop_assert_eq!(usize::from(buffers.free()), CHUNK + usize::from(last) - used.len());
        }
    }
}
