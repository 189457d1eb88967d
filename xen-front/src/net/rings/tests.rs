//! The rings against a backend that may do anything.

use super::*;
use crate::net::rx::RxFeatures;
use crate::net::rx::RxQueue;
use crate::net::slots::Slots;
use crate::net::tx::{TxFeatures, TxQueue};
use crate::net::tx_buffers::{TxBuffers, TxMemory};
use crate::net::{ChecksumState, PacketMeta, checksum};
use proptest::collection::vec as vec_of;
use proptest::prelude::*;
use std::boxed::Box;
use std::vec;
use std::vec::Vec;
use xen_hypercall::{GrantRef, PAGE_SIZE, Page};
use xen_ring::{BackRing, FrontRing};
use xen_sys::io::netif::{
    NetRxFlags, NetTxFlags, NetifExtraFlags, NetifExtraInfo, NetifExtraType, NetifRxRequest,
    NetifRxResponse, NetifStatus, NetifTxRequest, NetifTxResponse,
};
use xenbus::net::{Segmentation, SegmentationKind};

type Mem<'m> = &'m SharedMem;

const ALL: TxFeatures = TxFeatures {
    scatter_gather: true,
    checksum_ipv4: true,
    checksum_ipv6: true,
    tcp_ipv4: true,
    tcp_ipv6: true,
    hash: true,
};

const SLOTS: u16 = 32;
const CHUNK: usize = xen_grant::MAX_PAGES;
const NONE: [Vec<u8>; 0] = [];
const RX_REF: u32 = 100;
const TX_REF: u32 = 300;

/// A device, and the backend's view of the same pages.
struct World<'m> {
    front: Rings<Mem<'m>, Mem<'m>, Vec<u8>>,
    rx: BackRing<Mem<'m>, NetifRxRequest, NetifRxResponse>,
    tx: BackRing<Mem<'m>, NetifTxRequest, NetifTxResponse>,
    rx_ring: Mem<'m>,
    tx_ring: Mem<'m>,
    rx_buffers: [Mem<'m>; 2],
    /// Posted receive buffers that the backend has taken.
    posted: Vec<NetifRxRequest>,
}

/// Pages of a device.
struct Memory {
    rings: Box<[[Page; 1]; 2]>,
    buffers: Box<[[Page; CHUNK]; 2]>,
}

impl TxMemory for Vec<u8> {
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl Memory {
    fn new() -> Self {
        let buffers = Box::new([const { [Page::ZERO; CHUNK] }; 2]);
        Self { rings: Box::new([const { [Page::ZERO] }; 2]), buffers }
    }
}

impl<'m> World<'m> {
    /// Creates a device whose backend supports partial checksums, and nothing else beyond the
    /// minimum.
    fn new(memory: &'m mut Memory, offload: bool) -> Self {
        let tx = TxFeatures { checksum_ipv4: offload, ..TxFeatures::default() };
        Self::with_features(memory, RxFeatures::default(), tx)
    }

    /// Creates a device with all features at both ends.
    fn full(memory: &'m mut Memory) -> Self {
        let rx = RxFeatures { scatter_gather: true, segmentation: true, headroom: 0 };
        Self::with_features(memory, rx, ALL)
    }

    fn with_features(memory: &'m mut Memory, offers: RxFeatures, features: TxFeatures) -> Self {
        let [rx_ring, tx_ring] = memory.rings.each_mut().map(SharedMem::from_pages);
        let rx_buffers = memory.buffers.each_mut().map(SharedMem::from_pages);
        let (mut rx, mut tx) = (Slots::new(), TxBuffers::new());
        for (chunk, memory) in rx_buffers.into_iter().enumerate() {
            let offset = (chunk * CHUNK) as u32;
            rx.add(memory, GrantRef(RX_REF + offset), CHUNK as u16);
            tx.add(vec![0; CHUNK * PAGE_SIZE], GrantRef(TX_REF + offset), CHUNK as u16);
        }
        let rx = RxQueue::new(FrontRing::new(rx_ring).unwrap(), rx, offers);
        let tx = TxQueue::new(FrontRing::new(tx_ring).unwrap(), tx, features, 1518);
        let mut front = Rings::new(rx, tx);
        assert_eq!(front.publish(), [Notify::Skip, Notify::Send]);
        let (rx, tx) = (BackRing::attach(rx_ring).unwrap(), BackRing::attach(tx_ring).unwrap());
        let posted = Vec::new();
        Self { front, rx, tx, rx_ring, tx_ring, rx_buffers, posted }
    }

    /// Returns the memory of a receive buffer, and its offset there.
    fn rx_buffer(&self, id: u16) -> (Mem<'m>, usize) {
        let id = usize::from(id);
        (self.rx_buffers[id / CHUNK], id % CHUNK * PAGE_SIZE)
    }

    fn transmit(&mut self, packet: &[u8], meta: PacketMeta) -> Result<(), TxError> {
        self.front.transmit(packet.len(), meta.into(), |bytes| bytes.copy_from_slice(packet))
    }

    /// Takes the next posted buffer.
    fn posted(&mut self) -> NetifRxRequest {
        while let Some(request) = self.rx.pop().unwrap() {
            assert_eq!(request.gref.0, RX_REF + u32::from(request.id));
            self.posted.push(request);
        }
        self.posted.remove(0)
    }

    fn respond(&mut self, id: u16, offset: u16, flags: NetRxFlags, status: i16) {
        self.rx.push(&NetifRxResponse { id, offset, flags, status }).unwrap();
    }

    /// Puts a packet into the next posted buffer; the caller publishes.
    fn send(&mut self, packet: &[u8], flags: NetRxFlags) {
        let id = self.posted().id;
        let (memory, offset) = self.rx_buffer(id);
        memory.copy_from(offset, packet).unwrap();
        self.respond(id, 0, flags, packet.len() as i16);
    }

    fn send_bad(&mut self, offset: u16, flags: NetRxFlags, status: i16) {
        let id = self.posted().id;
        self.respond(id, offset, flags, status);
    }

    fn send_extra(&mut self, type_: NetifExtraType, flags: NetifExtraFlags) {
        self.posted();
        let info = NetifExtraInfo { type_, flags, u: [0xffff; 3] };
        self.rx.push(&zerocopy::transmute!(info)).unwrap();
    }

    fn receive(&mut self) -> Result<Option<(Vec<u8>, ChecksumState)>, ProtocolError> {
        let mut buffer = vec![0; 2048];
        let packet = self.front.receive(&mut [&mut buffer])?;
        Ok(packet.map(|packet| (buffer[..packet.len].to_vec(), packet.meta.checksum)))
    }

    /// Returns the packets that the device receives once everything is published.
    fn received(&mut self) -> Vec<Vec<u8>> {
        let _ = self.rx.publish();
        let packets =
            std::iter::from_fn(|| self.receive().unwrap()).map(|(packet, _)| packet).collect();
        let _ = self.front.publish();
        packets
    }

    fn transmitted(&mut self) -> (NetifTxRequest, Vec<u8>) {
        let _ = self.front.publish();
        let request = self.tx.pop().unwrap().unwrap();
        assert_eq!(request.gref.0, TX_REF + u32::from(request.id));
        let packet = self.sent(&request, request.size);
        (request, packet)
    }

    /// Returns the first `len` bytes of a request's page.
    fn sent(&mut self, request: &NetifTxRequest, len: u16) -> Vec<u8> {
        let (id, offset) = (usize::from(request.id), usize::from(request.offset));
        let chunk = self.front.tx.buffers().memory(id / CHUNK).unwrap();
        chunk[id % CHUNK * PAGE_SIZE + offset..][..len.into()].to_vec()
    }

    /// Sends until no buffer is free; the backend takes all packets and answers none.
    fn starve(&mut self) {
        for n in 0..SLOTS as u8 {
            self.transmit(&packet(n), PacketMeta::default()).unwrap();
            self.transmitted();
        }
        let full = self.transmit(&packet(0), PacketMeta::default());
        assert_eq!(full, Err(TxError::Full));
    }

    fn complete(&mut self, id: u16) {
        self.tx.push(&NetifTxResponse { id, status: NetifStatus::OKAY }).unwrap();
        let _ = self.tx.publish();
    }
}

fn packet(n: u8) -> Vec<u8> {
    vec![n; 60 + usize::from(n)]
}

/// Returns an Ethernet header and one of IPv4, for a payload.
fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    frame.extend((20 + payload.len() as u16).to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend(payload);
    frame
}

fn ipv6(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, 0x60, 0, 0, 0];
    frame.extend((payload.len() as u16).to_be_bytes());
    frame.extend([protocol, 64]);
    frame.extend([0xfd; 16]);
    frame.extend([0xfe; 16]);
    frame.extend(payload);
    frame
}

/// Returns UDP over IPv4, with `len` bytes of data.
fn udp(len: usize) -> Vec<u8> {
    let [high, low] = (8 + len as u16).to_be_bytes();
    ipv4(17, &[&[0, 7, 0, 7, high, low, 0xaa, 0xaa][..], &vec![0x42; len]].concat())
}

/// Returns a TCP header and `len` bytes of data that differ from place to place.
fn tcp(len: usize) -> Vec<u8> {
    let header = [0, 80, 0x30, 0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x10, 255, 255, 9, 9, 0, 0];
    header.into_iter().chain((0..len).map(|at| ((at * 31) >> 3) as u8)).collect()
}

#[test]
fn packets_arrive_and_buffers_return() {
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    for round in 0..100 {
        for n in 0..SLOTS as u8 {
            world.send(&packet(n ^ round), NetRxFlags::empty());
        }
        let expected: Vec<_> = (0..SLOTS as u8).map(|n| packet(n ^ round)).collect();
        assert_eq!(world.received(), expected);
    }
    assert_eq!(world.front.statistics.rx_packets, 100 * u64::from(SLOTS));
}

#[test]
fn rx_flags_give_checksum_state() {
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    let flags = [
        NetRxFlags::from_bits_retain(0),
        NetRxFlags::from_bits_retain(1),
        NetRxFlags::from_bits_retain(3),
    ];
    flags.into_iter().for_each(|flags| world.send(&udp(1), flags));
    let _ = world.rx.publish();
    let states: Vec<_> =
        std::iter::from_fn(|| world.receive().unwrap()).map(|(_, state)| state).collect();
    assert_eq!(states, [ChecksumState::Unknown, ChecksumState::Verified, ChecksumState::Partial]);
}

#[test]
fn tx_flags_and_field_match_netback() {
    let frame = udp(1);
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    world.transmit(&frame, PacketMeta::new(ChecksumState::Partial)).unwrap();
    let (request, sent) = world.transmitted();
    assert_eq!((request.flags.bits(), &sent[..40]), (3, &frame[..40]));
    assert_eq!(sent[40..42], [0x14, 0x1d], "the pseudo-header's sum, not inverted");
    assert_eq!(sent[42..], frame[42..]);

    world.transmit(&frame, PacketMeta::default()).unwrap();
    assert_eq!(
        world.transmitted(),
        (
            NetifTxRequest {
                flags: NetTxFlags::empty(),
                gref: GrantRef(TX_REF + 17),
                id: 17,
                ..request
            },
            frame.clone()
        )
    );

    world.transmit(&frame, PacketMeta::new(ChecksumState::Verified)).unwrap();
    assert_eq!(world.transmitted().0.flags.bits(), 2);

    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, false);
    world.transmit(&frame, PacketMeta::new(ChecksumState::Partial)).unwrap();
    let (request, sent) = world.transmitted();
    assert_eq!((request.flags.bits(), checksum::verify(&sent)), (0, Some(true)));
}

#[test]
fn full_tx_ring_frees_any_order() {
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    let mut ids = Vec::new();
    for _ in 0..50 {
        for n in 0..SLOTS as u8 {
            world.transmit(&packet(n), PacketMeta::default()).unwrap();
        }
        assert_eq!(world.transmit(&packet(0), PacketMeta::default()), Err(TxError::Full));
        assert_eq!(world.front.final_check(), Ok(false));
        for n in 0..SLOTS as u8 {
            let (request, sent) = world.transmitted();
            assert_eq!(sent, packet(n));
            ids.push(request.id);
        }
        ids.rotate_left(5);
        ids.drain(..).for_each(|id| world.complete(id));
        assert_eq!(world.front.final_check(), Ok(true));
    }
    assert_eq!(world.front.statistics.tx_packets, 50 * u64::from(SLOTS));
}

#[test]
fn awake_backend_is_not_notified() {
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    let _ = (world.rx.final_check(), world.tx.final_check());
    while world.rx.pop().unwrap().is_some() {}
    assert_eq!(world.rx.final_check(), Ok(false));
    world.transmit(&packet(1), PacketMeta::default()).unwrap();
    world.transmit(&packet(2), PacketMeta::default()).unwrap();
    assert_eq!(world.front.publish(), [Notify::Send, Notify::Skip]);
    assert_eq!(world.front.publish(), [Notify::Skip; 2]);
    world.transmit(&packet(3), PacketMeta::default()).unwrap();
    assert_eq!(world.front.publish(), [Notify::Skip; 2], "the backend did not ask again");
}

#[test]
fn impossible_lengths_are_refused() {
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    let transmit = |world: &mut World<'_>, len| {
        world.transmit(&vec![0; len], PacketMeta::new(ChecksumState::Partial))
    };
    assert_eq!(transmit(&mut world, 13), Err(TxError::TooShort { len: 13 }));
    assert_eq!(transmit(&mut world, 1519), Err(TxError::TooLong { len: 1519, limit: 1518 }));
    assert_eq!(transmit(&mut world, 14), Ok(()));
    assert_eq!(transmit(&mut world, 1518), Ok(()));
    assert_eq!(world.front.tx.free(), usize::from(SLOTS) - 2);
}

#[test]
fn segmented_packet_is_refused() {
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    let (kind, size) = (SegmentationKind::TcpIpv4, core::num::NonZeroU16::MIN);
    let meta = PacketMeta::default().with_segmentation(Segmentation { kind, size });
    assert_eq!(world.transmit(&packet(1), meta), Err(TxError::Segmentation));
    assert_eq!(world.front.tx.free(), usize::from(SLOTS));
}

/// Asserts that a broken device accesses no ring for an event either.
fn assert_ends(world: &mut World<'_>, broken: ProtocolError) {
    use core::sync::atomic::Ordering::Relaxed;
    // The indices at which the backend is to notify.
    let events = |world: &World<'_>| {
        [world.rx_ring, world.tx_ring].map(|ring| ring.u32::<12>().load(Relaxed))
    };
    let before = events(world);
    assert_eq!(world.front.final_check(), Err(broken));
    assert_eq!(world.front.can_reply(), Err(broken));
    assert_eq!(world.front.publish(), [Notify::Skip; 2]);
    assert_eq!(events(world), before);
}

/// D-N01.
#[test]
fn bad_tx_id_breaks_device() {
    // Out of range, out of the buffers.
    for found in [u16::MAX, 256, SLOTS] {
        let mut memory = Memory::new();
        let mut world = World::new(&mut memory, true);
        world.starve();
        world.complete(found);
        let broken = ProtocolError::TxId { found };
        assert_eq!(world.front.final_check(), Err(broken));
        // For good, in both directions, without touching the rings.
        assert_eq!(world.transmit(&packet(1), PacketMeta::default()), Err(TxError::Broken(broken)));
        assert_eq!(world.receive(), Err(broken));
        assert_ends(&mut world, broken);
    }
}

#[test]
fn failed_transmits_are_counted() {
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    world.starve();
    let statuses = [NetifStatus::ERROR, NetifStatus::OKAY, NetifStatus::DROPPED];
    for (id, status) in (0..).zip(statuses) {
        world.tx.push(&NetifTxResponse { id, status }).unwrap();
    }
    let _ = world.tx.publish();
    assert_eq!(world.front.final_check(), Ok(true));
    let NetFrontStatistics { tx_packets, tx_errors, .. } = world.front.statistics;
    assert_eq!((tx_packets, tx_errors), (3, 2));
}

/// D-N01.
#[test]
fn repeated_tx_response_breaks_device() {
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    world.starve();
    world.complete(0);
    world.complete(0);
    assert_eq!(world.front.final_check(), Err(ProtocolError::TxId { found: 0 }));
}

/// D-N01.
#[test]
fn wrong_rx_id_breaks_device() {
    for found in [u16::MAX, SLOTS, 1] {
        let mut memory = Memory::new();
        let mut world = World::new(&mut memory, true);
        world.posted();
        world.respond(found, 0, NetRxFlags::empty(), 60);
        let _ = world.rx.publish();
        let broken = ProtocolError::RxId { found, expected: 0 };
        world.transmit(&packet(1), PacketMeta::default()).unwrap();
        assert_eq!(world.receive(), Err(broken));
        assert_ends(&mut world, broken);
        assert_eq!(world.tx.pop(), Ok(None), "the packet was not published");
        assert_eq!(world.transmit(&packet(1), PacketMeta::default()), Err(TxError::Broken(broken)));
    }
}

/// D-N02.
#[test]
fn bad_sizes_drop_packet() {
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    for _ in 0..20 {
        world.send_bad(0, NetRxFlags::empty(), -1);
        world.send_bad(0, NetRxFlags::empty(), i16::MIN);
        world.send_bad(4000, NetRxFlags::empty(), 97);
        world.send_bad(u16::MAX, NetRxFlags::empty(), 60);
        world.send_bad(0, NetRxFlags::empty(), i16::MAX);
        world.send_bad(0, NetRxFlags::empty(), 4097);
        world.send_bad(0, NetRxFlags::empty(), 2049);
        world.send_bad(0, NetRxFlags::empty(), 13);
        world.send_bad(4090, NetRxFlags::empty(), 0);
        world.send(&packet(9), NetRxFlags::empty());
        assert_eq!(world.received(), [packet(9)]);
    }
    let NetFrontStatistics { rx_packets, rx_errors, rx_outside, rx_too_long, rx_runts, .. } =
        world.front.statistics;
    assert_eq!((rx_packets, rx_errors, rx_outside, rx_too_long, rx_runts), (20, 40, 80, 20, 40));
}

/// D-N02.
#[test]
fn packet_at_page_end_is_received() {
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    let id = world.posted().id;
    let (memory, offset) = world.rx_buffer(id);
    memory.copy_from(offset + 3996, &[7; 100]).unwrap();
    world.respond(id, 3996, NetRxFlags::empty(), 100);
    assert_eq!(world.received(), [vec![7; 100]]);
}

/// D-N03.
#[test]
fn packet_in_several_slots_is_dropped() {
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    for _ in 0..20 {
        world.send(&packet(1), NetRxFlags::MORE_DATA);
        world.send(&packet(2), NetRxFlags::MORE_DATA);
        world.send(&packet(3), NetRxFlags::empty());
        world.send(&packet(4), NetRxFlags::empty());
        assert_eq!(world.received(), [packet(4)]);
    }
    assert_eq!(world.front.statistics.rx_fragmented, 20);
}

/// Sends packets whose first slot announces one that is missing: each drops one packet.
fn truncated(flags: NetRxFlags) {
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    for _ in 0..20 {
        world.send(&packet(1), flags);
        assert_eq!(world.received(), NONE);
        world.send(&packet(2), NetRxFlags::empty());
        assert_eq!(world.received(), [packet(2)]);
    }
    assert_eq!(world.front.statistics.rx_truncated, 20);
}

/// D-N03.
#[test]
fn missing_last_slot_drops_one_packet() {
    truncated(NetRxFlags::MORE_DATA);
}

/// D-N03.
#[test]
fn endless_more_data_ends() {
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    for _ in 0..20 {
        (0..SLOTS).for_each(|_| world.send(&packet(1), NetRxFlags::MORE_DATA));
        assert_eq!(world.received(), NONE);
    }
    world.send(&packet(2), NetRxFlags::empty());
    assert_eq!(world.received(), [packet(2)]);
}

/// D-N04.
#[test]
fn unknown_extra_info_drops_packet() {
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    let last = NetifExtraFlags::empty();
    for type_ in 0..=255 {
        world.send(&packet(1), NetRxFlags::EXTRA_INFO);
        world.send_extra(NetifExtraType::HASH, NetifExtraFlags::MORE);
        world.send_extra(NetifExtraType(type_), last);
        world.send(&packet(2), NetRxFlags::empty());
        let known = NetifExtraType(type_) == NetifExtraType::HASH;
        assert_eq!(
            world.received(),
            if known { vec![packet(1), packet(2)] } else { vec![packet(2)] }
        );
    }
    assert_eq!(world.front.statistics.rx_extra, 255);
}

/// D-N04.
#[test]
fn missing_extra_info_drops_one_packet() {
    truncated(NetRxFlags::EXTRA_INFO);
}

/// D-N04.
#[test]
fn endless_extra_info_takes_one_ring() {
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    for _ in 0..20 {
        world.send(&packet(1), NetRxFlags::EXTRA_INFO | NetRxFlags::MORE_DATA);
        (1..SLOTS).for_each(|_| world.send_extra(NetifExtraType::HASH, NetifExtraFlags::MORE));
        assert_eq!(world.received(), NONE);
    }
    world.send(&packet(2), NetRxFlags::empty());
    assert_eq!(world.received(), [packet(2)]);
}

#[test]
fn impossible_indices_break_the_device() {
    use core::sync::atomic::Ordering::Relaxed;
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    world.rx_ring.u32::<8>().store(u32::from(SLOTS) + 1, Relaxed);
    assert!(matches!(world.receive(), Err(ProtocolError::RxRing(_))));
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    world.starve();
    world.tx_ring.u32::<8>().store(u32::from(SLOTS) + 1, Relaxed);
    assert!(matches!(world.front.final_check(), Err(ProtocolError::TxRing(_))));
}

#[test]
fn private_copy_does_not_change() {
    let mut memory = Memory::new();
    let mut world = World::new(&mut memory, true);
    world.send(&packet(1), NetRxFlags::empty());
    let _ = world.rx.publish();
    let mut buffer = [0; 2048];
    let received = world.front.receive(&mut [&mut buffer]).unwrap().unwrap();
    world.rx_buffers[0].copy_from(0, &[0xee; 2048]).unwrap();
    assert_eq!(buffer[..received.len], packet(1));
}

proptest! {
    /// Any responses cause no panic and bounded work, and each slot is posted again while the
    /// device is intact.
    #[test]
    fn any_responses_are_bounded(
        batches in vec_of(vec_of(any::<(u16, u16, bool, [u8; 8])>(), 0..32), 1..12),
    ) {
        let mut memory = Memory::new();
        let mut world = World::new(&mut memory, true);
        for batch in batches {
            for (size, offset, honest, raw) in batch {
                let id = world.posted().id;
                let mut response: NetifRxResponse = zerocopy::transmute!(raw);
                if honest {
                    let flags = NetRxFlags::from_bits_retain(response.flags.bits() & 0xf);
                    let (offset, status) = (offset % 4096, (size % 5000) as i16 - 100);
                    response = NetifRxResponse { id, offset, flags, status };
                } else {
                    response.id = id;
                }
                world.rx.push(&response).unwrap();
            }
            let _ = world.rx.publish();
            loop {
                match world.receive() {
                    Ok(Some((packet, _))) => prop_assert!((14..=2048).contains(&packet.len())),
                    Ok(None) => break,
                    Err(broken) => {
                        let wrong_id = matches!(broken, ProtocolError::RxId { .. });
                        prop_assert!(wrong_id, "{}", broken);
                        return Ok(());
                    }
                }
            }
            let _ = world.front.publish();
            while let Some(request) = world.rx.pop().unwrap() {
                world.posted.push(request);
            }
            prop_assert_eq!(world.posted.len(), usize::from(SLOTS));
        }
    }
}

#[test]
fn copies_stay_within_their_slot() {
    let mut pages = [const { Page::ZERO }; 2];
    let mut slots = Slots::new();
    slots.add(SharedMem::from_pages(&mut pages), GrantRef(1), 2);
    assert_eq!(slots.copy_to(0, PAGE_SIZE - 1, &mut [0]), Some(()));
    assert_eq!(slots.copy_to(0, PAGE_SIZE - 1, &mut [0; 2]), None);
    assert_eq!(slots.copy_to(0, PAGE_SIZE, &mut []), Some(()));
    assert_eq!(slots.copy_to(0, PAGE_SIZE + 1, &mut []), None);
}

mod hash;
mod large;
mod multicast;
mod xdp;
