//! The xenstore server against a guest that writes anything into its ring, and against requests of
//! any kind and body.

use crate::fixture::small;
use crate::input::{streams, values};
use arbitrary::Arbitrary;
use std::sync::atomic::Ordering::{Relaxed, Release};
use xen_hypercall::boot;
use xen_hypercall::ops::event_channel;
use xen_sim::World;
use xen_store::wire::{MessageType, XsdSockmsg, encode};

const PATHS: [&str; 8] = [
    "device",
    "data/a",
    "data/a/b",
    "/local/domain/1/data",
    "/",
    "@releaseDomain",
    "control/shutdown",
    "data//x",
];

/// Step of the guest with the ring.
#[derive(Arbitrary, Debug)]
enum Deed<'a> {
    /// A request of any kind about a known path, with something behind it.
    Request { kind: u8, tx: u8, path: u8, rest: &'a [u8] },
    /// A request with any header.
    Header { kind: u32, tx: u32, len: u16, body: &'a [u8] },
    /// Bytes.
    Raw(&'a [u8]),
    /// A store to a word of the header behind the rings.
    Word { at: u8, value: u32 },
    /// A consumption of this many bytes of the server, available or not.
    Take(u16),
    /// A run of the server.
    Run,
}

/// Runs the target: the requests of one connection past the ring, and those of another one over its
/// ring.
pub fn run(data: &[u8]) {
    let (direct, ringed) = streams(data);
    let world = World::new(1);
    let guest = world.create_guest(small("guest"));
    let other = world.create_guest(small("other")).store();
    let ring = boot::xenstore_ring(guest.clone()).expect("the toolstack made one");
    let page = ring.page.as_ref();
    let put = |bytes: &[u8]| {
        let prod = page.u32::<2052>().load(Relaxed);
        for (at, byte) in bytes.iter().take(1024).enumerate() {
            let at = prod.wrapping_add(at as u32) as usize % 1024;
            let _ = page.write(at, byte);
        }
        page.u32::<2052>().store(prod.wrapping_add(bytes.len().min(1024) as u32), Release);
    };
    for deed in values(ringed, 60) {
        match deed {
            Deed::Request { kind, tx, path, rest } => {
                let path = PATHS[usize::from(path) % PATHS.len()];
                let body = [path.as_bytes(), b"\0", rest].concat();
                put(&message((kind % 24).into(), tx.into(), body.len() as u32, &body));
            }
            Deed::Header { kind, tx, len, body } => put(&message(kind, tx, len.into(), body)),
            Deed::Raw(bytes) => put(bytes),
            Deed::Word { at, value } => drop(page.write(2048 + usize::from(at % 6) * 4, &value)),
            Deed::Take(count) => {
                let cons = page.u32::<2056>();
                cons.store(cons.load(Relaxed).wrapping_add(count.into()), Release);
            }
            Deed::Run => {
                let _ = event_channel::send(&guest, ring.port);
                world.run_until_idle();
            }
        }
    }
    let _ = event_channel::send(&guest, ring.port);
    world.run_until_idle();
    for deed in values(direct, 60) {
        match deed {
            Deed::Request { kind, path, rest, .. } => {
                let body =
                    [PATHS[usize::from(path) % PATHS.len()].as_bytes(), b"\0", rest].concat();
                let _ = other.request(MessageType((kind % 24).into()), &body);
            }
            Deed::Header { kind, body, .. } => drop(other.request(MessageType(kind), body)),
            _ => {}
        }
    }
    // The others are served as ever, by what is left.
    let dom0 = world.store();
    dom0.write("/tool/alive", 1).expect("dom0 may write everywhere");
    assert_eq!(dom0.read("/tool/alive").as_deref(), Some("1"));
    assert_eq!(
        dom0.read("/local/domain/2/name").as_deref(),
        Some("other"),
        "no other domain may write that"
    );
}

fn message(kind: u32, tx_id: u32, len: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes =
        encode(&XsdSockmsg { type_: MessageType(kind), req_id: 7, tx_id, len }).to_vec();
    bytes.extend(body);
    bytes
}
