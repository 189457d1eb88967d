//! The non-blocking core of a disk.

use super::buffer::Zeroed;
use super::connection::Connection;
use super::driver::Vbd;
use super::queues::Queues;
use super::{
    BlkFrontConfig, BlkFrontError, BlkQueue, Completion, DiskInfo, ProtocolError, Request,
    RequestError, SubmitError, Token, VbdNumber,
};
use crate::IoMemory;
use core::fmt;
use xen_grant::GrantTable;
use xen_hypercall::{Instant, PageArc, Pages, Platform, Port};
use xen_store::XenStore;
use xenbus::{DeviceState, FrontendDevice};

/// A disk without blocking calls: requests are submitted, completions are taken.
///
/// The buffers are memory `B` of the caller: [`Pages`], or any RAM of the domain ([`IoMemory`]),
/// or a [`DmaBuffer`](xen_grant::DmaBuffer).
/// The driver grants the frames of a buffer without a copy, and returns the buffer with the
/// completion. To a backend that supports persistent grants it grants its own pages once instead,
/// and copies the data of each request through them, except for DMA buffers, which stay granted.
/// [`submit`](Self::submit) queues a request. [`kick`](Self::kick) publishes the queued
/// requests and notifies the backend at most once; so does [`poll`](Self::poll), which also keeps
/// the connection. Before a wait for an event of [`port`](Self::port) and of the store's port: call
/// `poll`, then [`complete`](Self::complete) until it returns `None`. While the device closes, call
/// `poll` once more after the last completion.
///
/// A backend that breaks the protocol marks the device broken: its ring is not accessed again,
/// each request in flight completes with an error, and memory that the backend still uses is not
/// reused: pages are in the deferred list of the grant table, other memory is leaked.
///
/// [`reopen`](Self::reopen) connects a device again that was closed, or whose backend was replaced;
/// [`resume`](Self::resume) one that was moved to another host with its domain. A request without a
/// response is issued again then, with the same token, unless it was
/// [cancelled](Self::cancel). Each token completes exactly once, whatever the backend and the
/// toolstack do.
///
/// A trusted backend gets the buffer of a read as it is. If it responds without writing the buffer,
/// that holds what the caller had left there: zero it first where this must not be taken for the
/// content of the disk. An untrusted backend gets it zeroed, and so does each backend but the
/// first that a read is issued to. Buffers for an untrusted backend have whole pages only, unless
/// their data is copied.
///
/// [`close`](Self::close) the device before dropping it. To the backend, a device that is only
/// dropped is a domain that was destroyed. If it is dropped while it closes, its state becomes
/// Closed, so that the backend releases the ring.
///
/// The requests are in a table of [`BlkFrontConfig::depth`] entries, in pages of the platform that
/// are allocated at construction.
pub struct BlkFront<P: Platform, B: IoMemory<Platform = P> = Pages<P>> {
    device: FrontendDevice<P, Vbd<P, B>>,
    id: u32,
    /// The caller has closed the device: requests of earlier connections are not issued again.
    closed: bool,
    /// The state that the queues have.
    shared: DeviceState,
    /// The queue of the next request, if it has a free slot.
    turn: u16,
}

impl<P: Platform> BlkFront<P> {
    /// Opens disk `id` ([`list`](super::list()) returns all disks) with the default configuration.
    /// [`poll`](Self::poll) connects it.
    ///
    /// # Errors
    ///
    /// As [`open_with`](Self::open_with).
    pub fn open(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        id: u32,
    ) -> Result<Self, BlkFrontError> {
        Self::open_with(store, grants, id, BlkFrontConfig::default())
    }

    /// Opens disk `id` with the default configuration, and waits until it is connected.
    ///
    /// # Errors
    ///
    /// As [`connect_with`](Self::connect_with).
    pub fn connect(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        id: u32,
        deadline: Instant,
    ) -> Result<Self, BlkFrontError> {
        Self::connect_with(store, grants, id, BlkFrontConfig::default(), deadline)
    }

    /// Opens disk `id`. [`poll`](Self::poll) connects it.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn open_with(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        id: u32,
        config: BlkFrontConfig,
    ) -> Result<Self, BlkFrontError> {
        Self::new(store, grants, id, config)
    }

    /// Opens disk `id` and waits until it is connected.
    ///
    /// # Errors
    ///
    /// [`BlkFrontError`]; [`XenbusError::Timeout`](xenbus::XenbusError::Timeout) at `deadline` has
    /// the awaited state. The device is closed again then.
    pub fn connect_with(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        id: u32,
        config: BlkFrontConfig,
        deadline: Instant,
    ) -> Result<Self, BlkFrontError> {
        Self::new_connected(store, grants, id, config, deadline)
    }
}

impl<P: Platform, B: IoMemory<Platform = P>> BlkFront<P, B> {
    /// Opens disk `id` for requests with buffers of any type. [`poll`](Self::poll) connects it.
    ///
    /// # Errors
    ///
    /// [`BlkFrontError::Memory`], [`BlkFrontError::Xenbus`].
    pub fn new(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        id: u32,
        config: BlkFrontConfig,
    ) -> Result<Self, BlkFrontError> {
        let device = FrontendDevice::new(store, id, Vbd::new(grants, id, config)?)?;
        let shared = device.state();
        Ok(Self { device, id, closed: false, shared, turn: 0 })
    }

    /// Opens disk `id` and waits until it is connected.
    pub(super) fn new_connected(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        id: u32,
        config: BlkFrontConfig,
        deadline: Instant,
    ) -> Result<Self, BlkFrontError> {
        let mut block = Self::new(store, grants, id, config)?;
        match block.wait_until(DeviceState::Connected, deadline) {
            Ok(()) => Ok(block),
            Err(error) => {
                // The backend must release the ring before another attempt. An error of the close
                // has the same cause as the first one.
                block.close_now();
                let _ = block.wait_until(DeviceState::Closed, deadline);
                Err(error)
            }
        }
    }

    /// Returns the id of the device.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Returns the number of the disk, which has its name; its id before the device is set up.
    pub fn number(&self) -> VbdNumber {
        self.device.driver().number
    }

    /// Returns the parameters of the disk; all zero before it is connected.
    pub fn info(&self) -> DiskInfo {
        self.queues().lock(0).info
    }

    /// Returns the state as of the last [`poll`](Self::poll).
    pub fn state(&self) -> DeviceState {
        self.device.state()
    }

    /// Returns how the backend broke the protocol, if it did.
    pub fn broken(&self) -> Option<ProtocolError> {
        (0..self.queues().len()).find_map(|index| self.queues().lock(index).broken())
    }

    /// Returns the port whose events announce completions, to wait for, to unmask or to bind to a
    /// vCPU; `None` while there is no ring. With several queues it is that of the first one, and
    /// [`ports`](Self::ports) returns all.
    pub fn port(&self) -> Option<Port> {
        self.queues().port(0)
    }

    /// Returns the ports of all rings whose queues are not [taken](Self::take_queue).
    pub fn ports(&self) -> impl Iterator<Item = Port> {
        self.queues().ports()
    }

    /// Returns the time of the next [`poll`](Self::poll) if no event comes before.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.device.poll_timeout(now)
    }

    /// Returns the number of pages of a ring; 0 while there is no ring.
    pub fn ring_pages(&self) -> usize {
        self.queues().lock(0).connection().map_or(0, |connection| connection.ring_refs().len())
    }

    /// Returns the number of rings: at most [`BlkFrontConfig::queues`], and at most as many as the
    /// backend supports. 0 while there is none.
    #[doc(alias = "multi-queue-num-queues")]
    pub fn rings(&self) -> usize {
        let queues = self.queues();
        if queues.lock(0).connection().is_some() { queues.rings() } else { 0 }
    }

    /// Takes queue `index`, for the vCPU that uses it. Returns `None` if there is no such queue,
    /// below [`BlkFrontConfig::queues`], or if it is taken.
    ///
    /// The device itself uses the queues that are not taken. With all queues taken, a request that
    /// is submitted to the device is refused with
    /// [`RequestError::NoQueue`](super::RequestError::NoQueue).
    pub fn take_queue(&mut self, index: usize) -> Option<BlkQueue<P, B>> {
        BlkQueue::take(self.queues(), index)
    }

    /// Returns whether the backend may keep pages of requests mapped: it supports persistent
    /// grants, and the configuration [has some](BlkFrontConfig::persistent_pages).
    pub fn has_persistent_grants(&self) -> bool {
        self.queues().lock(0).connection().is_some_and(Connection::is_persistent)
    }

    /// Returns the store of the disk.
    pub fn store(&self) -> &XenStore<P> {
        self.device.store()
    }

    /// Returns the grant table that grants its pages.
    pub fn grants(&self) -> &GrantTable<P> {
        &self.device.driver().grants
    }

    /// Returns the configuration.
    pub fn config(&self) -> BlkFrontConfig {
        self.device.driver().config
    }

    /// Returns the number of submitted requests whose completion was not taken; those of taken
    /// queues are not included.
    pub fn in_flight(&self) -> usize {
        self.own_queues().map(|index| self.queues().lock(index).requests.count()).sum()
    }

    /// Returns the number of requests that can be submitted now.
    pub fn free_slots(&self) -> usize {
        let rings = self.queues().rings();
        self.own_queues()
            .filter(|&index| index < rings)
            .map(|index| self.queues().free_slots(index))
            .sum()
    }

    #[inline]
    pub(super) fn queues(&self) -> &PageArc<P, Queues<P, B>> {
        &self.device.driver().queues
    }

    /// Returns the queues that are not taken.
    #[inline]
    fn own_queues(&self) -> impl Iterator<Item = usize> {
        (0..self.queues().len()).filter(|&index| !self.queues().is_taken(index))
    }

    /// Returns the queue of the next request: the next one with a free slot.
    fn next_queue(&mut self) -> Option<usize> {
        let rings = self.queues().rings();
        if rings != 1 {
            let next =
                (0..rings).map(|offset| (usize::from(self.turn) + offset) % rings).find(|&index| {
                    !self.queues().is_taken(index) && self.queues().free_slots(index) != 0
                });
            if let Some(next) = next {
                self.turn = next as u16 + 1;
                return Some(next);
            }
        }
        self.own_queues().next()
    }

    /// Queues a request for the next [`kick`](Self::kick). With several queues, their rings have
    /// the requests in turn.
    ///
    /// # Errors
    ///
    /// [`SubmitError`] with the request, and the reason why it was refused.
    pub fn submit(&mut self, request: Request<B>) -> Result<Token, SubmitError<B>> {
        self.submit_zeroed(request, Zeroed::None)
    }

    /// Queues a request as [`submit`](Self::submit) does. Its pages held data of other requests,
    /// which a read that the backend does not carry out must not show.
    pub(super) fn submit_reused(&mut self, request: Request<B>) -> Result<Token, SubmitError<B>> {
        self.submit_zeroed(request, Zeroed::Marked)
    }

    fn submit_zeroed(
        &mut self,
        request: Request<B>,
        zeroed: Zeroed,
    ) -> Result<Token, SubmitError<B>> {
        match self.next_queue() {
            Some(index) => self.queues().submit(index, request, zeroed),
            None => Err(request.refused(RequestError::NoQueue)),
        }
    }

    /// Cancels a request: if its connection ends before the backend has responded, it is not issued
    /// again on another one and completes with [`IoError::Closed`](super::IoError::Closed). Returns
    /// whether the request had no response and was not completed.
    ///
    /// For a request that the caller does not wait for any longer: issued again later, it would
    /// undo what was written since. The protocol has no way to revoke a request from the backend
    /// that has it, so that backend may still carry it out. The request still completes, with its
    /// buffer.
    pub fn cancel(&mut self, token: Token) -> bool {
        self.queues().cancel(token)
    }

    /// Publishes the queued requests, and notifies the backend if it sleeps.
    pub fn kick(&mut self) {
        self.own_queues().for_each(|index| self.queues().kick(index));
    }

    /// Takes the next completed request. After `None` the backend announces the next one by an
    /// event.
    pub fn complete(&mut self) -> Option<Completion<B>> {
        self.own_queues().find_map(|index| self.queues().complete(index))
    }

    /// Publishes the queued requests and keeps the connection: connects, detects a new size,
    /// follows the backend when it closes. Never waits.
    ///
    /// # Errors
    ///
    /// [`BlkFrontError`]; the device can still be polled, and closed.
    pub fn poll(&mut self, now: Instant) -> Result<DeviceState, BlkFrontError> {
        self.kick();
        let polled = self.device.poll(now);
        if self.device.state() != self.shared {
            self.share_state(self.closed);
        }
        polled
    }

    /// Begins to close the device: no more requests are accepted, those in flight complete, then
    /// both ends close. Requests of an earlier connection that were to be issued again complete as
    /// closed. Continue with [`complete`](Self::complete) and [`poll`](Self::poll) until the state
    /// is [`DeviceState::Closed`]. The owners of taken queues complete the requests of those.
    pub fn close(&mut self) {
        self.device.close();
        self.share_state(true);
    }

    /// Closes the device without waiting for requests in flight any longer. Continue with
    /// [`poll`](Self::poll).
    pub fn close_now(&mut self) {
        self.device.close_now();
        self.share_state(true);
    }

    /// Begins to connect the device again, as xenstore has it now: after it was closed, or removed
    /// and added again, as when its backend's domain was replaced. [`poll`](Self::poll) continues
    /// it.
    ///
    /// Requests that were not completed are issued again once it is connected. If there is no such
    /// device any more, its state is [`DeviceState::Unplugged`], and the requests complete as
    /// closed.
    pub fn reopen(&mut self) {
        self.device.reopen();
        self.share_state(false);
    }

    /// Begins to connect the device again after the domain was suspended and is now resumed
    /// elsewhere: with another backend, and none of the ports and grants of before. The store
    /// and the grant table must be resumed first.
    pub fn resume(&mut self) {
        self.device.resume();
        self.share_state(false);
    }

    /// Copies the state of the device to the queues, with whether the caller has closed it.
    fn share_state(&mut self, closed: bool) {
        let state = self.device.state();
        (self.closed, self.shared) = (closed, state);
        self.queues().for_each(|queue| (queue.closed, queue.state) = (closed, state));
    }

    /// Polls and waits until the device is in the state `wanted`.
    pub(super) fn wait_until(
        &mut self,
        wanted: DeviceState,
        deadline: Instant,
    ) -> Result<(), BlkFrontError> {
        let now = self.store().platform().now();
        self.device.set_timeout(deadline.saturating_duration_since(now));
        let waited = self.device.wait_for(wanted, deadline);
        self.share_state(self.closed);
        waited
    }
}

impl<P: Platform, B: IoMemory<Platform = P>> fmt::Debug for BlkFront<P, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, device, .. } = self;
        f.debug_struct("BlkFront").field("id", id).field("device", device).finish_non_exhaustive()
    }
}
