//! One random scenario.

mod faults;
mod network;
mod rng;
pub(crate) mod suspend;

use core::time::Duration;
use faults::faults;
use network::Network;
use rng::Rng;
use xen_back::block::{Config, GrantMode};
use xen_example_sim_shell::{Setup, SharedDisk, Sleep, Testbed, Xen};
use xen_front::block::{self, BlkFrontConfig, BlkFrontError, DEFAULT_BUFFERS};
use xen_grant::GrantTable;
use xen_hypercall::ops::sched::SuspendOutcome;
use xen_hypercall::{Errno, Instant, Platform, Port, boot};
use xen_sim::{TraceEvent, World};
use xen_store::XenStore;

/// The disk's size in sectors.
const SECTORS: usize = 1024;
const SECTOR: usize = 512;

/// The most sectors that are moved at once: more than a request holds, more than the buffers do.
const MOST: usize = 160;

/// Maximum time of a step in a world without faults.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Names of the steps, by the first number behind theirs.
const STEPS: [(usize, &str); 12] = [
    (5, "write"),
    (8, "read"),
    (9, "flush"),
    (11, "ping"),
    (12, "echo"),
    (13, "close"),
    (14, "unplug"),
    (15, "reset"),
    (16, "replace"),
    (17, "pause"),
    (18, "storm"),
    (20, "sleep"),
];

/// A disk whose ring has as many pages as the backend takes, up to four.
type Disk<P> = block::BlockingDisk<P>;

/// Runs the scenario of a seed; returns its record, if that is requested. Panics where something is
/// not as it should be.
pub(crate) fn live(seed: u64, trace: bool) -> Vec<TraceEvent> {
    let mut rng = Rng::new(seed);
    let disk = SharedDisk::noise(seed, SECTORS * SECTOR);
    let mode = if rng.one_in(2) { GrantMode::Map } else { GrantMode::Copy };
    let (ring_order, budget) = (rng.below(4) as u32, 1 + rng.below(32) as u32);
    let config = Config { mode, ring_order, budget, ..Config::default() };
    let (guest, driver) = (faults(&mut rng, 3), faults(&mut rng, 3));
    let setup = Setup { config, guest, driver, trace, ..Setup::new(seed, disk.clone()) };
    let mut testbed = Testbed::new(setup).unwrap();
    let _record = Record(testbed.world.clone());
    if rng.one_in(2) {
        testbed.world.store().set_chunk(1 + rng.below(40));
    }
    let xen = testbed.guest.clone();
    let store = XenStore::new(xen.clone(), boot::xenstore_ring(xen.clone()).unwrap()).unwrap();
    let grants = GrantTable::new(xen.clone()).unwrap();
    let image = disk.look(<[u8]>::to_vec);
    let mut scenario = Scenario {
        testbed: &mut testbed,
        xen,
        store: &store,
        grants: &grants,
        storage: disk,
        disk: None,
        network: Network::new(&store, &grants),
        image,
        known: vec![true; SECTORS],
        disk_shaken: false,
        disk_reset: false,
    };
    for _ in 0..6 + rng.below(12) {
        scenario.step(&mut rng);
    }
    scenario.end();
    drop(scenario);
    let held = grants.retry_deferred();
    assert_eq!(held, Default::default(), "pages are deferred without a user");
    drop((grants, store));
    testbed.stop_driver();
    testbed.world.check().unwrap_or_else(|findings| panic!("{findings}"));
    testbed.take_trace()
}

/// Record of a scenario, if there is one: printed on a failure.
struct Record(World);

impl Drop for Record {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.take_trace().iter().for_each(|event| eprintln!("{event}"));
        }
    }
}

struct Scenario<'l, 'a> {
    testbed: &'l mut Testbed,
    xen: Xen,
    store: &'a XenStore<Xen>,
    grants: &'a GrantTable<Xen>,
    storage: SharedDisk,
    disk: Option<Disk<Xen>>,
    network: Network<'a>,
    /// Expected content of the disk, where it is defined.
    image: Vec<u8>,
    known: Vec<bool>,
    /// Something has happened to the disk's backend: the connection may fail, once.
    disk_shaken: bool,
    /// The disk's backend is loaded anew: a connection that begins meanwhile may fail, once.
    disk_reset: bool,
}

impl<'a> Scenario<'_, 'a> {
    fn step(&mut self, rng: &mut Rng) {
        let step = rng.below(22);
        // One scenario that is run again is to be examined.
        if std::env::var_os("SEED").is_some() {
            let name = STEPS.iter().find(|(end, _)| step < *end).map_or("fail", |(_, name)| name);
            eprintln!("{:>12} {name}", self.xen.now().as_nanos());
        }
        match step {
            0..5 => self.write(rng),
            5..8 => self.read(rng),
            8 => self.flush(),
            9 | 10 => self.network.ping(&self.xen, 1 + rng.below(3) as u32),
            11 => self.network.echo(&self.xen, 1 + rng.below(40_000) as u64),
            12 => self.close(rng),
            13 => self.unplug(rng),
            14 => self.reset(),
            15 => self.replace(rng),
            16 => self.pause(rng),
            17 => self.storm(rng),
            18 | 19 => self.sleep(rng),
            _ => self.fail(rng),
        }
    }

    fn deadline(&self) -> Instant {
        self.xen.now() + TIMEOUT
    }

    /// Returns the disk, connected. Where nothing goes wrong, that must succeed.
    fn disk(&mut self) -> &mut Disk<Xen> {
        if self.disk.is_none() {
            let mut connected = self.connect();
            if core::mem::take(&mut self.disk_reset) && connected.is_err() {
                connected = self.connect();
            }
            let disk = connected.unwrap_or_else(|error| panic!("connecting the disk: {error}"));
            self.disk = Some(disk);
        }
        self.disk.as_mut().unwrap()
    }

    fn connect(&self) -> Result<Disk<Xen>, BlkFrontError> {
        let (id, config) = (self.testbed.vbd.id, BlkFrontConfig::default().with_depth(128));
        let deadline = self.deadline();
        Disk::connect_with(self.store, self.grants, id, config, DEFAULT_BUFFERS, deadline)
    }

    /// Does something with the disk. It must succeed, unless the disk's backend has been shaken:
    /// then it is tried again with a new connection.
    fn on_disk<T>(
        &mut self,
        what: &str,
        mut work: impl FnMut(&mut Disk<Xen>) -> Result<T, block::TransferError>,
    ) -> T {
        if core::mem::take(&mut self.disk_shaken)
            && let Some(mut disk) = self.disk.take()
        {
            match work(&mut disk) {
                Ok(done) => {
                    self.disk = Some(disk);
                    // It may not have noticed yet.
                    self.disk_shaken = true;
                    return done;
                }
                // Whatever went wrong, closing puts it right.
                Err(_) => drop(disk.close(self.deadline())),
            }
        }
        let disk = self.disk();
        work(disk).unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    fn range(rng: &mut Rng) -> (usize, usize) {
        let count = 1 + rng.below(MOST);
        (rng.below(SECTORS - count), count)
    }

    fn write(&mut self, rng: &mut Rng) {
        let (sector, count) = Self::range(rng);
        let data: Vec<u8> =
            (0..count * SECTOR / 8).flat_map(|_| rng.next().to_le_bytes()).collect();
        self.on_disk("writing", |disk| disk.write(sector as u64, &data));
        self.image[sector * SECTOR..][..data.len()].copy_from_slice(&data);
        self.known[sector..][..count].fill(true);
    }

    fn read(&mut self, rng: &mut Rng) {
        let (sector, count) = Self::range(rng);
        let mut data = vec![0; count * SECTOR];
        self.on_disk("reading", |disk| disk.read(sector as u64, &mut data));
        self.compare(sector, &data);
    }

    fn flush(&mut self) {
        self.on_disk("flushing", Disk::flush);
        let stored = self.storage.look(<[u8]>::to_vec);
        self.compare(0, &stored);
    }

    /// Compares sectors with their expected content; undefined sectors are defined then.
    fn compare(&mut self, first: usize, data: &[u8]) {
        for (sector, found) in (first..).zip(data.chunks(SECTOR)) {
            let expected = &mut self.image[sector * SECTOR..][..SECTOR];
            if self.known[sector] {
                assert!(expected == found, "sector {sector} holds something else than was written");
            } else {
                expected.copy_from_slice(found);
                self.known[sector] = true;
            }
        }
    }

    /// Closes a device in order.
    fn close(&mut self, rng: &mut Rng) {
        if rng.one_in(2) {
            return self.network.close();
        }
        let (shaken, deadline) = (core::mem::take(&mut self.disk_shaken), self.deadline());
        if let Some(disk) = self.disk.take() {
            let closed = disk.close(deadline);
            assert!(shaken || closed.is_ok(), "closing the disk: {closed:?}");
        }
    }

    /// Unplugs a device, in use or not, and plugs it in again.
    fn unplug(&mut self, rng: &mut Rng) {
        let (vbd, vif) = (self.testbed.vbd, self.testbed.vif);
        let device = if rng.one_in(2) { vbd } else { vif };
        self.testbed.world.detach(&device);
        // Time enough for a guest that polls, and sometimes for one that does not.
        self.testbed.world.run_for(Duration::from_millis(rng.below(50) as u64));
        if device == vbd {
            if let Some(disk) = self.disk.take() {
                // The other end has begun; how it ends here is not certain.
                let _ = disk.close(self.deadline());
            }
        } else {
            self.network.give_up();
        }
        let gone = || self.testbed.world.device_states(&device) == (0, 0);
        assert!(
            self.testbed.world.run_until(TIMEOUT, gone),
            "{:?}",
            self.testbed.world.device_states(&device)
        );
        if device == vbd {
            self.testbed.plug_disk();
        } else {
            self.testbed.plug_interface();
        }
    }

    /// Loads the drivers of the driver domain anew.
    fn reset(&mut self) {
        self.testbed.reset.ask(self.testbed.driver());
        self.disk_reset = true;
        self.network.reset();
        self.shake();
    }

    /// Destroys the driver domain and starts another. The guest's drivers connect the new devices,
    /// with requests in flight or without.
    fn replace(&mut self, rng: &mut Rng) {
        if rng.one_in(2) {
            self.leave_in_flight(rng);
        }
        self.testbed.replace_driver().unwrap();
        if rng.one_in(3) {
            return self.give_up();
        }
        let deadline = self.deadline();
        if let Some(disk) = &mut self.disk {
            disk.reopen(deadline).unwrap_or_else(|error| panic!("reopening the disk: {error}"));
            disk.set_timeout(TIMEOUT);
        }
        self.network.reopen(&self.xen);
        self.disk_shaken = false;
    }

    /// Lets the toolstack suspend the guest, and resume, restore or move it; with requests of the
    /// disk in flight or without.
    fn sleep(&mut self, rng: &mut Rng) {
        if rng.one_in(2) {
            self.leave_in_flight(rng);
        }
        let sleep = match rng.below(3) {
            0 => Sleep::Cancelled,
            1 => Sleep::Restored,
            _ => Sleep::Moved(rng.next()),
        };
        self.testbed.send_to_sleep(sleep).unwrap();
        let faulty = rng.one_in(3);
        if faulty {
            self.testbed.guest_faults.arm(rng.below(12) as u64, Errno::ENOMEM);
        }
        let resumed = suspend::sleep(&self.xen, self.store, self.grants);
        assert_eq!(resumed == SuspendOutcome::Cancelled, sleep == Sleep::Cancelled);
        self.testbed.woken().unwrap_or_else(|findings| panic!("{findings}"));
        let deadline = self.deadline();
        if resumed == SuspendOutcome::Resumed {
            if let Some(disk) = &mut self.disk {
                let mut done = disk.resume(deadline);
                if faulty && done.is_err() {
                    done = disk.reopen(deadline);
                }
                done.unwrap_or_else(|error| panic!("resuming the disk: {error}"));
            }
            self.network.resume(&self.xen, faulty);
            self.disk_shaken = false;
        }
        if let Some(disk) = &mut self.disk {
            disk.set_timeout(TIMEOUT);
        }
        self.testbed.guest_faults.disarm();
    }

    /// Writes something and does not wait for it, so that it is under way in whatever comes next.
    fn leave_in_flight(&mut self, rng: &mut Rng) {
        let (sector, count) = Self::range(rng);
        let data: Vec<u8> =
            (0..count * SECTOR / 8).flat_map(|_| rng.next().to_le_bytes()).collect();
        if let Some(disk) = &mut self.disk {
            self.known[sector..][..count].fill(false);
            disk.set_timeout(Duration::ZERO);
            let _ = disk.write(sector as u64, &data);
        }
    }

    fn shake(&mut self) {
        self.disk_shaken = true;
        self.network.shake();
    }

    /// Lets the driver domain stand still for a while.
    fn pause(&mut self, rng: &mut Rng) {
        let id = self.testbed.driver().id();
        self.testbed.world.pause(id);
        self.testbed.world.run_for(Duration::from_micros(rng.below(100_000) as u64));
        self.testbed.world.unpause(id);
    }

    /// Injects spurious events.
    fn storm(&mut self, rng: &mut Rng) {
        let ids = [self.xen.inner().id(), self.testbed.driver().id()];
        for _ in 0..rng.below(200) {
            self.testbed.world.inject_event(ids[rng.below(2)], Port(rng.below(24) as u32));
        }
    }

    /// Lets one thing fail in the guest or in the driver domain, in the midst of some work;
    /// afterwards all must work again.
    fn fail(&mut self, rng: &mut Rng) {
        let errno = [Errno::ENOMEM, Errno::EINVAL, Errno::EAGAIN][rng.below(3)];
        let faults =
            if rng.one_in(2) { &self.testbed.guest_faults } else { &self.testbed.driver_faults };
        faults.arm(rng.below(40) as u64, errno);
        let (sector, count) = Self::range(rng);
        let data: Vec<u8> =
            (0..count * SECTOR / 8).flat_map(|_| rng.next().to_le_bytes()).collect();
        for _ in 0..1 + rng.below(2) {
            if rng.one_in(3) {
                self.network.try_ping(&self.xen);
            } else {
                self.try_write(sector, &data);
            }
        }
        let failed = [self.testbed.guest_faults.disarm(), self.testbed.driver_faults.disarm()];
        if std::env::var_os("SEED").is_some() {
            eprintln!(
                "{:>12} failed in guest, driver domain: {failed:?}",
                self.xen.now().as_nanos()
            );
        }
        self.give_up();
    }

    fn try_write(&mut self, sector: usize, data: &[u8]) {
        self.known[sector..][..data.len() / SECTOR].fill(false);
        if self.disk.is_none() {
            self.disk = self.connect().ok();
        }
        if let Some(disk) = &mut self.disk {
            disk.set_timeout(Duration::from_secs(2));
            let _ = disk.write(sector as u64, data);
        }
    }

    /// Closes both devices, in any state, so that both can be connected again.
    fn give_up(&mut self) {
        if let Some(disk) = self.disk.take() {
            let _ = disk.close(self.deadline());
        }
        self.network.give_up();
        self.disk_shaken = false;
    }

    /// Checks the whole disk a last time and closes everything.
    fn end(&mut self) {
        let mut all = vec![0; SECTORS * SECTOR];
        self.on_disk("reading all", |disk| disk.read(0, &mut all));
        self.compare(0, &all);
        assert!(self.storage.look(|stored| stored == all), "the disk is not what is stored");
        self.give_up();
        self.testbed.world.run_for(Duration::from_secs(1));
    }
}
