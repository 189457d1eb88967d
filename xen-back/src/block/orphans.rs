//! Rings of a backend that is dropped while its frontend is connected.
//!
//! The next backend takes over a ring at its first request without a response. Requests are
//! completed in any order and responses have none, so that place is right only if all requests
//! that were taken have a response. The rings stay connected until then, and their event channels
//! with them: Xen refuses the next backend a port that another one is bound to.

use super::queue::Queue;
use super::ring_nodes::MAX_QUEUES;
use super::slot::{Home, Slot};
use heapless::Vec;
use log::warn;
use xen_hypercall::{ForeignFrames, PageBox};

pub(super) type QueueList<P> = Vec<Queue<P>, MAX_QUEUES>;

/// The queues of a connection. If dropped with requests in flight, their rings stay until
/// the storage has dropped the last of these.
pub(super) struct ConnectedQueues<P: ForeignFrames> {
    list: QueueList<P>,
    platform: P,
    home: Home<P>,
}

impl<P: ForeignFrames> ConnectedQueues<P> {
    pub(super) fn new(platform: &P, list: QueueList<P>, home: Home<P>) -> Self {
        Self { list, platform: platform.clone(), home }
    }

    /// Unmaps the rings at once, for a connection that ends with its frontend.
    pub(super) fn disconnect(mut self) {
        self.list.clear();
    }
}

impl<P: ForeignFrames> core::ops::Deref for ConnectedQueues<P> {
    type Target = QueueList<P>;

    #[inline]
    fn deref(&self) -> &QueueList<P> {
        &self.list
    }
}

impl<P: ForeignFrames> core::ops::DerefMut for ConnectedQueues<P> {
    #[inline]
    fn deref_mut(&mut self) -> &mut QueueList<P> {
        &mut self.list
    }
}

impl<P: ForeignFrames> Drop for ConnectedQueues<P> {
    fn drop(&mut self) {
        let mut queues = core::mem::take(&mut self.list);
        queues.iter_mut().for_each(Queue::fail_waiting);
        let in_flight: u32 = queues.iter().map(Queue::in_flight).sum();
        if in_flight == 0 {
            return;
        }
        warn!("a backend is dropped with {in_flight} requests in flight: its rings stay for them");
        match PageBox::new(self.platform.clone(), OrphanedQueues(queues)) {
            Ok(orphans) => self.home.orphan(orphans),
            Err(_) => warn!("no memory for these rings: the frontend gets no response"),
        }
    }
}

/// The queues of a backend that is gone.
pub(super) struct OrphanedQueues<P: ForeignFrames>(QueueList<P>);

impl<P: ForeignFrames> OrphanedQueues<P> {
    /// Completes a request with an error. Returns whether it was the last one.
    pub(super) fn end_request(&mut self, slot: &Slot<P>) -> bool {
        if let Some(queue) = self.0.get_mut(usize::from(slot.queue)) {
            queue.fail_orphan(slot);
        }
        self.0.iter().all(|queue| queue.in_flight() == 0)
    }
}
