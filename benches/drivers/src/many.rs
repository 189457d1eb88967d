//! Disk reads of 4 KiB: one of many disks, all of one driver domain. The loop polls a device when
//! the device's port has an event.

use crate::Outcome;
use xen_back::block::{BlkBack, BlkBackEvent, Config, GrantMode, MemoryDisk, PreparedDisk};
use xen_front::block::{BlkFront, BlkFrontConfig, Request};
use xen_grant::GrantTable;
use xen_hypercall::{Pages, Platform, boot};
use xen_sim::{Disk, Domain, DomainConfig, Quotas, World};
use xen_store::{Limits, RingTransport, XenStore};
use xenbus::{DeviceId, DeviceState};

const DISK_BYTES: usize = 8 * 4096;

/// The most polls of both ends until a disk is connected, and until a read is complete.
const POLLS: usize = 5000;

type Back = BlkBack<Domain, PreparedDisk<MemoryDisk<Vec<u8>>>>;

struct Many {
    guest: Domain,
    driver: Domain,
    fronts: Vec<BlkFront<Domain>>,
    backs: Vec<Back>,
    _world: World,
}

fn store_of(domain: &Domain, watches: usize) -> XenStore<Domain> {
    let ring = boot::xenstore_ring(domain.clone()).expect("the simulator's toolstack made a ring");
    let transport = RingTransport::new(domain.clone(), ring.page, ring.port);
    let limits = Limits { requests: 16, watches };
    XenStore::with_transport(domain.clone(), transport, ring.port, limits).expect("there is memory")
}

impl Many {
    fn connect(count: usize) -> Self {
        let world = World::new(7);
        let none = Quotas {
            nodes: 0,
            watches: 0,
            events: 0,
            memory: 0,
            outstanding: 0,
            ..Quotas::default()
        };
        world.store().set_quotas(none);
        let large = |name| DomainConfig {
            pages: 64 * 1024,
            foreign_pages: 64 * 1024,
            max_port: 4095,
            max_grant_frames: 128,
            ..DomainConfig::new(name)
        };
        let driver = world.create_guest(large("driver"));
        let guest = world.create_guest(large("guest"));
        let driver_store = store_of(&driver, 8 * count + 8);
        let guest_store = store_of(&guest, 8 * count + 8);
        let grants = GrantTable::new(guest.clone()).expect("there is memory");
        let (mut fronts, mut backs) = (Vec::new(), Vec::new());
        for index in 0..count {
            let device = world.attach_disk(&guest, &driver, &Disk::new(&name(index)));
            let id = DeviceId { guest: guest.id(), device: device.id };
            let disk = PreparedDisk::new(MemoryDisk::new(vec![0; DISK_BYTES]));
            let config = Config { mode: GrantMode::Copy, ..Config::default() };
            let config = Config { max_queues: 1, budget: 8, ..config };
            let back = BlkBack::new(&driver_store, id, disk, config).expect("a new backend");
            let config = BlkFrontConfig::default().with_depth(2);
            let front = BlkFront::open_with(&guest_store, &grants, device.id, config);
            fronts.push(front.expect("a new frontend"));
            backs.push(back);
            let connected = (1..POLLS).any(|poll| {
                world.run_until_idle();
                // The others take their replies, so that the store has free requests.
                let first = if poll % 16 == 0 { 0 } else { index };
                let ends = fronts.iter_mut().zip(&mut backs).skip(first);
                ends.map(|(front, back)| connects(front, back, &driver)).last() == Some(true)
            });
            assert!(connected, "disk {index} was not connected after {POLLS} polls");
        }
        // All take what the store has for them: the reads are those of a steady state.
        for _ in 0..4 {
            world.run_until_idle();
            for (front, back) in fronts.iter_mut().zip(&mut backs) {
                let _ = connects(front, back, &driver);
            }
        }
        Self { guest, driver, fronts, backs, _world: world }
    }

    /// Reads 4 KiB from one disk.
    fn read(&mut self, index: usize, buffer: Pages<Domain>) -> Pages<Domain> {
        let (front, back) = (&mut self.fronts[index], &mut self.backs[index]);
        front.submit(Request::Read { sector: 8, sectors: 8, buffer }).expect("a free slot");
        front.kick();
        let port = front.port().expect("the disk is connected");
        let (mut busy, mut buffer) = (false, None);
        for _ in 0..POLLS {
            if busy || back.ports().any(|port| self.driver.take_event(port)) {
                let event = back.poll(self.driver.now()).expect("a request that can be served");
                busy = event == BlkBackEvent::Busy;
            }
            if self.guest.take_event(port) {
                front.poll(self.guest.now()).expect("a backend that keeps to the protocol");
                while let Some(done) = front.complete() {
                    done.outcome.expect("the disk has these sectors");
                    buffer = done.buffer;
                }
            }
            match buffer.take() {
                Some(buffer) if !busy => return buffer,
                rest => buffer = rest,
            }
        }
        panic!("no response after {POLLS} polls");
    }
}

/// Polls both ends. Returns whether these are connected and idle.
fn connects(front: &mut BlkFront<Domain>, back: &mut Back, driver: &Domain) -> bool {
    let event = back.poll(driver.now()).expect("a frontend that can be served");
    front.poll(driver.now()).expect("a backend that keeps to the protocol");
    front.state() == DeviceState::Connected && back.is_connected() && event == BlkBackEvent::Idle
}

/// Returns a name with a device number of its own: 100 partitions of each of ten disks.
fn name(index: usize) -> String {
    format!("xvd{}{}", char::from(b'q' + (index / 100) as u8), index % 100 + 1)
}

/// Reads once in each round, from the next of `count` disks.
pub(crate) fn read(rounds: u64, count: usize) -> Outcome {
    let mut many = Many::connect(count);
    let mut buffer = Pages::alloc(many.guest.clone(), 1).expect("there is memory");
    let before = many.guest.counters().notifications;
    for round in 0..rounds as usize {
        // Far from the one before: its memory is in no cache.
        buffer = many.read(round * 379 % count, buffer);
    }
    let notifications = many.guest.counters().notifications - before;
    Outcome { units: rounds, notifications }
}
