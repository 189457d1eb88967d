//! One random scenario.

use super::backend::{Control, Features, Server};
use super::faults::faults;
use super::model::{Direction, Model, Tally};
use super::rng::Rng;
use super::seeds::Tally as _;
use super::suspend;
use core::time::Duration;
use xen_back::net::NetBackConfig;
use xen_example_sim_shell::{Server as Start, Setup, SharedDisk, Sleep, Testbed, Xen};
use xen_front::net::{DeviceState, HashConfig, NetFront, NetFrontConfig, TxError, Vif};
use xen_grant::GrantTable;
use xen_hypercall::ops::sched::SuspendOutcome;
use xen_hypercall::{Errno, Instant, Platform, Port, boot};
use xen_sim::World;
use xen_store::XenStore;

/// The time without an arrival after which the interface hangs.
const HANG: Duration = Duration::from_secs(120);

/// The most connections without an arrival.
const ATTEMPTS: u32 = 100;

/// The time in which the effects of a fault are noticed.
const SETTLED: Duration = Duration::from_millis(300);

/// The longest wait of the guest while packets are on their way.
const WAIT: Duration = Duration::from_millis(5);

/// Runs the scenario of a seed, with its steps on standard error if `verbose`; returns its
/// counters. Panics where something is not as it should be.
pub(crate) fn run(seed: u64, verbose: bool) -> Tally {
    let mut rng = Rng::new(seed);
    let model = Model::default();
    let control = Control::new(rng.next(), model.clone(), features(&mut rng));
    let served = control.clone();
    let server = Start::new(move |xen| Ok(Box::new(Server::new(xen, served.clone())?)));
    let (guest, driver) = (faults(&mut rng, 2), faults(&mut rng, 2));
    let setup = Setup {
        guest,
        driver,
        server: Some(server),
        pages: [4096, 4096],
        ..Setup::new(seed, SharedDisk::noise(1, 512))
    };
    let mut testbed = Testbed::new(setup).expect("a world without a failure yet");
    let xen = testbed.guest.clone();
    let ring = boot::xenstore_ring(xen.clone()).expect("a domain with a store");
    let store = XenStore::new(xen.clone(), ring).expect("a store without a failure yet");
    let grants = GrantTable::new(xen.clone()).expect("a grant table");
    let front = new_front(&store, &grants, &mut rng);
    let mut scenario = Scenario {
        progress: testbed.world.now(),
        testbed: &mut testbed,
        xen,
        store: &store,
        grants: &grants,
        front,
        control,
        model,
        plugged: true,
        lenient: false,
        attempts: 0,
        failures: 0,
        verbose,
    };
    for _ in 0..4 + rng.below(12) {
        let count = 1 + rng.below(200) as u64;
        scenario.transfer(&mut rng, count);
        scenario.event(&mut rng);
    }
    scenario.transfer(&mut rng, 100);
    let failures = scenario.failures;
    let tally = scenario.end();
    let deferred = grants.retry_deferred();
    assert_eq!(deferred.waiting, 0, "pages are deferred without a user");
    // An allocation that fails can be that of the list of deferred pages.
    assert!(deferred.lost <= failures, "pages are lost without a fault");
    drop((grants, store));
    testbed.stop_driver();
    // Lost pages stay granted.
    if deferred.lost == 0 {
        testbed.world.check().unwrap_or_else(|findings| panic!("{findings}"));
    }
    tally
}

fn features(rng: &mut Rng) -> Features {
    let config = NetBackConfig::default().with_max_queues(1 + rng.below(8) as u32);
    let config =
        config.with_static_grants([0, 16, 512][rng.below(3)]).with_xdp_headroom(rng.one_in(2));
    Features { config, large: [0, 2, 10][rng.below(3)], burst: 1 + rng.below(4) }
}

fn front_config(rng: &mut Rng) -> NetFrontConfig {
    let slots = [4, 20, 64, 256];
    NetFrontConfig::default()
        .with_tx_slots(slots[rng.below(4)])
        .with_rx_slots(slots[1 + rng.below(3)])
        .with_control_ring(rng.one_in(2))
        .with_xdp_headroom([0, 0, 99, 256][rng.below(4)])
}

/// Creates a device, with a hash and static grants as far as the backend supports them.
fn new_front(store: &XenStore<Xen>, grants: &GrantTable<Xen>, rng: &mut Rng) -> NetFront<Xen> {
    let mut front = NetFront::new(store, grants, Vif(0), front_config(rng)).expect("a vif");
    if rng.one_in(2) {
        front.set_hash(Some(HashConfig::default().with_mapping(&[0, 7]).expect("queues")));
    }
    front.set_static_grants(rng.one_in(2));
    front
}

struct Scenario<'l, 'a> {
    testbed: &'l mut Testbed,
    xen: Xen,
    store: &'a XenStore<Xen>,
    grants: &'a GrantTable<Xen>,
    front: NetFront<Xen>,
    control: Control,
    model: Model,
    /// The toolstack has the device.
    plugged: bool,
    /// The effects of a fault have not passed: the device may break.
    lenient: bool,
    /// The time of the last arrival or event.
    progress: Instant,
    /// Connections since then.
    attempts: u32,
    /// Allocations of the guest that have failed.
    failures: u32,
    verbose: bool,
}

impl Scenario<'_, '_> {
    fn say(&self, what: core::fmt::Arguments<'_>) {
        if self.verbose {
            let nanos = self.xen.now().as_nanos();
            eprintln!("{nanos:>14} {:?} {what}", self.front.state());
        }
    }

    fn verified(&self) -> u64 {
        self.model.packets().tally.verified()
    }

    /// Transfers until `count` more packets have arrived.
    fn transfer(&mut self, rng: &mut Rng, count: u64) {
        self.progress = self.xen.now();
        let until = self.verified() + count;
        while self.verified() < until {
            self.submit(rng);
            self.turn(WAIT);
        }
    }

    /// Polls, checks what has arrived, and waits for the next event.
    fn turn(&mut self, longest: Duration) {
        let before = self.verified();
        self.poll();
        let now = self.xen.now();
        if self.verified() > before {
            (self.progress, self.attempts) = (now, 0);
        }
        assert!(now < self.progress + HANG, "the interface hangs: {self:?}");
        self.front.wait(Some(now + longest));
    }

    fn poll(&mut self) {
        if let Err(error) = self.front.poll(self.xen.now()) {
            self.say(format_args!("poll: {error}"));
        }
        let mut buffer = vec![0; 65_536];
        loop {
            match self.front.receive(&mut buffer) {
                Ok(Some(packet)) => {
                    let mut packets = self.model.packets();
                    packets.arrive(Direction::ToGuest, &buffer[..packet.len], packet.meta);
                }
                Ok(None) => break,
                Err(error) => {
                    self.broken(format_args!("receive: {error}"));
                    break;
                }
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

    fn broken(&mut self, what: core::fmt::Arguments<'_>) {
        assert!(self.lenient, "the backend has broken the protocol: {what}");
        self.say(what);
        self.front.close();
    }

    /// Sends some packets.
    fn submit(&mut self, rng: &mut Rng) {
        for _ in 0..rng.below(12) {
            let large = rng.one_in(8);
            let (bytes, meta) = self.model.packets().make(Direction::FromGuest, large, rng);
            match self.front.transmit(&bytes, meta) {
                Ok(()) => {}
                Err(error) => {
                    self.model.packets().unmake(Direction::FromGuest);
                    match error {
                        TxError::Full | TxError::Down => break,
                        // A large packet, for which an end lacks the feature or the room.
                        TxError::Segmentation | TxError::TooLong { .. } if large => {}
                        error => return self.broken(format_args!("transmit: {error}")),
                    }
                }
            }
        }
        if let Err(error) = self.front.flush() {
            self.broken(format_args!("flush: {error}"));
        }
    }

    fn event(&mut self, rng: &mut Rng) {
        match rng.below(20) {
            0..4 => self.sleep(rng),
            4..8 => self.replace(rng),
            8..10 => self.unplug(rng),
            10..12 => self.close(rng),
            12..14 => self.reset(rng),
            14..16 => self.pause(rng),
            16 => self.storm(rng),
            _ => self.fail(rng),
        }
    }

    /// Changes the features of the next connection's backend.
    fn change_features(&mut self, rng: &mut Rng) {
        let features = features(rng);
        self.say(format_args!("features: {features:?}"));
        *self.control.features() = features;
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
            self.lenient = true;
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

    /// Destroys the driver domain, and starts another.
    fn replace(&mut self, rng: &mut Rng) {
        self.say(format_args!("driver domain replaced"));
        self.submit(rng);
        if rng.one_in(2) {
            self.testbed.world.run_for(Duration::from_micros(rng.below(2000) as u64));
        }
        self.change_features(rng);
        // Xen refuses to notify a domain that does not exist.
        self.lenient = true;
        self.testbed.replace_driver().expect("another driver domain");
        self.front.reopen();
        self.settle(rng);
    }

    /// Unplugs the device with packets on their way, in order or by force, and plugs in another.
    fn unplug(&mut self, rng: &mut Rng) {
        let force = rng.one_in(3);
        self.say(format_args!("unplugged, by force: {force}"));
        self.submit(rng);
        self.plugged = false;
        let device = self.testbed.vif;
        if force {
            self.lenient = true;
            self.testbed.world.remove_device(&device);
        } else {
            self.testbed.world.detach(&device);
        }
        self.progress = self.xen.now();
        loop {
            let ended = matches!(self.front.state(), DeviceState::Closed | DeviceState::Unplugged);
            if ended && self.testbed.world.device_states(&device) == (0, 0) {
                break;
            }
            self.turn(Duration::from_millis(10));
        }
        self.change_features(rng);
        self.testbed.plug_interface();
        self.plugged = true;
        self.lenient = false;
        self.front.reopen();
    }

    /// Closes the device in order, and connects it again, or another one with another
    /// configuration.
    fn close(&mut self, rng: &mut Rng) {
        self.say(format_args!("closed"));
        self.submit(rng);
        self.close_front();
        if rng.one_in(2) {
            self.front = new_front(self.store, self.grants, rng);
        } else {
            self.front.reopen();
        }
        self.plugged = true;
    }

    fn close_front(&mut self) {
        self.plugged = false;
        self.front.close();
        self.progress = self.xen.now();
        while !matches!(self.front.state(), DeviceState::Closed | DeviceState::Unplugged) {
            self.turn(Duration::from_millis(10));
        }
    }

    /// Loads the driver domain's drivers anew.
    fn reset(&mut self, rng: &mut Rng) {
        self.say(format_args!("backend reset"));
        self.submit(rng);
        self.lenient = true;
        self.change_features(rng);
        self.control.reset.ask(self.testbed.driver());
        self.settle(rng);
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
        self.lenient = true;
        let faults =
            if rng.one_in(2) { &self.testbed.guest_faults } else { &self.testbed.driver_faults };
        faults.arm(rng.below(60) as u64, errno);
        if rng.one_in(2) {
            self.front.reopen();
        }
        self.say(format_args!("a fault is armed"));
        self.settle(rng);
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
        let allocation = failed[0].as_ref().is_some_and(|what| what.contains("allocation"));
        self.failures += u32::from(allocation);
        while self.front.state() != DeviceState::Connected || self.xen.now() < until {
            self.turn(Duration::from_millis(20));
        }
        self.lenient = false;
    }

    /// Closes everything.
    fn end(mut self) -> Tally {
        self.close_front();
        self.testbed.world.run_for(Duration::from_secs(1));
        self.model.packets().tally
    }
}

impl core::fmt::Debug for Scenario<'_, '_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let world: &World = &self.testbed.world;
        f.debug_struct("Scenario")
            .field("front", &self.front)
            .field("states", &world.device_states(&self.testbed.vif))
            .field("backend", &self.control.take_error())
            .field("lenient", &self.lenient)
            .finish_non_exhaustive()
    }
}
