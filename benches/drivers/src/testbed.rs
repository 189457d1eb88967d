//! A guest, a driver domain that serves it a device, and the polls of both ends.

use core::time::Duration;
use xen_grant::GrantTable;
use xen_hypercall::{Instant, boot};
use xen_sim::{Device, Domain, DomainConfig, EventWait, World, run_until_due};
use xen_store::XenStore;
use xenbus::DeviceId;

/// The longest sleep of both ends, in virtual time, and the most polls of a run.
const TIMEOUT: Duration = Duration::from_secs(5);
const POLLS: usize = 5000;

/// Result of the poll of an end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Polled {
    /// The run is complete.
    Done,
    /// The end has work left.
    Busy,
    /// The end waits for an event, or for a time.
    Idle(Option<Instant>),
}

pub(crate) struct Testbed {
    pub(crate) guest: Domain,
    pub(crate) driver: Domain,
    pub(crate) device: Device,
    pub(crate) guest_store: XenStore<Domain>,
    pub(crate) driver_store: XenStore<Domain>,
    pub(crate) grants: GrantTable<Domain>,
    front_wait: EventWait,
    back_wait: EventWait,
    _world: World,
}

fn store_of(domain: &Domain) -> XenStore<Domain> {
    let ring = boot::xenstore_ring(domain.clone()).expect("the simulator's toolstack made a ring");
    XenStore::new(domain.clone(), ring).expect("there is memory")
}

impl Testbed {
    pub(crate) fn new(attach: impl FnOnce(&World, &Domain, &Domain) -> Device) -> Self {
        let world = World::new(7);
        let driver = world.create_guest(DomainConfig::new("driver"));
        let guest = world.create_guest(DomainConfig::new("guest"));
        let device = attach(&world, &guest, &driver);
        Self {
            device,
            guest_store: store_of(&guest),
            driver_store: store_of(&driver),
            grants: GrantTable::new(guest.clone()).expect("there is memory"),
            front_wait: EventWait::new(&guest),
            back_wait: EventWait::new(&driver),
            guest,
            driver,
            _world: world,
        }
    }

    pub(crate) fn id(&self) -> DeviceId {
        DeviceId { guest: self.guest.id(), device: self.device.id }
    }

    /// Returns the number of events that the guest has sent.
    pub(crate) fn notifications(&self) -> u64 {
        self.guest.counters().notifications
    }

    /// Polls the frontend, then each end when it is due, until one is `Done`.
    pub(crate) fn run(
        &mut self,
        mut front: impl FnMut(&Domain) -> Polled,
        mut back: impl FnMut(&Domain) -> Polled,
    ) {
        self.front_wait.wake();
        for _ in 0..POLLS {
            let (front_due, mut back_due) = (self.front_wait.take(), false);
            if front_due && poll(&mut self.front_wait, front(&self.guest)) {
                return;
            }
            if self.back_wait.take() {
                back_due = true;
                if poll(&mut self.back_wait, back(&self.driver)) {
                    // The backend may have more work, and so runs first in the next run.
                    self.back_wait.wake();
                    return;
                }
            }
            if !front_due && !back_due {
                let woken = run_until_due(&[&self.front_wait, &self.back_wait], TIMEOUT);
                assert!(woken, "both ends sleep");
            }
        }
        panic!("no end after {POLLS} polls");
    }
}

/// Sets the next wake-up of an end. Returns whether the run is complete.
fn poll(wait: &mut EventWait, polled: Polled) -> bool {
    match polled {
        Polled::Done => return true,
        Polled::Busy => wait.wake(),
        Polled::Idle(Some(deadline)) => wait.wake_at(deadline),
        Polled::Idle(None) => {}
    }
    false
}
