//! Front end of a request/response ring: produces requests, consumes responses.

use crate::index::{Batch, Consumer, Producer};
use crate::layout::{REQ_EVENT, REQ_PROD, RSP_EVENT, RSP_PROD, RingMem, Slots, slots_of};
use crate::{Corrupt, Notify, RingError};
use core::borrow::Borrow;
use thiserror::Error;
use xen_hypercall::StableSharedMem;
use xen_hypercall::sync::Ordering;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Error of a full ring: responses must be taken first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("ring full: every slot has a request without a response")]
pub struct Full;

/// Front end of a ring in memory `M`.
///
/// Requests are pushed privately and published together. Responses are copied out one at a time. No
/// other way to the indices exists. The peer's values are checked at every load; an invalid index
/// poisons the ring permanently.
///
/// Source: `io/ring.h`.
#[derive(Debug)]
pub struct FrontRing<M, Req, Rsp> {
    slots: RingMem<M, Req, Rsp>,
    requests: Producer<REQ_PROD, REQ_EVENT>,
    responses: Consumer<RSP_PROD, RSP_EVENT>,
}

impl<M, Req, Rsp> FrontRing<M, Req, Rsp>
where
    M: StableSharedMem,
    Req: FromBytes + IntoBytes + Immutable,
    Rsp: FromBytes + IntoBytes + Immutable,
{
    /// Initializes a ring in new memory, to which the peer has no access yet. All of the memory is
    /// zeroed.
    ///
    /// # Errors
    ///
    /// [`RingError`] if the memory has no room for a slot.
    #[doc(alias("SHARED_RING_INIT", "FRONT_RING_INIT"))]
    pub fn new(mem: M) -> Result<Self, RingError> {
        let slots = slots_of(mem)?;
        let shared = slots.owner().as_ref();
        shared.zero();
        shared.u32::<REQ_EVENT>().store(1, Ordering::Relaxed);
        shared.u32::<RSP_EVENT>().store(1, Ordering::Relaxed);
        Ok(Self { slots, requests: Producer::starting_at(0), responses: Consumer::starting_at(0) })
    }

    /// Returns the number of slots, a power of two.
    pub fn slots(&self) -> u32 {
        self.slots.count()
    }

    /// Returns the number of requests that can be pushed before responses must be taken.
    #[doc(alias = "RING_FREE_REQUESTS")]
    pub fn free(&self) -> u32 {
        self.slots() - self.requests.private.wrapping_sub(self.responses.taken)
    }

    /// Returns the error that poisoned the ring, if any.
    pub fn poison(&self) -> Option<Corrupt> {
        self.responses.poison()
    }

    /// Writes a request to the next slot. The peer does not see the request before
    /// [`publish`](Self::publish).
    ///
    /// # Errors
    ///
    /// [`Full`] if no slot is free, or the ring is poisoned.
    #[inline]
    pub fn push(&mut self, request: &Req) -> Result<(), Full> {
        if self.free() == 0 || self.poison().is_some() {
            return Err(Full);
        }
        self.slots.shared().write(self.requests.private, request);
        self.requests.private = self.requests.private.wrapping_add(1);
        Ok(())
    }

    /// Writes requests to the next slots, as far as there are requests and room, and returns their
    /// number. The iterator keeps the rest.
    ///
    /// ```
    /// # use xen_hypercall::{Page, SharedMem};
    /// # let mut pages = [Page::ZERO];
    /// let mut ring = xen_ring::FrontRing::<_, u64, u64>::new(SharedMem::from_pages(&mut pages))?;
    /// let mut requests = 0..300u64;
    /// assert_eq!(ring.push_from(&mut requests), 256);
    /// assert_eq!(requests, 256..300);
    /// # Ok::<(), xen_ring::RingError>(())
    /// ```
    #[inline]
    pub fn push_from<R: Borrow<Req>>(&mut self, requests: impl IntoIterator<Item = R>) -> u32 {
        let room = if self.poison().is_none() { self.free() } else { 0 };
        let (start, slots) = (self.requests.private, self.slots.shared());
        let mut next = start;
        requests.into_iter().take(room as usize).for_each(|request| {
            slots.write(next, request.borrow());
            next = next.wrapping_add(1);
        });
        self.requests.private = next;
        next.wrapping_sub(start)
    }

    /// Publishes all pushed requests, and returns whether the peer must be notified.
    #[doc(alias = "RING_PUSH_REQUESTS_AND_CHECK_NOTIFY")]
    #[inline]
    pub fn publish(&mut self) -> Notify {
        self.requests.publish(self.slots.owner().as_ref())
    }

    /// Takes the next response, if any, as a private copy.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the peer's index is ahead of the requests, or moved back, now or at any time
    /// before.
    #[inline]
    pub fn pop(&mut self) -> Result<Option<Rsp>, Corrupt> {
        let slots = self.slots.shared();
        let index = self.responses.next(slots.memory(), self.outstanding())?;
        Ok(index.map(|index| slots.read(index)))
    }

    /// Loads the peer's index once, and returns the responses up to it, each as a private copy.
    /// Responses that remain when the iterator is dropped stay in the ring.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`pop`](Self::pop).
    #[inline]
    pub fn responses(&mut self) -> Result<Responses<'_, Req, Rsp>, Corrupt> {
        let slots = self.slots.shared();
        let batch = self.responses.batch(slots.memory(), self.outstanding())?;
        Ok(Responses { slots, batch })
    }

    /// Requests a notification of the next response, then checks for one that came meanwhile.
    ///
    /// A driver calls it after [`pop`](Self::pop) returned `None` and before it waits. On `true`,
    /// the driver must not wait and must pop again.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`pop`](Self::pop).
    #[doc(alias = "RING_FINAL_CHECK_FOR_RESPONSES")]
    pub fn final_check(&mut self) -> Result<bool, Corrupt> {
        let room = self.outstanding();
        self.responses.final_check(self.slots.owner().as_ref(), room)
    }

    /// Returns the number of published requests whose response was not taken.
    pub fn outstanding(&self) -> u32 {
        self.requests.published.wrapping_sub(self.responses.taken)
    }

    /// Returns the memory by value, for the end of its grant.
    pub fn into_memory(self) -> M {
        self.slots.into_owner()
    }

    /// Returns the memory, for its grant references.
    pub fn memory(&self) -> &M {
        self.slots.owner()
    }
}

/// Responses up to a loaded index of the peer: [`FrontRing::responses`].
#[derive(Debug)]
pub struct Responses<'r, Req, Rsp> {
    slots: Slots<'r, Req, Rsp>,
    batch: Batch<'r, RSP_PROD, RSP_EVENT>,
}

impl<Req, Rsp> Responses<'_, Req, Rsp> {
    /// Does the same as [`FrontRing::final_check`], after all responses were taken. `true` means
    /// that the peer's index has moved, so that the driver must not wait. The next call that takes
    /// responses checks the index.
    #[doc(alias = "RING_FINAL_CHECK_FOR_RESPONSES")]
    #[inline]
    pub fn finish(self) -> bool {
        self.batch.final_check(self.slots.memory())
    }
}

impl<Req, Rsp: FromBytes> Iterator for Responses<'_, Req, Rsp> {
    type Item = Rsp;

    #[inline]
    fn next(&mut self) -> Option<Rsp> {
        self.batch.next().map(|index| self.slots.read(index))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.batch.size_hint()
    }
}

impl<Req, Rsp: FromBytes> ExactSizeIterator for Responses<'_, Req, Rsp> {}

#[cfg(all(test, not(loom)))]
impl<M: StableSharedMem, Req, Rsp> FrontRing<M, Req, Rsp> {
    /// Moves the ring to `index`, as after a long time of use.
    pub(crate) fn jump_to(&mut self, index: u32) {
        self.requests = Producer::starting_at(index);
        self.responses = Consumer::starting_at(index);
        let mem = self.slots.owner().as_ref();
        mem.write(0, &[index, index.wrapping_add(1), index, index.wrapping_add(1)]);
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
