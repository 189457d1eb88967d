//! The front end of a request/response ring: produces requests, consumes responses.

use crate::layout::{REQ_EVENT, REQ_PROD, RSP_EVENT, RSP_PROD};
use crate::{Corrupt, RingError, RingLayout};
use core::fmt;
use core::sync::atomic::{Ordering, fence};
use xen_hypercall::SharedMem;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Tells whether the peer asked to be notified of what was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a peer that asked for a notification sleeps until it gets one"]
pub enum Notify {
    /// The peer sleeps: send an event.
    Send,
    /// The peer is awake, or nothing was published.
    Skip,
}

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
    /// Requests pushed, published or not.
    req_prod_pvt: u32,
    /// Requests published.
    req_prod: u32,
    /// Responses taken.
    rsp_cons: u32,
    /// The peer's producer index, as validated last.
    rsp_prod: u32,
    poison: Option<Corrupt>,
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
        Ok(Self { mem, layout, req_prod_pvt: 0, req_prod: 0, rsp_cons: 0, rsp_prod: 0, poison: None })
    }

    /// Returns the number of slots, a power of two.
    pub fn slots(&self) -> u32 {
        self.layout.slots()
    }

    /// Returns how many requests can be pushed before responses have to be taken.
    #[doc(alias = "RING_FREE_REQUESTS")]
    pub fn free(&self) -> u32 {
        self.slots() - self.req_prod_pvt.wrapping_sub(self.rsp_cons)
    }

    /// Returns the slot that the next request goes to, in `0..slots()`; protocols that tie ids to slots need it.
    pub fn next_slot(&self) -> u32 {
        self.req_prod_pvt & (self.slots() - 1)
    }

    /// Returns what poisoned the ring, if something did.
    pub fn poison(&self) -> Option<Corrupt> {
        self.poison
    }

    /// Writes a request to the next slot. The peer does not see it before [`publish`](Self::publish).
    ///
    /// # Errors
    ///
    /// [`Full`] if no slot is free, or the ring is poisoned.
    #[inline]
    pub fn push(&mut self, request: &Req) -> Result<(), Full> {
        if self.free() == 0 || self.poison.is_some() {
            return Err(Full);
        }
        self.layout.write(self.mem.as_ref(), self.req_prod_pvt, request).ok_or(Full)?;
        self.req_prod_pvt = self.req_prod_pvt.wrapping_add(1);
        Ok(())
    }

    /// Shows the peer all that was pushed, and tells whether it has to be notified.
    #[doc(alias = "RING_PUSH_REQUESTS_AND_CHECK_NOTIFY")]
    #[inline]
    pub fn publish(&mut self) -> Notify {
        let (old, new) = (self.req_prod, self.req_prod_pvt);
        if old == new {
            return Notify::Skip;
        }
        let mem = self.mem.as_ref();
        mem.u32::<REQ_PROD>().store(new, Ordering::Release);
        self.req_prod = new;
        // The peer sets its event index, then looks at our index a last time; we do it the other way round. With both
        // sides ordered, at least one sees the other's write.
        fence(Ordering::SeqCst);
        let event = mem.u32::<REQ_EVENT>().load(Ordering::Relaxed);
        if new.wrapping_sub(event) < new.wrapping_sub(old) { Notify::Send } else { Notify::Skip }
    }

    /// Takes the next response, a private copy, if there is one.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the peer's index is ahead of what was requested, now or at any time before.
    #[inline]
    pub fn pop(&mut self) -> Result<Option<Rsp>, Corrupt> {
        if self.rsp_cons == self.rsp_prod && !self.load_rsp_prod()? {
            return Ok(None);
        }
        if let Some(poison) = self.poison {
            return Err(poison);
        }
        let response = self.layout.read(self.mem.as_ref(), self.rsp_cons);
        self.rsp_cons = self.rsp_cons.wrapping_add(1);
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
        if self.load_rsp_prod()? {
            return Ok(true);
        }
        self.mem.as_ref().u32::<RSP_EVENT>().store(self.rsp_cons.wrapping_add(1), Ordering::Relaxed);
        // See `publish`.
        fence(Ordering::SeqCst);
        self.load_rsp_prod()
    }

    /// Gives the memory back, for the grant to be ended.
    pub fn into_memory(self) -> M {
        self.mem
    }

    /// Lends the memory, for its grant references.
    pub fn memory(&self) -> &M {
        &self.mem
    }

    /// Loads and checks the peer's producer index; tells whether there is a response to take.
    #[inline]
    fn load_rsp_prod(&mut self) -> Result<bool, Corrupt> {
        if let Some(poison) = self.poison {
            return Err(poison);
        }
        let found = self.mem.as_ref().u32::<RSP_PROD>().load(Ordering::Acquire);
        let outstanding = self.req_prod.wrapping_sub(self.rsp_cons);
        // An index that moved back is far ahead in wrapping arithmetic, so one comparison covers both; one that moved back
        // within what we took already is caught by the cached index.
        if found.wrapping_sub(self.rsp_cons) > outstanding
            || found.wrapping_sub(self.rsp_cons) < self.rsp_prod.wrapping_sub(self.rsp_cons)
        {
            let poison = Corrupt { found, own: self.rsp_cons, limit: outstanding };
            self.poison = Some(poison);
            return Err(poison);
        }
        self.rsp_prod = found;
        Ok(found != self.rsp_cons)
    }
}

#[cfg(test)]
mod tests;
