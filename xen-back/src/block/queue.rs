//! One queue of a connection: its requests are taken from the ring, handed out, and completed in
//! any order.

use super::access::{GuestMemory, NoAccess};
use super::request::Request;
use super::ring_nodes::QueueNodes;
use super::rings::{Abi, Rings};
use super::slot::{HomeOwner, Slot, SlotBox, SlotList, Step, Work};
use super::validate::{DiskLimits, RequestError, ValidatedRequest, WireRequest};
use super::{BlkBackError, BlockDeviceError, Statistics};
use xen_evtchn::Channel;
use xen_grant::{GrantMapArea, GrantMapping, ReadWrite};
use xen_hypercall::{DomId, ForeignFrames, Port};
use xen_ring::{Corrupt, Notify};
use xen_sys::io::blkif::BlkifStatus;

/// The common state of the queues of a connection.
pub(super) struct Shared<P: ForeignFrames> {
    pub(super) memory: GuestMemory<P>,
    pub(super) home: HomeOwner<P>,
    pub(super) free: SlotList<P>,
    /// Requests that may still be taken from the rings in this round.
    pub(super) budget: u32,
    /// Requests that were taken from the rings in this round.
    pub(super) taken: u32,
}

/// A connected ring and its requests.
pub(super) struct Queue<P: ForeignFrames> {
    // Dropped in this order: the ring is unmapped last, after the end of its events.
    channel: Channel<P>,
    rings: Rings<GrantMapping<P, ReadWrite>>,
    /// Its number.
    index: u8,
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
    ) -> Result<Self, BlkBackError> {
        let queue = u32::from(index);
        let area = GrantMapArea::reserve(platform.clone(), nodes.refs.len())?;
        let mapping = area
            .map(guest, &nodes.refs)
            .map_err(|failed| BlkBackError::Map { queue, error: failed.error })?;
        let rings = Rings::attach(abi, mapping).map_err(BlkBackError::Ring)?;
        let channel = Channel::bind_interdomain(platform.clone(), guest, nodes.port)
            .map_err(|errno| BlkBackError::Port { queue, port: nodes.port, errno })?;
        Ok(Self {
            channel,
            rings,
            index,
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
    pub(super) fn needs_poll(&self) -> bool {
        self.unpublished || self.has_pending()
    }

    /// Returns whether [`next`](Self::next) returns nothing before a request is completed.
    pub(super) fn is_blocked(&self, shared: &Shared<P>) -> bool {
        match &self.pending {
            Some(_) => self.in_flight > 0,
            None => self.exclusive || shared.free.is_empty(),
        }
    }

    /// Returns whether a request can be handed out that was taken from the ring before.
    pub(super) fn has_pending(&self) -> bool {
        self.pending.is_some() && self.in_flight == 0
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
            if let Some(slot) = self.pending.take() {
                self.exclusive = true;
                return Ok(Some(self.hand_out(slot)));
            }
            if shared.budget == 0 {
                return Ok(None);
            }
            let Some(request) = self.rings.pop()? else { return Ok(None) };
            shared.budget -= 1;
            shared.taken += 1;
            // There is one: the queue is not blocked.
            let Some(mut slot) = shared.free.pop() else { return Ok(None) };
            slot.queue = self.index;
            match prepare(&mut shared.memory, &mut slot, &request, disk, statistics) {
                Ok(()) if slot.exclusive => self.pending = Some(slot),
                Ok(()) => return Ok(Some(self.hand_out(slot))),
                Err(failure) => self.respond(shared, slot, failure.status(statistics)),
            }
        }
    }

    #[inline]
    fn hand_out(&mut self, slot: SlotBox<P>) -> Request<P> {
        self.in_flight += 1;
        Request::new(slot)
    }

    /// Completes a request that this queue has handed out. The response is pushed, not published.
    #[inline]
    pub(super) fn complete(
        &mut self,
        shared: &mut Shared<P>,
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
            let closed = data.close(&mut shared.memory, read, segments);
            result = result.and(closed.map_err(Failure::from));
        }
        let status =
            result.map_or_else(|failure| failure.status(statistics), |()| BlkifStatus::OKAY);
        self.respond(shared, slot, status);
    }

    #[inline]
    fn respond(&mut self, shared: &mut Shared<P>, slot: SlotBox<P>, status: BlkifStatus) {
        self.rings.respond(slot.id, slot.op, status);
        self.unpublished = true;
        shared.free.push(slot);
    }

    /// Publishes the responses, with one notification at most.
    pub(super) fn publish(&mut self) {
        self.unpublished = false;
        if self.rings.publish() == Notify::Send {
            // A port whose other end is gone has no receiver.
            let _ = self.channel.notify();
        }
    }

    pub(super) fn final_check(&mut self) -> Result<bool, Corrupt> {
        self.rings.final_check()
    }
}

/// Validates a request and makes its memory accessible.
fn prepare<P: ForeignFrames>(
    memory: &mut GuestMemory<P>,
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
            memory.copy_segments(page, count, &mut slot.segments, statistics)?;
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
        statistics.written_sectors += transfer.count;
    } else {
        statistics.reads += 1;
        statistics.read_sectors += transfer.count;
    }
    slot.work = Work::Transfer(transfer);
    if transfer.flush_first {
        statistics.flushes += 1;
        (slot.step, slot.exclusive) = (Step::FlushFirst, true);
    }
    Ok(slot.data.open(memory, transfer.write, &slot.segments, statistics)?)
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
