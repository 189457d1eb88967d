//! One disk for one guest.

use super::access::GrantMode;
use super::driver::{Connection, Driver};
use super::server::{Progress, Statistics};
use super::validate::DiskLimits;
use super::{BlkBackError, BlockDevice, OpenDisk};
use core::fmt;
use core::time::Duration;
use xen_hypercall::{ForeignFrames, Instant, PageBox, Port};
use xen_store::{RingTransport, Transport, XenStore};
use xenbus::{BackendDevice, BackendEvent, DeviceId, Removal, XenbusError, XenbusState};

/// The configuration of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The way to the guest's pages.
    pub mode: GrantMode,
    /// The largest ring that is offered, as the binary logarithm of its pages; at most 4.
    pub ring_order: u32,
    /// The most requests that one [`BlkBack::poll`] carries out, so that a busy guest leaves time
    /// for others.
    pub budget: u32,
}

/// Copies, a ring of one page, 32 requests at a time.
impl Default for Config {
    fn default() -> Self {
        Self { mode: GrantMode::default(), ring_order: 0, budget: 32 }
    }
}

/// The result of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlkBackEvent {
    /// Wait for an event of the device's or the store's port, at most until
    /// [`BlkBack::poll_timeout`].
    Idle,
    /// Poll again soon: there are more requests, or there were some just now. Let others run in
    /// between.
    Busy,
    /// The device is gone. [`remove`](BlkBack::remove) or drop it.
    Removed,
}

/// The backend of one disk, for one guest.
///
/// [`poll`](Self::poll) is all that it needs: whenever the store's port or its own had an event. It
/// never waits for xenstored or the frontend.
///
/// The port stays masked, so that a guest which sends events without end costs no upcalls. Whatever
/// the frontend does, requests are answered one by one, with an error where the disk has no such
/// sectors or operation; if it breaks the ring's protocol, the ring is left alone, everything of
/// the guest's is unmapped and the device is closed, until the frontend connects again.
pub struct BlkBack<P: ForeignFrames, O: OpenDisk, T: Transport = RingTransport<P>> {
    device: BackendDevice<P, PageBox<P, Driver<P, O>>, T>,
}

impl<P: ForeignFrames, O: OpenDisk, T: Transport> BlkBack<P, O, T> {
    /// Creates the backend of device `id`; [`poll`](Self::poll) has `opener` open its storage and
    /// offers it.
    ///
    /// # Errors
    ///
    /// Those of [`BackendDevice::new`]; [`XenbusError::Memory`].
    pub fn new(
        store: &XenStore<P, T>,
        id: DeviceId,
        opener: O,
        config: Config,
    ) -> Result<Self, XenbusError> {
        let platform = store.platform();
        let driver = Driver::new(platform.clone(), opener, config);
        let driver = PageBox::new(platform.clone(), driver).map_err(XenbusError::Memory)?;
        Ok(Self { device: BackendDevice::new(store, id, driver)? })
    }

    /// Returns the device's number and the guest's.
    pub fn id(&self) -> DeviceId {
        self.device.id()
    }

    /// Returns the device's directory, relative to the domain's home.
    pub fn path(&self) -> &str {
        self.device.path()
    }

    /// Returns the state of the backend.
    pub fn state(&self) -> XenbusState {
        self.device.own_state()
    }

    /// Returns the storage, once it is open.
    pub fn disk(&self) -> Option<&O::Disk> {
        self.device.driver().disk.as_ref()
    }

    /// Returns what was done so far.
    pub fn statistics(&self) -> &Statistics {
        &self.device.driver().statistics
    }

    /// Returns whether a frontend is connected.
    pub fn is_connected(&self) -> bool {
        self.device.is_connected()
    }

    /// Returns the port to wait for, while a frontend is connected.
    pub fn port(&self) -> Option<Port> {
        let connection = self.device.driver().connection.as_ref();
        connection.map(|connection| connection.channel.port())
    }

    /// Sets the time that a frontend has to close. The default is 30 seconds.
    pub fn set_close_timeout(&mut self, timeout: Duration) {
        self.device.set_timeout(timeout);
    }

    /// Sets the time that a hotplug script of the toolstack has to set up the storage. The default
    /// is 30 seconds.
    pub fn set_hotplug_timeout(&mut self, timeout: Duration) {
        self.device.set_setup_timeout(timeout);
    }

    /// Returns when to poll again if no event comes before.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.device.poll_timeout(now)
    }

    /// Does what can be done now: follows the states, and carries out requests. Never waits.
    ///
    /// # Errors
    ///
    /// [`BlkBackError::Xenbus`]; any other says why a frontend was refused or disconnected, once.
    /// Poll again in any case.
    pub fn poll(&mut self, now: Instant) -> Result<BlkBackEvent, BlkBackError> {
        self.check_size();
        match self.device.poll(now)? {
            BackendEvent::Idle => Ok(BlkBackEvent::Idle),
            BackendEvent::Serve => self.serve(),
            BackendEvent::Removed => Ok(BlkBackEvent::Removed),
        }
    }

    /// Releases what the guest shared, begins to remove the device's directory, and returns the
    /// storage if it was opened.
    pub fn begin_removal(self) -> (Option<O::Disk>, Removal<P, T>) {
        let (driver, removal) = self.device.begin_removal();
        (driver.into_inner().disk, removal)
    }

    /// Releases what the guest shared, removes the device's directory, and returns the storage if
    /// it was opened. Waits for xenstored.
    ///
    /// # Errors
    ///
    /// Those of [`Removal::wait`], after which the storage is dropped.
    pub fn remove(self) -> Result<Option<O::Disk>, BlkBackError> {
        let (disk, removal) = self.begin_removal();
        removal.wait().map_err(XenbusError::Store)?;
        Ok(disk)
    }

    /// Publishes a new size of the storage.
    fn check_size(&mut self) {
        let driver = self.device.driver_mut();
        let (Some(disk), Some(_)) = (&driver.disk, &driver.connection) else { return };
        let sectors = disk.sectors();
        if sectors != driver.sectors {
            driver.sectors = sectors;
            self.device.rewrite_nodes();
        }
    }

    fn serve(&mut self) -> Result<BlkBackEvent, BlkBackError> {
        let driver = &mut **self.device.driver_mut();
        let read_only = driver.is_read_only();
        let (Some(disk), Some(connection)) = (&mut driver.disk, &mut driver.connection) else {
            return Ok(BlkBackEvent::Idle);
        };
        let mut limits = DiskLimits::of(disk, read_only);
        limits.discard &= driver.discard;
        let Connection { channel, server } = connection;
        // A port whose other end is gone has no receiver.
        let notify = || {
            let _ = channel.notify();
        };
        let (statistics, budget) = (&mut driver.statistics, driver.config.budget);
        match server.process_ring(&limits, disk, statistics, budget, notify) {
            Ok(Progress::Idle) => Ok(BlkBackEvent::Idle),
            Ok(Progress::More) => Ok(BlkBackEvent::Busy),
            Err(corrupt) => {
                let error = BlkBackError::Corrupt(corrupt);
                self.device.fail(&error);
                Err(error)
            }
        }
    }
}

impl<P: ForeignFrames, O: OpenDisk, T: Transport> fmt::Debug for BlkBack<P, O, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BlkBack").field(&self.device).finish()
    }
}
