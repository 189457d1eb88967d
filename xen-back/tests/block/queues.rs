//! Frontends with several queues (feature 87).

use super::fixture::{AsyncBack, Backend, Done, Fixture, MODES, Native, SECTORS, noise};
use std::collections::VecDeque;
use xen_back::block::{BlkBackError, Config, DiskInfo, GrantMode, MemoryDisk, PreparedDisk};
use xen_back::{QueueError, QueuesError};
use xen_evtchn::Channel;
use xen_front::block::{BlkFront, BlkFrontConfig, Request};
use xen_grant::{Granted, ReadWrite};
use xen_hypercall::{Pages, Platform, Port};
use xen_ring::{FrontRing, Notify};
use xen_sim::Domain;
use xen_sys::io::blkif::{BlkifOp, BlkifRequest, BlkifRequestSegment, BlkifResponse, BlkifStatus};
use xenbus::{DeviceId, DeviceState, XenbusError};

type Ring = FrontRing<Granted<Domain, ReadWrite>, BlkifRequest, BlkifResponse>;

/// A frontend with several queues, each with a ring of one page and one page of data.
pub(super) struct Queues<'a> {
    pub(super) fixture: &'a Fixture,
    pub(super) queues: Vec<(Ring, Channel<Domain>, Granted<Domain, ReadWrite>)>,
}

impl<'a> Queues<'a> {
    /// Publishes the nodes of `count` queues, and Initialised at the end.
    fn publish(fixture: &'a Fixture, back: &mut impl Backend, count: usize) -> Self {
        let queues = Self::prepare(fixture, back, count);
        queues.set_state(3);
        queues
    }

    /// Publishes the nodes of `count` queues.
    pub(super) fn prepare(fixture: &'a Fixture, back: &mut impl Backend, count: usize) -> Self {
        fixture.settle(back).unwrap();
        assert_eq!(fixture.states().1, 2);
        let (guest, driver) = (&fixture.guest, fixture.driver.id());
        let share = || {
            let page = Pages::alloc(guest.clone(), 1).unwrap();
            fixture.grants.grant_writable(page, driver).unwrap()
        };
        let queue = |_| {
            let channel = Channel::alloc_unbound(guest.clone(), driver).unwrap();
            (FrontRing::new(share()).unwrap(), channel, share())
        };
        let this = Self { fixture, queues: (0..count).map(queue).collect() };
        this.write("multi-queue-num-queues", count);
        this.write("protocol", "x86_64-abi");
        for (index, (ring, channel, _)) in this.queues.iter().enumerate() {
            this.write(&format!("queue-{index}/ring-ref"), ring.memory().refs()[0]);
            this.write(&format!("queue-{index}/event-channel"), channel.port());
        }
        this
    }

    fn connect(fixture: &'a Fixture, back: &mut impl Backend, count: usize) -> Self {
        let this = Self::publish(fixture, back, count);
        fixture.settle(back).unwrap();
        assert_eq!(fixture.states(), (3, 4));
        this
    }

    pub(super) fn write(&self, key: &str, value: impl core::fmt::Display) {
        let path = format!("{}/{key}", self.fixture.device.frontend_path());
        self.fixture.guest.store().write(path, value.to_string()).unwrap();
    }

    pub(super) fn set_state(&self, state: u32) {
        self.write("state", state);
    }

    fn request(&self, queue: usize, operation: BlkifOp, sector: u64) -> BlkifRequest {
        let gref = self.queues[queue].2.refs()[0];
        let segment = BlkifRequestSegment { gref, last_sect: 7, ..Default::default() };
        BlkifRequest {
            operation,
            nr_segments: 1,
            id: sector,
            sector_number: sector,
            seg: [segment; 11],
            ..Default::default()
        }
    }

    fn post(&mut self, queue: usize, requests: &[BlkifRequest]) {
        let (ring, channel, _) = &mut self.queues[queue];
        for request in requests {
            ring.push(request).unwrap();
        }
        if ring.publish() == Notify::Send {
            channel.notify().unwrap();
        }
    }

    /// Returns id and status of all responses of a queue.
    fn responses(&mut self, queue: usize) -> Vec<(u64, BlkifStatus)> {
        let ring = &mut self.queues[queue].0;
        core::iter::from_fn(|| ring.pop().unwrap().map(|found| (found.id, found.status))).collect()
    }

    fn end(self) {
        for (ring, _, data) in self.queues {
            ring.into_memory().end_access().unwrap();
            data.end_access().unwrap();
        }
    }

    pub(super) fn close(self, back: &mut impl Backend) {
        for state in [5, 6] {
            self.set_state(state);
            let _ = self.fixture.settle(back);
        }
        assert_eq!(self.fixture.states(), (6, 6));
        self.end();
    }
}

fn async_back(fixture: &Fixture, config: Config) -> AsyncBack {
    fixture.wake_back();
    let id = DeviceId { guest: fixture.guest.id(), device: fixture.device.id };
    let disk = PreparedDisk::new(DiskInfo::new(SECTORS as u64));
    AsyncBack::new(&fixture.driver_store, id, disk, config).unwrap()
}

#[test]
fn each_queue_does_io() {
    for mode in MODES {
        let fixture = Fixture::new();
        let mut back = fixture.back(mode);
        let mut front = Queues::connect(&fixture, &mut back, 4);
        let ports: Vec<Port> = back.ports().collect();
        assert_eq!(ports.len(), 4);
        for queue in 0..4 {
            let sector = queue as u64 * 8;
            let page = noise(4096, sector + 1);
            front.queues[queue].2.as_ref().copy_from(0, &page).unwrap();
            let write = front.request(queue, BlkifOp::WRITE, sector);
            front.post(queue, &[write]);
            fixture.settle(&mut back).unwrap();
            assert_eq!(front.responses(queue), [(sector, BlkifStatus::OKAY)]);
            let range = queue * 4096..(queue + 1) * 4096;
            assert!(fixture.disk.borrow().as_ref()[range] == page);
        }
        front.close(&mut back);
        assert_eq!(back.ports().count(), 0);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn busy_queue_does_not_delay_others() {
    let fixture = Fixture::new();
    let mut back = async_back(&fixture, Config { in_flight: 2, budget: 4, ..Config::default() });
    let mut front = Queues::connect(&fixture, &mut back, 3);
    let busy: Vec<_> = (0..32).map(|at| front.request(0, BlkifOp::READ, at)).collect();
    let invalid: Vec<_> = (0..32).map(|_| front.request(1, BlkifOp(9), 500)).collect();
    front.post(0, &busy);
    front.post(1, &invalid);
    let last = front.request(2, BlkifOp::READ, 1000);
    front.post(2, &[last]);
    let mut taken = VecDeque::new();
    let mut rounds = 0;
    // The storage completes one request between two polls.
    while front.responses(2).is_empty() {
        rounds += 1;
        assert!(rounds < 6, "the queue is starved");
        back.poll(fixture.driver.now()).unwrap();
        while let Some(request) = back.next_request().unwrap() {
            taken.push_back(request);
        }
        assert!(taken.len() <= 2);
        if let Some(request) = taken.pop_front() {
            back.complete(request, Ok(())).unwrap();
        }
        back.poll(fixture.driver.now()).unwrap();
    }
    drop(taken);
    front.set_state(6);
    for _ in 0..20 {
        let _ = back.poll(fixture.driver.now());
        fixture.world.run_until_idle();
    }
    assert_eq!(fixture.states(), (6, 6));
    front.end();
    drop(back);
    fixture.finish();
}

/// Each response goes to the queue of its request.
#[test]
fn completions_return_to_their_queue() {
    for mode in MODES {
        let fixture = Fixture::new();
        let mut back = async_back(&fixture, Config { mode, ..Config::default() });
        let mut front = Queues::connect(&fixture, &mut back, 2);
        let mut disk = MemoryDisk::new(Fixture::content());
        for queue in 0..2 {
            let requests =
                [0, 16].map(|at| front.request(queue, BlkifOp::READ, queue as u64 * 64 + at));
            front.post(queue, &requests);
        }
        back.poll(fixture.driver.now()).unwrap();
        let mut taken: Vec<_> = core::iter::from_fn(|| back.next_request().unwrap()).collect();
        assert_eq!((taken.len(), back.in_flight()), (4, 4));
        // One is dropped by the storage: the first of the first queue.
        drop(taken.remove(0));
        while let Some(mut request) = taken.pop() {
            let result = request.execute(&mut disk);
            back.complete(request, result).unwrap();
        }
        let sent = fixture.driver.counters().notifications;
        back.poll(fixture.driver.now()).unwrap();
        assert!(fixture.driver.counters().notifications - sent <= 2);
        let okay = BlkifStatus::OKAY;
        assert_eq!(front.responses(0), [(16, okay), (0, BlkifStatus::ERROR)]);
        assert_eq!(front.responses(1), [(80, okay), (64, okay)]);
        front.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

/// A barrier is alone among the requests of its queue, as in Linux.
#[test]
fn barrier_orders_its_own_queue() {
    let fixture = Fixture::new();
    let mut back = async_back(&fixture, Config { in_flight: 8, ..Config::default() });
    let mut front = Queues::connect(&fixture, &mut back, 2);
    let first = [
        front.request(0, BlkifOp::WRITE, 0),
        front.request(0, BlkifOp::WRITE_BARRIER, 8),
        front.request(0, BlkifOp::WRITE, 16),
    ];
    front.post(0, &first);
    let second = [front.request(1, BlkifOp::READ, 24)];
    front.post(1, &second);
    let take = |back: &mut AsyncBack| {
        back.poll(fixture.driver.now()).unwrap();
        core::iter::from_fn(|| back.next_request().unwrap()).collect::<Vec<_>>()
    };
    let mut taken = take(&mut back);
    assert_eq!(taken.len(), 2, "one of each queue");
    back.complete(taken.remove(0), Ok(())).unwrap();
    // Its flush, its write and its flush, each alone, while the other queue's read is in flight.
    for _ in 0..3 {
        let mut step = take(&mut back);
        assert_eq!((step.len(), back.in_flight()), (1, 2));
        back.complete(step.remove(0), Ok(())).unwrap();
    }
    taken.extend(take(&mut back));
    assert_eq!(taken.len(), 2);
    for request in taken {
        back.complete(request, Ok(())).unwrap();
    }
    back.poll(fixture.driver.now()).unwrap();
    let okay = BlkifStatus::OKAY;
    assert_eq!(front.responses(0), [(0, okay), (8, okay), (16, okay)]);
    assert_eq!(front.responses(1), [(24, okay)]);
    front.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn protocol_error_ends_all_queues() {
    for mode in MODES {
        let fixture = Fixture::new();
        let mut back = fixture.back(mode);
        let mut front = Queues::connect(&fixture, &mut back, 4);
        let read = front.request(1, BlkifOp::READ, 0);
        front.post(1, &[read]);
        fixture.settle(&mut back).unwrap();
        let (ring, channel, data) = front.queues.remove(2);
        let ring = ring.into_memory();
        // The producer index of a ring of 32 slots.
        ring.as_ref().write(0, &1000u32).unwrap();
        channel.notify().unwrap();
        let found = fixture.settle(&mut back);
        assert!(
            matches!(
                found,
                Err(BlkBackError::Queues(QueuesError::Queue {
                    queue: 2,
                    error: QueueError::Corrupt(_)
                }))
            ),
            "{found:?}"
        );
        fixture.settle(&mut back).unwrap();
        assert_eq!((fixture.states(), back.ports().count()), ((3, 5), 0));
        let counters = fixture.driver.counters();
        assert_eq!(counters.maps, counters.unmaps);
        assert!(error_node(&fixture).starts_with("queue 2: "));
        ring.end_access().unwrap();
        data.end_access().unwrap();
        front.close(&mut back);
        drop((back, channel));
        fixture.finish();
    }
}

/// Reads the reason that the toolstack's user can read.
pub(super) fn error_node(fixture: &Fixture) -> String {
    let (guest, device) = (fixture.guest.id(), &fixture.device.id);
    let path = format!("error/backend/vbd/{guest}/{device}/error");
    fixture.driver.store().read(path).unwrap_or_default()
}

/// The ports are bound one after the other: those before the failure are closed.
#[test]
fn refused_port_unmaps_all_queues() {
    let fixture = Fixture::new();
    let mut back = fixture.back(GrantMode::Copy);
    let front = Queues::prepare(&fixture, &mut back, 4);
    front.write("queue-3/event-channel", 99_999);
    front.set_state(3);
    let found = fixture.settle(&mut back);
    assert!(matches!(
        found,
        Err(BlkBackError::Queues(QueuesError::Queue {
            queue: 3,
            error: QueueError::Port { port: Port(99_999), .. }
        }))
    ));
    fixture.settle(&mut back).unwrap();
    let counters = fixture.driver.counters();
    assert_eq!((counters.maps, counters.unmaps, fixture.states()), (4, 4, (3, 5)));
    front.close(&mut back);
    drop(back);
    fixture.finish();
}

/// Large rings of several queues.
#[test]
fn queues_have_rings_of_many_pages() {
    let fixture = Fixture::new();
    let mut back = fixture.back_with(Config { ring_order: 4, ..Config::default() });
    let mut front = Queues::prepare(&fixture, &mut back, 2);
    for (index, (ring, _, _)) in front.queues.iter_mut().enumerate() {
        let pages = Pages::alloc(fixture.guest.clone(), 16).unwrap();
        let memory = fixture.grants.grant_writable(pages, fixture.driver.id()).unwrap();
        for (page, reference) in memory.refs().iter().enumerate() {
            let path = fixture.device.frontend_path();
            let node = format!("{path}/queue-{index}/ring-ref{page}");
            fixture.guest.store().write(node, reference).unwrap();
        }
        let small = core::mem::replace(ring, FrontRing::new(memory).unwrap());
        small.into_memory().end_access().unwrap();
    }
    front.write("ring-page-order", 4);
    front.set_state(3);
    fixture.settle(&mut back).unwrap();
    assert_eq!(fixture.states(), (3, 4));
    let requests: Vec<_> =
        (0..512).map(|at| front.request(1, BlkifOp::READ, at % 200 * 8)).collect();
    front.post(1, &requests);
    fixture.settle(&mut back).unwrap();
    assert_eq!(front.responses(1).len(), 512);
    front.close(&mut back);
    drop(back);
    fixture.finish();
}

/// `io/blkif.h`: a frontend with one queue has its nodes in its directory.
#[test]
fn one_named_queue_has_flat_nodes() {
    let fixture = Fixture::new();
    let mut back = fixture.back(GrantMode::Copy);
    let mut raw = Native::publish(&fixture, &mut back, "x86_64-abi");
    let path = fixture.device.frontend_path();
    fixture.guest.store().write(format!("{path}/multi-queue-num-queues"), 1).unwrap();
    fixture.settle(&mut back).unwrap();
    let request = raw.request(BlkifOp::READ, 1, 0);
    raw.expect(&mut back, &request, BlkifStatus::OKAY);
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn refused_queues_spare_other_disks() {
    let fixture = Fixture::new();
    let other =
        fixture.world.attach_disk(&fixture.guest, &fixture.driver, &xen_sim::Disk::new("xvdb"));
    let config = Config { max_queues: 1, ..Config::default() };
    let mut good = fixture.async_back_of(&other, GrantMode::Copy, 1);
    let mut back = async_back(&fixture, config);
    let front = Queues::publish(&fixture, &mut back, 2);
    let found = fixture.settle(&mut back);
    assert_eq!(found, Err(BlkBackError::Queues(QueuesError::Count { found: 2, limit: 1 })));
    for _ in 0..20 {
        let polled = good.poll(fixture.driver.now());
        assert!(!matches!(polled, Err(BlkBackError::Xenbus(XenbusError::Store(_)))));
        fixture.world.run_until_idle();
    }
    assert_eq!(fixture.world.device_states(&other).1, 2);
    front.close(&mut back);
    drop((back, good));
    fixture.finish();
}

/// Both of our ends, with rings of two pages.
#[test]
fn frontend_uses_all_queues() {
    for mode in MODES {
        let fixture = Fixture::new();
        let mut back = fixture.back_with(Config { mode, ring_order: 1, ..Config::default() });
        let config = BlkFrontConfig::default().with_queues(8).with_depth(64);
        let (store, grants) = (&fixture.guest_store, &fixture.grants);
        let mut front = BlkFront::open_with(store, grants, fixture.device.id, config).unwrap();
        fixture.reach(&mut front, &mut back, DeviceState::Connected);
        // As many as the backend offers.
        assert_eq!((front.rings(), front.ring_pages(), back.ports().count()), (4, 2, 4));
        let mut done = 0;
        for index in 0..32 {
            let buffer = Pages::alloc(fixture.guest.clone(), 1).unwrap();
            front.submit(Request::Read { sector: 8 * index, sectors: 8, buffer }).unwrap();
        }
        fixture.run(&mut front, &mut back, |front| {
            while let Some(completion) = front.complete() {
                assert_eq!(completion.outcome, Ok(()));
                done += 1;
            }
            done == 32
        });
        let reads = fixture.disk.borrow().done.clone();
        let queues: Vec<u64> = (0..4).collect();
        // The rings have the requests in turn.
        for queue in queues {
            assert!(reads.contains(&Done::Read(8 * queue, 8)));
        }
        front.close();
        fixture.reach(&mut front, &mut back, DeviceState::Closed);
        drop((front, back));
        fixture.finish();
    }
}
