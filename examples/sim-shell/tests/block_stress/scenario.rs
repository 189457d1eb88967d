//! One random scenario.

use super::backend::{Control, Features, Server};
use super::faults::faults;
use super::model::{Kind, Model, Tally};
use super::rng::Rng;
use super::seeds::Tally as _;
use super::storage::{DiskFeatures, SECTOR, Storage};
use super::suspend;
use core::time::Duration;
use xen_back::block::{Config, GrantMode};
use xen_example_sim_shell::{Server as Start, Setup, SharedDisk, Sleep, Testbed, Xen};
use xen_front::block::{
    BlkFront, BlkFrontConfig, Completion, DeviceState, MAX_PAGES, MAX_SEGMENTS, Request,
    RequestError, SECTORS_PER_PAGE,
};
use xen_grant::GrantTable;
use xen_hypercall::ops::sched::SuspendOutcome;
use xen_hypercall::{Errno, Instant, Pages, Platform, Port, boot};
use xen_sim::World;
use xen_store::XenStore;

/// The largest size of the disk in sectors.
const SECTORS: usize = 1024;

/// The time without an event after which a notification was lost.
const LOST: Duration = Duration::from_secs(8);

/// The time without a completion after which the disk hangs.
const HANG: Duration = Duration::from_secs(120);

/// The most connections without a completion.
const ATTEMPTS: u32 = 100;

/// The time in which the effects of a fault are noticed.
const SETTLED: Duration = Duration::from_millis(300);

/// Runs the scenario of a seed, with its steps on standard error if `verbose`; returns its
/// counters. Panics where something is not as it should be.
pub(crate) fn run(seed: u64, verbose: bool) -> Tally {
    let mut rng = Rng::new(seed);
    let unit = if rng.one_in(4) { SECTORS_PER_PAGE } else { 1 };
    let volatile = rng.one_in(2);
    let storage = Storage::new(SECTORS);
    let mut choices = Choices { unit, failing: rng.one_in(4) };
    let control = Control::new(rng.next(), storage.clone(), choices.features(&mut rng));
    let served = control.clone();
    let server = Start::new(move |xen| Ok(Box::new(Server::new(xen, served.clone())?)));
    let (guest, driver) = (faults(&mut rng, 2), faults(&mut rng, 2));
    let setup = Setup {
        guest,
        driver,
        server: Some(server),
        pages: [4096, 4096],
        ..Setup::new(seed, SharedDisk::noise(1, SECTOR))
    };
    let mut testbed = Testbed::new(setup).expect("a world without a failure yet");
    let xen = testbed.guest.clone();
    let ring = boot::xenstore_ring(xen.clone()).expect("a domain with a store");
    let store = XenStore::new(xen.clone(), ring).expect("a store without a failure yet");
    let grants = GrantTable::new(xen.clone()).expect("a grant table");
    let config = choices.front(&mut rng);
    let front = BlkFront::new(&store, &grants, testbed.vbd.id, config).expect("a disk");
    let mut model = Model::new(SECTORS, volatile);
    model.failing = choices.failing;
    model.discards = true;
    let mut scenario = Scenario {
        progress: testbed.world.now(),
        testbed: &mut testbed,
        xen,
        store: &store,
        grants: &grants,
        front,
        control,
        model,
        choices,
        volatile,
        plugged: true,
        attempts: 0,
        verbose,
    };
    for _ in 0..4 + rng.below(16) {
        let count = 1 + rng.below(120) as u64;
        scenario.transfer(&mut rng, count);
        scenario.event(&mut rng);
    }
    scenario.transfer(&mut rng, 50);
    let tally = scenario.end();
    assert_eq!(grants.retry_deferred(), Default::default(), "pages are deferred without a user");
    drop((grants, store));
    testbed.stop_driver();
    testbed.world.check().unwrap_or_else(|findings| panic!("{findings}"));
    tally
}

/// Choices of both ends for each connection.
struct Choices {
    /// The unit of all requests in sectors.
    unit: usize,
    /// Requests may fail in the storage.
    failing: bool,
}

impl Choices {
    fn features(&mut self, rng: &mut Rng) -> Features {
        // Copies take a page for each segment.
        let max_segments = [11, 32, 256][rng.below(3)];
        let config = Config {
            mode: if rng.one_in(2) { GrantMode::Map } else { GrantMode::Copy },
            ring_order: rng.below(5) as u32,
            max_queues: 1 + rng.below(8) as u32,
            budget: 1 + rng.below(40) as u32,
            in_flight: 1 + rng.below(40.min(1024 / max_segments)) as u32,
            max_segments: max_segments as u32,
            persistent_grants: [0, 4, 40, 1056][rng.below(4)],
        };
        let disk =
            DiskFeatures { sector_size: (self.unit * SECTOR) as u32, discard: !rng.one_in(3) };
        let latency = Duration::from_micros([0, 50, 3000][rng.below(3)]);
        let failing = if self.failing { 200 } else { 0 };
        Features { shuffles: !rng.one_in(3), config, disk, latency, failing }
    }

    fn front(&mut self, rng: &mut Rng) -> BlkFrontConfig {
        let config = BlkFrontConfig::default().with_depth([1, 8, 32, 64, 200][rng.below(5)]);
        let pages = config.persistent_pages;
        config.with_persistent_pages([0, 1, 40, pages][rng.below(4)])
    }

    fn range(&self, rng: &mut Rng, most: usize, sectors: usize) -> (usize, usize) {
        let (most, sectors) = (most / self.unit, sectors / self.unit);
        // Half of the requests are in a small part of the disk, so that many overlap.
        let end = if rng.one_in(2) { sectors.min(128 / self.unit) } else { sectors };
        let most = if rng.one_in(2) { most } else { most.min(4) };
        let count = 1 + rng.below(most.min(end));
        (rng.below(end - count + 1) * self.unit, count * self.unit)
    }
}

struct Scenario<'l, 'a> {
    testbed: &'l mut Testbed,
    xen: Xen,
    store: &'a XenStore<Xen>,
    grants: &'a GrantTable<Xen>,
    front: BlkFront<Xen>,
    control: Control,
    model: Model,
    choices: Choices,
    volatile: bool,
    /// The toolstack has the device.
    plugged: bool,
    /// The time of the last completion or event.
    progress: Instant,
    /// Connections since then.
    attempts: u32,
    verbose: bool,
}

impl Scenario<'_, '_> {
    fn say(&self, what: core::fmt::Arguments<'_>) {
        if self.verbose {
            let nanos = self.xen.now().as_nanos();
            eprintln!("{nanos:>14} {:?} {what}", self.front.state());
        }
    }

    /// Transfers until `count` more requests have completed.
    fn transfer(&mut self, rng: &mut Rng, count: u64) {
        self.progress = self.xen.now();
        let until = self.done() + count;
        while self.done() < until {
            self.submit(rng);
            let idle = self.model.in_flight() == 0 && self.front.free_slots() > 0;
            self.turn(if idle { Duration::ZERO } else { LOST });
        }
    }

    fn done(&self) -> u64 {
        self.model.tally.verified() + self.model.tally.failed
    }

    /// Polls, takes what was completed, and waits for the next event.
    fn turn(&mut self, longest: Duration) {
        let before = self.done();
        self.poll();
        let completed = self.done() - before;
        let now = self.xen.now();
        if completed > 0 {
            (self.progress, self.attempts) = (now, 0);
        }
        assert!(now < self.progress + HANG, "the disk hangs: {self:?}");
        let timeout = self.front.poll_timeout(now);
        let deadline = timeout.map_or(now + longest, |timeout| timeout.min(now + longest));
        let ports = [self.store.port(), self.front.port().unwrap_or(self.store.port())];
        self.xen.wait(&ports[..1 + usize::from(self.front.port().is_some())], Some(deadline));
        // The events of all queues were taken before: a poll after a long wait finds none.
        if self.xen.now() >= now + LOST && self.front.state() == DeviceState::Connected {
            let before = self.done();
            self.poll();
            assert!(
                self.done() == before || self.model.lenient,
                "a notification was lost: {self:?}"
            );
        }
    }

    fn poll(&mut self) {
        let result = self.front.poll(self.xen.now());
        if let Err(error) = result {
            self.say(format_args!("poll: {error}"));
        }
        while let Some(Completion { token, outcome, buffer }) = self.front.complete() {
            self.model.complete(token, outcome, buffer.as_ref().map(Pages::as_slice));
        }
        if let Some(broken) = self.front.broken() {
            assert!(self.model.lenient, "the backend has broken the protocol: {broken}");
            if self.front.state() == DeviceState::Connected {
                self.say(format_args!("broken: {broken}"));
                self.model.excuse();
                self.front.close_now();
            }
        }
        let state = self.front.state();
        if self.plugged && matches!(state, DeviceState::Closed | DeviceState::Unplugged) {
            self.say(format_args!("reopened: {:?}", self.control.take_error()));
            self.attempts += 1;
            assert!(self.attempts < ATTEMPTS, "no connection succeeds: {self:?}");
            self.front.reopen();
        }
    }

    /// Submits some requests.
    fn submit(&mut self, rng: &mut Rng) {
        let sectors = self.front.info().sectors as usize;
        while self.front.free_slots() > 0
            && sectors >= 128
            && (self.model.in_flight() == 0 || !rng.one_in(8))
        {
            let pages = if rng.one_in(8) { MAX_SEGMENTS } else { MAX_PAGES };
            let most = pages * SECTORS_PER_PAGE;
            let kind = match rng.below(40) {
                0..18 => Kind::Write,
                18..36 => Kind::Read,
                36 | 37 if self.front.info().discard.is_some() => Kind::Discard,
                38 => Kind::Flush,
                _ => Kind::Read,
            };
            let most = if kind == Kind::Discard { most * 2 } else { most };
            let (sector, count) = self.choices.range(rng, most, sectors);
            let mut generation = 0;
            let request = match kind {
                Kind::Flush => Request::Flush,
                Kind::Discard => {
                    let (sector, sectors) = (sector as u64, count as u64);
                    let offered = self.front.info().discard;
                    let secure = offered.is_some_and(|discard| discard.secure) && rng.one_in(3);
                    Request::Discard { sector, sectors, secure }
                }
                Kind::Read | Kind::Write => {
                    let pages = count.div_ceil(SECTORS_PER_PAGE);
                    let Ok(mut buffer) = Pages::alloc(self.xen.clone(), pages) else { return };
                    let bytes = &mut buffer.as_mut_slice()[..count * SECTOR];
                    if kind == Kind::Write {
                        generation = self.model.fill(sector, bytes);
                        Request::Write { sector: sector as u64, sectors: count, buffer }
                    } else {
                        bytes.fill(0xa5);
                        Request::Read { sector: sector as u64, sectors: count, buffer }
                    }
                }
            };
            match self.front.submit(request) {
                Ok(token) => self.model.submit(token, kind, sector, count, generation),
                // A large request takes several slots, and as many persistent grants as pages.
                Err(refused) if refused.reason == RequestError::Full => break,
                Err(refused)
                    if matches!(refused.reason, RequestError::Length { .. })
                        && count > MAX_PAGES * SECTORS_PER_PAGE => {}
                Err(refused) => {
                    let broken = matches!(refused.reason, RequestError::Broken(_));
                    let grant = matches!(refused.reason, RequestError::Grant(_));
                    assert!((broken || grant) && self.model.lenient, "refused: {refused}");
                    return;
                }
            }
        }
        // Requests that stay queued are published by the next poll.
        if rng.one_in(2) {
            self.front.kick();
        }
    }

    fn event(&mut self, rng: &mut Rng) {
        match rng.below(24) {
            0..4 => self.sleep(rng),
            4..8 => self.replace(rng),
            8..10 => self.unplug(rng),
            10 => self.remove(rng),
            11 | 12 => self.close(rng),
            13 | 14 => self.reset(rng),
            15..17 => self.resize(rng),
            17..19 => self.pause(rng),
            19 => self.storm(rng),
            20 => self.testbed.world.store().set_chunk(1 + rng.below(40)),
            _ => self.fail(rng),
        }
    }

    /// Changes the features of the next connection's backend. Requests that it does not support
    /// fail there.
    fn change_features(&mut self, rng: &mut Rng) {
        if rng.one_in(2) {
            let features = self.choices.features(rng);
            // A backend that takes over a connection has other features than were read.
            self.model.discards = false;
            self.say(format_args!("features: {features:?}"));
            *self.control.features() = features;
        }
    }

    /// Suspends the guest, which is resumed in place, restored or moved.
    fn sleep(&mut self, rng: &mut Rng) {
        let sleep = match rng.below(3) {
            0 => Sleep::Cancelled,
            1 => Sleep::Restored,
            _ => Sleep::Moved(rng.next()),
        };
        self.say(format_args!("suspend: {sleep:?}"));
        self.submit(rng);
        if sleep != Sleep::Cancelled {
            self.change_features(rng);
        }
        self.testbed.send_to_sleep(sleep).expect("another world");
        let faulty = rng.one_in(3);
        if faulty {
            self.excuse();
            self.testbed.guest_faults.arm(rng.below(12) as u64, Errno::ENOMEM);
        }
        let resumed = suspend::sleep(&self.xen, self.store, self.grants);
        assert_eq!(resumed == SuspendOutcome::Cancelled, sleep == Sleep::Cancelled);
        self.testbed.woken().unwrap_or_else(|findings| panic!("{findings}"));
        if resumed == SuspendOutcome::Resumed {
            self.front.resume();
        }
        if faulty {
            self.settle(rng);
        }
    }

    /// Destroys the driver domain, with a loss of power or without, and starts another.
    fn replace(&mut self, rng: &mut Rng) {
        self.say(format_args!("driver domain replaced"));
        self.submit(rng);
        self.front.kick();
        if rng.one_in(2) {
            self.testbed.world.run_for(Duration::from_micros(rng.below(2000) as u64));
        }
        self.change_features(rng);
        // Xen refuses to notify a domain that does not exist.
        self.excuse();
        if self.volatile && rng.one_in(2) {
            self.say(format_args!("power lost"));
            // Those of before the loss are in the guest.
            self.take_completed();
            self.control.model.lose_power(|| rng.one_in(2));
            self.model.lose_power();
        }
        self.testbed.replace_driver().expect("another driver domain");
        self.front.reopen();
        self.settle(rng);
    }

    fn take_completed(&mut self) {
        while let Some(Completion { token, outcome, buffer }) = self.front.complete() {
            self.model.complete(token, outcome, buffer.as_ref().map(Pages::as_slice));
        }
    }

    /// Unplugs the device in order, with requests in flight, and plugs it in again.
    fn unplug(&mut self, rng: &mut Rng) {
        self.say(format_args!("unplugged"));
        self.submit(rng);
        self.excuse_waiting();
        self.plugged = false;
        self.testbed.world.detach(&self.testbed.vbd);
        self.gone(rng);
    }

    /// Removes the device by force, and plugs in another.
    fn remove(&mut self, rng: &mut Rng) {
        self.say(format_args!("removed"));
        self.submit(rng);
        self.excuse();
        self.plugged = false;
        self.testbed.world.remove_device(&self.testbed.vbd);
        self.gone(rng);
    }

    /// Awaits the end of the device.
    fn gone(&mut self, rng: &mut Rng) {
        let device = self.testbed.vbd;
        self.progress = self.xen.now();
        loop {
            let ended = matches!(self.front.state(), DeviceState::Closed | DeviceState::Unplugged);
            if ended && self.testbed.world.device_states(&device) == (0, 0) {
                break;
            }
            self.turn(Duration::from_millis(10));
        }
        self.take_completed();
        assert_eq!((self.model.in_flight(), self.front.in_flight()), (0, 0));
        self.change_features(rng);
        self.testbed.plug_disk();
        self.plugged = true;
        self.front.reopen();
    }

    /// Closes the device in order, and connects it again, or another one with another
    /// configuration.
    fn close(&mut self, rng: &mut Rng) {
        self.say(format_args!("closed"));
        self.submit(rng);
        self.close_front();
        if rng.one_in(2) {
            let (id, config) = (self.testbed.vbd.id, self.choices.front(rng));
            self.front = BlkFront::new(self.store, self.grants, id, config).expect("a disk");
        } else {
            self.front.reopen();
        }
        self.plugged = true;
    }

    /// Expects failures of a device that ends if a request waits for a connection or for a slot: no
    /// backend serves it any more.
    fn excuse_waiting(&mut self) {
        if self.front.state() != DeviceState::Connected || self.front.free_slots() == 0 {
            self.model.excuse();
        }
    }

    fn close_front(&mut self) {
        self.plugged = false;
        self.excuse_waiting();
        self.front.close();
        self.progress = self.xen.now();
        loop {
            self.turn(LOST);
            let ended = matches!(self.front.state(), DeviceState::Closed | DeviceState::Unplugged);
            if ended && self.model.in_flight() == 0 {
                break;
            }
        }
        self.poll();
    }

    /// Loads the driver domain's drivers anew.
    fn reset(&mut self, rng: &mut Rng) {
        self.say(format_args!("backend reset"));
        self.submit(rng);
        self.excuse();
        // A driver that takes over a connection accepts the segments that the one before offered.
        let before = *self.control.features();
        self.change_features(rng);
        let fewer = self.control.features().config.max_segments < before.config.max_segments;
        if fewer {
            *self.control.features() = before;
        }
        self.control.reset.ask(self.testbed.driver());
        self.settle(rng);
    }

    fn resize(&mut self, rng: &mut Rng) {
        let sectors = SECTORS / 2 + rng.below(SECTORS / 2 / 8 + 1) * 8;
        self.say(format_args!("size: {sectors} sectors"));
        if (sectors as u64) < self.control.model.sectors() {
            self.excuse();
        }
        self.control.model.resize(sectors as u64);
        self.testbed.driver().kick();
        // The frontend is to have the new size before it submits other requests.
        self.progress = self.xen.now();
        while self.model.in_flight() > 0
            || self.front.state() != DeviceState::Connected
            || self.front.info().sectors != sectors as u64
        {
            self.turn(Duration::from_millis(1));
        }
        self.model.lenient = false;
    }

    /// Lets the driver domain stand still for a while.
    fn pause(&mut self, rng: &mut Rng) {
        let id = self.testbed.driver().id();
        self.say(format_args!("paused"));
        self.testbed.world.pause(id);
        for _ in 0..rng.below(5) {
            self.submit(rng);
            self.turn(Duration::from_micros(rng.below(20_000) as u64));
        }
        self.testbed.world.unpause(id);
    }

    /// Injects spurious events.
    fn storm(&mut self, rng: &mut Rng) {
        let ids = [self.xen.inner().id(), self.testbed.driver().id()];
        for _ in 0..rng.below(200) {
            self.testbed.world.inject_event(ids[rng.below(2)], Port(rng.below(24) as u32));
        }
    }

    /// Lets one hypercall or allocation fail in the guest or in the driver domain.
    fn fail(&mut self, rng: &mut Rng) {
        let errno = [Errno::ENOMEM, Errno::EINVAL, Errno::EAGAIN][rng.below(3)];
        self.excuse();
        let faults =
            if rng.one_in(2) { &self.testbed.guest_faults } else { &self.testbed.driver_faults };
        faults.arm(rng.below(60) as u64, errno);
        if rng.one_in(2) {
            self.front.reopen();
        }
        self.say(format_args!("a fault is armed"));
        self.settle(rng);
    }

    /// Allows failures until all is well again.
    fn excuse(&mut self) {
        self.model.lenient = true;
        self.model.excuse();
    }

    /// Transfers until the effects of a fault have passed.
    fn settle(&mut self, rng: &mut Rng) {
        self.progress = self.xen.now();
        let until = self.progress + SETTLED;
        for _ in 0..rng.below(20) {
            self.submit(rng);
            self.turn(Duration::from_millis(20));
        }
        let failed =
            [&self.testbed.guest_faults, &self.testbed.driver_faults].map(|at| at.disarm());
        self.say(format_args!("failed in guest, driver domain: {failed:?}"));
        while self.model.in_flight() > 0
            || self.front.state() != DeviceState::Connected
            || self.xen.now() < until
        {
            self.turn(Duration::from_millis(20));
        }
        self.model.lenient = false;
    }

    /// Closes everything, and checks the whole disk.
    fn end(mut self) -> Tally {
        self.close_front();
        let Self { control, model, testbed, .. } = &mut self;
        control.model.look(|image| model.check_all(image));
        testbed.world.run_for(Duration::from_secs(1));
        self.model.tally
    }
}

impl core::fmt::Debug for Scenario<'_, '_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let world: &World = &self.testbed.world;
        f.debug_struct("Scenario")
            .field("front", &self.front)
            .field("states", &world.device_states(&self.testbed.vbd))
            .field("in_flight", &self.model.in_flight())
            .field("backend", &self.control.take_error())
            .field("lenient", &self.model.lenient)
            .finish_non_exhaustive()
    }
}
