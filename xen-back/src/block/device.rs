//! One disk for one guest.

use super::access::GrantMode;
use super::connection::CorruptQueue;
use super::driver::Driver;
use super::{AsyncBlkBack, BlkBackError, BlockDevice, MAX_SEGMENTS, OpenDisk, Statistics};
use core::fmt;
use core::time::Duration;
use xen_hypercall::{ForeignFrames, Instant, Port};
use xen_store::{RingTransport, Transport, XenStore};
use xen_sys::io::blkif::BLKIF_MAX_SEGMENTS_PER_REQUEST;
use xenbus::{BackendEvent, DeviceId, Removal, XenbusError, XenbusState};

/// The configuration of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The access to the guest's pages.
    pub mode: GrantMode,
    /// The largest ring that is offered, as the binary logarithm of its pages; at most 4, and at
    /// most 64 pages for the rings of all queues.
    pub ring_order: u32,
    /// The most queues that are offered, 1 to 8. A frontend usually has one for each of its vCPUs.
    /// [`budget`](Self::budget) and [`in_flight`](Self::in_flight) count for all of them.
    pub max_queues: u32,
    /// The most requests that are taken from the rings between two polls, so that a busy guest
    /// leaves time for others; at least 1.
    pub budget: u32,
    /// The most requests that the storage of an [`AsyncBlkBack`] has at a time, at most as many as
    /// the rings have slots. Each takes a page while a frontend is connected, and with
    /// [`GrantMode::Copy`] a page for each of [`max_segments`](Self::max_segments). [`BlkBack`] has
    /// one.
    pub in_flight: u32,
    /// The most segments of an indirect request, each of up to 4 KiB: 11 to [`MAX_SEGMENTS`].
    /// Linux's blkfront uses 32 of them unless it is configured for more.
    #[doc(alias("feature-max-indirect-segments", "max_indirect_segments"))]
    pub max_segments: u32,
    /// The most grants of a frontend that stay mapped between its requests, with
    /// [`GrantMode::Map`]; 0 offers no persistent grants. Each takes a frame without RAM once it is
    /// used, and about 80 bytes while a frontend that uses them is connected. It should be more
    /// than the segments of the requests in flight, and counts for all queues.
    #[doc(alias("feature-persistent", "max_persistent_grants"))]
    pub persistent_grants: u32,
}

impl Config {
    /// The default of [`persistent_grants`](Self::persistent_grants), as in Linux for a queue: the
    /// pages of 33 requests of 32 segments.
    pub const PERSISTENT_GRANTS: u32 = 1056;

    /// Returns the most segments of a request.
    pub(super) fn segments(&self) -> usize {
        (self.max_segments as usize).clamp(BLKIF_MAX_SEGMENTS_PER_REQUEST, MAX_SEGMENTS)
    }

    pub(super) fn offers_persistent(&self) -> bool {
        self.mode == GrantMode::Map && self.persistent_grants > 0
    }
}

/// Copies, four queues, rings of one page, 32 requests at a time, 8 in flight, 32 segments, and
/// 1056 persistent grants with [`GrantMode::Map`].
impl Default for Config {
    fn default() -> Self {
        Self {
            mode: GrantMode::default(),
            ring_order: 0,
            max_queues: 4,
            budget: 32,
            in_flight: 8,
            max_segments: 32,
            persistent_grants: Self::PERSISTENT_GRANTS,
        }
    }
}

/// The result of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlkBackEvent {
    /// Wait for an event of the device's ports or the store's, at most until
    /// [`BlkBack::poll_timeout`].
    Idle,
    /// Poll again soon: there are more requests, or there were some just now. Other tasks can run
    /// before.
    Busy,
    /// The device was removed. [`remove`](BlkBack::remove) or drop it.
    Removed,
}

/// The backend of one disk, for one guest, with a [`BlockDevice`] as its storage.
///
/// It is the synchronous adapter of an [`AsyncBlkBack`]. [`poll`](Self::poll) carries out the
/// requests, one after the other, whenever the store's port or one of its own had an event. It
/// never waits for xenstored or the frontend.
///
/// The ports stay masked, so that endless events of a guest cause no upcalls. Each request has one
/// response, an error if the disk has no such sectors or operation. If the frontend breaks the
/// protocol of a ring, none is read again, all memory of the guest is unmapped and the device
/// is closed, until the frontend connects again.
pub struct BlkBack<P: ForeignFrames, O: OpenDisk, T: Transport = RingTransport<P>> {
    device: AsyncBlkBack<P, O, T>,
}

impl<P: ForeignFrames, O: OpenDisk, T: Transport> BlkBack<P, O, T> {
    /// Creates the backend of device `id`; [`poll`](Self::poll) has `opener` open its storage and
    /// offers it.
    ///
    /// # Errors
    ///
    /// Those of [`AsyncBlkBack::new`].
    pub fn new(
        store: &XenStore<P, T>,
        id: DeviceId,
        opener: O,
        config: Config,
    ) -> Result<Self, XenbusError> {
        let config = Config { in_flight: 1, ..config };
        Ok(Self { device: AsyncBlkBack::new(store, id, opener, config)? })
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
        self.device.state()
    }

    /// Returns the storage, once it is open.
    pub fn disk(&self) -> Option<&O::Disk> {
        self.device.disk()
    }

    /// Returns the counters.
    pub fn statistics(&self) -> &Statistics {
        self.device.statistics()
    }

    /// Returns whether a frontend is connected.
    pub fn is_connected(&self) -> bool {
        self.device.is_connected()
    }

    /// Returns the ports to wait for, one of each queue, while a frontend is connected.
    pub fn ports(&self) -> impl Iterator<Item = Port> {
        self.device.ports()
    }

    /// Sets the time that a frontend has to close. The default is 30 seconds.
    pub fn set_close_timeout(&mut self, timeout: Duration) {
        self.device.set_close_timeout(timeout);
    }

    /// Sets the time that a hotplug script of the toolstack has to set up the storage. The default
    /// is 30 seconds.
    pub fn set_hotplug_timeout(&mut self, timeout: Duration) {
        self.device.set_hotplug_timeout(timeout);
    }

    /// Returns the time of the next poll if no event comes before.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.device.poll_timeout(now)
    }

    /// Releases what the guest shared, begins to remove the device's directory, and returns the
    /// storage if it was opened.
    pub fn begin_removal(self) -> (Option<O::Disk>, Removal<P, T>) {
        self.device.begin_removal()
    }

    /// Releases what the guest shared, removes the device's directory, and returns the storage if
    /// it was opened. Waits for xenstored.
    ///
    /// # Errors
    ///
    /// Those of [`AsyncBlkBack::remove`], after which the storage is dropped.
    pub fn remove(self) -> Result<Option<O::Disk>, BlkBackError> {
        self.device.remove()
    }
}

impl<P: ForeignFrames, O: OpenDisk<Disk: BlockDevice>, T: Transport> BlkBack<P, O, T> {
    /// Follows the states, and carries out requests. Never waits.
    ///
    /// # Errors
    ///
    /// [`BlkBackError::Xenbus`]; any other is the reason why a frontend was refused or
    /// disconnected, once. Poll again in any case.
    pub fn poll(&mut self, now: Instant) -> Result<BlkBackEvent, BlkBackError> {
        match self.device.poll_device(now)? {
            BackendEvent::Idle => Ok(BlkBackEvent::Idle),
            BackendEvent::Serve => self.serve(),
            BackendEvent::Removed => Ok(BlkBackEvent::Removed),
        }
    }

    fn serve(&mut self) -> Result<BlkBackEvent, BlkBackError> {
        let driver = self.device.driver_mut();
        let budget = driver.config.budget;
        if let Some(connection) = &mut driver.connection {
            connection.begin_round(budget);
        }
        let result = process_ring(driver);
        if let Some(connection) = &mut driver.connection {
            connection.end_round();
        }
        result.map_err(|corrupt| self.device.fail(corrupt))
    }
}

/// Carries out requests. Responses are pushed, not published.
fn process_ring<P: ForeignFrames, O: OpenDisk<Disk: BlockDevice>>(
    driver: &mut Driver<P, O>,
) -> Result<BlkBackEvent, CorruptQueue> {
    let Driver { disk, connection, limits, statistics, .. } = driver;
    let (Some(disk), Some(connection)) = (disk, connection) else {
        return Ok(BlkBackEvent::Idle);
    };
    loop {
        if let Some(mut request) = connection.next(limits, statistics)? {
            let result = request.execute(disk);
            connection.complete(request, result, statistics);
        } else if connection.taken() > 0 {
            // While requests come, another poll costs less than the events, so those are requested
            // once none was found.
            return Ok(BlkBackEvent::Busy);
        } else if !connection.final_check()? {
            return Ok(BlkBackEvent::Idle);
        }
    }
}

impl<P: ForeignFrames, O: OpenDisk, T: Transport> fmt::Debug for BlkBack<P, O, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BlkBack").field(&self.device).finish()
    }
}
