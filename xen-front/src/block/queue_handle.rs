//! The handle of a queue, for the vCPU that uses it.

use super::buffer::Zeroed;
use super::queues::Queues;
use super::{Completion, DeviceState, DiskInfo, ProtocolError, Request, SubmitError, Token};
use crate::IoMemory;
use core::fmt;
use xen_hypercall::{PageArc, Pages, Platform, Port};

/// A queue of a disk with its own ring, event channel and requests:
/// [`BlkFront::take_queue`](super::BlkFront::take_queue).
///
/// Each queue can be used by another vCPU, without a lock that two of them contend for. The device
/// itself, [`BlkFront`](super::BlkFront), connects and closes all of its queues, and its
/// [`poll`](super::BlkFront::poll) must be called for that, on the events of the store's port. It
/// locks a queue only while the connection changes.
///
/// [`submit`](Self::submit), [`kick`](Self::kick) and [`complete`](Self::complete) do what those of
/// the device do. Before a wait for an event of [`port`](Self::port): call `kick`, then `complete`
/// until it returns `None`. A request completes on its queue, once, whatever happens to the
/// connection. If the backend of a later connection supports fewer queues, the requests of a queue
/// without a ring are issued by another queue: [`port`](Self::port) is then that queue's.
///
/// A queue that is dropped returns to the device, with the requests that are not completed.
pub struct BlkQueue<P: Platform, B: IoMemory<Platform = P> = Pages<P>> {
    queues: PageArc<P, Queues<P, B>>,
    index: usize,
}

impl<P: Platform, B: IoMemory<Platform = P>> BlkQueue<P, B> {
    /// Takes a queue, if it has no owner.
    pub(super) fn take(queues: &PageArc<P, Queues<P, B>>, index: usize) -> Option<Self> {
        queues.take(index).then(|| Self { queues: queues.clone(), index })
    }

    /// Returns the index of the queue, below [`BlkFrontConfig::queues`](super::BlkFrontConfig).
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns the parameters of the disk, as of the last poll of the device.
    pub fn info(&self) -> DiskInfo {
        self.queues.lock(self.index).info
    }

    /// Returns the state of the device, as of its last poll.
    pub fn state(&self) -> DeviceState {
        self.queues.lock(self.index).state
    }

    /// Returns how the backend broke the protocol, on this queue or another one, if it did.
    pub fn broken(&self) -> Option<ProtocolError> {
        self.queues.lock(self.index).broken()
    }

    /// Returns the port whose events announce completions, to bind to the vCPU that uses the queue;
    /// `None` while there is no ring. It changes with each connection.
    pub fn port(&self) -> Option<Port> {
        self.queues.port(self.index)
    }

    /// Returns the number of submitted requests whose completion was not taken.
    pub fn in_flight(&self) -> usize {
        self.queues.lock(self.index).requests.count()
    }

    /// Returns the number of requests that can be submitted now.
    pub fn free_slots(&self) -> usize {
        self.queues.free_slots(self.index)
    }

    /// Queues a request for the next [`kick`](Self::kick).
    ///
    /// # Errors
    ///
    /// [`SubmitError`] with the request, and the reason why it was refused.
    pub fn submit(&mut self, request: Request<B>) -> Result<Token, SubmitError<B>> {
        self.queues.submit(self.index, request, Zeroed::None)
    }

    /// Publishes the queued requests, and notifies the backend if it sleeps.
    pub fn kick(&mut self) {
        self.queues.kick(self.index);
    }

    /// Takes the next completed request. After `None` the backend announces the next one by an
    /// event.
    pub fn complete(&mut self) -> Option<Completion<B>> {
        self.queues.complete(self.index)
    }

    /// Cancels a request, as [`BlkFront::cancel`](super::BlkFront::cancel) does.
    pub fn cancel(&mut self, token: Token) -> bool {
        self.queues.cancel(token)
    }
}

/// Returns the queue to the device.
impl<P: Platform, B: IoMemory<Platform = P>> Drop for BlkQueue<P, B> {
    fn drop(&mut self) {
        self.queues.put_back(self.index);
    }
}

impl<P: Platform, B: IoMemory<Platform = P>> fmt::Debug for BlkQueue<P, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("BlkQueue");
        out.field("index", &self.index).field("in_flight", &self.in_flight());
        out.field("port", &self.port()).finish_non_exhaustive()
    }
}
