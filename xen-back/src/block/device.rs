//! One disk for one guest.

use super::access::{GrantMode, GuestMemory};
use super::plan::{Disk, MAX_SEGMENTS};
use super::rings::{Abi, Rings};
use super::server::{Round, Server, Statistics};
use super::{BlockError, DiskSpec, Storage};
use core::fmt;
use heapless::{String, Vec};
use xen_evtchn::Channel;
use xen_grant::{Mapping, ReadWrite, Window};
use xen_hypercall::{ForeignFrames, GrantRef, Instant, Port};
use xen_store::xenbus::{Backend, BackendEvent};
use xen_store::{RingTransport, Transport};
use xen_sys::io::blkif::VdiskInfo;

/// The largest ring that can be offered, as the binary logarithm of its pages.
const MAX_RING_ORDER: u32 = 4;

/// How a device is to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How the guest's pages are reached.
    pub mode: GrantMode,
    /// The largest ring that is offered, as the binary logarithm of its pages; at most 4.
    pub ring_order: u32,
    /// The most requests that one [`Blkback::poll`] carries out, so that a busy guest leaves time
    /// for others.
    pub budget: u32,
}

/// Copies, a ring of one page, 32 requests at a time.
impl Default for Config {
    fn default() -> Self {
        Self { mode: GrantMode::default(), ring_order: 0, budget: 32 }
    }
}

/// What to do after a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlkbackEvent {
    /// Wait for an event of the device's or the store's port, at most until [`Blkback::deadline`].
    Idle,
    /// Poll again soon: there are more requests, or there were some just now. Let others run in
    /// between.
    Busy,
    /// The device is gone. [`remove`](Blkback::remove) or drop it.
    Removed,
}

struct Link<P: ForeignFrames> {
    // Dropped in this order: the ring is unmapped last, when nobody can be told of it any more.
    channel: Channel<P>,
    server: Server<P, Mapping<P, ReadWrite>>,
}

/// The backend of one disk, for one guest.
///
/// [`poll`](Self::poll) is all that it needs: whenever the store's port or its own had an event.
/// The port stays masked, so that a guest which sends events without end costs no upcalls. Whatever
/// the frontend does, requests are answered one by one, with an error where they ask for what there
/// is not; if it breaks the ring's protocol, the ring is left alone, everything of the guest's is
/// unmapped and the device is closed, until the frontend connects again.
pub struct Blkback<P: ForeignFrames, S, T: Transport = RingTransport<P>> {
    backend: Backend<P, T>,
    storage: S,
    spec: DiskSpec,
    config: Config,
    link: Option<Link<P>>,
    /// The size that the frontend was told.
    sectors: u64,
    statistics: Statistics,
}

impl<P: ForeignFrames, S: Storage, T: Transport> Blkback<P, S, T> {
    /// Serves the device behind `backend` from `storage`.
    pub fn new(backend: Backend<P, T>, spec: DiskSpec, storage: S, config: Config) -> Self {
        Self {
            backend,
            storage,
            spec,
            config,
            link: None,
            sectors: 0,
            statistics: Statistics::default(),
        }
    }

    /// Returns the device's side in xenstore.
    pub fn backend(&self) -> &Backend<P, T> {
        &self.backend
    }

    /// Returns what was done so far.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Returns whether a frontend is connected.
    pub fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    /// Returns the port to wait for, while a frontend is connected.
    pub fn port(&self) -> Option<Port> {
        self.link.as_ref().map(|link| link.channel.port())
    }

    /// Returns when to poll again if no event comes before.
    pub fn deadline(&self) -> Option<Instant> {
        self.backend.deadline()
    }

    /// Does what can be done now: follows the states, and carries out requests.
    ///
    /// # Errors
    ///
    /// [`BlockError::Store`]; any other says why a frontend was refused or disconnected, once. Poll
    /// again in any case.
    pub fn poll(&mut self, now: Instant) -> Result<BlkbackEvent, BlockError> {
        // A few steps in a row need nobody else: disconnect, close, offer again.
        for _ in 0..4 {
            match self.backend.poll(now)? {
                BackendEvent::Wait => return Ok(BlkbackEvent::Idle),
                BackendEvent::Setup => self.setup()?,
                BackendEvent::Connect => {
                    if let Err(error) = self.connect() {
                        return Err(self.give_up(error));
                    }
                }
                BackendEvent::Connected => return self.serve(),
                BackendEvent::Disconnect => {
                    self.link = None;
                    self.backend.disconnected();
                }
                BackendEvent::Removed => return Ok(BlkbackEvent::Removed),
            }
        }
        Ok(BlkbackEvent::Busy)
    }

    /// Lets go of the guest, removes the device's directory, and gives the storage back.
    ///
    /// # Errors
    ///
    /// Those of [`Backend::remove`], with the storage lost to a drop.
    pub fn remove(self) -> Result<S, BlockError> {
        drop(self.link);
        self.backend.remove()?;
        Ok(self.storage)
    }

    fn setup(&mut self) -> Result<(), BlockError> {
        let writable = !self.is_read_only();
        let discard = self.storage.discard_support().filter(|_| writable && self.spec.discard);
        let order = self.config.ring_order.min(MAX_RING_ORDER);
        let writes = u32::from(writable);
        Ok(self.backend.setup(&[
            ("feature-flush-cache", &writes),
            ("feature-barrier", &writes),
            ("feature-persistent", &0),
            ("feature-max-indirect-segments", &MAX_SEGMENTS),
            ("max-ring-page-order", &order),
            ("max-ring-pages", &(1u32 << order)),
            ("feature-discard", &u32::from(discard.is_some())),
            ("discard-granularity", &discard.map_or(0, |discard| discard.granularity)),
            ("discard-alignment", &discard.map_or(0, |discard| discard.alignment)),
            ("discard-secure", &u32::from(discard.is_some_and(|discard| discard.secure))),
            ("hotplug-status", &"connected"),
        ])?)
    }

    fn is_read_only(&self) -> bool {
        !self.spec.writable || self.storage.is_read_only()
    }

    fn connect(&mut self) -> Result<(), BlockError> {
        let link = self.take_up()?;
        self.statistics.connections += 1;
        self.link = Some(link);
        let mut info = VdiskInfo::empty();
        info.set(VdiskInfo::READONLY, self.is_read_only());
        info.set(VdiskInfo::CDROM, self.spec.cdrom);
        info.set(VdiskInfo::REMOVABLE, self.spec.removable);
        let unit = self.storage.sector_size();
        self.sectors = self.storage.sectors();
        // A failure here leaves the device linked; the next poll disconnects it or tries again.
        Ok(self.backend.connected(&[
            ("sectors", &self.sectors),
            ("info", &info.bits()),
            ("sector-size", &unit),
            ("physical-sector-size", &unit),
        ])?)
    }

    /// Maps the ring and binds the port that the frontend has published; each node is read once.
    fn take_up(&self) -> Result<Link<P>, BlockError> {
        let platform = self.backend.store().platform();
        let guest = self.backend.frontend_id();
        let protocol: Option<String<32>> = self.backend.frontend_string("protocol")?;
        let abi = Abi::named(protocol.as_deref()).ok_or(BlockError::Protocol)?;
        let refs = self.ring_refs()?;
        let remote: Port = Port(self.backend.frontend_number("event-channel")?);
        let window = Window::reserve(platform.clone(), refs.len())?;
        let mapping = window.map(guest, &refs).map_err(|failed| BlockError::Map(failed.error))?;
        let rings = Rings::attach(abi, mapping).map_err(BlockError::Ring)?;
        let memory = GuestMemory::new(platform, guest, self.config.mode)?;
        let channel = Channel::bind_interdomain(platform.clone(), guest, remote)
            .map_err(|errno| BlockError::Port { port: remote, errno })?;
        Ok(Link { channel, server: Server { rings, memory } })
    }

    /// Reads the references of the ring's pages. Frontends say how many there are by either of two
    /// names; one of before there were larger rings by neither.
    ///
    /// A node that this connection's frontend has not written can be that of a frontend before it.
    /// What the frontend says of the ring's size decides which name is its own:
    /// `ring-page-order` goes with `ring-ref0`, also for a single page (Linux d75e7f63b7), and
    /// otherwise a single page is `ring-ref` (`io/blkif.h`, note 6). The other name of a single
    /// page is read where that one is missing: frontends differ.
    fn ring_refs(&self) -> Result<Vec<GrantRef, { 1 << MAX_RING_ORDER }>, BlockError> {
        let limit = self.config.ring_order.min(MAX_RING_ORDER);
        let (found, sole) = match self.backend.frontend_number("ring-page-order") {
            Err(error) if error.is_not_found() => {
                let pages: u32 = self.backend.frontend_number_or("num-ring-pages", 1)?;
                // What is no power of two, or nothing, is no ring.
                let order = if pages.is_power_of_two() { pages.ilog2() } else { u32::MAX };
                (order, ["ring-ref", "ring-ref0"])
            }
            order => (order?, ["ring-ref0", "ring-ref"]),
        };
        if found > limit {
            return Err(BlockError::RingOrder { found, limit });
        }
        let mut refs = Vec::new();
        if found == 0 {
            let [name, other] = sole;
            let reference = match self.backend.frontend_number(name) {
                Err(error) if error.is_not_found() => self.backend.frontend_number(other)?,
                reference => reference?,
            };
            let _ = refs.push(GrantRef(reference));
            return Ok(refs);
        }
        for index in 0..1u32 << found {
            let reference =
                GrantRef(self.backend.frontend_number(format_args!("ring-ref{index}"))?);
            // Requests and responses in one page would overwrite each other's.
            if refs.contains(&reference) {
                return Err(BlockError::RingRef { reference });
            }
            let _ = refs.push(reference);
        }
        Ok(refs)
    }

    fn serve(&mut self) -> Result<BlkbackEvent, BlockError> {
        let mut disk = Disk::of(&self.storage, self.is_read_only());
        disk.discard &= self.spec.discard;
        if disk.sectors != self.sectors {
            // Frontends look again when the state is written, or the size.
            self.backend.connected(&[("sectors", &disk.sectors)])?;
            self.sectors = disk.sectors;
        }
        let Some(link) = &mut self.link else { return Ok(BlkbackEvent::Idle) };
        let Link { channel, server } = link;
        // A port whose other end is gone sends to nobody.
        let notify = || {
            let _ = channel.notify();
        };
        match server.round(
            &disk,
            &mut self.storage,
            &mut self.statistics,
            self.config.budget,
            notify,
        ) {
            Ok(Round::Idle) => Ok(BlkbackEvent::Idle),
            Ok(Round::More) => Ok(BlkbackEvent::Busy),
            Err(corrupt) => Err(self.give_up(BlockError::Corrupt(corrupt))),
        }
    }

    /// Lets go of the frontend and begins to close the device.
    fn give_up(&mut self, error: BlockError) -> BlockError {
        self.link = None;
        // The error itself is worth more than that it could not be written down.
        let _ = self.backend.fail(error);
        self.backend.disconnected();
        error
    }
}

impl<P: ForeignFrames, S, T: Transport> fmt::Debug for Blkback<P, S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { backend, config, link, statistics, .. } = self;
        f.debug_struct("Blkback")
            .field("backend", backend)
            .field("config", config)
            .field("connected", &link.is_some())
            .field("statistics", statistics)
            .finish_non_exhaustive()
    }
}
