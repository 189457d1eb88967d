//! The ring of a connection: requests and responses as the backend sees them.

use super::ProtocolError;
use xen_hypercall::{GrantRef, StableSharedMem};
use xen_ring::{FrontRing, Notify, RingError};
use xen_sys::io::blkif::{
    BLKIF_DISCARD_SECURE, BlkifOp, BlkifRequest, BlkifRequestDiscard, BlkifRequestIndirect,
    BlkifRequestSegment, BlkifResponse, BlkifStatus,
};
use zerocopy::IntoBytes;

/// Slots of a ring of one page.
pub(super) const RING_SLOTS: u16 = 32;

/// The most requests in flight: the slots of the largest ring, of 16 pages.
pub const MAX_DEPTH: u16 = 512;

/// The bits of an id that hold the slot of the request in the driver's table.
const SLOT_BITS: u32 = MAX_DEPTH.ilog2();

/// A request as the backend gets it, without its id.
pub(super) struct WireRequest<'s> {
    pub(super) operation: BlkifOp,
    pub(super) sector: u64,
    pub(super) body: Body<'s>,
}

/// The part of a request whose layout depends on its operation.
#[derive(Clone, Copy)]
pub(super) enum Body<'s> {
    /// The data of a read or a write; empty for a flush.
    Segments(&'s [BlkifRequestSegment]),
    /// The data of a read or a write, with `count` segments in a page of their own.
    Indirect { count: u16, page: GrantRef },
    /// The range of a discard.
    Discard { sectors: u64, secure: bool },
}

/// A response to a published request, unless the backend made its id up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Response {
    /// The slot of the request in the driver's table, below [`MAX_DEPTH`].
    pub(super) slot: u16,
    /// The number of the request on this ring.
    pub(super) number: u64,
    pub(super) id: u64,
    pub(super) operation: BlkifOp,
    pub(super) status: BlkifStatus,
}

/// The ring in memory `M`.
///
/// An id is the number of the request on this ring, with its slot in the low bits. No id is used
/// twice, so a late or repeated response is detected even if its slot holds a new request.
#[derive(Debug)]
pub(super) struct RequestRing<M> {
    ring: FrontRing<M, BlkifRequest, BlkifResponse>,
    handle: u16,
    /// Number of the next request.
    next: u64,
    /// Numbers below this one have been published.
    published: u64,
    broken: Option<ProtocolError>,
}

impl<M: StableSharedMem> RequestRing<M> {
    pub(super) fn new(mem: M, handle: u16) -> Result<Self, RingError> {
        Ok(Self { ring: FrontRing::new(mem)?, handle, next: 0, published: 0, broken: None })
    }

    /// Returns the number of free slots of the ring.
    pub(super) fn free(&self) -> usize {
        if self.broken.is_some() { 0 } else { self.ring.free() as usize }
    }

    /// Returns the memory of the ring.
    pub(super) fn memory(&self) -> &M {
        self.ring.memory()
    }

    /// Returns how the backend broke the protocol, if it did.
    pub(super) fn broken(&self) -> Option<ProtocolError> {
        self.broken
    }

    /// Marks the ring as broken: it is not accessed again. Returns the first reason.
    pub(super) fn mark_broken(&mut self, reason: ProtocolError) -> ProtocolError {
        *self.broken.get_or_insert(reason)
    }

    /// Pushes a request for the next [`publish`](Self::publish) and returns its number; `None` if
    /// the ring is full or broken.
    pub(super) fn push(&mut self, slot: u16, request: &WireRequest<'_>) -> Option<u64> {
        if self.broken.is_some() {
            return None;
        }
        let number = self.next;
        let mut wire = BlkifRequest {
            operation: request.operation,
            handle: self.handle,
            id: number << SLOT_BITS | u64::from(slot),
            sector_number: request.sector,
            ..Default::default()
        };
        match request.body {
            Body::Segments(segments) => {
                wire.nr_segments = segments.len() as u8;
                wire.seg.get_mut(..segments.len())?.copy_from_slice(segments);
            }
            Body::Indirect { count, page } => write_indirect(&mut wire, count, page),
            Body::Discard { sectors, secure } => write_discard(&mut wire, sectors, secure),
        }
        self.ring.push(&wire).ok()?;
        self.next += 1;
        Some(number)
    }

    /// Publishes what was pushed. Returns whether the backend must be notified.
    pub(super) fn publish(&mut self) -> Notify {
        if self.broken.is_some() {
            return Notify::Skip;
        }
        self.published = self.next;
        self.ring.publish()
    }

    /// Takes the next response. After `None` the backend notifies of the next one.
    pub(super) fn pop(&mut self) -> Result<Option<Response>, ProtocolError> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        let popped = self.next_response();
        let Some(BlkifResponse { id, operation, status, .. }) =
            popped.map_err(|corrupt| self.mark_broken(ProtocolError::Ring(corrupt)))?
        else {
            return Ok(None);
        };
        let (slot, number) = (id as u16 % MAX_DEPTH, id >> SLOT_BITS);
        if number >= self.published {
            return Err(self.mark_broken(ProtocolError::UnknownId { id }));
        }
        Ok(Some(Response { slot, number, id, operation, status }))
    }

    fn next_response(&mut self) -> Result<Option<BlkifResponse>, xen_ring::Corrupt> {
        if let Some(response) = self.ring.pop()? {
            return Ok(Some(response));
        }
        if self.ring.final_check()? { self.ring.pop() } else { Ok(None) }
    }
}

/// Overwrites the start of a request with that of an indirect one, which is shorter. The response
/// has the operation of the request, not [`BlkifOp::INDIRECT`] (Linux: `xen-blkback`,
/// `xen-blkfront`).
fn write_indirect(wire: &mut BlkifRequest, count: u16, page: GrantRef) {
    let &mut BlkifRequest { operation, handle, id, sector_number, .. } = wire;
    let mut indirect = BlkifRequestIndirect {
        operation: BlkifOp::INDIRECT,
        indirect_op: operation,
        nr_segments: count,
        id,
        sector_number,
        handle,
        ..Default::default()
    };
    indirect.indirect_grefs[0] = page;
    // `BlkifRequest` is the longer one.
    let _ = indirect.write_to_prefix(wire.as_mut_bytes());
}

/// Overwrites the start of a request with that of a discard, which is shorter.
#[cold]
fn write_discard(wire: &mut BlkifRequest, sectors: u64, secure: bool) {
    let &mut BlkifRequest { operation, handle, id, sector_number, .. } = wire;
    let discard = BlkifRequestDiscard {
        operation,
        flag: if secure { BLKIF_DISCARD_SECURE } else { 0 },
        handle,
        id,
        sector_number,
        nr_sectors: sectors,
        ..Default::default()
    };
    // `BlkifRequest` is the longer one.
    let _ = discard.write_to_prefix(wire.as_mut_bytes());
}
