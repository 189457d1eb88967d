//! A connected frontend: its queues and their common state.

use super::access::{AccessConfig, Data, GuestMemory};
use super::orphans::{ConnectedQueues, QueueList};
use super::persistent::PersistentGrants;
use super::queue::{Completion, Queue, Shared};
use super::request::Request;
use super::ring_nodes::QueueNodes;
use super::rings::Abi;
use super::slot::{HomeOwner, Slot, SlotList};
use super::validate::DiskLimits;
use super::{BlkBackError, BlockDeviceError, Config, Statistics};
use crate::QueuesError;
use xen_hypercall::{DomId, ForeignFrames, Instant, PageBox, Port};
use xen_ring::Corrupt;

/// A frontend has broken the protocol of a ring.
#[derive(Clone, Copy, Debug)]
pub(super) struct CorruptQueue {
    index: usize,
    corrupt: Corrupt,
}

impl From<CorruptQueue> for BlkBackError {
    fn from(CorruptQueue { index, corrupt }: CorruptQueue) -> Self {
        Self::Queues(QueuesError::Queue { queue: index as u32, error: corrupt.into() })
    }
}

/// A connected frontend.
pub(super) struct Connection<P: ForeignFrames> {
    // Dropped in this order: the rings are unmapped before the memory of requests.
    queues: ConnectedQueues<P>,
    shared: Shared<P>,
}

impl<P: ForeignFrames> Connection<P> {
    /// Maps the rings and binds the ports that the frontend has published.
    pub(super) fn new(
        platform: &P,
        guest: DomId,
        abi: Abi,
        nodes: &[QueueNodes],
        persistent: bool,
        config: &Config,
    ) -> Result<Self, BlkBackError> {
        let mut queues = QueueList::new();
        for (index, nodes) in nodes.iter().enumerate() {
            let queue = Queue::map(platform, guest, abi, index as u8, nodes);
            let queue = queue.map_err(|error| {
                BlkBackError::Queues(QueuesError::Queue { queue: index as u32, error })
            })?;
            let _ = queues.push(queue);
        }
        let slots = queues.iter().map(Queue::slots).sum::<u32>();
        let access = AccessConfig::new(config, persistent);
        let home = HomeOwner::new(platform)?;
        let mut free = SlotList::new();
        for _ in 0..config.in_flight.clamp(1, slots.max(1)) {
            let slot = Slot::new(home.reference(), Data::new(platform, &access)?);
            free.push(PageBox::new(platform.clone(), slot)?);
        }
        let memory = GuestMemory::new(platform, guest, &access)?;
        let queues = ConnectedQueues::new(platform, queues, home.reference());
        let shared = Shared { memory, home, free, budget: 0, taken: 0, turn: 0 };
        Ok(Self { queues, shared })
    }

    /// Returns the port of each queue.
    pub(super) fn ports(&self) -> impl Iterator<Item = Port> {
        self.queues.iter().map(Queue::port)
    }

    /// Begins a round, in which at most `budget` requests are taken from the rings.
    pub(super) fn begin_round(&mut self, budget: u32) {
        self.shared.budget = budget;
    }

    /// Ends a round: publishes the responses, with one notification of each queue at most. Returns
    /// the number of requests that were taken from the rings since the last call.
    pub(super) fn end_round(&mut self) -> u32 {
        self.queues.iter_mut().for_each(Queue::publish);
        self.shared.budget = 0;
        core::mem::take(&mut self.shared.taken)
    }

    /// Returns the number of requests that were taken from the rings in this round.
    pub(super) fn taken(&self) -> u32 {
        self.shared.taken
    }

    /// Returns the number of requests that the storage has.
    pub(super) fn in_flight(&self) -> u32 {
        self.queues.iter().map(Queue::in_flight).sum()
    }

    /// Returns whether a poll has work: to publish, to complete dropped requests, to see whether
    /// more requests came, or to have a step of a barrier handed out.
    pub(super) fn needs_poll(&self) -> bool {
        self.taken() > 0
            || self.shared.home.has_dropped()
            || self.queues.iter().any(|queue| queue.needs_poll(&self.shared))
    }

    /// Returns whether a request can be handed out that was taken from a ring before.
    pub(super) fn has_pending(&self) -> bool {
        self.queues.iter().any(|queue| queue.has_pending(&self.shared))
    }

    /// Returns the next request for the storage, of the queues in turn. Requests that are not valid
    /// are answered.
    #[inline]
    pub(super) fn next(
        &mut self,
        disk: &DiskLimits,
        statistics: &mut Statistics,
    ) -> Result<Option<Request<P>>, CorruptQueue> {
        let mut index = usize::from(self.shared.turn);
        for _ in 0..self.queues.len() {
            if index >= self.queues.len() {
                index = 0;
            }
            let Some(queue) = self.queues.get_mut(index) else { break };
            match queue.next(&mut self.shared, disk, statistics) {
                Ok(None) => index += 1,
                Ok(found) => return Ok(found),
                Err(corrupt) => return Err(CorruptQueue { index, corrupt }),
            }
        }
        Ok(None)
    }

    /// Requests an event of each queue that has no request. Returns whether one has a request.
    ///
    /// A queue that can hand out nothing before a request is completed requests no event: the
    /// completion is followed by a poll.
    pub(super) fn final_check(&mut self) -> Result<bool, CorruptQueue> {
        let mut found = false;
        for (index, queue) in self.queues.iter_mut().enumerate() {
            if !queue.is_blocked(&self.shared) {
                found |= queue.final_check().map_err(|corrupt| CorruptQueue { index, corrupt })?;
            }
        }
        Ok(found)
    }

    /// Begins a poll at `now`: unmaps persistent grants that were not used for long.
    pub(super) fn purge(&mut self, now: Instant, statistics: &mut Statistics) {
        if let Some(grants) = self.shared.memory.persistent_mut() {
            grants.purge(now, statistics);
        }
    }

    /// Returns the time at which there is one to unmap.
    pub(super) fn purge_due(&self) -> Option<Instant> {
        self.shared.memory.persistent().and_then(PersistentGrants::purge_due)
    }

    /// Returns whether the request was handed out by this connection.
    pub(super) fn owns(&self, request: &Request<P>) -> bool {
        owns(&self.shared.home, request)
    }

    /// Completes a request that this connection has handed out. The response is pushed, not
    /// published.
    #[inline]
    pub(super) fn complete(
        &mut self,
        request: Request<P>,
        result: Result<(), BlockDeviceError>,
        statistics: &mut Statistics,
    ) {
        let Some(slot) = request.into_slot() else { return };
        let result = result.map_or_else(Completion::Failed, |()| Completion::Done);
        if let Some(queue) = self.queues.get_mut(usize::from(slot.queue)) {
            queue.complete(&mut self.shared, slot, result, statistics);
        }
    }

    /// Completes the requests that the storage has dropped.
    pub(super) fn complete_dropped(&mut self, statistics: &mut Statistics) {
        // Each slot can be there once.
        while let Some(slot) = self.shared.home.pop() {
            if let Some(queue) = self.queues.get_mut(usize::from(slot.queue)) {
                queue.complete(&mut self.shared, slot, Completion::Dropped, statistics);
            }
        }
    }

    /// Ends the connection. Returns the record of the requests that are still in flight.
    pub(super) fn disconnect(self) -> Option<Draining<P>> {
        let in_flight = self.in_flight();
        let Self { queues, shared: Shared { home, .. } } = self;
        queues.disconnect();
        (in_flight > 0).then_some(Draining { home, in_flight })
    }
}

fn owns<P: ForeignFrames>(home: &HomeOwner<P>, request: &Request<P>) -> bool {
    request.slot().is_some_and(|slot| home.is_home_of(slot))
}

/// The requests in flight of a connection that has ended. Nothing of them reaches the frontend.
pub(super) struct Draining<P: ForeignFrames> {
    home: HomeOwner<P>,
    in_flight: u32,
}

impl<P: ForeignFrames> Draining<P> {
    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight
    }

    pub(super) fn owns(&self, request: &Request<P>) -> bool {
        owns(&self.home, request)
    }

    /// Returns whether a poll has work: to release dropped requests.
    pub(super) fn needs_poll(&self) -> bool {
        self.home.has_dropped()
    }

    /// Releases the memory of a request.
    pub(super) fn complete(&mut self, request: Request<P>) {
        drop(request.into_slot());
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Releases the memory of the requests that the storage has dropped.
    pub(super) fn release_dropped(&mut self) {
        while let Some(slot) = self.home.pop() {
            drop(slot);
            self.in_flight = self.in_flight.saturating_sub(1);
        }
    }
}
