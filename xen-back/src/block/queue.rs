//! One queue of a connection: its requests are taken from the ring, handed out, and completed in
//! any order.

use super::access::{GuestMemory, NoAccess};
use super::request::Request;
use super::ring_nodes::QueueNodes;
use super::rings::{Abi, Rings};
use super::slot::{HomeOwner, Slot, SlotBox, SlotList, Step, Work};
use super::validate::{DiskLimits, RequestError, ValidatedRequest, WireRequest};
use super::{BlockDeviceError, Statistics};
use crate::queue::{QueueError, bind_port, map_ring};
use xen_evtchn::Channel;
use xen_grant::{GrantMapping, ReadWrite};
use xen_hypercall::{DomId, ForeignFrames, Port};
use xen_ring::{Corrupt, Notify};
use xen_sys::io::blkif::{BlkifOp, BlkifStatus};

/// The common state of the queues of a connection.
pub(super) struct Shared<P: ForeignFrames> {
    pub(super) memory: GuestMemory<P>,
    pub(super) home: HomeOwner<P>,
    pub(super) free: SlotList<P>,
    /// Requests that may still be taken from the rings in this round.
    pub(super) budget: u32,
    /// Requests that were taken from the rings in this round.
    pub(super) taken: u32,
    /// The queue whose turn it is: the one after the last that had a turn, also if that has spent
    /// the budget of the round. A number past the last queue stands for the first.
    pub(super) turn: u8,
}

/// A connected ring and its requests.
pub(super) struct Queue<P: ForeignFrames> {
    // Dropped in this order: the ring is unmapped last, after the end of its events.
    channel: Channel<P>,
    rings: Rings<GrantMapping<P, ReadWrite>>,
    /// Its number.
    index: u8,
    /// The request that was taken from the ring last.
    request: WireRequest,
    /// The request does not continue the one before it, and is the next one.
    unmerged: bool,
    /// Failed merged requests, of which the current request of the ring can be handed out.
    split: SlotList<P>,
    /// A request whose next step can be handed out, or that waits for the others to be completed.
    pending: Option<SlotBox<P>>,
    /// Requests of this queue that the storage has.
    in_flight: u32,
    /// The request in flight, or the pending one between its steps, is to be alone.
    exclusive: bool,
    /// Responses were pushed and not published.
    unpublished: bool,
}

impl<P: ForeignFrames> Queue<P> {
    /// Maps a ring and binds its port.
    pub(super) fn map(
        platform: &P,
        guest: DomId,
        abi: Abi,
        index: u8,
        nodes: &QueueNodes,
    ) -> Result<Self, QueueError> {
        let rings = Rings::attach(abi, map_ring(platform, guest, &nodes.refs)?)?;
        let channel = bind_port(platform, guest, nodes.port)?;
        Ok(Self {
            channel,
            rings,
            index,
            request: WireRequest::default(),
            unmerged: false,
            split: SlotList::new(),
            pending: None,
            in_flight: 0,
            exclusive: false,
            unpublished: false,
        })
    }

    pub(super) fn port(&self) -> Port {
        self.channel.port()
    }

    /// Returns the number of requests that the ring has room for.
    pub(super) fn slots(&self) -> u32 {
        self.rings.slots()
    }

    /// Returns the number of requests that the storage has.
    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Returns whether a poll has work: to publish, or to have a step of a barrier handed out.
    pub(super) fn needs_poll(&self, shared: &Shared<P>) -> bool {
        self.unpublished || self.has_pending(shared)
    }

    /// Returns whether [`next`](Self::next) returns nothing before a request is completed.
    #[inline]
    pub(super) fn is_blocked(&self, shared: &Shared<P>) -> bool {
        if !self.split.is_empty() {
            return false;
        }
        match &self.pending {
            Some(_) => self.in_flight > 0,
            None => self.exclusive || shared.free.is_empty(),
        }
    }

    /// Returns whether a request can be handed out that was taken from the ring before.
    pub(super) fn has_pending(&self, shared: &Shared<P>) -> bool {
        let taken = self.pending.is_some() || self.unmerged || !self.split.is_empty();
        taken && !self.is_blocked(shared)
    }

    /// Returns the next request for the storage. Requests that are not valid are answered.
    #[inline]
    pub(super) fn next(
        &mut self,
        shared: &mut Shared<P>,
        disk: &DiskLimits,
        statistics: &mut Statistics,
    ) -> Result<Option<Request<P>>, Corrupt> {
        loop {
            if self.is_blocked(shared) {
                let is_full = self.pending.is_none() && shared.free.is_empty();
                statistics.throttled += u64::from(is_full);
                return Ok(None);
            }
            let slot = if let Some(slot) = self.split.pop() {
                shared.turn = self.index + 1;
                slot
            } else if let Some(slot) = self.pending.take() {
                shared.turn = self.index + 1;
                self.exclusive = true;
                return Ok(Some(self.hand_out(slot)));
            } else {
                if !self.take(shared)? {
                    return Ok(None);
                }
                shared.turn = self.index + 1;
                // There is one: the queue is not blocked.
                let Some(mut slot) = shared.free.pop() else { return Ok(None) };
                slot.clear(self.index);
                let added = add(&mut shared.memory, &mut slot, &self.request, disk, statistics);
                if let Err(failure) = added {
                    self.refuse(failure, statistics);
                    shared.free.push(slot);
                    continue;
                }
                if self.rings.unread() > 0 {
                    self.merge(shared, &mut slot, disk, statistics)?;
                }
                slot
            };
            if let Some(request) = self.begin(shared, slot, statistics) {
                return Ok(Some(request));
            }
        }
    }

    /// Takes a request from the ring, or the one that was not merged. `false` if there is none.
    #[inline(always)]
    fn take(&mut self, shared: &mut Shared<P>) -> Result<bool, Corrupt> {
        if self.unmerged {
            self.unmerged = false;
            return Ok(true);
        }
        if shared.budget == 0 {
            return Ok(false);
        }
        let found = self.rings.pop(&mut self.request)?;
        let taken = u32::from(found);
        (shared.budget, shared.taken) = (shared.budget - taken, shared.taken + taken);
        Ok(found)
    }

    /// Adds the requests of the ring that continue a transfer, each of which has its own response.
    #[inline(never)]
    fn merge(
        &mut self,
        shared: &mut Shared<P>,
        slot: &mut Slot<P>,
        disk: &DiskLimits,
        statistics: &mut Statistics,
    ) -> Result<(), Corrupt> {
        while let Some(transfer) = slot.open_transfer() {
            let room = usize::from(disk.segments).saturating_sub(slot.segments.len());
            if self.rings.unread() == 0 || !self.take(shared)? {
                break;
            }
            if !transfer.is_continued_by(&self.request, room) {
                self.unmerged = true;
                break;
            }
            match add(&mut shared.memory, slot, &self.request, disk, statistics) {
                Ok(()) => statistics.merged += 1,
                Err(failure) => self.refuse(failure, statistics),
            }
        }
        Ok(())
    }

    /// Makes the memory of a request accessible, and hands it out, unless it has to be alone and
    /// waits for the others. `None` after a failure of all its requests of the ring.
    #[inline(always)]
    fn begin(
        &mut self,
        shared: &mut Shared<P>,
        mut slot: SlotBox<P>,
        statistics: &mut Statistics,
    ) -> Option<Request<P>> {
        while slot.open(&mut shared.memory, statistics).is_err() {
            if !slot.split() {
                self.respond_all(&slot, Err(Failure::Access), statistics);
                if !slot.next_ring_request() {
                    shared.free.push(slot);
                    return None;
                }
            }
        }
        if slot.exclusive {
            self.pending = Some(slot);
            return None;
        }
        Some(self.hand_out(slot))
    }

    #[inline]
    fn hand_out(&mut self, slot: SlotBox<P>) -> Request<P> {
        self.in_flight += 1;
        Request::new(slot)
    }

    /// Completes a request that this queue has handed out. The responses are pushed, not published.
    ///
    /// After a failure of several requests of the ring at once, each is handed out again alone, so
    /// that it has its own result; not one that the storage has dropped.
    #[inline]
    pub(super) fn complete(
        &mut self,
        shared: &mut Shared<P>,
        mut slot: SlotBox<P>,
        result: Completion,
        statistics: &mut Statistics,
    ) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if result == Completion::Done && slot.advance() {
            self.pending = Some(slot);
            return;
        }
        if slot.exclusive {
            self.exclusive = false;
        }
        let is_dropped = result == Completion::Dropped;
        let closed = slot.close(&mut shared.memory, result == Completion::Done);
        let result = match result {
            Completion::Done => closed.map_err(Failure::from),
            Completion::Failed(error) => Err(Failure::Storage(error)),
            Completion::Dropped => Err(Failure::Storage(BlockDeviceError::Io)),
        };
        if result.is_err() && !is_dropped && slot.split() {
            self.split.push(slot);
            return;
        }
        self.respond_all(&slot, result, statistics);
        if slot.next_ring_request() {
            self.split.push(slot);
        } else {
            shared.free.push(slot);
        }
    }

    /// Responds to the current requests of the ring.
    #[inline(always)]
    fn respond_all(
        &mut self,
        slot: &Slot<P>,
        result: Result<(), Failure>,
        statistics: &mut Statistics,
    ) {
        for request in slot.current() {
            let status =
                result.map_or_else(|failure| failure.status(statistics), |()| BlkifStatus::OKAY);
            self.respond(request.id, request.op, status);
        }
    }

    /// Responds to the request that was taken from the ring last, which was not added to a slot.
    fn refuse(&mut self, failure: Failure, statistics: &mut Statistics) {
        let (id, op) = (self.request.id, self.request.operation());
        self.respond(id, op, failure.status(statistics));
    }

    #[inline]
    fn respond(&mut self, id: u64, op: BlkifOp, status: BlkifStatus) {
        self.rings.respond(id, op, status);
        self.unpublished = true;
    }

    /// Publishes the responses, with one notification at most.
    pub(super) fn publish(&mut self) {
        self.unpublished = false;
        if self.rings.publish() == Notify::Send {
            // A port whose other end is gone has no receiver.
            let _ = self.channel.notify();
        }
    }

    /// Answers the requests that wait for others, and publishes all responses: the backend is
    /// dropped. One that was taken last and is not merged is left to the next backend.
    pub(super) fn fail_waiting(&mut self) {
        while let Some(slot) = self.pending.take().or_else(|| self.split.pop()) {
            self.fail(&slot);
        }
        self.publish();
    }

    /// Completes a request of a backend that is gone.
    pub(super) fn fail_orphan(&mut self, slot: &Slot<P>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.fail(slot);
        self.publish();
    }

    fn fail(&mut self, slot: &Slot<P>) {
        for request in slot.unanswered() {
            self.respond(request.id, request.op, BlkifStatus::ERROR);
        }
    }

    pub(super) fn final_check(&mut self) -> Result<bool, Corrupt> {
        self.rings.final_check()
    }
}

/// Validates a request, and adds it to those of a slot: a transfer to adjacent ones, or any one to
/// none. Nothing is added after an error.
#[inline(always)]
fn add<P: ForeignFrames>(
    memory: &mut GuestMemory<P>,
    slot: &mut Slot<P>,
    request: &WireRequest,
    disk: &DiskLimits,
    statistics: &mut Statistics,
) -> Result<(), Failure> {
    let (id, op) = (request.id, request.operation());
    let transfer = match disk.validate(request)? {
        ValidatedRequest::Transfer(transfer, segments) => {
            // There is room for all of a direct request.
            let _ = slot.segments.extend_from_slice(segments);
            transfer
        }
        ValidatedRequest::Indirect { mut transfer, page, count } => {
            let before = slot.segments.len();
            let copied = memory.copy_segments(page, count, &mut slot.segments, statistics);
            let added = slot.segments.get(before..).unwrap_or_default();
            let checked =
                copied.map_err(Failure::from).and_then(|()| Ok(disk.check(&mut transfer, added)?));
            if let Err(failure) = checked {
                slot.segments.truncate(before);
                return Err(failure);
            }
            transfer
        }
        ValidatedRequest::Flush { exclusive } => {
            statistics.flushes += 1;
            slot.exclusive = exclusive;
            slot.set(id, op, Work::Flush);
            return Ok(());
        }
        ValidatedRequest::Discard { sector, count, secure } => {
            statistics.discards += 1;
            slot.set(id, op, Work::Discard { sector, count, secure });
            return Ok(());
        }
    };
    if transfer.write {
        statistics.writes += 1;
        statistics.written_sectors += transfer.count;
    } else {
        statistics.reads += 1;
        statistics.read_sectors += transfer.count;
    }
    if transfer.flush_first {
        statistics.flushes += 1;
        (slot.step, slot.exclusive) = (Step::FlushFirst, true);
    }
    slot.add_transfer(id, op, transfer);
    Ok(())
}

/// The end of a request at the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Completion {
    Done,
    Failed(BlockDeviceError),
    /// The storage dropped it.
    Dropped,
}

/// The reason why a request was not carried out.
#[derive(Clone, Copy, Debug)]
enum Failure {
    Refused(RequestError),
    Access,
    Storage(BlockDeviceError),
}

impl Failure {
    /// Counts the failure and returns the status of the response.
    fn status(self, statistics: &mut Statistics) -> BlkifStatus {
        match self {
            Self::Refused(error) => {
                statistics.refused += 1;
                statistics.last_request_error = Some(error);
                error.status()
            }
            Self::Storage(BlockDeviceError::Unsupported) => {
                statistics.failed += 1;
                BlkifStatus::EOPNOTSUPP
            }
            Self::Access | Self::Storage(_) => {
                statistics.failed += 1;
                BlkifStatus::ERROR
            }
        }
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self::Refused(error)
    }
}

impl From<NoAccess> for Failure {
    fn from(_: NoAccess) -> Self {
        Self::Access
    }
}
