//! A world with a driver domain and a guest that has a disk and a network interface.

use crate::SharedDisk;
use crate::driver::{DriverDomain, Offer, Reset};
use crate::faults::{Faults, Xen};
use std::sync::Arc;
use xen_back::block::Config;
use xen_sim::{Device, Disk, Domain, DomainConfig, Interposed, TaskId, Vif, World};

/// What the toolstack calls the disk that the driver domain serves.
const TARGET: &str = "memory";

/// How a stage is set up.
#[derive(Debug)]
pub struct Setup {
    /// The world's seed.
    pub seed: u64,
    /// The disk.
    pub disk: SharedDisk,
    /// How the disk is served.
    pub config: Config,
    /// What goes wrong in the guest.
    pub guest: Faults,
    /// What goes wrong in the driver domain.
    pub driver: Faults,
    /// Whether the world keeps a record from its start.
    pub trace: bool,
}

impl Setup {
    /// Returns a world where nothing goes wrong.
    pub fn new(seed: u64, disk: SharedDisk) -> Self {
        let (config, guest, driver) = (Config::default(), Faults::default(), Faults::default());
        Self { seed, disk, config, guest, driver, trace: false }
    }
}

/// The world, its two domains, and the devices between them.
#[derive(Debug)]
pub struct Stage {
    /// The world.
    pub world: World,
    /// The guest's Xen, for its drivers.
    pub guest: Xen,
    /// Where the guest's faults are armed.
    pub guest_faults: Arc<Faults>,
    /// Where the driver domain's faults are armed.
    pub driver_faults: Arc<Faults>,
    /// The disk: `xvda`.
    pub vbd: Device,
    /// The network interface: `eth0`.
    pub vif: Device,
    /// Makes the driver domain start anew without its own end.
    pub reset: Reset,
    driver: Domain,
    task: TaskId,
    offer: Offer,
}

impl Stage {
    /// Sets everything up; nobody but the driver domain has run then.
    ///
    /// # Errors
    ///
    /// What went wrong at the start of the driver domain, in words.
    pub fn new(setup: Setup) -> Result<Self, String> {
        let world = World::new(setup.seed);
        if setup.trace {
            world.start_trace();
        }
        let offer = Offer { disks: vec![(TARGET.to_owned(), setup.disk)], config: setup.config };
        let driver_faults = Arc::new(setup.driver);
        let reset = Reset::default();
        let (driver, task) = start_driver(&world, &driver_faults, &offer, &reset)?;
        let guest = world.create_guest(DomainConfig::new("shell"));
        let guest_faults = Arc::new(setup.guest);
        let vbd = world.attach_disk(&guest, &driver, &disk());
        let vif = world.attach_vif(&guest, &driver, &interface());
        let guest = Interposed::new(guest, Arc::clone(&guest_faults));
        Ok(Self { world, guest, guest_faults, driver_faults, vbd, vif, reset, driver, task, offer })
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

    /// Destroys the driver domain in the midst of whatever it does, and starts another. The toolstack takes the old one's devices
    /// away; attach them again.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn replace_driver(&mut self) -> Result<(), String> {
        self.world.destroy(self.driver.id());
        (self.driver, self.task) = start_driver(&self.world, &self.driver_faults, &self.offer, &self.reset)?;
        Ok(())
    }

    /// Ends the driver domain's work in order, and gives xenstored time to hear of it.
    pub fn stop_driver(&self) {
        self.world.dom0().stop(self.task);
        self.world.run_until_idle();
    }
}

fn start_driver(
    world: &World,
    faults: &Arc<Faults>,
    offer: &Offer,
    reset: &Reset,
) -> Result<(Domain, TaskId), String> {
    let driver = world.create_guest(DomainConfig::new("driver-domain"));
    let xen = Interposed::new(driver.clone(), Arc::clone(faults));
    let task = driver.spawn(DriverDomain::new(&xen, offer.clone(), reset.clone())?);
    Ok((driver, task))
}

fn disk() -> Disk {
    Disk { target: TARGET.to_owned(), ..Disk::new("xvda") }
}

fn interface() -> Vif {
    Vif { mac: [0x00, 0x16, 0x3e, 0, 0, 2], ..Vif::new(0) }
}
