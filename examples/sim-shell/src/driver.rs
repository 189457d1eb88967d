//! A driver domain: it serves disks and network interfaces to the guests of the toolstack's choice.

use crate::SharedDisk;
use crate::faults::Xen;
use core::fmt;
use core::net::Ipv4Addr;
use core::time::Duration;
use smoltcp::wire::Ipv4Cidr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use xen_back::block;
use xen_back::net::NetBackConfig;
use xen_example_driver_domain::{Disks, LIMITS, Service, config::Config};
use xen_hypercall::{Platform, boot};
use xen_sim::{Domain, Step, Task};
use xen_store::{RingTransport, XenStore, XsOps};

/// The driver domain's address, in a network of 24 bits.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// The TCP port that sends back what comes.
pub const ECHO_PORT: u16 = 7000;

/// Maximum time of a guest to close a device on request.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Requests to xenstore that can be waiting when the domain ends: two for each device that a guest
/// has.
const LAST_REQUESTS: usize = 32;

/// Devices of a driver domain.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Disks, by the name that the toolstack asks for (`target`).
    pub disks: Disks<SharedDisk>,
    /// Configuration of the disks.
    pub block: block::Config,
    /// The time a hotplug script may take, if one is waited for.
    pub hotplug_timeout: Option<Duration>,
}

impl Offer {
    fn serve(
        &self,
        store: &XenStore<Xen>,
    ) -> Result<Service<Xen, SharedDisk>, xen_store::StoreError> {
        let address = Ipv4Cidr::new(ADDRESS, 24);
        let config = Config {
            block: self.block,
            close_timeout: CLOSE_TIMEOUT,
            hotplug_timeout: self.hotplug_timeout,
            address,
            echo: ECHO_PORT,
            net: NetBackConfig::default().with_static_grants(512),
            ..Config::default()
        };
        Service::new(store, self.disks.clone(), config)
    }
}

/// Request to a driver domain to drop all that it serves, as if its drivers had been loaded anew.
#[derive(Clone, Debug, Default)]
pub struct Reset(Arc<AtomicU32>);

impl Reset {
    /// Returns the number of requests so far.
    pub fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Asks; it is done when the domain runs next.
    pub fn ask(&self, domain: &Domain) {
        self.0.fetch_add(1, Ordering::Relaxed);
        domain.kick();
    }
}

type Start = dyn Fn(&Xen) -> Result<Box<dyn Task>, String> + Send + Sync;

/// The start of a driver domain's work, for each domain that serves.
#[derive(Clone)]
pub struct Server(Arc<Start>);

impl Server {
    /// Makes a server of a function that starts the work in a domain.
    pub fn new(
        start: impl Fn(&Xen) -> Result<Box<dyn Task>, String> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(start))
    }

    pub(crate) fn start(&self, xen: &Xen) -> Result<Box<dyn Task>, String> {
        (self.0)(xen)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

/// The work of a driver domain, to be spawned in it.
pub struct DriverDomain {
    store: XenStore<Xen>,
    service: Service<Xen, SharedDisk>,
    reset: Reset,
    resets: u32,
}

impl DriverDomain {
    /// Connects to xenstore, and begins to serve: from here on, devices that the toolstack makes
    /// are taken up.
    ///
    /// # Errors
    ///
    /// What went wrong at the start, in words.
    pub fn new(xen: &Xen, offer: &Offer, reset: Reset) -> Result<Self, String> {
        let ring = boot::xenstore_ring(xen.clone()).map_err(|error| error.to_string())?;
        let transport = RingTransport::new(xen.clone(), ring.page, ring.port);
        let store = XenStore::with_transport(xen.clone(), transport, ring.port, LIMITS)
            .map_err(|error| error.to_string())?;
        let service = offer.serve(&store).map_err(|error| error.to_string())?;
        let resets = reset.count();
        Ok(Self { store, service, reset, resets })
    }
}

impl Drop for DriverDomain {
    /// Ends its watches before its connection to xenstore is gone: what has no room in the ring at
    /// once is sent before the next request.
    fn drop(&mut self) {
        self.service.drop_devices();
        let more = |_: &usize| !std::thread::panicking() && self.store.exists("domid").is_ok();
        (0..LAST_REQUESTS).take_while(more).for_each(drop);
    }
}

impl Task for DriverDomain {
    fn poll(&mut self, domain: &Domain) -> Step {
        let asked = self.reset.count();
        if self.resets != asked {
            self.service.drop_devices();
            self.resets = asked;
        }
        let turn = self.service.turn(domain.now());
        match turn.deadline {
            _ if turn.busy => Step::Worked,
            Some(deadline) => Step::Sleep(deadline),
            None => Step::Idle,
        }
    }
}

impl fmt::Debug for DriverDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverDomain").field("resets", &self.resets).finish_non_exhaustive()
    }
}
