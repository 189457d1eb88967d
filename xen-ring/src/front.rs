//! The front end of a request/response ring: produces requests, consumes responses.

use crate::index::{Consumer, Producer};
use crate::layout::{REQ_EVENT, REQ_PROD, RSP_EVENT, RSP_PROD};
use crate::{Corrupt, Notify, RingError, RingLayout};
use core::fmt;
use xen_hypercall::SharedMem;
use xen_hypercall::sync::Ordering;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// No free slot: responses have to be taken first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ring full: every slot has a request without a response")
    }
}

impl core::error::Error for Full {}

/// The front end of a ring in memory `M`.
///
/// Requests are pushed privately and published together; responses are copied out one at a time. The indices can't be touched
/// in any other way. What the peer writes is checked at every load; a broken index poisons the ring for good.
///
/// Source: `io/ring.h`.
#[derive(Debug)]
pub struct FrontRing<M, Req, Rsp> {
    mem: M,
    layout: RingLayout<Req, Rsp>,
    requests: Producer<REQ_PROD, REQ_EVENT>,
    responses: Consumer<RSP_PROD, RSP_EVENT>,
}

impl<M, Req, Rsp> FrontRing<M, Req, Rsp>
where
    M: AsRef<SharedMem>,
    Req: FromBytes + IntoBytes + Immutable,
    Rsp: FromBytes + IntoBytes + Immutable,
{
    /// Starts a ring in fresh memory, which the peer must not know of yet. All of it is zeroed.
    ///
    /// # Errors
    ///
    /// [`RingError`] if the memory has no room for a slot.
    #[doc(alias("SHARED_RING_INIT", "FRONT_RING_INIT"))]
    pub fn new(mem: M) -> Result<Self, RingError> {
        let shared = mem.as_ref();
        let layout = RingLayout::for_size(shared.len())?;
        shared.zero();
        shared.u32::<REQ_EVENT>().store(1, Ordering::Relaxed);
        shared.u32::<RSP_EVENT>().store(1, Ordering::Relaxed);
        Ok(Self { mem, layout, requests: Producer::starting_at(0), responses: Consumer::starting_at(0) })
    }

    /// Returns the number of slots, a power of two.
    pub fn slots(&self) -> u32 {
        self.layout.slots()
    }

    /// Returns how many requests can be pushed before responses have to be taken.
    #[doc(alias = "RING_FREE_REQUESTS")]
    pub fn free(&self) -> u32 {
        self.slots() - self.requests.private.wrapping_sub(self.responses.taken)
    }

    /// Returns the slot that the next request goes to, in `0..slots()`; protocols that tie ids to slots need it.
    pub fn next_slot(&self) -> u32 {
        self.requests.private & (self.slots() - 1)
    }

    /// Returns what poisoned the ring, if something did.
    pub fn poison(&self) -> Option<Corrupt> {
        self.responses.poison()
    }

    /// Writes a request to the next slot. The peer does not see it before [`publish`](Self::publish).
    ///
    /// # Errors
    ///
    /// [`Full`] if no slot is free, or the ring is poisoned.
    #[inline]
    pub fn push(&mut self, request: &Req) -> Result<(), Full> {
        if self.free() == 0 || self.poison().is_some() {
            return Err(Full);
        }
        self.layout.write(self.mem.as_ref(), self.requests.private, request).ok_or(Full)?;
        self.requests.private = self.requests.private.wrapping_add(1);
        Ok(())
    }

    /// Shows the peer all that was pushed, and tells whether it has to be notified.
    #[doc(alias = "RING_PUSH_REQUESTS_AND_CHECK_NOTIFY")]
    #[inline]
    pub fn publish(&mut self) -> Notify {
        self.requests.publish(self.mem.as_ref())
    }

    /// Takes the next response, a private copy, if there is one.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the peer's index is ahead of what was requested, or moved back, now or at any time before.
    #[inline]
    pub fn pop(&mut self) -> Result<Option<Rsp>, Corrupt> {
        if !self.responses.available(self.mem.as_ref(), self.outstanding())? {
            return Ok(None);
        }
        let response = self.layout.read(self.mem.as_ref(), self.responses.taken);
        self.responses.taken = self.responses.taken.wrapping_add(1);
        Ok(response)
    }

    /// Asks for a notification of the next response, then looks whether one has come meanwhile.
    ///
    /// Call it when [`pop`](Self::pop) found nothing and before waiting; `true` means: don't wait, pop again.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`pop`](Self::pop).
    #[doc(alias = "RING_FINAL_CHECK_FOR_RESPONSES")]
    pub fn final_check(&mut self) -> Result<bool, Corrupt> {
        self.responses.final_check(self.mem.as_ref(), self.outstanding())
    }

    /// Returns how many published requests have no response that was taken.
    pub fn outstanding(&self) -> u32 {
        self.requests.published.wrapping_sub(self.responses.taken)
    }

    /// Gives the memory back, for the grant to be ended.
    pub fn into_memory(self) -> M {
        self.mem
    }

    /// Lends the memory, for its grant references.
    pub fn memory(&self) -> &M {
        &self.mem
    }
}

#[cfg(all(test, not(loom)))]
impl<M: AsRef<SharedMem>, Req, Rsp> FrontRing<M, Req, Rsp> {
    /// Starts over at `index`, as a ring that has run for long.
    pub(crate) fn jump_to(&mut self, index: u32) {
        self.requests = Producer::starting_at(index);
        self.responses = Consumer::starting_at(index);
        let mem = self.mem.as_ref();
        mem.write(0, &[index, index.wrapping_add(1), index, index.wrapping_add(1)]);
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
