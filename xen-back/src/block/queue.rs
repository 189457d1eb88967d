//! The requests of one connection: taken from the ring, handed out, completed in any order.

use super::access::{Data, GrantMode, GuestMemory, NoAccess};
use super::request::Request;
use super::rings::Rings;
use super::slot::{HomeOwner, Slot, SlotBox, SlotList, Step, Work};
use super::validate::{DiskLimits, RequestError, ValidatedRequest, WireRequest};
use super::{BlockDeviceError, Statistics};
use xen_hypercall::{DomId, ForeignFrames, OutOfMemory, PageBox, StableSharedMem};
use xen_ring::{Corrupt, Notify};
use xen_sys::io::blkif::BlkifStatus;

/// A connected ring and its requests.
pub(super) struct Queue<P: ForeignFrames, M> {
    rings: Rings<M>,
    memory: GuestMemory<P>,
    home: HomeOwner<P>,
    free: SlotList<P>,
    /// A request whose next step can be handed out, or that waits for the others to be completed.
    pending: Option<SlotBox<P>>,
    /// Requests that the storage has.
    in_flight: u32,
    /// The request in flight, or the pending one between its steps, is to be alone.
    exclusive: bool,
    /// Requests that may still be taken from the ring in this round.
    budget: u32,
    /// Requests that were taken from the ring in this round.
    taken: u32,
    /// Responses were pushed and not published.
    unpublished: bool,
}

impl<P: ForeignFrames, M: StableSharedMem> Queue<P, M> {
    /// Makes a queue of at most `depth` requests in flight.
    pub(super) fn new(
        platform: &P,
        guest: DomId,
        rings: Rings<M>,
        mode: GrantMode,
        depth: u32,
    ) -> Result<Self, OutOfMemory> {
        let home = HomeOwner::new(platform)?;
        let mut free = SlotList::new();
        for _ in 0..depth.clamp(1, rings.slots()) {
            let slot = Slot::new(home.reference(), Data::new(platform, mode)?);
            free.push(PageBox::new(platform.clone(), slot)?);
        }
        Ok(Self {
            rings,
            memory: GuestMemory::new(platform, guest)?,
            home,
            free,
            pending: None,
            in_flight: 0,
            exclusive: false,
            budget: 0,
            taken: 0,
            unpublished: false,
        })
    }

    /// Begins a round, in which at most `budget` requests are taken from the ring. Returns how many
    /// the last round has taken.
    pub(super) fn begin_round(&mut self, budget: u32) -> u32 {
        self.budget = budget;
        core::mem::take(&mut self.taken)
    }

    /// Returns the number of requests that were taken from the ring in this round.
    pub(super) fn taken(&self) -> u32 {
        self.taken
    }

    /// Returns the number of requests that the storage has.
    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Returns whether a poll has work: to publish, to complete dropped requests, to see whether
    /// more requests came, or to have a step of a barrier handed out.
    pub(super) fn needs_poll(&self) -> bool {
        self.unpublished || self.taken > 0 || self.has_pending() || self.home.has_dropped()
    }

    /// Returns whether [`next`](Self::next) returns nothing before a request is completed.
    pub(super) fn is_blocked(&self) -> bool {
        match &self.pending {
            Some(_) => self.in_flight > 0,
            None => self.exclusive || self.free.is_empty(),
        }
    }

    /// Returns whether a request can be handed out that was taken from the ring before.
    pub(super) fn has_pending(&self) -> bool {
        self.pending.is_some() && self.in_flight == 0
    }

    /// Returns the next request for the storage. Requests that are not valid are answered.
    pub(super) fn next(
        &mut self,
        disk: &DiskLimits,
        statistics: &mut Statistics,
    ) -> Result<Option<Request<P>>, Corrupt> {
        loop {
            if self.is_blocked() {
                return Ok(None);
            }
            if let Some(slot) = self.pending.take() {
                self.exclusive = true;
                return Ok(Some(self.hand_out(slot)));
            }
            if self.budget == 0 {
                return Ok(None);
            }
            let Some(request) = self.rings.pop()? else { return Ok(None) };
            self.budget -= 1;
            self.taken += 1;
            // There is one: the queue is not blocked.
            let Some(mut slot) = self.free.pop() else { return Ok(None) };
            match self.prepare(&mut slot, &request, disk, statistics) {
                Ok(()) if slot.exclusive => self.pending = Some(slot),
                Ok(()) => return Ok(Some(self.hand_out(slot))),
                Err(failure) => self.respond(slot, failure.status(statistics)),
            }
        }
    }

    fn hand_out(&mut self, slot: SlotBox<P>) -> Request<P> {
        self.in_flight += 1;
        Request::new(slot)
    }

    /// Validates a request and makes its memory accessible.
    fn prepare(
        &mut self,
        slot: &mut Slot<P>,
        request: &WireRequest,
        disk: &DiskLimits,
        statistics: &mut Statistics,
    ) -> Result<(), Failure> {
        (slot.id, slot.op, slot.step) = (request.id, request.operation(), Step::Main);
        slot.exclusive = false;
        slot.segments.clear();
        let transfer = match disk.validate(request)? {
            ValidatedRequest::Transfer(transfer, segments) => {
                // There is room for all of a direct request.
                let _ = slot.segments.extend_from_slice(segments);
                transfer
            }
            ValidatedRequest::Indirect { mut transfer, page, count } => {
                self.memory.copy_segments(page, count, &mut slot.segments)?;
                disk.check(&mut transfer, &slot.segments)?;
                transfer
            }
            ValidatedRequest::Flush { exclusive } => {
                statistics.flushes += 1;
                (slot.work, slot.exclusive) = (Work::Flush, exclusive);
                return Ok(());
            }
            ValidatedRequest::Discard { sector, count, secure } => {
                statistics.discards += 1;
                slot.work = Work::Discard { sector, count, secure };
                return Ok(());
            }
        };
        if transfer.write {
            statistics.writes += 1;
        } else {
            statistics.reads += 1;
        }
        slot.work = Work::Transfer(transfer);
        if transfer.flush_first {
            statistics.flushes += 1;
            (slot.step, slot.exclusive) = (Step::FlushFirst, true);
        }
        Ok(slot.data.open(&self.memory, transfer.write, &slot.segments)?)
    }

    /// Returns whether the request was handed out by this queue.
    pub(super) fn owns(&self, request: &Request<P>) -> bool {
        request.slot().is_some_and(|slot| self.home.is_home_of(slot))
    }

    /// Completes a request that this queue has handed out. The response is pushed, not published.
    pub(super) fn complete(
        &mut self,
        request: Request<P>,
        result: Result<(), BlockDeviceError>,
        statistics: &mut Statistics,
    ) {
        if let Some(slot) = request.into_slot() {
            self.complete_slot(slot, result, statistics);
        }
    }

    fn complete_slot(
        &mut self,
        mut slot: SlotBox<P>,
        result: Result<(), BlockDeviceError>,
        statistics: &mut Statistics,
    ) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if result.is_ok() && slot.advance() {
            self.pending = Some(slot);
            return;
        }
        if slot.exclusive {
            self.exclusive = false;
        }
        let mut result = result.map_err(Failure::Storage);
        if let Work::Transfer(transfer) = slot.work {
            let Slot { data, segments, .. } = &mut *slot;
            let read = result.is_ok() && !transfer.write;
            let closed = data.close(self.memory.guest, read, segments);
            result = result.and(closed.map_err(Failure::from));
        }
        let status =
            result.map_or_else(|failure| failure.status(statistics), |()| BlkifStatus::OKAY);
        self.respond(slot, status);
    }

    /// Completes the requests that the storage has dropped.
    pub(super) fn complete_dropped(&mut self, statistics: &mut Statistics) {
        // Each slot can be there once.
        while let Some(slot) = self.home.pop() {
            self.complete_slot(slot, Err(BlockDeviceError::Io), statistics);
        }
    }

    fn respond(&mut self, slot: SlotBox<P>, status: BlkifStatus) {
        self.rings.respond(slot.id, slot.op, status);
        self.unpublished = true;
        self.free.push(slot);
    }

    pub(super) fn publish(&mut self) -> Notify {
        self.unpublished = false;
        self.rings.publish()
    }

    pub(super) fn final_check(&mut self) -> Result<bool, Corrupt> {
        self.rings.final_check()
    }

    /// Ends the connection. Returns the record of the requests that are still in flight.
    pub(super) fn disconnect(self) -> Option<Draining<P>> {
        let Self { rings, home, in_flight, .. } = self;
        drop(rings);
        let draining = Draining { home, in_flight };
        (in_flight > 0).then_some(draining)
    }
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
        request.slot().is_some_and(|slot| self.home.is_home_of(slot))
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

/// The reason why a request was not carried out.
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
