//! Disks served to our own frontend, and to frontends that break every rule, in a simulated Xen.

use core::cell::RefCell;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::rc::Rc;
use xen_back::block::{
    Blkback, BlkbackEvent, BlockError, Config, DiskSpec, GrantMode, MemoryDisk, Refusal, Storage,
};
use xen_evtchn::Channel;
use xen_front::block::{Block, BlockState, Request};
use xen_grant::{GrantTable, Quarantine, ReadWrite, Shared};
use xen_hypercall::{GrantRef, Pages, Platform, start};
use xen_ring::FrontRing;
use xen_sim::{Device, Disk, Domain, DomainConfig, World};
use xen_store::xenbus::{Backend, DeviceId, backends};
use xen_store::{Nodes, XenStore};
use xen_sys::io::blkif::{
    BlkifOp, BlkifRequest, BlkifRequestIndirect, BlkifRequestSegment, BlkifResponse, BlkifStatus, x86_32,
};
use zerocopy::IntoBytes;

const SECTORS: usize = 2048;
const MODES: [GrantMode; 2] = [GrantMode::Copy, GrantMode::Map];

type SharedDisk = Rc<RefCell<MemoryDisk<Vec<u8>>>>;
type Back<'a> = Blkback<'a, Domain, SharedDisk>;

/// A world with a guest and a driver domain that serves it a disk of random bytes.
struct Lab {
    world: World,
    guest: Domain,
    driver: Domain,
    device: Device,
    guest_store: XenStore<Domain>,
    driver_store: XenStore<Domain>,
    grants: GrantTable<Domain>,
    disk: SharedDisk,
}

fn store_of(domain: &Domain) -> XenStore<Domain> {
    XenStore::new(domain.clone(), start::xenstore_ring(domain.clone()).unwrap()).unwrap()
}

fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

impl Lab {
    fn new() -> Self {
        Self::with(&Disk::new("xvda"))
    }

    fn with(disk: &Disk) -> Self {
        let world = World::new(7);
        let driver = world.create_guest(DomainConfig::new("driver"));
        let guest = world.create_guest(DomainConfig::new("guest"));
        let device = world.attach_disk(&guest, &driver, disk);
        Self {
            guest_store: store_of(&guest),
            driver_store: store_of(&driver),
            grants: GrantTable::new(guest.clone()).unwrap(),
            disk: Rc::new(RefCell::new(MemoryDisk::new(noise(SECTORS * 512, 3)))),
            world,
            guest,
            driver,
            device,
        }
    }

    fn back(&self, mode: GrantMode) -> Back<'_> {
        self.back_with(Config { mode, ring_order: 0, budget: 8 })
    }

    fn back_with(&self, config: Config) -> Back<'_> {
        let found = backends::<4>(&self.driver_store, "vbd").unwrap();
        assert_eq!(found, [DeviceId { guest: self.guest.id(), device: self.device.id }]);
        let backend = Backend::open(&self.driver_store, "vbd", found[0]).unwrap();
        let spec = DiskSpec::read(&backend).unwrap();
        Blkback::new(backend, spec, self.disk.clone(), config)
    }

    fn front(&self) -> Block<'_, Domain> {
        Block::open(&self.guest_store, &self.grants, self.device.id).unwrap()
    }

    /// Lets both ends run until `done`.
    fn run<const DEPTH: usize>(
        &self,
        front: &mut Block<'_, Domain, DEPTH>,
        back: &mut Back<'_>,
        mut done: impl FnMut(&mut Block<'_, Domain, DEPTH>) -> bool,
    ) {
        for _ in 0..2000 {
            front.poll(self.guest.now()).unwrap();
            if done(front) {
                return;
            }
            back.poll(self.driver.now()).unwrap();
            self.world.run_for(Duration::from_micros(10));
        }
        panic!("it never came: {front:?} {back:?}");
    }

    fn reach<const DEPTH: usize>(
        &self,
        front: &mut Block<'_, Domain, DEPTH>,
        back: &mut Back<'_>,
        state: BlockState,
    ) {
        self.run(front, back, |front| front.poll(self.guest.now()).unwrap() == state);
    }

    /// Lets the backend run alone for a while.
    fn settle(&self, back: &mut Back<'_>) -> Result<BlkbackEvent, BlockError> {
        let mut last = Ok(BlkbackEvent::Idle);
        for _ in 0..20 {
            last = back.poll(self.driver.now());
            if last.is_err() || last == Ok(BlkbackEvent::Removed) {
                break;
            }
            self.world.run_for(Duration::from_micros(10));
        }
        last
    }

    fn states(&self) -> (u32, u32) {
        self.world.device_states(&self.device)
    }

    fn finish(self) {
        let Self { world, guest_store, driver_store, grants, .. } = self;
        // Watches that were dropped are ended in passing.
        for _ in 0..4 {
            let _ = (guest_store.poll(), driver_store.poll());
            world.run_until_idle();
        }
        drop((guest_store, driver_store, grants));
        world.check().unwrap();
    }
}

/// Transfers the bytes, a request after the other, as long as there is room.
fn transfer(lab: &Lab, front: &mut Block<'_, Domain>, back: &mut Back<'_>, write: bool, bytes: &mut [u8]) {
    const STEP: usize = 4 * 4096;
    let total = bytes.len().div_ceil(STEP);
    let (mut next, mut finished) = (0, 0);
    let mut tokens = Vec::new();
    while finished < total {
        while next < total && front.room() > 0 {
            let part = &bytes[next * STEP..bytes.len().min((next + 1) * STEP)];
            let mut buffer = Pages::alloc(lab.guest.clone(), 4).unwrap();
            buffer.as_mut_slice()[..part.len()].copy_from_slice(part);
            let (sector, sectors) = ((next * STEP / 512) as u64, part.len() / 512);
            let request = match write {
                true => Request::Write { sector, sectors, buffer },
                false => Request::Read { sector, sectors, buffer },
            };
            tokens.push((front.submit(request).unwrap(), next));
            next += 1;
        }
        let mut completion = None;
        lab.run(front, back, |front| {
            completion = front.complete();
            completion.is_some()
        });
        let completion = completion.unwrap();
        assert_eq!(completion.outcome, Ok(()));
        let at = tokens.iter().position(|(token, _)| *token == completion.token).unwrap();
        let (_, index) = tokens.swap_remove(at);
        let end = bytes.len().min((index + 1) * STEP);
        let part = &mut bytes[index * STEP..end];
        if !write {
            part.copy_from_slice(&completion.buffer.unwrap().as_slice()[..part.len()]);
        }
        finished += 1;
    }
}

#[test]
fn a_frontend_reads_and_writes_all_of_a_disk_and_nothing_is_left_behind() {
    for mode in MODES {
        let lab = Lab::new();
        let (mut front, mut back) = (lab.front(), lab.back(mode));
        lab.reach(&mut front, &mut back, BlockState::Connected);
        assert_eq!((front.info().sectors, front.info().sector_size), (SECTORS as u64, 512));
        let mut all = vec![0; SECTORS * 512];
        transfer(&lab, &mut front, &mut back, false, &mut all);
        assert!(all == lab.disk.borrow().as_ref(), "{mode:?}: read");
        let mut new = noise(SECTORS * 512, 99);
        transfer(&lab, &mut front, &mut back, true, &mut new);
        assert!(new == lab.disk.borrow().as_ref(), "{mode:?}: write");
        front.submit(Request::Flush).unwrap();
        lab.run(&mut front, &mut back, |front| front.complete().is_some_and(|done| done.outcome == Ok(())));
        front.close();
        lab.reach(&mut front, &mut back, BlockState::Closed);
        assert_eq!(lab.states(), (6, 6));
        assert_eq!((back.statistics().failed, back.statistics().refused), (0, 0));
        let counters = lab.driver.counters();
        assert_eq!(counters.maps, counters.unmaps, "{mode:?}");
        drop((front, back));
        lab.finish();
    }
}

/// Fills a ring for `DEPTH` requests, with a backend that takes rings of `1 << limit` pages, and returns how many were in flight.
fn fill_ring<const DEPTH: usize>(mode: GrantMode, limit: u32) -> usize {
    let lab = Lab::new();
    let mut front = Block::<_, DEPTH>::open_deep(&lab.guest_store, &lab.grants, lab.device.id).unwrap();
    let mut back = lab.back_with(Config { mode, ring_order: limit, budget: 100 });
    lab.reach(&mut front, &mut back, BlockState::Connected);
    let (store, path) = (lab.guest.store(), lab.device.frontend_path());
    let node = |key: String| store.read(format!("{path}/{key}"));
    let order = limit.min((DEPTH / 32).ilog2());
    assert_eq!(node("ring-page-order".into()), (order != 0).then(|| order.to_string()));
    assert_eq!(node("num-ring-pages".into()), (order != 0).then(|| (1 << order).to_string()));
    assert_eq!(front.ring_pages(), 1 << order);
    assert_eq!(node("ring-ref".into()).is_some(), order == 0);
    for index in 0..16 {
        let named = order != 0 && index < 1 << order;
        assert_eq!(node(format!("ring-ref{index}")).is_some(), named, "order {order}, page {index}");
    }
    // Twice, so that the indices wrap round the slots.
    let mut most = 0;
    for _ in 0..2 {
        let mut tokens = Vec::new();
        while front.room() > 0 {
            let sector = tokens.len() % (SECTORS / 8) * 8;
            let buffer = Pages::alloc(lab.guest.clone(), 1).unwrap();
            let request = Request::Read { sector: sector as u64, sectors: 8, buffer };
            tokens.push((front.submit(request).unwrap(), sector));
        }
        most = most.max(front.in_flight());
        while !tokens.is_empty() {
            let mut done = None;
            lab.run(&mut front, &mut back, |front| {
                done = front.complete();
                done.is_some()
            });
            let done = done.unwrap();
            let at = tokens.iter().position(|(token, _)| *token == done.token).unwrap();
            let (_, sector) = tokens.swap_remove(at);
            let read = done.buffer.unwrap();
            assert!(
                read.as_slice() == &lab.disk.borrow().as_ref()[sector * 512..][..4096],
                "sector {sector}"
            );
        }
    }
    front.close();
    lab.reach(&mut front, &mut back, BlockState::Closed);
    drop((front, back));
    lab.finish();
    most
}

#[test]
fn rings_of_1_to_16_pages_hold_as_many_requests_as_they_have_slots() {
    for mode in MODES {
        assert_eq!(fill_ring::<32>(mode, 4), 32);
        assert_eq!(fill_ring::<64>(mode, 4), 64);
        assert_eq!(fill_ring::<128>(mode, 4), 128);
        assert_eq!(fill_ring::<256>(mode, 4), 256);
        assert_eq!(fill_ring::<512>(mode, 4), 512);
    }
}

#[test]
fn either_name_of_a_rings_size_will_do_at_both_ends() {
    for [offered, hidden] in
        [["max-ring-page-order", "num-ring-pages"], ["max-ring-pages", "ring-page-order"]]
    {
        let lab = Lab::new();
        let mut back = lab.back_with(Config { ring_order: 2, ..Config::default() });
        lab.settle(&mut back).unwrap();
        for name in ["max-ring-page-order", "max-ring-pages"].into_iter().filter(|&name| name != offered) {
            lab.driver_store.remove(format_args!("{}/{name}", back.backend().path())).unwrap();
        }
        let mut front = Block::<_, 512>::open_deep(&lab.guest_store, &lab.grants, lab.device.id).unwrap();
        // The frontend publishes, and one of its names is gone before the backend looks.
        front.poll(lab.guest.now()).unwrap();
        lab.world.run_for(Duration::from_micros(100));
        front.poll(lab.guest.now()).unwrap();
        lab.guest_store.remove(format_args!("device/vbd/{}/{hidden}", lab.device.id)).unwrap();
        lab.reach(&mut front, &mut back, BlockState::Connected);
        assert_eq!(front.ring_pages(), 4, "{offered}");
        front.close();
        lab.reach(&mut front, &mut back, BlockState::Closed);
        drop((front, back));
        lab.finish();
    }
}

#[test]
fn a_ring_is_no_larger_than_its_backend_takes() {
    assert_eq!(fill_ring::<512>(GrantMode::Copy, 0), 32);
    assert_eq!(fill_ring::<512>(GrantMode::Copy, 2), 128);
    // An order that there is not is cut down to the largest.
    assert_eq!(fill_ring::<512>(GrantMode::Copy, 99), 512);
}

#[test]
fn d_b09_frontends_that_come_and_go_with_requests_in_flight_cost_nothing() {
    // Scaled down from 10^4, which CYCLES asks for.
    let cycles: u64 = std::env::var("CYCLES").map_or(60, |cycles| cycles.parse().unwrap());
    for mode in MODES {
        let lab = Lab::new();
        let mut back = lab.back(mode);
        let mut front = lab.front();
        for cycle in 0..cycles {
            lab.reach(&mut front, &mut back, BlockState::Connected);
            for sector in 0..(cycle % 5) {
                let buffer = Pages::alloc(lab.guest.clone(), 1).unwrap();
                front.submit(Request::Read { sector, sectors: 8, buffer }).unwrap();
            }
            // With what is in flight given up, or waited for.
            if cycle % 2 == 0 {
                front.close_now().unwrap();
            } else {
                front.close();
            }
            lab.run(&mut front, &mut back, |front| {
                while front.complete().is_some() {}
                front.poll(lab.guest.now()).unwrap() == BlockState::Closed
            });
            front.reopen().unwrap();
        }
        assert_eq!(back.statistics().connections, cycles);
        front.close_now().unwrap();
        lab.reach(&mut front, &mut back, BlockState::Closed);
        drop((front, back));
        assert_eq!(lab.grants.sweep_quarantine(), Quarantine::default());
        lab.finish();
    }
}

#[test]
fn a_guest_that_dies_and_a_device_that_is_unplugged_leave_the_driver_domain_as_it_was() {
    for mode in MODES {
        let lab = Lab::new();
        let (mut front, mut back) = (lab.front(), lab.back(mode));
        lab.reach(&mut front, &mut back, BlockState::Connected);
        let buffer = Pages::alloc(lab.guest.clone(), 1).unwrap();
        front.submit(Request::Read { sector: 0, sectors: 8, buffer }).unwrap();
        front.poll(lab.guest.now()).unwrap();
        lab.world.destroy(lab.guest.id());
        lab.world.run_for(Duration::from_millis(1));
        for _ in 0..100 {
            if back.poll(lab.driver.now()) == Ok(BlkbackEvent::Removed) {
                break;
            }
            lab.world.run_for(Duration::from_millis(20));
        }
        assert!(!back.is_connected());
        back.remove().unwrap();
        assert_eq!(backends::<4>(&lab.driver_store, "vbd").unwrap(), []);
        drop(front);
        lab.finish();

        let lab = Lab::new();
        let (mut front, mut back) = (lab.front(), lab.back(mode));
        lab.reach(&mut front, &mut back, BlockState::Connected);
        lab.world.detach(&lab.device);
        lab.run(&mut front, &mut back, |front| {
            matches!(front.poll(lab.guest.now()).unwrap(), BlockState::Closed | BlockState::Unplugged)
        });
        assert!(!back.is_connected());
        drop((front, back));
        lab.finish();
    }
}

/// A frontend that writes its ring directly.
struct Raw<'a, Req, Rsp> {
    lab: &'a Lab,
    ring: FrontRing<Shared<'a, Domain, ReadWrite>, Req, Rsp>,
    channel: Channel<Domain>,
    data: Shared<'a, Domain, ReadWrite>,
}

type Native<'a> = Raw<'a, BlkifRequest, BlkifResponse>;
type X86<'a> = Raw<'a, x86_32::BlkifRequest, x86_32::BlkifResponse>;

impl<'a, Req, Rsp> Raw<'a, Req, Rsp>
where
    Req: zerocopy::FromBytes + IntoBytes + zerocopy::Immutable,
    Rsp: zerocopy::FromBytes + IntoBytes + zerocopy::Immutable,
{
    fn publish(lab: &'a Lab, back: &mut Back<'_>, protocol: &str) -> Self {
        lab.settle(back).unwrap();
        assert_eq!(lab.states().1, 2);
        let share = |pages| {
            let pages = Pages::alloc(lab.guest.clone(), pages).unwrap();
            lab.grants.share_writable(pages, lab.driver.id()).unwrap()
        };
        let ring = share(1);
        let channel = Channel::alloc_unbound(lab.guest.clone(), lab.driver.id()).unwrap();
        let (store, path) = (lab.guest.store(), lab.device.frontend_path());
        store.write(format!("{path}/ring-ref"), ring.refs()[0]).unwrap();
        store.write(format!("{path}/event-channel"), channel.port()).unwrap();
        store.write(format!("{path}/protocol"), protocol).unwrap();
        store.write(format!("{path}/state"), 3).unwrap();
        Self { lab, ring: FrontRing::new(ring).unwrap(), channel, data: share(2) }
    }

    fn connect(lab: &'a Lab, back: &mut Back<'_>, protocol: &str) -> Self {
        let raw = Self::publish(lab, back, protocol);
        lab.settle(back).unwrap();
        assert_eq!(lab.states(), (3, 4));
        raw
    }

    fn ask(&mut self, back: &mut Back<'_>, request: &Req) -> Rsp {
        self.ring.push(request).unwrap();
        let _ = self.ring.publish();
        self.channel.notify().unwrap();
        self.lab.settle(back).unwrap();
        self.ring.pop().unwrap().expect("an answer")
    }

    fn close(self, back: &mut Back<'_>) {
        let (store, path) = (self.lab.guest.store(), self.lab.device.frontend_path());
        for state in [5, 6] {
            store.write(format!("{path}/state"), state).unwrap();
            let _ = self.lab.settle(back);
        }
        assert_eq!(self.lab.states(), (6, 6));
        self.ring.into_memory().reclaim().unwrap();
        self.data.reclaim().unwrap();
    }
}

impl Native<'_> {
    fn request(&self, operation: BlkifOp, count: u8, sector: u64) -> BlkifRequest {
        let [gref, ..] = self.data.refs() else { panic!() };
        let segment = BlkifRequestSegment { gref: *gref, first_sect: 0, last_sect: 7, _pad0: [0; 2] };
        BlkifRequest {
            operation,
            nr_segments: count,
            handle: 0,
            _pad0: [0; 4],
            id: 0xfeed_0000 + sector,
            sector_number: sector,
            seg: [segment; 11],
        }
    }

    /// Asks, and expects an answer to this request with this status.
    fn expect(&mut self, back: &mut Back<'_>, request: &BlkifRequest, status: BlkifStatus) {
        let operation = match request.operation {
            // Of an indirect request, what is done; it lies where others have their count.
            BlkifOp::INDIRECT => BlkifOp(request.nr_segments),
            operation => operation,
        };
        let expected = BlkifResponse { id: request.id, operation, status, ..Default::default() };
        assert_eq!(self.ask(back, request).as_bytes(), expected.as_bytes(), "{request:?}");
    }
}

#[test]
fn d_b04_to_d_b08_requests_for_what_there_is_not_are_answered_and_touch_nothing() {
    for mode in MODES {
        let lab = Lab::new();
        let mut back = lab.back(mode);
        let mut raw = Native::connect(&lab, &mut back, "x86_64-abi");
        let touched = || (lab.driver.counters().maps, lab.driver.counters().copies);
        let before = touched();
        let error = BlkifStatus::ERROR;
        // d_b04
        for count in [0, 12, 255] {
            let request = raw.request(BlkifOp::READ, count, 1);
            raw.expect(&mut back, &request, error);
        }
        assert_eq!(back.statistics().last_refusal, Some(Refusal::SegmentCount { found: 255, limit: 11 }));
        for count in [0, 33, 257] {
            let request = raw.indirect(BlkifOp::READ, count, GrantRef(9));
            raw.expect(&mut back, &request, error);
        }
        // d_b05
        for (first, last) in [(3, 2), (0, 8), (255, 255)] {
            let mut request = raw.request(BlkifOp::WRITE, 2, 2);
            (request.seg[1].first_sect, request.seg[1].last_sect) = (first, last);
            raw.expect(&mut back, &request, error);
        }
        // d_b06
        for sector in [SECTORS as u64 - 7, u64::MAX - 3, u64::MAX] {
            let mut request = raw.request(BlkifOp::WRITE, 1, 0);
            request.sector_number = sector;
            raw.expect(&mut back, &request, error);
        }
        // d_b08
        for op in [4, 7, 9, 255] {
            let request = raw.request(BlkifOp(op), 1, 4);
            raw.expect(&mut back, &request, BlkifStatus::EOPNOTSUPP);
        }
        assert_eq!(touched(), before, "nothing of the guest's was touched");
        // The ring goes on.
        let request = raw.request(BlkifOp::READ, 2, 5);
        raw.expect(&mut back, &request, BlkifStatus::OKAY);
        let mut page = [0; 4096];
        raw.data.as_ref().copy_to(0, &mut page).unwrap();
        assert_eq!(page, lab.disk.borrow().as_ref()[13 * 512..21 * 512]);
        raw.close(&mut back);
        drop(back);
        lab.finish();
    }
}

impl Native<'_> {
    fn indirect(&self, op: BlkifOp, count: u16, page: GrantRef) -> BlkifRequest {
        let indirect = BlkifRequestIndirect {
            operation: BlkifOp::INDIRECT,
            indirect_op: op,
            nr_segments: count,
            id: 0x1d,
            sector_number: 3,
            indirect_grefs: [page; 8],
            ..Default::default()
        };
        let mut request = BlkifRequest::default();
        request.as_mut_bytes()[..64].copy_from_slice(indirect.as_bytes());
        request
    }
}

#[test]
fn d_b07_segments_in_a_page_of_the_guests_are_copied_once_and_then_checked() {
    for mode in MODES {
        let lab = Lab::new();
        let mut back = lab.back(mode);
        let mut raw = Native::connect(&lab, &mut back, "x86_64-abi");
        let &[data, page] = raw.data.refs() else { panic!() };
        let good = BlkifRequestSegment { gref: data, first_sect: 1, last_sect: 2, _pad0: [0; 2] };
        let segments = |lying: BlkifRequestSegment| {
            let mut list = [good; 32];
            list[31] = lying;
            raw.data.as_ref().copy_from(4096, list.as_bytes()).unwrap();
        };
        segments(good);
        let request = raw.indirect(BlkifOp::READ, 32, page);
        let copies = lab.driver.counters().copies;
        raw.expect(&mut back, &request, BlkifStatus::OKAY);
        let fetched = lab.driver.counters().copies - copies;
        assert!(mode == GrantMode::Copy || fetched == 1, "the segments are fetched by one copy");
        let mut last = [0; 1024];
        raw.data.as_ref().copy_to(512, &mut last).unwrap();
        assert_eq!(last, lab.disk.borrow().as_ref()[(3 + 62) * 512..(3 + 64) * 512]);

        let (maps, copies) = (lab.driver.counters().maps, lab.driver.counters().copies);
        raw.data.as_ref().copy_from(4096 + 31 * 8 + 5, &[8]).unwrap();
        raw.expect(&mut back, &request, BlkifStatus::ERROR);
        assert_eq!((lab.driver.counters().maps, lab.driver.counters().copies), (maps, copies + 1));
        raw.close(&mut back);
        drop(back);
        lab.finish();
    }
}

#[test]
fn xsa_361_a_reference_that_xen_refuses_at_any_position_fails_the_request_alone() {
    for mode in MODES {
        let lab = Lab::new();
        let mut back = lab.back(mode);
        let mut raw = Native::connect(&lab, &mut back, "x86_64-abi");
        let before = lab.disk.borrow().as_ref().to_vec();
        for bad in 0..11 {
            for operation in [BlkifOp::READ, BlkifOp::WRITE] {
                let mut request = raw.request(operation, 11, 0);
                request.seg[bad].gref = GrantRef(400 + bad as u32);
                raw.expect(&mut back, &request, BlkifStatus::ERROR);
            }
        }
        assert!(before == lab.disk.borrow().as_ref(), "nothing was written");
        let counters = lab.driver.counters();
        // The ring itself is still mapped.
        assert_eq!(counters.maps, counters.unmaps + 1);
        raw.close(&mut back);
        drop(back);
        lab.finish();
    }
}

#[test]
fn a_32_bit_guest_is_served_in_its_own_layout() {
    let lab = Lab::new();
    let mut back = lab.back(GrantMode::Copy);
    let mut raw = X86::connect(&lab, &mut back, "x86_32-abi");
    let segment =
        BlkifRequestSegment { gref: raw.data.refs()[0], first_sect: 0, last_sect: 7, _pad0: [0; 2] };
    let mut request = x86_32::BlkifRequest {
        operation: BlkifOp::READ,
        nr_segments: 1,
        id: 77.into(),
        sector_number: 8.into(),
        ..Default::default()
    };
    request.seg[0] = segment;
    // More than once round the ring.
    for _ in 0..40 {
        let response = raw.ask(&mut back, &request);
        assert_eq!((response.id.get(), response.status), (77, BlkifStatus::OKAY));
    }
    let mut page = [0; 4096];
    raw.data.as_ref().copy_to(0, &mut page).unwrap();
    assert_eq!(page, lab.disk.borrow().as_ref()[8 * 512..16 * 512]);
    raw.close(&mut back);
    drop(back);
    lab.finish();
}

#[test]
fn d_r02_a_request_index_past_the_room_closes_the_device_and_a_new_frontend_is_served() {
    let lab = Lab::new();
    let mut back = lab.back(GrantMode::Copy);
    let Raw { ring, channel, data, .. } = Native::connect(&lab, &mut back, "x86_64-abi");
    let connected = lab.driver.counters().maps;
    let ring = ring.into_memory();
    ring.as_ref().u32::<0>().store(33, Ordering::SeqCst);
    assert!(matches!(lab.settle(&mut back), Err(BlockError::Corrupt(_))));
    assert_eq!(lab.driver.counters().unmaps, connected, "the guest's pages are let go of at once");
    ring.as_ref().u32::<0>().store(1, Ordering::SeqCst);
    assert_eq!(lab.settle(&mut back), Ok(BlkbackEvent::Idle));
    assert_eq!(lab.states(), (3, 5), "closing, and the ring is not looked at again");
    let error =
        lab.driver.store().read(format!("error/backend/vbd/{}/{}/error", lab.guest.id(), lab.device.id));
    assert!(error.is_some_and(|error| !error.is_empty()), "the toolstack's user can read why");
    let store = lab.guest.store();
    for state in [5, 6, 1] {
        store.write(format!("{}/state", lab.device.frontend_path()), state).unwrap();
        lab.settle(&mut back).unwrap();
    }
    ring.reclaim().unwrap();
    data.reclaim().unwrap();
    drop(channel);
    let mut raw = Native::connect(&lab, &mut back, "x86_64-abi");
    let request = raw.request(BlkifOp::READ, 1, 0);
    raw.expect(&mut back, &request, BlkifStatus::OKAY);
    raw.close(&mut back);
    drop(back);
    lab.finish();
}

#[test]
fn what_a_frontend_publishes_is_refused_if_it_can_not_be() {
    for (key, value) in [
        ("ring-ref", "x"),
        ("ring-ref", "4294967295"),
        ("event-channel", "99999"),
        ("event-channel", ""),
        ("protocol", "sparc"),
        ("ring-page-order", "1"),
        ("ring-page-order", "4294967295"),
        ("num-ring-pages", "2"),
        ("num-ring-pages", "0"),
        ("num-ring-pages", "3"),
    ] {
        let lab = Lab::new();
        let mut back = lab.back(GrantMode::Map);
        let raw = Native::publish(&lab, &mut back, "x86_64-abi");
        lab.guest.store().write(format!("{}/{key}", lab.device.frontend_path()), value).unwrap();
        assert!(lab.settle(&mut back).is_err(), "{key} = {value}");
        lab.settle(&mut back).unwrap();
        assert_eq!(lab.states(), (3, 5), "{key} = {value}");
        let counters = lab.driver.counters();
        assert_eq!(counters.maps, counters.unmaps);
        raw.close(&mut back);
        drop(back);
        lab.finish();
    }
}

#[test]
fn row_133_a_close_cycle_before_the_first_connection_is_answered_step_by_step() {
    let lab = Lab::new();
    let mut back = lab.back(GrantMode::Copy);
    lab.settle(&mut back).unwrap();
    assert_eq!(lab.states(), (1, 2));
    let store = lab.guest.store();
    for (state, answer) in [(5, 5), (6, 6), (1, 2)] {
        store.write(format!("{}/state", lab.device.frontend_path()), state).unwrap();
        lab.settle(&mut back).unwrap();
        assert_eq!(lab.states(), (state, answer));
    }
    let mut front = lab.front();
    lab.reach(&mut front, &mut back, BlockState::Connected);
    front.close();
    lab.reach(&mut front, &mut back, BlockState::Closed);
    drop((front, back));
    lab.finish();
}

#[test]
fn a_frontend_that_rewrites_its_state_without_end_costs_one_look_each_time() {
    let lab = Lab::new();
    let mut back = lab.back(GrantMode::Copy);
    lab.settle(&mut back).unwrap();
    let store = lab.guest.store();
    for round in 0..20 {
        for state in 0..500 {
            store.write(format!("{}/state", lab.device.frontend_path()), (state + round) % 3).unwrap();
        }
        let before = lab.driver.counters().notifications;
        back.poll(lab.driver.now()).unwrap();
        assert!(lab.driver.counters().notifications - before < 50);
    }
    drop(back);
    lab.finish();
}

#[test]
fn a_read_only_disk_says_so_and_stays_as_it_is() {
    let lab = Lab::with(&Disk { read_only: true, ..Disk::new("xvda") });
    let mut back = lab.back(GrantMode::Copy);
    let mut raw = Native::connect(&lab, &mut back, "x86_64-abi");
    assert_eq!(lab.guest.store().read(format!("{}/info", lab.device.backend_path())).as_deref(), Some("4"));
    for operation in [BlkifOp::WRITE, BlkifOp::WRITE_BARRIER] {
        let request = raw.request(operation, 1, 0);
        raw.expect(&mut back, &request, BlkifStatus::ERROR);
    }
    assert_eq!(lab.disk.borrow().sectors(), SECTORS as u64);
    assert!(lab.disk.borrow().as_ref() == noise(SECTORS * 512, 3));
    raw.close(&mut back);
    drop(back);
    lab.finish();
}
