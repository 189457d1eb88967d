//! The network backend against a frontend that sends and posts anything.

use crate::fixture::{check, settle, small, store_of};
use crate::input::{streams, values};
use arbitrary::Arbitrary;
use core::cell::Cell;
use std::sync::atomic::Ordering::Release;
use xen_back::net::{MAX_PACKET, NetBack, NetBackEvent, Packet, PacketMeta};
use xen_evtchn::Channel;
use xen_grant::GrantTable;
use xen_hypercall::{Pages, Platform};
use xen_sim::{ChoiceSource, HostilePeer, Vif, World};
use xenbus::DeviceId;

/// The polls in which a backend connects to a frontend that has published its rings: each takes the
/// replies to the requests of the one before.
const POLLS: usize = 16;

const KEYS: [&str; 8] = [
    "tx-ring-ref",
    "rx-ring-ref",
    "event-channel",
    "request-rx-copy",
    "feature-sg",
    "feature-no-csum-offload",
    "feature-rx-notify",
    "multi-queue-num-queues",
];

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
    Node(u8, u32),
    Text(u8, &'a [u8]),
    State(u8),
    Poll,
}

/// Runs the target.
pub fn run(data: &[u8]) {
    let (deeds, rewrites) = streams(data);
    let mut peer = HostilePeer::new(ChoiceSource::from_bytes(rewrites));
    let world = World::new(1);
    let (back, guest) = (world.create_guest(small("network")), world.create_guest(small("guest")));
    let device = world.attach_vif(&guest, &back, &Vif::new(0));
    let grants = GrantTable::new(guest.clone()).unwrap();
    let share =
        || grants.grant_writable(Pages::alloc(guest.clone(), 1).unwrap(), back.id()).unwrap();
    let (tx, rx, data) = (share(), share(), share());
    let data_ref = data.refs()[0].0.to_le_bytes();
    let channel = Channel::alloc_unbound(guest.clone(), back.id()).unwrap();
    let (nodes, front) = (guest.store(), device.frontend_path());
    let publish = || {
        let values = [tx.refs()[0].0, rx.refs()[0].0, channel.port().0, 1, 1, 0, 1];
        for (key, value) in KEYS.iter().zip(values) {
            nodes.write(format!("{front}/{key}"), value).unwrap();
        }
        nodes.write(format!("{front}/state"), 4).unwrap();
    };
    publish();
    let store = store_of(&back);
    let id = DeviceId { guest: guest.id(), device: device.id };
    let mut interface = NetBack::new(&store, id).unwrap();
    for _ in 0..POLLS {
        let _ = interface.poll(back.now(), &mut |_: Packet<'_>| {});
        world.run_until_idle();
    }
    let mut echo = Vec::<Vec<u8>>::new();
    let (tx_prod, rx_prod) = (Cell::new(0u32), Cell::new(0u32));
    let post = |to_rx: bool, slot: &[u8]| {
        let (ring, prod) = if to_rx { (&rx, &rx_prod) } else { (&tx, &tx_prod) };
        ring.as_ref().copy_from(64 + (prod.get() % 256) as usize * slot.len(), slot);
        prod.set(prod.get().wrapping_add(1));
        ring.as_ref().u32::<0>().store(prod.get(), Release);
    };
    for deed in values(deeds, 100) {
        match deed {
            Deed::Tx(slot) => post(false, &slot),
            Deed::Send { offset, size, flags } => {
                let [o0, o1] = (offset % 4096).to_le_bytes();
                let [s0, s1] = size.to_le_bytes();
                let [r0, r1, r2, r3] = data_ref;
                post(false, &[r0, r1, r2, r3, o0, o1, flags, 0, tx_prod.get() as u8, 0, s0, s1]);
            }
            Deed::Extra { kind, more, bytes: [a, b, c, d, e, f] } => {
                post(false, &[kind, u8::from(more), a, b, c, d, e, f, 0, 0, 0, 0]);
            }
            Deed::Post { good, reference } => {
                let [r0, r1, r2, r3] =
                    if good { data_ref } else { u32::from(reference).to_le_bytes() };
                post(true, &[rx_prod.get() as u8, 0, 0, 0, r0, r1, r2, r3]);
            }
            Deed::Data(at, bytes) => drop(data.as_ref().copy_from(usize::from(at) % 4096, bytes)),
            Deed::Word { rx: to_rx, at, value } => {
                drop(
                    (if to_rx { &rx } else { &tx }).as_ref().write(usize::from(at) % 4096, &value),
                );
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
                tx_prod.set(0);
                rx_prod.set(0);
                tx.as_ref().zero();
                rx.as_ref().zero();
                publish();
            }
            Deed::State(state) => drop(nodes.write(format!("{front}/state"), state % 9)),
            Deed::Poll => {}
        }
        world.run_until_idle();
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
    drop((store, nodes, channel));
    let held = [tx, rx, data].map(|shared| shared.end_access().is_err());
    assert_eq!(held, [false; 3], "the backend has unmapped everything");
    drop(grants);
    check(&world);
}
