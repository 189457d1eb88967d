//! Requests in flight: the ring, and the private record of what was asked for.

use super::{ProtocolError, Token};
use heapless::Vec;
use xen_hypercall::StableSharedMem;
use xen_ring::{FrontRing, Notify, RingError};
use xen_sys::io::blkif::{
    BLKIF_MAX_SEGMENTS_PER_REQUEST, BlkifOp, BlkifRequest, BlkifRequestSegment, BlkifResponse,
    BlkifStatus,
};

/// Slots of a ring of one page: the least number of requests that can be in flight at once, and the
/// default.
pub const DEFAULT_DEPTH: usize = 32;

/// Requests of the largest ring, one of 16 pages.
pub const MAX_DEPTH: usize = 512;

/// Returns the order of the ring that has room for `depth` requests: the binary logarithm of its
/// pages.
pub(crate) const fn ring_order(depth: usize) -> u32 {
    assert!(depth.is_power_of_two() && DEFAULT_DEPTH <= depth && depth <= MAX_DEPTH);
    (depth / DEFAULT_DEPTH).ilog2()
}

/// A request as the peer gets it, without its id.
pub(crate) struct WireRequest<'s> {
    pub(crate) operation: BlkifOp,
    pub(crate) sector: u64,
    pub(crate) segments: &'s [BlkifRequestSegment],
}

/// A request that has its answer, or never gets one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shadow<T> {
    pub(crate) token: Token,
    pub(crate) operation: BlkifOp,
    pub(crate) payload: T,
}

/// The ring in memory `M`, and each request's payload `T`, which is kept here while the peer may
/// use it; at most `DEPTH` at once, a power of two.
///
/// An id on the wire is the request's own number with its slot in the low bits, so it never comes
/// twice: a late or repeated response is found out even when its slot has a new request.
#[derive(Debug)]
pub(crate) struct Requests<M, T, const DEPTH: usize> {
    ring: FrontRing<M, BlkifRequest, BlkifResponse>,
    handle: u16,
    /// Each with its number on this ring.
    slots: [Option<(u64, Shadow<T>)>; DEPTH],
    /// The free slots.
    free: Vec<u16, DEPTH>,
    /// Number of the next request.
    next: u64,
    /// Numbers below this one have been published.
    published: u64,
    broken: Option<ProtocolError>,
}

impl<M: StableSharedMem, T, const DEPTH: usize> Requests<M, T, DEPTH> {
    pub(crate) fn new(mem: M, handle: u16) -> Result<Self, RingError> {
        Ok(Self {
            ring: FrontRing::new(mem)?,
            handle,
            slots: [const { None }; DEPTH],
            free: (0..DEPTH as u16).rev().collect(),
            next: 0,
            published: 0,
            broken: None,
        })
    }

    /// Returns how many requests have no answer yet.
    pub(crate) fn in_flight(&self) -> usize {
        DEPTH - self.free.len()
    }

    /// Returns how many requests there is room for.
    pub(crate) fn free_slots(&self) -> usize {
        self.free.len().min(self.ring.free() as usize)
    }

    /// Queues a request for the next [`publish`](Self::publish); gives the payload back if there is
    /// no room.
    pub(crate) fn push(
        &mut self,
        token: Token,
        order: &WireRequest<'_>,
        payload: T,
    ) -> Result<(), T> {
        let index = self.free.last().map_or(DEPTH, |&index| usize::from(index));
        let Some(slot) = self.slots.get_mut(index).filter(|_| self.broken.is_none()) else {
            return Err(payload);
        };
        let mut request = BlkifRequest {
            operation: order.operation,
            nr_segments: order.segments.len() as u8,
            handle: self.handle,
            id: self.next * DEPTH as u64 + index as u64,
            sector_number: order.sector,
            ..Default::default()
        };
        let Some(segments) = request.seg.get_mut(..order.segments.len()) else {
            return Err(payload);
        };
        segments.copy_from_slice(order.segments);
        if self.ring.push(&request).is_err() {
            return Err(payload);
        }
        *slot = Some((self.next, Shadow { token, operation: order.operation, payload }));
        self.free.pop();
        self.next += 1;
        Ok(())
    }

    /// Shows the peer all that was queued; tells whether it has to be notified.
    pub(crate) fn publish(&mut self) -> Notify {
        if self.broken.is_some() {
            return Notify::Skip;
        }
        self.published = self.next;
        self.ring.publish()
    }

    /// Takes the next answered request. After `None` the peer notifies of the next answer.
    pub(crate) fn next_completed(
        &mut self,
    ) -> Result<Option<(Shadow<T>, BlkifStatus)>, ProtocolError> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        let response = match self.next_response() {
            Ok(Some(response)) => response,
            Ok(None) => return Ok(None),
            Err(broken) => return Err(self.mark_broken(broken)),
        };
        match self.take_matching(&response) {
            Ok(done) => Ok(Some((done, response.status))),
            Err(broken) => Err(self.mark_broken(broken)),
        }
    }

    /// Marks the ring as never to be touched again, unless it is already, and returns the first
    /// reason.
    pub(crate) fn mark_broken(&mut self, reason: ProtocolError) -> ProtocolError {
        *self.broken.get_or_insert(reason)
    }

    /// Takes any request out that has no answer. The ring must not be used any more.
    pub(crate) fn take_in_flight(&mut self) -> Option<Shadow<T>> {
        let index = self.slots.iter().position(Option::is_some)?;
        let (_, done) = self.slots.get_mut(index)?.take()?;
        self.free_slot(index);
        Some(done)
    }

    /// Returns the payload of a request that has no answer yet.
    pub(crate) fn payload_mut(&mut self, token: Token) -> Option<&mut T> {
        let mut found = self.slots.iter_mut().flatten();
        found.find_map(|(_, done)| (done.token == token).then_some(&mut done.payload))
    }

    /// Lends the memory of the ring.
    pub(crate) fn memory(&self) -> &M {
        self.ring.memory()
    }

    fn next_response(&mut self) -> Result<Option<BlkifResponse>, ProtocolError> {
        if let Some(response) = self.ring.pop().map_err(ProtocolError::Ring)? {
            return Ok(Some(response));
        }
        if self.ring.final_check().map_err(ProtocolError::Ring)? {
            return self.ring.pop().map_err(ProtocolError::Ring);
        }
        Ok(None)
    }

    /// Takes the request out that `response` answers, if there is one in flight.
    fn take_matching(&mut self, response: &BlkifResponse) -> Result<Shadow<T>, ProtocolError> {
        let unknown = ProtocolError::UnknownId { id: response.id };
        let index = (response.id % DEPTH as u64) as usize;
        let number = response.id / DEPTH as u64;
        let slot = self.slots.get_mut(index).ok_or(unknown)?;
        let found = slot.as_ref().filter(|(own, _)| *own == number && number < self.published);
        let expected = found.ok_or(unknown)?.1.operation;
        if response.operation != expected {
            return Err(ProtocolError::WrongOperation { found: response.operation, expected });
        }
        let (_, done) = slot.take().ok_or(unknown)?;
        self.free_slot(index);
        Ok(done)
    }

    fn free_slot(&mut self, index: usize) {
        // It was taken from there, so there is room.
        let _ = self.free.push(index as u16);
    }
}

/// Lists the segments of `sectors` sectors that lie in whole pages, one after the other.
pub(crate) fn segments(
    refs: &[xen_hypercall::GrantRef],
    sectors: usize,
) -> Vec<BlkifRequestSegment, BLKIF_MAX_SEGMENTS_PER_REQUEST> {
    const PER_PAGE: usize = super::SECTORS_PER_PAGE;
    let mut list = Vec::new();
    for (page, &gref) in refs.iter().enumerate().take(sectors.div_ceil(PER_PAGE)) {
        let last_sect = (sectors - page * PER_PAGE).min(PER_PAGE) as u8 - 1;
        // Callers have at most as many pages as the list has room for.
        let _ = list.push(BlkifRequestSegment { gref, first_sect: 0, last_sect, _pad0: [0; 2] });
    }
    list
}

#[cfg(test)]
mod tests;
