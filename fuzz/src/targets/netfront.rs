//! A network interface against a backend that answers, announces and forgets as it likes.

use crate::fixture::{check, settle, small, store_of};
use crate::input::{head, streams, values};
use arbitrary::Arbitrary;
use core::num::NonZeroU16;
use core::time::Duration;
use xen_front::net::{
    ChecksumState, DEFAULT_KEY, HashConfig, MacAddress, NetFront, NetFrontConfig, NetifHashType,
    PacketMeta, Segmentation, SegmentationKind, Vif,
};
use xen_grant::{DeferredGrants, GrantTable};
use xen_hypercall::Platform;
use xen_sim::{ChoiceSource, HostileBackend, HostilePeer, Vif as VirtualVif, World};

#[derive(Arbitrary, Debug)]
enum Call {
    Transmit { len: u16, partial: bool },
    TransmitWith { len: u16 },
    TransmitSegmented { len: u16, size: u16, ipv6: bool },
    TransmitVectored { lens: [u16; 3] },
    ReceiveVectored([u16; 3]),
    Tokens { len: u16 },
    Receive(u16),
    ReceiveWith,
    Flush,
    FinalCheck,
    SetHash { types: u8, mapping: [u16; 4], keep: bool },
    SetStaticGrants(bool),
    SetMulticastFilter { enabled: bool, group: u8 },
    Poll,
    Wait(u8),
    Close,
    Reopen,
    Resume,
}

/// Runs the target.
pub fn run(data: &[u8]) {
    let (mut calls, deeds) = streams(data);
    let (deeds, rewrites) = streams(deeds);
    let [options] = head(&mut calls);
    let (checksum_offload, polls, large) = (options % 2 == 0, options / 2 % 16, options < 128);
    let world = World::new(1);
    let (driver_domain, guest) =
        (world.create_guest(small("network")), world.create_guest(small("guest")));
    let device = world.attach_vif(&guest, &driver_domain, &VirtualVif::new(0));
    let backend = HostileBackend::start(&world, &device, ChoiceSource::from_bytes(deeds));
    let mut peer = HostilePeer::new(ChoiceSource::from_bytes(rewrites));
    let store = store_of(&guest);
    let grants = GrantTable::new(guest.clone()).unwrap();
    let config = NetFrontConfig::default()
        .with_rx_slots(if large { 24 } else { 8 })
        .with_tx_slots(if large { 20 } else { 6 })
        .with_checksum_offload(checksum_offload)
        .with_control_ring(true)
        .with_xdp_headroom(if large { 0 } else { 256 })
        .with_timeout(Duration::from_secs(2));
    if let Ok(mut net) = NetFront::new(&store, &grants, Vif(0), config) {
        let mut buffer = vec![0; 1 << 16];
        // Connecting takes some exchanges with xenstored.
        for _ in 0..polls {
            peer.against(&guest, || {
                let _ = net.poll(guest.now());
                net.wait(Some(guest.now() + Duration::from_millis(1)));
            });
        }
        for call in values(calls, 60) {
            peer.against(&guest, || match call {
                Call::Transmit { len, partial } => {
                    let checksum = if partial {
                        PacketMeta::new(ChecksumState::Partial)
                    } else {
                        PacketMeta::default()
                    };
                    let _ = net.transmit(&buffer[..usize::from(len) % 4096], checksum);
                }
                Call::TransmitWith { len } => {
                    drop(net.transmit_with(len.into(), PacketMeta::default(), |p| p.len()))
                }
                Call::TransmitSegmented { len, size, ipv6 } => {
                    let kind =
                        if ipv6 { SegmentationKind::TcpIpv6 } else { SegmentationKind::TcpIpv4 };
                    let segmentation =
                        NonZeroU16::new(size).map(|size| Segmentation { kind, size });
                    let meta = PacketMeta::default();
                    let meta = segmentation.map_or(meta, |found| meta.with_segmentation(found));
                    drop(net.transmit_with(len.into(), meta, |packet| write_tcp(packet, ipv6)));
                }
                Call::TransmitVectored { lens } => {
                    let pieces = lens.map(|len| &buffer[..usize::from(len) / 2]);
                    drop(net.transmit_vectored(&pieces, PacketMeta::default()));
                }
                Call::ReceiveVectored(lens) => {
                    let (first, rest) = buffer.split_at_mut(usize::from(lens[0]) / 2);
                    let (second, third) = rest.split_at_mut(usize::from(lens[1]) / 2);
                    let len = third.len().min(usize::from(lens[2]) % 200);
                    let third = &mut third[..len];
                    drop(net.receive_vectored(&mut [first, second, third]));
                }
                Call::Tokens { len } => {
                    if let Ok(Some((mut received, reply))) = net.receive_token() {
                        let meta = received.meta();
                        assert!(received.packet().len() >= 14);
                        reply.transmit(len.into(), meta, |packet| packet.len());
                    }
                }
                Call::Receive(len) => drop(net.receive(&mut buffer[..usize::from(len)])),
                Call::ReceiveWith => {
                    drop(net.receive_with(|packet, _| assert!(packet.len() <= 1 << 16)))
                }
                Call::Flush => drop(net.flush()),
                Call::FinalCheck => drop(net.final_check()),
                Call::SetHash { types, mapping, keep } => {
                    let hash = HashConfig::new(NetifHashType(types.into()), DEFAULT_KEY);
                    let hash = hash.with_mapping(&mapping.map(|queue| queue % 9));
                    net.set_hash(hash.ok().filter(|_| keep));
                }
                Call::SetStaticGrants(enabled) => net.set_static_grants(enabled),
                Call::SetMulticastFilter { enabled, group } => {
                    drop(net.join_multicast(MacAddress([1, 0, 0x5e, 0, 0, group])));
                    drop(net.set_multicast_filter(enabled));
                }
                Call::Poll => drop(net.poll(guest.now())),
                Call::Wait(millis) => {
                    net.wait(Some(guest.now() + Duration::from_millis(millis.into())))
                }
                Call::Close => net.close(),
                Call::Reopen => net.reopen(),
                Call::Resume => net.resume(),
            });
            assert!(net.tx_free() <= 20);
            let _ = (net.hash_state(), net.static_grants());
        }
        backend.behave();
        let _ = net.close_and_wait();
    }
    world.destroy(driver_domain.id());
    assert_eq!(grants.retry_deferred(), DeferredGrants::default());
    settle(&world, &[&store]);
    drop((store, grants));
    check(&world);
}

/// Writes headers of TCP, as far as there is room.
fn write_tcp(packet: &mut [u8], ipv6: bool) {
    let len = packet.len();
    let mut header = vec![0; 12];
    if ipv6 {
        header.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        header.extend((len.saturating_sub(54) as u16).to_be_bytes());
        header.extend([6, 64]);
        header.extend([0xfd; 32]);
    } else {
        header.extend([8, 0, 0x45, 0]);
        header.extend((len.saturating_sub(14) as u16).to_be_bytes());
        header.extend([0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    }
    header.resize(header.len() + 12, 7);
    header.push(0x50);
    packet.iter_mut().zip(header).for_each(|(to, from)| *to = from);
}
