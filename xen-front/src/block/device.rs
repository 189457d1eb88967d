//! The poll core of a disk.

use super::connection::{Completed, Connection, Zeroed};
use super::driver::Vbd;
use super::requests::DEFAULT_DEPTH;
use super::{
    BlkFrontError, Completion, DiskInfo, FlushMethod, IoError, ProtocolError, Request,
    RequestError, SubmitError, Token, VbdNumber,
};
use core::fmt;
use xen_grant::GrantTable;
use xen_hypercall::{Instant, PageBox, Platform, Port};
use xen_store::XenStore;
use xenbus::{DeviceState, FrontendDevice};

/// A disk, as a poll core: requests go in, completions come out, nothing waits.
///
/// The caller's pages are granted as they are and come back with the completion, so nothing is
/// copied. [`submit`](Self::submit) queues, [`kick`](Self::kick) publishes what was queued and
/// notifies the backend at most once; so does [`poll`](Self::poll), which also keeps the
/// connection. Before waiting for an event of [`port`](Self::port) and of the store's port: `poll`,
/// then [`complete`](Self::complete) until it returns `None`; while the device closes, `poll` once
/// more after the last completion, which lets it go on.
///
/// A backend that breaks the protocol marks the device broken: its ring is not touched again, every
/// request in flight completes with an error, and pages that the backend has not let go of are kept
/// back by the grant table.
///
/// A device that was closed, or whose backend was replaced, is taken up again by
/// [`reopen`](Self::reopen); one that was moved to another host with its domain, by
/// [`resume`](Self::resume). Requests that have no answer by then are made again, under the tokens
/// that they have, unless they were [cancelled](Self::cancel). Each token completes exactly once,
/// whatever the backend and the toolstack do.
///
/// A trusted backend gets the pages of a read as they are. If it answers without writing them, they
/// hold what the caller had left there: zero them first where that is not to be taken for the
/// disk's content. An untrusted backend gets them zeroed, and so does each backend but the first
/// that a read is sent to.
///
/// [`close`](Self::close) it before dropping it; a device that is just dropped looks to its backend
/// as if the domain had died. If it is dropped while it closes, its state becomes Closed, so that
/// the backend releases the ring.
///
/// At most `DEPTH` requests are in flight, completions that were not taken included: a power of
/// two, 32 (a ring of one page) to [`MAX_DEPTH`](super::MAX_DEPTH) (16 pages). A backend that takes
/// no ring that large gets the largest that it takes. What is kept of each request is part of this
/// value: about 180 bytes each, and a stack that it is moved on needs room for it. A kernel with
/// small stacks boxes it.
pub struct BlkFront<P: Platform, const DEPTH: usize = DEFAULT_DEPTH> {
    /// The tables of requests are in pages of the platform.
    device: FrontendDevice<P, PageBox<P, Vbd<P, DEPTH>>>,
    id: u32,
    /// The caller has closed the device: requests of earlier connections are not issued again.
    closed: bool,
    /// The next request's token.
    next: u64,
}

impl<P: Platform> BlkFront<P> {
    /// Opens disk `id` ([`list`](super::list()) returns those that there are); [`poll`](Self::poll)
    /// connects it.
    ///
    /// # Errors
    ///
    /// [`BlkFrontError::Xenbus`].
    pub fn open(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        id: u32,
    ) -> Result<Self, BlkFrontError> {
        Self::open_deep(store, grants, id)
    }

    /// Opens disk `id` and waits until it is connected.
    ///
    /// # Errors
    ///
    /// [`BlkFrontError`]; [`XenbusError::Timeout`](xenbus::XenbusError::Timeout) at `deadline` has
    /// the awaited state. The device is closed again then.
    pub fn connect(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        id: u32,
        deadline: Instant,
    ) -> Result<Self, BlkFrontError> {
        Self::connect_deep(store, grants, id, deadline)
    }
}

impl<P: Platform, const DEPTH: usize> BlkFront<P, DEPTH> {
    /// Opens disk `id` as [`open`](BlkFront::open) does, for up to `DEPTH` requests in flight.
    ///
    /// # Errors
    ///
    /// Those of [`open`](BlkFront::open).
    pub fn open_deep(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        id: u32,
    ) -> Result<Self, BlkFrontError> {
        let driver = PageBox::new(grants.platform().clone(), Vbd::new(grants, id))?;
        let device = FrontendDevice::new(store, id, driver)?;
        Ok(Self { device, id, closed: false, next: 0 })
    }

    /// Opens disk `id` as [`connect`](BlkFront::connect) does, for up to `DEPTH` requests in
    /// flight.
    ///
    /// # Errors
    ///
    /// Those of [`connect`](BlkFront::connect).
    pub fn connect_deep(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        id: u32,
        deadline: Instant,
    ) -> Result<Self, BlkFrontError> {
        let mut block = Self::open_deep(store, grants, id)?;
        match block.wait_until(DeviceState::Connected, deadline) {
            Ok(()) => Ok(block),
            Err(error) => {
                // So that the backend releases the ring, and another try finds the device in
                // order. What prevents that is what prevented the connection.
                block.close_now();
                let _ = block.wait_until(DeviceState::Closed, deadline);
                Err(error)
            }
        }
    }

    /// Returns the device's id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Returns the disk's number, which has its name; before the device is set up, its id.
    pub fn number(&self) -> VbdNumber {
        self.device.driver().number
    }

    /// Returns what is known of the disk; all zero before it is connected.
    pub fn info(&self) -> &DiskInfo {
        &self.device.driver().info
    }

    /// Returns the state as of the last [`poll`](Self::poll).
    pub fn state(&self) -> DeviceState {
        self.device.state()
    }

    /// Returns how the backend broke the protocol, if it did.
    pub fn broken(&self) -> Option<ProtocolError> {
        self.device.driver().broken()
    }

    /// Returns the port whose events announce completions, to wait for, to unmask or to bind to a
    /// vCPU; none while there is no ring.
    pub fn port(&self) -> Option<Port> {
        self.device.driver().port()
    }

    /// Returns when to poll again if no event comes before.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.device.poll_timeout(now)
    }

    /// Returns how many pages the ring has; none while there is no ring.
    pub fn ring_pages(&self) -> usize {
        self.device.driver().connection().map_or(0, |connection| connection.ring_refs().len())
    }

    /// Returns the store that the disk was found in.
    pub fn store(&self) -> &XenStore<P> {
        self.device.store()
    }

    /// Returns the grant table that its pages are granted by.
    pub fn grants(&self) -> &GrantTable<P> {
        &self.device.driver().grants
    }

    /// Returns the number of requests that have not completed.
    pub fn in_flight(&self) -> usize {
        self.device.driver().in_flight()
    }

    /// Returns how many requests can be submitted now.
    pub fn free_slots(&self) -> usize {
        if self.state() == DeviceState::Connected { self.device.driver().free_slots() } else { 0 }
    }

    /// Queues a request for the next [`kick`](Self::kick).
    ///
    /// # Errors
    ///
    /// [`SubmitError`] has the request, and the reason why it was not accepted.
    pub fn submit(&mut self, request: Request<P>) -> Result<Token, SubmitError<P>> {
        self.submit_zeroed(request, Zeroed::None)
    }

    /// Queues a request as [`submit`](Self::submit) does; its pages held data of other requests
    /// before, and a read that the backend does not carry out must not show them.
    pub(super) fn submit_reused(&mut self, request: Request<P>) -> Result<Token, SubmitError<P>> {
        self.submit_zeroed(request, Zeroed::Reads)
    }

    fn submit_zeroed(
        &mut self,
        request: Request<P>,
        zeroed: Zeroed,
    ) -> Result<Token, SubmitError<P>> {
        let connected = self.state() == DeviceState::Connected;
        let driver = self.device.driver_mut();
        let refused = match driver.broken() {
            None if !connected => Err(RequestError::NotConnected),
            _ => driver.check(&request),
        };
        if let Err(reason) = refused {
            return Err(request.refused(reason));
        }
        // Only flushes use it, and the check found a method for those.
        let flush = driver.info.flush_method().unwrap_or(FlushMethod::Flush);
        let zeroed = if driver.info.trusted { zeroed } else { Zeroed::All };
        match driver.connection_mut() {
            Some(connection) => {
                let token = Token(self.next);
                connection.submit(token, request, flush, zeroed)?;
                self.next += 1;
                Ok(token)
            }
            None => Err(request.refused(RequestError::NotConnected)),
        }
    }

    /// Cancels a request: if its connection ends before the backend has answered, it is not issued
    /// again on another one and completes with [`IoError::Closed`]. Returns whether the request
    /// had neither been answered nor completed.
    ///
    /// For a request that the caller does not wait for any longer: issued again later, it would
    /// undo what was written since. The protocol has no way to take a request back from the
    /// backend that has it, so that backend may still carry it out. The request's completion and
    /// its buffer are returned as ever.
    pub fn cancel(&mut self, token: Token) -> bool {
        let driver = self.device.driver_mut();
        let linked = driver.any_connection_mut().is_some_and(|connection| connection.cancel(token));
        linked || driver.requeued.cancel(token)
    }

    /// Publishes what was queued, and notifies the backend if it sleeps.
    pub fn kick(&mut self) {
        self.device.driver_mut().kick();
    }

    /// Takes the next completed request. After `None` the backend announces the next one by an
    /// event.
    pub fn complete(&mut self) -> Option<Completion<P>> {
        let state = self.state();
        let driver = self.device.driver_mut();
        if let Some(completed) = driver.requeued.next_completed() {
            return Some(completed);
        }
        if (self.closed || driver.refused)
            && let Some(closed) = driver.next_closed()
        {
            return Some(closed);
        }
        let answer = driver.connection_mut().and_then(Connection::complete);
        let Some(Completed { completion, operation }) = answer else {
            if state == DeviceState::Connected {
                // The completions before have made room in a ring that is smaller than that of an
                // earlier connection, and the caller waits for an event now.
                driver.submit_requeued();
            }
            if !matches!(state, DeviceState::Closed | DeviceState::Unplugged) {
                return driver.requeued.next_completed();
            }
            driver.release();
            return driver.requeued.next_completed().or_else(|| driver.next_closed());
        };
        if completion.outcome == Err(IoError::Unsupported) {
            driver.unsupported(operation);
        }
        Some(completion)
    }

    /// Publishes what was queued and keeps the connection: connects, notices a new size, follows
    /// the backend when it closes. Never waits.
    ///
    /// # Errors
    ///
    /// [`BlkFrontError`]; the device can be polled on, and closed.
    pub fn poll(&mut self, now: Instant) -> Result<DeviceState, BlkFrontError> {
        self.kick();
        self.device.poll(now)
    }

    /// Begins to close the device: no more requests are accepted, those in flight complete, then
    /// both ends close. Requests of an earlier connection that were to be issued again complete as
    /// closed. Continue with [`complete`](Self::complete) and [`poll`](Self::poll) until the state
    /// is [`DeviceState::Closed`].
    pub fn close(&mut self) {
        self.closed = true;
        self.device.close();
    }

    /// Closes the device without waiting for requests in flight any longer. Continue with
    /// [`poll`](Self::poll).
    pub fn close_now(&mut self) {
        self.closed = true;
        self.device.close_now();
    }

    /// Begins to connect the device again, as xenstore has it now: after it was closed, or removed
    /// and plugged in again, as when its backend's domain was destroyed and another one took its
    /// place. [`poll`](Self::poll) continues it.
    ///
    /// Requests that were not completed are issued again once it is connected. If there is no such
    /// device any more, its state is [`DeviceState::Unplugged`], and they complete as closed.
    pub fn reopen(&mut self) {
        self.closed = false;
        self.device.reopen();
    }

    /// Begins to connect the device again after the domain was suspended and is now resumed
    /// elsewhere: with another backend, and none of the ports and grants of before. The store
    /// and the grant table have to be resumed first.
    pub fn resume(&mut self) {
        self.closed = false;
        self.device.resume();
    }

    /// Polls and waits until the device is in the state `wanted`.
    pub(super) fn wait_until(
        &mut self,
        wanted: DeviceState,
        deadline: Instant,
    ) -> Result<(), BlkFrontError> {
        let now = self.store().platform().now();
        self.device.set_timeout(deadline.saturating_duration_since(now));
        self.device.wait_for(wanted, deadline)
    }
}

impl<P: Platform, const DEPTH: usize> fmt::Debug for BlkFront<P, DEPTH> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, device, .. } = self;
        f.debug_struct("BlkFront").field("id", id).field("device", device).finish_non_exhaustive()
    }
}
