//! A world with a driver domain and a guest that has a disk and a network interface.

use crate::SharedDisk;
use crate::driver::{DriverDomain, Offer, Reset, Server};
use crate::faults::{Faults, Xen};
use core::time::Duration;
use std::sync::Arc;
use xen_back::block::Config;
use xen_example_driver_domain::Disks;
use xen_hypercall::ops::sched::SuspendOutcome;
use xen_sim::{
    Device, DeviceKind, Disk, Domain, DomainConfig, Interposed, TaskId, TraceEvent, Vif, World,
};

/// Name of the driver domain's disk for the toolstack.
const TARGET: &str = "memory";

/// Time that a world continues after its guest has left.
const DEPARTURE: Duration = Duration::from_secs(11);

/// Configuration of a testbed.
#[derive(Debug)]
pub struct Setup {
    /// The world's seed.
    pub seed: u64,
    /// The disk.
    pub disk: SharedDisk,
    /// Configuration of the disk.
    pub config: Config,
    /// The time that the driver domain waits for the hotplug script of a disk, if it waits for
    /// one.
    pub hotplug_timeout: Option<Duration>,
    /// Faults of the guest.
    pub guest: Faults,
    /// Faults of the driver domain.
    pub driver: Faults,
    /// `true` if the world keeps a record from its start.
    pub trace: bool,
    /// Work of the driver domains; `None` for the service of `disk` and a network interface.
    pub server: Option<Server>,
    /// Pages of the guest and of a driver domain.
    pub pages: [usize; 2],
}

impl Setup {
    /// Returns a world where nothing goes wrong.
    pub fn new(seed: u64, disk: SharedDisk) -> Self {
        let (config, guest, driver) = (Config::default(), Faults::default(), Faults::default());
        let (hotplug_timeout, trace, server, pages) = (None, false, None, [1024, 256]);
        Self { seed, disk, config, hotplug_timeout, guest, driver, trace, server, pages }
    }
}

/// The world, its two domains, and the devices between them.
#[derive(Debug)]
pub struct Testbed {
    /// The world.
    pub world: World,
    /// The guest's Xen, for its drivers.
    pub guest: Xen,
    /// Control of the guest's faults.
    pub guest_faults: Arc<Faults>,
    /// Control of the driver domain's faults.
    pub driver_faults: Arc<Faults>,
    /// The disk: `xvda`.
    pub vbd: Device,
    /// The network interface: `eth0`.
    pub vif: Device,
    /// Control that restarts the driver domain without its own end.
    pub reset: Reset,
    driver: Domain,
    task: TaskId,
    server: Server,
    driver_pages: usize,
    /// The world that the guest is going to.
    next: Option<Home>,
    /// Records of worlds that the guest has left.
    past: Vec<TraceEvent>,
    trace: bool,
}

/// A world with a driver domain in it.
#[derive(Debug)]
struct Home {
    world: World,
    driver: Domain,
    task: TaskId,
}

/// Step of a toolstack with a guest that has suspended itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// Resume in place, as after a cancelled suspend.
    Cancelled,
    /// Save and restore in the same world, under another number.
    Restored,
    /// Migration to a new world of this seed, with a driver domain of its own.
    Moved(u64),
}

impl Testbed {
    /// Sets everything up; only the driver domain has run then.
    ///
    /// # Errors
    ///
    /// What went wrong at the start of the driver domain, in words.
    pub fn new(setup: Setup) -> Result<Self, String> {
        let world = World::new(setup.seed);
        if setup.trace {
            world.start_trace();
        }
        let trace = setup.trace;
        let disks = Disks::new(vec![(TARGET.to_owned(), setup.disk)]);
        let offer = Offer { disks, block: setup.config, hotplug_timeout: setup.hotplug_timeout };
        let driver_faults = Arc::new(setup.driver);
        let reset = Reset::default();
        let server = setup.server.unwrap_or_else(|| service(offer, reset.clone()));
        let [guest_pages, driver_pages] = setup.pages;
        let (driver, task) = start_driver(&world, &driver_faults, &server, driver_pages)?;
        let guest = world.create_guest(config("shell", guest_pages));
        let guest_faults = Arc::new(setup.guest);
        let vbd = world.attach_disk(&guest, &driver, &disk());
        let vif = world.attach_vif(&guest, &driver, &interface());
        let guest = Interposed::new(guest, Arc::clone(&guest_faults));
        let (next, past) = (None, Vec::new());
        Ok(Self {
            world,
            guest,
            guest_faults,
            driver_faults,
            vbd,
            vif,
            reset,
            driver,
            task,
            server,
            driver_pages,
            next,
            past,
            trace,
        })
    }

    /// Asks the guest to suspend itself, and does with it what `sleep` says when it has. Call
    /// [`woken`](Self::woken) when it has come back.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new), for another world.
    pub fn send_to_sleep(&mut self, sleep: Sleep) -> Result<(), String> {
        let id = self.guest.inner().id();
        let driver = self.driver.clone();
        match sleep {
            Sleep::Cancelled => {
                self.world.suspend(id, move |world| world.resume(id, SuspendOutcome::Cancelled));
            }
            Sleep::Restored => self.world.suspend(id, move |world| {
                world.restore(world.save(id), Some(&driver));
            }),
            Sleep::Moved(seed) => {
                let world = World::new(seed);
                if self.trace {
                    world.start_trace();
                }
                let (driver, task) =
                    start_driver(&world, &self.driver_faults, &self.server, self.driver_pages)?;
                let (there, server) = (world.clone(), driver.clone());
                self.next = Some(Home { world, driver, task });
                self.world.suspend(id, move |world| {
                    there.restore(world.save(id), Some(&server));
                });
            }
        }
        Ok(())
    }

    /// Finds the guest after a suspend. A world that it has left has to be clean,
    /// and ends.
    ///
    /// # Errors
    ///
    /// What was left over in the world that it has left, in words.
    pub fn woken(&mut self) -> Result<(), String> {
        if let Some(Home { world, driver, task }) = self.next.take() {
            // Its guest is gone, which takes the driver domain some steps to see.
            self.world.run_for(DEPARTURE);
            self.stop_driver();
            self.past.extend(self.world.take_trace());
            self.world.check().map_err(|findings| findings.to_string())?;
            (self.world, self.driver, self.task) = (world, driver, task);
        }
        for device in self.world.devices_of(self.guest.inner().id()) {
            match device.kind {
                DeviceKind::Vbd => self.vbd = device,
                DeviceKind::Vif => self.vif = device,
                DeviceKind::Other(_) => {}
            }
        }
        Ok(())
    }

    /// Returns what was recorded, in all worlds that the guest was in.
    pub fn take_trace(&mut self) -> Vec<TraceEvent> {
        self.past.extend(self.world.take_trace());
        core::mem::take(&mut self.past)
    }

    /// Returns the driver domain.
    pub fn driver(&self) -> &Domain {
        &self.driver
    }

    /// Attaches the disk again, after it was detached.
    pub fn plug_disk(&mut self) {
        self.vbd = self.world.attach_disk(self.guest.inner(), &self.driver, &disk());
    }

    /// Attaches the network interface again, after it was detached.
    pub fn plug_interface(&mut self) {
        self.vif = self.world.attach_vif(self.guest.inner(), &self.driver, &interface());
    }

    /// Destroys the driver domain in the midst of whatever it does, and starts another, for which
    /// the toolstack makes the devices anew.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn replace_driver(&mut self) -> Result<(), String> {
        let config = config("driver-domain", self.driver_pages);
        let (driver, _) = self.world.restart_backend(self.driver.id(), config);
        self.task = serve(&driver, &self.driver_faults, &self.server)?;
        self.driver = driver;
        self.woken()
    }

    /// Ends the driver domain's work in order, and gives xenstored time to receive that.
    pub fn stop_driver(&self) {
        self.world.dom0().stop(self.task);
        self.world.run_until_idle();
    }
}

fn start_driver(
    world: &World,
    faults: &Arc<Faults>,
    server: &Server,
    pages: usize,
) -> Result<(Domain, TaskId), String> {
    let driver = world.create_guest(config("driver-domain", pages));
    let task = serve(&driver, faults, server)?;
    Ok((driver, task))
}

/// Returns the configuration of a domain with few pages.
fn config(name: &str, pages: usize) -> DomainConfig {
    DomainConfig { page_budget: pages, ..DomainConfig::new(name) }
}

fn serve(driver: &Domain, faults: &Arc<Faults>, server: &Server) -> Result<TaskId, String> {
    let xen = Interposed::new(driver.clone(), Arc::clone(faults));
    let mut task = server.start(&xen)?;
    Ok(driver.spawn(move |domain: &Domain| task.poll(domain)))
}

fn service(offer: Offer, reset: Reset) -> Server {
    Server::new(move |xen| Ok(Box::new(DriverDomain::new(xen, &offer, reset.clone())?)))
}

fn disk() -> Disk {
    Disk { target: TARGET.to_owned(), ..Disk::new("xvda") }
}

fn interface() -> Vif {
    Vif { mac: [0x00, 0x16, 0x3e, 0, 0, 2], ..Vif::new(0) }
}
