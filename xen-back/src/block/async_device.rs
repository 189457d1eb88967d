//! One disk for one guest, for storage with several requests in flight.

use super::connection::{Connection, CorruptQueue};
use super::driver::Driver;
use super::{
    BlkBackError, BlkBackEvent, BlockDeviceError, Config, ForeignRequest, OpenDisk, Request,
    Statistics,
};
use core::fmt;
use core::time::Duration;
use xen_hypercall::{ForeignFrames, Instant, PageBox, Port};
use xen_store::{RingTransport, Transport, XenStore};
use xenbus::{BackendDevice, BackendEvent, DeviceId, Removal, XenbusError, XenbusState};

/// The backend of one disk, for one guest, that hands requests out to the storage.
///
/// After each [`poll`](Self::poll), take requests by [`next_request`](Self::next_request) until
/// there is none, and give each back by [`complete`](Self::complete): in any order, before or after
/// any later poll. The next poll publishes all responses, with one notification of each queue at
/// most.
///
/// A frontend can have several queues, up to [`Config::max_queues`]. Requests are handed out from
/// the queues in turn, so that a busy one does not delay the others.
///
/// ```no_run
/// # use xen_back::block::{AsyncBlkBack, BlkBackEvent, BlockDeviceError, OpenDisk, Request};
/// # use xen_hypercall::{ForeignFrames, Port};
/// # trait Storage<P: ForeignFrames> {
/// #     fn start(&mut self, request: Request<P>);
/// #     fn finished(&mut self) -> Option<(Request<P>, Result<(), BlockDeviceError>)>;
/// # }
/// # fn demo<P: ForeignFrames, O: OpenDisk>(
/// #     platform: &P, mut disk: AsyncBlkBack<P, O>, storage: &mut impl Storage<P>, ports: &[Port],
/// # ) -> Result<(), xen_back::block::BlkBackError> {
/// loop {
///     let event = disk.poll(platform.now())?;
///     while let Some(request) = disk.next_request()? {
///         storage.start(request);
///     }
///     while let Some((request, result)) = storage.finished() {
///         // An error would return a request of another backend.
///         let _ = disk.complete(request, result);
///     }
///     match event {
///         BlkBackEvent::Busy => {}
///         // Ports of the store, of the device, and of the storage.
///         BlkBackEvent::Idle => platform.wait(ports, disk.poll_timeout(platform.now())),
///         BlkBackEvent::Removed => return Ok(()),
///     }
/// }
/// # }
/// ```
///
/// # Order
///
/// Requests in flight have no order among each other, as on any disk; a frontend that needs one
/// waits for the first response. The storage has one duty: [`Operation::Flush`] makes durable what
/// was completed before the flush was handed out, of all queues. A barrier is handed out as a
/// flush, a write and a flush, alone among the requests of its queue: after all of them before it
/// were completed, and before any later one. Requests of other queues are not ordered with it, as
/// in Linux; those that were completed before are durable, too.
///
/// Consecutive requests of the ring that read or write adjacent sectors are one [`Request`], up to
/// [`Config::max_segments`]. If it fails, each of them is handed out again alone, so that the
/// frontend receives the status of each; a request that is dropped fails as a whole.
///
/// # Ends of a connection
///
/// A frontend that closes, breaks the protocol or is destroyed ends its connection at once, but not
/// the requests in flight: their memory stays accessible until their completion, and no response
/// is written. Until then, the device neither becomes Closed nor connects again, and
/// [`BlkBackEvent::Removed`] is not returned. So a write of an earlier connection never overtakes
/// one of a later connection.
///
/// If the backend itself is dropped with its frontend connected, its requests in flight remain
/// valid, and its rings stay connected for them. Each of them is answered with an error when the
/// storage drops it, and the last one releases the rings. No other backend serves the frontend
/// before: Xen refuses it the port with [`QueueError::Port`], which closes the device. So drop
/// all requests, carried out or not, before the next backend polls. A request with a response is
/// never carried out again, and none is lost.
///
/// [`Operation::Flush`]: super::Operation::Flush
/// [`QueueError::Port`]: crate::QueueError::Port
pub struct AsyncBlkBack<P: ForeignFrames, O: OpenDisk, T: Transport = RingTransport<P>> {
    device: BackendDevice<P, PageBox<P, Driver<P, O>>, T>,
}

impl<P: ForeignFrames, O: OpenDisk, T: Transport> AsyncBlkBack<P, O, T> {
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

    /// Returns the storage for changes, once it is open.
    pub fn disk_mut(&mut self) -> Option<&mut O::Disk> {
        self.device.driver_mut().disk.as_mut()
    }

    /// Returns the counters.
    pub fn statistics(&self) -> &Statistics {
        &self.device.driver().statistics
    }

    /// Returns whether a frontend is connected.
    pub fn is_connected(&self) -> bool {
        self.device.is_connected()
    }

    /// Returns the number of requests that the storage has, of this connection or the one before.
    pub fn in_flight(&self) -> u32 {
        self.device.driver().in_flight()
    }

    /// Returns the ports to wait for, one of each queue, while a frontend is connected.
    pub fn ports(&self) -> impl Iterator<Item = Port> {
        let connection = self.device.driver().connection.as_ref();
        connection.into_iter().flat_map(Connection::ports)
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

    /// Returns the time of the next poll if no event comes before: `now` if requests were taken or
    /// completed since the last one.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        if self.device.driver().needs_poll() {
            return Some(now);
        }
        let due = [self.device.poll_timeout(now), self.device.driver().purge_due()];
        due.into_iter().flatten().min()
    }

    /// Publishes the responses and follows the states. Never waits.
    ///
    /// # Errors
    ///
    /// [`BlkBackError::Xenbus`]; any other is the reason why a frontend was refused or
    /// disconnected, once. Poll again in any case.
    pub fn poll(&mut self, now: Instant) -> Result<BlkBackEvent, BlkBackError> {
        let driver = &mut **self.device.driver_mut();
        driver.begin_poll();
        let taken = driver.connection.as_mut().map_or(0, Connection::end_round);
        match self.poll_device(now)? {
            BackendEvent::Idle => return Ok(BlkBackEvent::Idle),
            BackendEvent::Removed if self.in_flight() > 0 => return Ok(BlkBackEvent::Idle),
            BackendEvent::Removed => return Ok(BlkBackEvent::Removed),
            BackendEvent::Serve => {}
        }
        let driver = &mut **self.device.driver_mut();
        let Some(connection) = &mut driver.connection else { return Ok(BlkBackEvent::Idle) };
        connection.begin_round(driver.config.budget);
        if taken > 0 || connection.has_pending() {
            return Ok(BlkBackEvent::Busy);
        }
        match connection.final_check() {
            Ok(true) => Ok(BlkBackEvent::Busy),
            Ok(false) => Ok(BlkBackEvent::Idle),
            Err(corrupt) => Err(self.fail(corrupt)),
        }
    }

    /// Returns the next request for the storage. `None` if there is no other, if the storage has as
    /// many as [`Config::in_flight`] allows, if a barrier waits for them, or if the budget of this
    /// poll is spent. Requests that are not valid are answered here.
    ///
    /// # Errors
    ///
    /// [`QueueError::Corrupt`](crate::QueueError::Corrupt) if the frontend has broken the protocol,
    /// which disconnects it.
    pub fn next_request(&mut self) -> Result<Option<Request<P>>, BlkBackError> {
        let driver = &mut **self.device.driver_mut();
        let Some(connection) = &mut driver.connection else { return Ok(None) };
        connection
            .next(&driver.limits, &mut driver.statistics)
            .map_err(|corrupt| self.fail(corrupt))
    }

    /// Completes a request that this backend has handed out, in any order. The next
    /// [`poll`](Self::poll) publishes the response. A request of a connection that has ended has no
    /// response: only its memory is released.
    ///
    /// With an error as the result, the frontend receives the failure and none of the data.
    ///
    /// A request has one completion, as this takes it:
    ///
    /// ```compile_fail,E0382
    /// # use xen_back::block::{AsyncBlkBack, OpenDisk, Request};
    /// # use xen_hypercall::ForeignFrames;
    /// fn twice<P: ForeignFrames, O: OpenDisk>(back: &mut AsyncBlkBack<P, O>, taken: Request<P>) {
    ///     let _ = back.complete(taken, Ok(()));
    ///     let _ = back.complete(taken, Ok(()));
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ForeignRequest`] with a request of another backend, which nothing was done to.
    pub fn complete(
        &mut self,
        request: Request<P>,
        result: Result<(), BlockDeviceError>,
    ) -> Result<(), ForeignRequest<P>> {
        self.device.driver_mut().complete(request, result)
    }

    /// Releases what the guest shared, except for the memory of requests in flight, begins to
    /// remove the device's directory, and returns the storage if it was opened.
    pub fn begin_removal(self) -> (Option<O::Disk>, Removal<P, T>) {
        let (driver, removal) = self.device.begin_removal();
        (driver.into_inner().disk, removal)
    }

    /// Releases what the guest shared, except for the memory of requests in flight, removes the
    /// device's directory, and returns the storage if it was opened. Waits for xenstored.
    ///
    /// # Errors
    ///
    /// Those of [`Removal::wait`], after which the storage is dropped.
    pub fn remove(self) -> Result<Option<O::Disk>, BlkBackError> {
        let (disk, removal) = self.begin_removal();
        removal.wait().map_err(XenbusError::Store)?;
        Ok(disk)
    }

    pub(super) fn driver_mut(&mut self) -> &mut Driver<P, O> {
        self.device.driver_mut()
    }

    /// Follows the states, and publishes a new size of the storage.
    pub(super) fn poll_device(&mut self, now: Instant) -> Result<BackendEvent, BlkBackError> {
        let driver = self.device.driver_mut();
        driver.purge(now);
        if driver.update_info() {
            self.device.rewrite_nodes();
        }
        self.device.poll(now)
    }

    /// Disconnects a frontend that has broken the protocol of a ring.
    pub(super) fn fail(&mut self, corrupt: CorruptQueue) -> BlkBackError {
        let error = corrupt.into();
        self.device.fail(&error);
        error
    }
}

impl<P: ForeignFrames, O: OpenDisk, T: Transport> fmt::Debug for AsyncBlkBack<P, O, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncBlkBack").field(&self.device).finish()
    }
}
