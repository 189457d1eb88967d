//! The back end of a request/response ring: consumes requests, produces responses.

use crate::index::{Consumer, Producer};
use crate::layout::{REQ_EVENT, REQ_PROD, RSP_EVENT, RSP_PROD};
use crate::{Corrupt, Notify, RingError, RingLayout};
use core::fmt;
use xen_hypercall::SharedMem;
use xen_hypercall::sync::Ordering;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A response that no request asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unasked;

impl fmt::Display for Unasked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no response is due: every request that was taken has one")
    }
}

impl core::error::Error for Unasked {}

/// The back end of a ring in memory `M`, which the front end made.
///
/// Requests are copied out one at a time; responses are pushed privately and published together. What the peer writes is
/// checked at every load; a broken index poisons the ring for good.
///
/// Source: `io/ring.h`.
#[derive(Debug)]
pub struct BackRing<M, Req, Rsp> {
    mem: M,
    layout: RingLayout<Req, Rsp>,
    requests: Consumer<REQ_PROD, REQ_EVENT>,
    responses: Producer<RSP_PROD, RSP_EVENT>,
}

impl<M, Req, Rsp> BackRing<M, Req, Rsp>
where
    M: AsRef<SharedMem>,
    Req: FromBytes + IntoBytes + Immutable,
    Rsp: FromBytes + IntoBytes + Immutable,
{
    /// Takes up serving where the responses in the ring end. Requests that are posted already are served; nothing is written.
    ///
    /// # Errors
    ///
    /// [`RingError`] if the memory has no room for a slot.
    #[doc(alias = "BACK_RING_ATTACH")]
    pub fn attach(mem: M) -> Result<Self, RingError> {
        let shared = mem.as_ref();
        let layout = RingLayout::for_size(shared.len())?;
        let start = shared.u32::<RSP_PROD>().load(Ordering::Relaxed);
        Ok(Self {
            mem,
            layout,
            requests: Consumer::starting_at(start),
            responses: Producer::starting_at(start),
        })
    }

    /// Returns the number of slots, a power of two.
    pub fn slots(&self) -> u32 {
        self.layout.slots()
    }

    /// Returns how many requests were taken and have no response yet.
    pub fn outstanding(&self) -> u32 {
        self.requests.taken.wrapping_sub(self.responses.private)
    }

    /// Returns what poisoned the ring, if something did.
    pub fn poison(&self) -> Option<Corrupt> {
        self.requests.poison()
    }

    /// Takes the next request, a private copy, if there is one.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the peer's index is further ahead than the ring has room for, or moved back, now or at any time before.
    #[doc(alias = "RING_COPY_REQUEST")]
    #[inline]
    pub fn pop(&mut self) -> Result<Option<Req>, Corrupt> {
        if !self.requests.available(self.mem.as_ref(), self.room())? {
            return Ok(None);
        }
        let request = self.layout.read(self.mem.as_ref(), self.requests.taken);
        self.requests.taken = self.requests.taken.wrapping_add(1);
        Ok(request)
    }

    /// Writes a response to the next slot. The peer does not see it before [`publish`](Self::publish).
    ///
    /// # Errors
    ///
    /// [`Unasked`] if every request that was taken has a response.
    #[inline]
    pub fn push(&mut self, response: &Rsp) -> Result<(), Unasked> {
        if self.outstanding() == 0 {
            return Err(Unasked);
        }
        self.layout.write(self.mem.as_ref(), self.responses.private, response).ok_or(Unasked)?;
        self.responses.private = self.responses.private.wrapping_add(1);
        Ok(())
    }

    /// Shows the peer all that was pushed, and tells whether it has to be notified.
    #[doc(alias = "RING_PUSH_RESPONSES_AND_CHECK_NOTIFY")]
    #[inline]
    pub fn publish(&mut self) -> Notify {
        self.responses.publish(self.mem.as_ref())
    }

    /// Asks for a notification of the next request, then looks whether one has come meanwhile.
    ///
    /// Call it when [`pop`](Self::pop) found nothing and before waiting; `true` means: don't wait, pop again.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`pop`](Self::pop).
    #[doc(alias = "RING_FINAL_CHECK_FOR_REQUESTS")]
    pub fn final_check(&mut self) -> Result<bool, Corrupt> {
        self.requests.final_check(self.mem.as_ref(), self.room())
    }

    /// Gives the memory back, for its mapping to be ended.
    pub fn into_memory(self) -> M {
        self.mem
    }

    /// How far the peer can be ahead of what was taken: a slot is free again only once its response was taken, and it can't
    /// be taken before it was published.
    fn room(&self) -> u32 {
        self.slots() - self.requests.taken.wrapping_sub(self.responses.published)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::FrontRing;
    use proptest::prelude::*;
    use std::boxed::Box;
    use std::collections::VecDeque;
    use xen_hypercall::Page;
    use xen_hypercall::sync::Ordering::Relaxed;

    type Front<'m> = FrontRing<&'m SharedMem, u64, u64>;
    type Back<'m> = BackRing<&'m SharedMem, u64, u64>;

    fn page() -> Box<[Page; 1]> {
        Box::new([Page::ZERO])
    }

    #[test]
    fn d_r02_a_request_index_past_the_room_poisons() {
        for ahead in [257, u32::MAX, 1 << 31] {
            let mut page = page();
            let mem = SharedMem::from_pages(&mut page);
            let mut back = Back::attach(mem).unwrap();
            mem.u32::<REQ_PROD>().store(ahead, Relaxed);
            assert_eq!(back.pop(), Err(Corrupt { found: ahead, own: 0, limit: 256 }));
            mem.u32::<REQ_PROD>().store(1, Relaxed);
            assert!(back.pop().is_err(), "a poisoned ring stays so");
            assert!(back.final_check().is_err());
        }
    }

    #[test]
    fn requests_taken_and_not_answered_leave_less_room() {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let mut back = Back::attach(mem).unwrap();
        mem.u32::<REQ_PROD>().store(256, Relaxed);
        assert!(back.pop().unwrap().is_some());
        mem.u32::<REQ_PROD>().store(257, Relaxed);
        assert!(back.final_check().is_err());
    }

    #[test]
    fn d_r08_posted_requests_are_served_and_the_ring_is_not_initialised_again() {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let mut front = Front::new(mem).unwrap();
        (0..5).for_each(|value| front.push(&value).unwrap());
        let _ = front.publish();
        let mut back = Back::attach(mem).unwrap();
        for value in 0..5 {
            assert_eq!(back.pop(), Ok(Some(value)));
        }
        assert_eq!(back.pop(), Ok(None));
    }

    #[test]
    fn a_response_without_a_request_is_refused() {
        let mut page = page();
        let mut back = Back::attach(SharedMem::from_pages(&mut page)).unwrap();
        assert_eq!(back.push(&1), Err(Unasked));
    }

    proptest! {
        /// Both ends of one ring, against a queue: nothing is lost, repeated or reordered, and an end that sleeps is notified.
        #[test]
        fn front_and_back_agree_and_nobody_sleeps_through(start: u32, steps in proptest::collection::vec((0u8..5, 1u32..40), 1..200)) {
            let mut page = page();
            let mem = SharedMem::from_pages(&mut page);
            let mut front = Front::new(mem).unwrap();
            front.jump_to(start);
            let mut back = Back::attach(mem).unwrap();
            let (mut next, mut expected, mut held) = (0u64, VecDeque::new(), VecDeque::new());
            let (mut front_sleeps, mut back_sleeps) = (false, false);
            for (step, count) in steps {
                match step {
                    0 => for _ in 0..count {
                        if front.push(&next).is_ok() {
                            expected.push_back(next + 1);
                            next += 1;
                        }
                    },
                    1 => {
                        if front.publish() == Notify::Send { back_sleeps = false; }
                    }
                    2 => for _ in 0..count {
                        let Some(value) = back.pop().unwrap() else {
                            back_sleeps = !back.final_check().unwrap();
                            break;
                        };
                        prop_assert!(!back_sleeps, "a request came and nobody woke the back end");
                        held.push_back(value);
                    },
                    3 => {
                        while let Some(value) = held.pop_front() {
                            back.push(&(value + 1)).unwrap();
                        }
                        if back.publish() == Notify::Send { front_sleeps = false; }
                    }
                    _ => for _ in 0..count {
                        let Some(value) = front.pop().unwrap() else {
                            front_sleeps = !front.final_check().unwrap();
                            break;
                        };
                        prop_assert!(!front_sleeps, "a response came and nobody woke the front end");
                        prop_assert_eq!(Some(value), expected.pop_front());
                    },
                }
            }
        }
    }
}
