//! The network backend against a frontend that sends and posts anything.

use crate::fixture::{check, settle, small, store_of};
use crate::input::{head, streams, values};
use arbitrary::Arbitrary;
use core::cell::Cell;
use core::num::NonZeroU16;
use std::sync::atomic::Ordering::Release;
use xen_back::net::{
    ChecksumState, MAX_PACKET, NetBack, NetBackConfig, NetBackEvent, Packet, PacketMeta,
    Segmentation, SegmentationKind,
};
use xen_evtchn::Channel;
use xen_grant::{GrantTable, Granted, ReadWrite};
use xen_hypercall::{Pages, Platform};
use xen_sim::{ChoiceSource, Domain, HostilePeer, Vif, World};
use xenbus::DeviceId;

/// The polls in which a backend connects to a frontend that has published its rings: each takes the
/// replies to the requests of the one before.
const POLLS: usize = 16;

/// Nodes that are written again with any value.
const KEYS: [&str; 21] = [
    "tx-ring-ref",
    "rx-ring-ref",
    "event-channel",
    "request-rx-copy",
    "feature-sg",
    "feature-no-csum-offload",
    "feature-rx-notify",
    "multi-queue-num-queues",
    "feature-gso-tcpv4",
    "feature-gso-tcpv6",
    "feature-ipv6-csum-offload",
    "request-multicast-control",
    "ctrl-ring-ref",
    "xdp-headroom",
    "event-channel-ctrl",
    "event-channel-tx",
    "event-channel-rx",
    "queue-0/tx-ring-ref",
    "queue-1/tx-ring-ref",
    "queue-1/event-channel-tx",
    "queue-1/event-channel-rx",
];

/// Features of the frontend, one for each bit.
const FEATURES: [&str; 7] = [
    "feature-sg",
    "feature-no-csum-offload",
    "feature-rx-notify",
    "feature-gso-tcpv4",
    "feature-gso-tcpv6",
    "feature-ipv6-csum-offload",
    "request-multicast-control",
];

/// Pages of one queue, and their producer indices.
struct Rings {
    tx: Granted<Domain, ReadWrite>,
    rx: Granted<Domain, ReadWrite>,
    channels: [Channel<Domain>; 2],
}

#[derive(Arbitrary, Debug)]
enum Deed<'a> {
    /// Puts any bytes into a slot of the ring to the backend.
    Tx([u8; 12]),
    /// A transmit slot of the shared page.
    Send {
        offset: u16,
        size: u16,
        flags: u8,
    },
    /// A slot with a packet's segments.
    Extra {
        kind: u8,
        more: bool,
        bytes: [u8; 6],
    },
    /// A receive slot with a good or a bad page.
    Post {
        good: bool,
        reference: u16,
    },
    /// A store to bytes of the sent page.
    Data(u16, &'a [u8]),
    /// A store to a word of a ring.
    Word {
        rx: bool,
        at: u16,
        value: u32,
    },
    /// The queue of the deeds that follow.
    Queue(u8),
    /// A control request with a good or a bad page.
    Control {
        kind: u8,
        good: bool,
        data: [u32; 3],
    },
    /// A packet of TCP for the guest.
    ToGuest {
        ipv6: bool,
        len: u16,
        segment: u16,
        port: u16,
    },
    Node(u8, u32),
    Text(u8, &'a [u8]),
    State(u8),
    Poll,
}

/// Returns TCP with a partial checksum.
fn tcp(ipv6: bool, len: u16, port: u16) -> Vec<u8> {
    let len = len.min(65_000);
    let mut frame = vec![2; 12];
    if ipv6 {
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        frame.extend((20 + len).to_be_bytes());
        frame.extend([6, 64]);
        frame.extend([7; 32]);
    } else {
        frame.extend([8, 0, 0x45, 0]);
        frame.extend((40 + len).to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    }
    frame.extend(port.to_be_bytes());
    frame.extend([0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
    frame.resize(frame.len() + usize::from(len), 9);
    frame
}

/// Runs the target.
pub fn run(mut data: &[u8]) {
    let [features, shape] = head::<2>(&mut data);
    let (queues, split, control) = (1 + usize::from(shape & 1), shape & 2 != 0, shape & 4 != 0);
    let (deeds, rewrites) = streams(data);
    let mut peer = HostilePeer::new(ChoiceSource::from_bytes(rewrites));
    let world = World::new(1);
    let (back, guest) = (world.create_guest(small("network")), world.create_guest(small("guest")));
    let device = world.attach_vif(&guest, &back, &Vif::new(0));
    let grants = GrantTable::new(guest.clone()).unwrap();
    let share =
        || grants.grant_writable(Pages::alloc(guest.clone(), 1).unwrap(), back.id()).unwrap();
    let channel = || Channel::alloc_unbound(guest.clone(), back.id()).unwrap();
    let (ctrl, data) = (share(), share());
    let rings: Vec<_> = (0..queues)
        .map(|_| Rings { tx: share(), rx: share(), channels: [channel(), channel()] })
        .collect();
    let data_ref = data.refs()[0].0.to_le_bytes();
    let ctrl_channel = channel();
    let (nodes, front) = (guest.store(), device.frontend_path());
    let publish = || {
        let write = |key: &str, value: u32| nodes.write(format!("{front}/{key}"), value).unwrap();
        for (index, Rings { tx, rx, channels }) in rings.iter().enumerate() {
            let prefix = if queues > 1 { format!("queue-{index}/") } else { String::new() };
            write(&format!("{prefix}tx-ring-ref"), tx.refs()[0].0);
            write(&format!("{prefix}rx-ring-ref"), rx.refs()[0].0);
            let names: &[&str] = if split { &["-tx", "-rx"] } else { &[""] };
            for (name, channel) in names.iter().zip(channels) {
                write(&format!("{prefix}event-channel{name}"), channel.port().0);
            }
        }
        write("multi-queue-num-queues", queues as u32);
        write("request-rx-copy", 1);
        for (bit, key) in FEATURES.iter().enumerate() {
            write(key, u32::from(features >> bit & 1));
        }
        if control {
            write("ctrl-ring-ref", ctrl.refs()[0].0);
            write("event-channel-ctrl", ctrl_channel.port().0);
        }
        nodes.write(format!("{front}/state"), 4).unwrap();
    };
    publish();
    let store = store_of(&back);
    let id = DeviceId { guest: guest.id(), device: device.id };
    let config = NetBackConfig::default().with_static_grants(usize::from(shape / 16));
    let config = config.with_xdp_headroom(shape & 8 != 0);
    let mut interface = NetBack::with_config(&store, id, config).unwrap();
    for _ in 0..POLLS {
        let _ = interface.poll(back.now(), &mut |_: Packet<'_>| {});
        world.run_until_idle();
    }
    let mut echo = Vec::<Vec<u8>>::new();
    let queue = Cell::new(0);
    // Of the transmit ring, the receive ring and the control ring.
    let prods = [[0u32; 3]; 2].map(|prods| prods.map(Cell::new));
    let post = |kind: usize, slot: &[u8]| {
        let at: usize = if kind == 2 { 0 } else { queue.get() };
        let (ring, prod) = ([&rings[at].tx, &rings[at].rx, &ctrl][kind], &prods[at][kind]);
        let slots = if kind == 2 { 128 } else { 256 };
        let start = 64 + (prod.get() % slots) as usize * slot.len();
        let _ = ring.as_ref().copy_from(start, slot);
        prod.set(prod.get().wrapping_add(1));
        ring.as_ref().u32::<0>().store(prod.get(), Release);
    };
    for deed in values(deeds, 100) {
        let mut to_guest = None;
        match deed {
            Deed::Tx(slot) => post(0, &slot),
            Deed::Send { offset, size, flags } => {
                let [o0, o1] = (offset % 4096).to_le_bytes();
                let [s0, s1] = size.to_le_bytes();
                let [r0, r1, r2, r3] = data_ref;
                post(0, &[r0, r1, r2, r3, o0, o1, flags, 0, 0, 0, s0, s1]);
            }
            Deed::Extra { kind, more, bytes: [a, b, c, d, e, f] } => {
                post(0, &[kind, u8::from(more), a, b, c, d, e, f, 0, 0, 0, 0]);
            }
            Deed::Post { good, reference } => {
                let [r0, r1, r2, r3] =
                    if good { data_ref } else { u32::from(reference).to_le_bytes() };
                post(1, &[7, 0, 0, 0, r0, r1, r2, r3]);
            }
            Deed::Data(at, bytes) => drop(data.as_ref().copy_from(usize::from(at) % 4096, bytes)),
            Deed::Word { rx: to_rx, at, value } => {
                let Rings { tx, rx, .. } = &rings[queue.get()];
                drop((if to_rx { rx } else { tx }).as_ref().write(usize::from(at) % 4096, &value));
            }
            Deed::Queue(index) => queue.set(usize::from(index) % queues),
            Deed::Control { kind, good, data: [first, second, third] } => {
                let page = if good { u32::from_le_bytes(data_ref) } else { first };
                let mut slot = [0; 16];
                slot[2] = kind % 12;
                // The lists of static grants have their queue first.
                let data = match slot[2] {
                    8..=10 => [second % 3, page, third % 520],
                    _ => [page, second, third],
                };
                for (to, from) in slot[4..].chunks_mut(4).zip(data) {
                    to.copy_from_slice(&from.to_le_bytes());
                }
                post(2, &slot);
            }
            Deed::ToGuest { ipv6, len, segment, port } => {
                let kind = if ipv6 { SegmentationKind::TcpIpv6 } else { SegmentationKind::TcpIpv4 };
                let mut meta = PacketMeta::new(ChecksumState::Partial);
                if let Some(size) = NonZeroU16::new(segment) {
                    meta = meta.with_segmentation(Segmentation { kind, size });
                }
                to_guest = Some((tcp(ipv6, len, port), meta));
            }
            Deed::Node(key, value) => {
                drop(
                    nodes.write(format!("{front}/{}", KEYS[usize::from(key) % KEYS.len()]), value),
                );
            }
            Deed::Text(key, value) => {
                let value = &value[..value.len().min(2000)];
                drop(nodes.write_bytes(
                    format!("{front}/{}", KEYS[usize::from(key) % KEYS.len()]),
                    value,
                ));
            }
            Deed::State(9) => {
                prods.iter().flatten().for_each(|prod| prod.set(0));
                let pages = rings.iter().flat_map(|rings| [&rings.tx, &rings.rx]);
                pages.chain([&ctrl]).for_each(|page| page.as_ref().zero());
                publish();
            }
            Deed::State(state) => drop(nodes.write(format!("{front}/state"), state % 9)),
            Deed::Poll => {}
        }
        world.run_until_idle();
        if let Some((bytes, meta)) = to_guest {
            peer.against(&back, || interface.send(Packet::new(&bytes, meta)));
        }
        let mut take = |packet: Packet<'_>| {
            assert!(packet.bytes.len() >= 14 && packet.bytes.len() <= MAX_PACKET);
            echo.push(packet.bytes.to_vec());
        };
        if peer.against(&back, || interface.poll(back.now(), &mut take))
            == Ok(NetBackEvent::Removed)
        {
            break;
        }
        for bytes in echo.drain(..) {
            interface.send(Packet::new(&bytes, PacketMeta::default()));
        }
    }
    drop(interface);
    settle(&world, &[&store]);
    drop((store, nodes, ctrl_channel));
    let pages = rings.into_iter().flat_map(|Rings { tx, rx, .. }| [tx, rx]);
    let held = pages.chain([ctrl, data]).filter_map(|shared| shared.end_access().err()).count();
    assert_eq!(held, 0, "the backend has unmapped everything");
    drop(grants);
    check(&world);
}
