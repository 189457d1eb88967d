//! A world with a guest and a driver domain, frontends that write their ring directly, and a disk
//! that records its operations.

use core::cell::RefCell;
use core::ops::Range;
use core::time::Duration;
use std::rc::Rc;
use xen_back::block::{
    AsyncBlkBack, BlkBack, BlkBackError, BlkBackEvent, BlockDevice, BlockDeviceError, Config,
    Discard, DiskInfo, GrantMode, IoBuffer, MemoryDisk, PreparedDisk, Request,
};
use xen_evtchn::Channel;
use xen_front::block::{BlkFront, BlkFrontConfig};
use xen_grant::{GrantTable, Granted, ReadWrite};
use xen_hypercall::{GrantRef, Instant, Pages, Platform, Port, boot};
use xen_ring::{FrontRing, Notify};
use xen_sim::{Device, Disk, Domain, DomainConfig, EventWait, World, run_until_due};
use xen_store::XenStore;
use xen_sys::io::blkif::{
    BlkifOp, BlkifRequest, BlkifRequestIndirect, BlkifRequestSegment, BlkifResponse, BlkifStatus,
    x86_32,
};
use xenbus::{DeviceId, DeviceState, backends};
use zerocopy::IntoBytes;

pub(crate) const SECTORS: usize = 2048;
pub(crate) const MODES: [GrantMode; 2] = [GrantMode::Copy, GrantMode::Map];

pub(crate) type SharedDisk = Rc<RefCell<NotedDisk>>;
pub(crate) type Back = BlkBack<Domain, PreparedDisk<SharedDisk>>;
pub(crate) type AsyncBack = AsyncBlkBack<Domain, PreparedDisk<DiskInfo>>;

/// The backends of the tests.
pub(crate) trait Backend: core::fmt::Debug {
    fn poll(&mut self, now: Instant) -> Result<BlkBackEvent, BlkBackError>;
    fn poll_timeout(&self, now: Instant) -> Option<Instant>;
    fn port(&self) -> Option<Port>;
}

macro_rules! backend {
    ($type:ty) => {
        impl Backend for $type {
            fn poll(&mut self, now: Instant) -> Result<BlkBackEvent, BlkBackError> {
                <$type>::poll(self, now)
            }

            fn poll_timeout(&self, now: Instant) -> Option<Instant> {
                <$type>::poll_timeout(self, now)
            }

            fn port(&self) -> Option<Port> {
                self.ports().next()
            }
        }
    };
}
backend!(Back);
backend!(AsyncBack);

/// An operation on a disk: the first sector, and the number of sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Read(u64, usize),
    Write(u64, usize),
    Flush,
    Discard(u64, u64, bool),
}

/// A disk in memory that records its operations.
#[derive(Debug)]
pub(crate) struct NotedDisk {
    pub(crate) disk: MemoryDisk<Vec<u8>>,
    /// The disk offers secure discard.
    pub(crate) secure: bool,
    /// The first byte from which sectors are freed.
    pub(crate) alignment: u32,
    pub(crate) done: Vec<Done>,
    /// Sectors that can neither be read nor written.
    pub(crate) bad: Range<u64>,
}

impl NotedDisk {
    fn check(&self, sector: u64, bytes: usize) -> Result<(), BlockDeviceError> {
        let is_bad = sector < self.bad.end && self.bad.start < sector + bytes as u64 / 512;
        if is_bad { Err(BlockDeviceError::Io) } else { Ok(()) }
    }
}

impl AsRef<[u8]> for NotedDisk {
    fn as_ref(&self) -> &[u8] {
        self.disk.as_ref()
    }
}

impl BlockDevice for NotedDisk {
    fn sectors(&self) -> u64 {
        self.disk.sectors()
    }

    fn discard_support(&self) -> Option<Discard> {
        let Self { secure, alignment, .. } = *self;
        self.disk.discard_support().map(|offered| Discard { secure, alignment, ..offered })
    }

    fn read(&mut self, sector: u64, to: IoBuffer<'_>) -> Result<(), BlockDeviceError> {
        self.done.push(Done::Read(sector, to.len() / 512));
        self.check(sector, to.len())?;
        self.disk.read(sector, to)
    }

    fn write(&mut self, sector: u64, from: IoBuffer<'_>) -> Result<(), BlockDeviceError> {
        self.done.push(Done::Write(sector, from.len() / 512));
        self.check(sector, from.len())?;
        self.disk.write(sector, from)
    }

    fn flush(&mut self) -> Result<(), BlockDeviceError> {
        self.done.push(Done::Flush);
        self.disk.flush()
    }

    fn discard(&mut self, sector: u64, count: u64, secure: bool) -> Result<(), BlockDeviceError> {
        self.done.push(Done::Discard(sector, count, secure));
        self.disk.discard(sector, count, secure)
    }
}

/// A world with a guest and a driver domain that serves it a disk of random bytes.
pub(crate) struct Fixture {
    pub(crate) world: World,
    pub(crate) guest: Domain,
    pub(crate) driver: Domain,
    pub(crate) device: Device,
    pub(crate) guest_store: XenStore<Domain>,
    pub(crate) driver_store: XenStore<Domain>,
    pub(crate) grants: GrantTable<Domain>,
    pub(crate) disk: SharedDisk,
    /// The wake-ups of both ends: a notification that is lost makes a test fail.
    front_wait: RefCell<EventWait>,
    back_wait: RefCell<EventWait>,
}

/// The time for which both ends can sleep before a test fails, and the time for which a backend
/// sleeps once it has settled.
const ASLEEP: Duration = Duration::from_secs(5);
const SETTLED: Duration = Duration::from_millis(2);

/// The polls in a row after which a test fails: the ends notify each other endlessly.
const POLLS: usize = 5000;

pub(crate) fn store_of(domain: &Domain) -> XenStore<Domain> {
    XenStore::new(domain.clone(), boot::xenstore_ring(domain.clone()).unwrap()).unwrap()
}

pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(&Disk::new("xvda"))
    }

    pub(crate) fn with(disk: &Disk) -> Self {
        let world = World::new(7);
        let driver = world.create_guest(DomainConfig::new("driver"));
        let guest = world.create_guest(DomainConfig::new("guest"));
        let device = world.attach_disk(&guest, &driver, disk);
        Self {
            guest_store: store_of(&guest),
            driver_store: store_of(&driver),
            grants: GrantTable::new(guest.clone()).unwrap(),
            disk: Rc::new(RefCell::new(NotedDisk {
                disk: MemoryDisk::new(Self::content()),
                secure: true,
                alignment: 0,
                done: Vec::new(),
                bad: 0..0,
            })),
            front_wait: RefCell::new(EventWait::new(&guest)),
            back_wait: RefCell::new(EventWait::new(&driver)),
            world,
            guest,
            driver,
            device,
        }
    }

    /// Returns the first content of the disk.
    pub(crate) fn content() -> Vec<u8> {
        noise(SECTORS * 512, 3)
    }

    pub(crate) fn back(&self, mode: GrantMode) -> Back {
        self.back_with(Config { mode, budget: 8, ..Config::default() })
    }

    pub(crate) fn back_with(&self, config: Config) -> Back {
        self.back_wait.borrow_mut().wake();
        let found = backends::<4>(&self.driver_store, "vbd").unwrap();
        let id = DeviceId { guest: self.guest.id(), device: self.device.id };
        assert!(found.contains(&id));
        let disk = PreparedDisk::new(self.disk.clone());
        BlkBack::new(&self.driver_store, id, disk, config).unwrap()
    }

    /// Makes a backend with a storage of the test's, which completes requests in any order.
    pub(crate) fn async_back(&self, mode: GrantMode, in_flight: u32) -> AsyncBack {
        self.async_back_of(&self.device, mode, in_flight)
    }

    pub(crate) fn async_back_of(
        &self,
        device: &Device,
        mode: GrantMode,
        in_flight: u32,
    ) -> AsyncBack {
        self.back_wait.borrow_mut().wake();
        let disk = PreparedDisk::new(DiskInfo::new(SECTORS as u64));
        let config = Config { mode, in_flight, ..Config::default() };
        let id = DeviceId { guest: self.guest.id(), device: device.id };
        AsyncBlkBack::new(&self.driver_store, id, disk, config).unwrap()
    }

    pub(crate) fn front(&self) -> BlkFront<Domain> {
        BlkFront::open(&self.guest_store, &self.grants, self.device.id).unwrap()
    }

    pub(crate) fn front_with_depth(&self, depth: u16) -> BlkFront<Domain> {
        let config = BlkFrontConfig::default().with_depth(depth).with_persistent_pages(0);
        BlkFront::open_with(&self.guest_store, &self.grants, self.device.id, config).unwrap()
    }

    /// Lets both ends run until `done`, each when it has an event, is at its deadline or has left
    /// work. The frontend is polled once at first, as the test may have given it work.
    pub(crate) fn run(
        &self,
        front: &mut BlkFront<Domain>,
        back: &mut impl Backend,
        mut done: impl FnMut(&mut BlkFront<Domain>) -> bool,
    ) {
        self.front_wait.borrow_mut().wake();
        for _ in 0..POLLS {
            let front_due = self.front_wait.borrow_mut().take();
            if front_due {
                front.poll(self.guest.now()).unwrap();
                if done(front) {
                    return;
                }
                if let Some(deadline) = front.poll_timeout(self.guest.now()) {
                    self.front_wait.borrow_mut().wake_at(deadline);
                }
            }
            let polled = self.poll_if_due(back);
            assert!(!matches!(polled, Some(Err(_))), "{polled:?}");
            if !front_due && polled.is_none() {
                let waits = (self.front_wait.borrow(), self.back_wait.borrow());
                let woken = run_until_due(&[&waits.0, &waits.1], ASLEEP);
                assert!(woken, "both ends sleep: {front:?} {back:?}");
            }
        }
        panic!("it never came: {front:?} {back:?}");
    }

    /// Has the backend polled: the test has given it a reason.
    pub(crate) fn wake_back(&self) {
        self.back_wait.borrow_mut().wake();
    }

    /// Polls the backend if it has a reason to run.
    fn poll_if_due(&self, back: &mut impl Backend) -> Option<Result<BlkBackEvent, BlkBackError>> {
        let mut wait = self.back_wait.borrow_mut();
        wait.take().then(|| {
            let polled = back.poll(self.driver.now());
            match polled {
                Ok(BlkBackEvent::Idle) => {
                    if let Some(deadline) = back.poll_timeout(self.driver.now()) {
                        wait.wake_at(deadline);
                    }
                }
                // After an error it is to be polled again in any case.
                Ok(BlkBackEvent::Busy) | Err(_) => wait.wake(),
                Ok(BlkBackEvent::Removed) => {}
            }
            polled
        })
    }

    pub(crate) fn reach(
        &self,
        front: &mut BlkFront<Domain>,
        back: &mut impl Backend,
        state: DeviceState,
    ) {
        self.run(front, back, |front| front.state() == state);
    }

    /// Lets the backend run alone until it has nothing to do for a while.
    pub(crate) fn settle(&self, back: &mut impl Backend) -> Result<BlkBackEvent, BlkBackError> {
        let mut last = Ok(BlkBackEvent::Idle);
        for _ in 0..POLLS {
            if let Some(polled) = self.poll_if_due(back) {
                last = polled;
                if last.is_err() || last == Ok(BlkBackEvent::Removed) {
                    return last;
                }
            } else if !run_until_due(&[&self.back_wait.borrow()], SETTLED) {
                return last;
            }
        }
        panic!("it never settles: {back:?}");
    }

    pub(crate) fn states(&self) -> (u32, u32) {
        self.world.device_states(&self.device)
    }

    pub(crate) fn finish(self) {
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

/// A frontend that writes its ring directly.
pub(crate) struct Raw<'a, Req, Rsp> {
    pub(crate) fixture: &'a Fixture,
    pub(crate) ring: FrontRing<Granted<Domain, ReadWrite>, Req, Rsp>,
    pub(crate) channel: Channel<Domain>,
    pub(crate) data: Granted<Domain, ReadWrite>,
}

pub(crate) type Native<'a> = Raw<'a, BlkifRequest, BlkifResponse>;
pub(crate) type X86<'a> = Raw<'a, x86_32::BlkifRequest, x86_32::BlkifResponse>;

/// Polls once, and takes all requests that the backend hands out.
pub(crate) fn take(fixture: &Fixture, back: &mut AsyncBack) -> Vec<Request<Domain>> {
    back.poll(fixture.driver.now()).unwrap();
    core::iter::from_fn(|| back.next_request().unwrap()).collect()
}

impl<'a, Req, Rsp> Raw<'a, Req, Rsp>
where
    Req: zerocopy::FromBytes + IntoBytes + zerocopy::Immutable,
    Rsp: zerocopy::FromBytes + IntoBytes + zerocopy::Immutable,
{
    pub(crate) fn publish(fixture: &'a Fixture, back: &mut impl Backend, protocol: &str) -> Self {
        fixture.settle(back).unwrap();
        assert_eq!((fixture.states().1, back.port()), (2, None));
        let share = |pages| {
            let pages = Pages::alloc(fixture.guest.clone(), pages).unwrap();
            fixture.grants.grant_writable(pages, fixture.driver.id()).unwrap()
        };
        let ring = share(1);
        let channel = Channel::alloc_unbound(fixture.guest.clone(), fixture.driver.id()).unwrap();
        let (store, path) = (fixture.guest.store(), fixture.device.frontend_path());
        store.write(format!("{path}/ring-ref"), ring.refs()[0]).unwrap();
        store.write(format!("{path}/event-channel"), channel.port()).unwrap();
        store.write(format!("{path}/protocol"), protocol).unwrap();
        store.write(format!("{path}/state"), 3).unwrap();
        Self { fixture, ring: FrontRing::new(ring).unwrap(), channel, data: share(2) }
    }

    pub(crate) fn connect(fixture: &'a Fixture, back: &mut impl Backend, protocol: &str) -> Self {
        let raw = Self::publish(fixture, back, protocol);
        fixture.settle(back).unwrap();
        assert_eq!(fixture.states(), (3, 4));
        assert!(back.port().is_some_and(|port| port.0 != 0));
        raw
    }

    /// Posts requests as one batch.
    pub(crate) fn post(&mut self, requests: &[Req]) {
        for request in requests {
            self.ring.push(request).unwrap();
        }
        if self.ring.publish() == Notify::Send {
            self.channel.notify().unwrap();
        }
    }

    pub(crate) fn ask(&mut self, back: &mut impl Backend, request: &Req) -> Rsp {
        self.post(core::slice::from_ref(request));
        self.fixture.settle(back).unwrap();
        self.ring.pop().unwrap().expect("an answer")
    }

    pub(crate) fn close(self, back: &mut impl Backend) {
        let (store, path) = (self.fixture.guest.store(), self.fixture.device.frontend_path());
        for state in [5, 6] {
            store.write(format!("{path}/state"), state).unwrap();
            let _ = self.fixture.settle(back);
        }
        assert_eq!(self.fixture.states(), (6, 6));
        self.ring.into_memory().end_access().unwrap();
        self.data.end_access().unwrap();
    }
}

impl Native<'_> {
    pub(crate) fn request(&self, operation: BlkifOp, count: u8, sector: u64) -> BlkifRequest {
        let [gref, ..] = self.data.refs() else { panic!() };
        let segment =
            BlkifRequestSegment { gref: *gref, first_sect: 0, last_sect: 7, _pad0: [0; 2] };
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

    /// Submits a request, and expects a response with this status.
    pub(crate) fn expect(
        &mut self,
        back: &mut impl Backend,
        request: &BlkifRequest,
        status: BlkifStatus,
    ) {
        let operation = match request.operation {
            // The inner operation of an indirect request; it is at the offset of the segment count.
            BlkifOp::INDIRECT => BlkifOp(request.nr_segments),
            operation => operation,
        };
        let expected = BlkifResponse { id: request.id, operation, status, ..Default::default() };
        assert_eq!(self.ask(back, request).as_bytes(), expected.as_bytes(), "{request:?}");
    }
}

impl Native<'_> {
    pub(crate) fn indirect(&self, op: BlkifOp, count: u16, page: GrantRef) -> BlkifRequest {
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
