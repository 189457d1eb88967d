//! The block backend against a frontend that asks for anything.

use crate::fixture::{check, settle, small, store_of};
use crate::input::{head, streams, values};
use arbitrary::Arbitrary;
use core::cell::Cell;
use std::sync::atomic::Ordering::Release;
use xen_back::block::{
    AsyncBlkBack, BlkBack, BlkBackError, BlkBackEvent, Config, DescribeDisk, DiskInfo, GrantMode,
    MemoryDisk, PreparedDisk, Request, Statistics,
};
use xen_evtchn::Channel;
use xen_grant::{DeferredGrants, GrantTable};
use xen_hypercall::{Instant, Pages, Platform};
use xen_sim::{ChoiceSource, Disk, Domain, HostilePeer, World};
use xenbus::DeviceId;

/// The polls in which a backend connects to a frontend that has published its ring: each takes the
/// replies to the requests of the one before.
const POLLS: usize = 16;

const KEYS: [&str; 13] = [
    "ring-ref",
    "event-channel",
    "protocol",
    "ring-page-order",
    "ring-ref0",
    "ring-ref1",
    "feature-persistent",
    "multi-queue-num-queues",
    "queue-0/ring-ref",
    "queue-0/event-channel",
    "queue-1/ring-ref",
    "queue-1/event-channel",
    "queue-1/ring-ref0",
];

#[derive(Arbitrary, Debug)]
enum Deed<'a> {
    /// A request into the ring: all of its bytes.
    Request([u8; 32], &'a [u8]),
    /// A valid request into the ring. Its segments are in the pages of the data from `page` on.
    Read {
        page: u8,
        indirect: bool,
        write: bool,
        segments: u8,
        sector: u8,
        sectors: u8,
    },
    /// A store to a word of the ring or of the data.
    Word {
        ring: bool,
        at: u16,
        value: u32,
    },
    /// A valid request to free sectors.
    Discard {
        sector: u8,
        sectors: u8,
        secure: bool,
    },
    /// The end of the grant of a page of the data, and a new one: its reference may be that of
    /// another page before.
    Regrant(u8),
    /// The completion of a request that the storage has.
    Complete(u8),
    Node(u8, u32),
    Text(u8, &'a [u8]),
    State(u8),
    Poll,
}

/// The backend, with a storage that carries out requests at once or in any order.
enum Back {
    InOrder(BlkBack<Domain, PreparedDisk<MemoryDisk<Vec<u8>>>>),
    Shuffled {
        back: AsyncBlkBack<Domain, PreparedDisk<DiskInfo>>,
        disk: MemoryDisk<Vec<u8>>,
        held: Vec<Request<Domain>>,
    },
}

impl Back {
    fn poll(&mut self, now: Instant) -> Result<BlkBackEvent, BlkBackError> {
        match self {
            Self::InOrder(back) => back.poll(now),
            Self::Shuffled { back, held, .. } => {
                let event = back.poll(now)?;
                while let Some(request) = back.next_request()? {
                    held.push(request);
                }
                Ok(event)
            }
        }
    }

    fn complete(&mut self, at: u8) {
        let Self::Shuffled { back, disk, held } = self else { return };
        if !held.is_empty() {
            let mut request = held.swap_remove(usize::from(at) % held.len());
            let result = request.execute(disk);
            back.complete(request, result).expect("a request of this backend");
        }
    }

    fn statistics(&self) -> &Statistics {
        match self {
            Self::InOrder(back) => back.statistics(),
            Self::Shuffled { back, .. } => back.statistics(),
        }
    }
}

/// Runs the target.
pub fn run(data: &[u8]) {
    let (mut deeds, rewrites) = streams(data);
    let mut peer = HostilePeer::new(ChoiceSource::from_bytes(rewrites));
    let [options] = head(&mut deeds);
    let has = |bit: u8| options & 1 << bit != 0;
    let mode = if has(0) { GrantMode::Copy } else { GrantMode::Map };
    let two_queues = has(7);
    let world = World::new(1);
    let (back, guest) = (world.create_guest(small("disks")), world.create_guest(small("guest")));
    let device = world.attach_disk(&guest, &back, &Disk::new("xvda"));
    let grants = GrantTable::new(guest.clone()).unwrap();
    let share =
        || grants.grant_writable(Pages::alloc(guest.clone(), 1).unwrap(), back.id()).unwrap();
    let (rings, mut data) = ([share(), share()], [(); 4].map(|()| Some(share())));
    let ring = &rings[0];
    let channels = [(); 2].map(|()| Channel::alloc_unbound(guest.clone(), back.id()).unwrap());
    let (nodes, front) = (guest.store(), device.frontend_path());
    let publish = || {
        nodes.write(format!("{front}/ring-ref"), ring.refs()[0].0).unwrap();
        nodes.write(format!("{front}/event-channel"), channels[0].port().0).unwrap();
        for (queue, (ring, channel)) in rings.iter().zip(&channels).enumerate() {
            let queue = format!("{front}/queue-{queue}");
            nodes.write(format!("{queue}/ring-ref"), ring.refs()[0].0).unwrap();
            nodes.write(format!("{queue}/event-channel"), channel.port().0).unwrap();
        }
        let count = 1 + u32::from(two_queues);
        nodes.write(format!("{front}/multi-queue-num-queues"), count).unwrap();
        nodes.write(format!("{front}/protocol"), "x86_64-abi").unwrap();
        nodes.write(format!("{front}/feature-persistent"), u32::from(has(1))).unwrap();
        nodes.write(format!("{front}/state"), 3).unwrap();
    };
    publish();
    let store = store_of(&back);
    let id = DeviceId { guest: guest.id(), device: device.id };
    let config = Config {
        mode,
        ring_order: 1,
        max_segments: if has(2) { 256 } else { 32 },
        // The guest has granted four pages.
        persistent_grants: if has(3) { 1 + u32::from(has(4)) } else { 64 },
        ..Config::default()
    };
    let storage = MemoryDisk::new(vec![0u8; 256 * 512]);
    let mut disk = if has(5) {
        let offered = PreparedDisk::new(storage.disk_info());
        let back = AsyncBlkBack::new(&store, id, offered, config).unwrap();
        Back::Shuffled { back, disk: storage, held: Vec::new() }
    } else {
        let storage = PreparedDisk::new(storage);
        Back::InOrder(BlkBack::new(&store, id, storage, config).unwrap())
    };
    for _ in 0..POLLS {
        let _ = disk.poll(back.now());
        world.run_until_idle();
    }
    let prods = [Cell::new(0u32), Cell::new(0)];
    // Requests go to the queues in turn.
    let next = Cell::new(0);
    let post = |request: &[u8]| {
        let (ring, prod) = (&rings[next.get()], &prods[next.get()]);
        next.set((next.get() + 1) % (1 + usize::from(two_queues)));
        let slot = 64 + (prod.get() % 32) as usize * 112;
        ring.as_ref().copy_from(slot, &request[..request.len().min(112)]);
        prod.set(prod.get().wrapping_add(1));
        ring.as_ref().u32::<0>().store(prod.get(), Release);
    };
    for deed in values(deeds, 80) {
        match deed {
            Deed::Request(head, rest) => post(&[&head, rest].concat()),
            Deed::Read { page, indirect, write, segments, sector, sectors } => {
                let mut request = [0; 112];
                let page = |at: usize| data[(usize::from(page) + at) % 4].as_ref();
                let data_ref =
                    |at| page(at).map_or(u32::MAX, |page| page.refs()[0].0).to_le_bytes();
                let segment = |at, first| {
                    let mut bytes = [0; 8];
                    bytes[..4].copy_from_slice(&data_ref(at));
                    (bytes[4], bytes[5]) = (first, sectors);
                    bytes
                };
                if indirect {
                    (request[0], request[1]) = (6, u8::from(write));
                    request[2] = segments;
                    request[16] = sector;
                    request[28..32].copy_from_slice(&data_ref(0));
                    for at in 0..usize::from(segments) {
                        if let Some(page) = page(0) {
                            page.as_ref().copy_from(at * 8, &segment(at, 0));
                        }
                    }
                } else {
                    (request[0], request[1]) = (u8::from(write), segments);
                    request[16] = sector;
                    for at in 0..usize::from(segments.min(11)) {
                        request[24 + 8 * at..][..8].copy_from_slice(&segment(at, at as u8 % 4));
                    }
                }
                post(&request);
            }
            Deed::Word { ring: true, at, value } => {
                drop(ring.as_ref().write(usize::from(at) % 4096, &value))
            }
            Deed::Word { at, value, .. } => {
                if let Some(page) = &data[usize::from(at / 4096) % 4] {
                    drop(page.as_ref().write(usize::from(at) % 4096, &value));
                }
            }
            Deed::Discard { sector, sectors, secure } => {
                let mut request = [0; 112];
                (request[0], request[1]) = (5, u8::from(secure));
                (request[16], request[24]) = (sector, sectors);
                post(&request);
            }
            Deed::Regrant(at) => {
                // A page that the backend has mapped is deferred, with its reference.
                let page = &mut data[usize::from(at) % 4];
                let ended = page.take().and_then(|page| page.end_access().ok());
                let pages = ended.or_else(|| Pages::alloc(guest.clone(), 1).ok());
                *page = pages.and_then(|pages| grants.grant_writable(pages, back.id()).ok());
            }
            Deed::Complete(at) => disk.complete(at),
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
                rings.iter().for_each(|ring| ring.as_ref().zero());
                prods.iter().for_each(|prod| prod.set(0));
                publish();
            }
            Deed::State(state) => drop(nodes.write(format!("{front}/state"), state % 9)),
            Deed::Poll => {}
        }
        world.run_until_idle();
        if peer.against(&back, || disk.poll(back.now())) == Ok(BlkBackEvent::Removed) {
            break;
        }
        assert!(
            disk.statistics().persistent_grants <= u64::from(config.persistent_grants),
            "more persistent grants are mapped than configured"
        );
    }
    drop(disk);
    settle(&world, &[&store]);
    drop((store, nodes, channels));
    assert!(
        rings.into_iter().chain(data.into_iter().flatten()).all(|pages| pages.end_access().is_ok()),
        "the backend has unmapped everything"
    );
    assert_eq!(grants.retry_deferred(), DeferredGrants::default());
    drop(grants);
    check(&world);
}
