//! Back end of a request/response ring: consumes requests, produces responses.

use crate::index::{Batch, Consumer, Draft, Producer};
use crate::layout::{REQ_EVENT, REQ_PROD, RSP_EVENT, RSP_PROD, RingMem, Slots, slots_of};
use crate::{Corrupt, Notify, RingError};
use thiserror::Error;
use xen_hypercall::StableSharedMem;
use xen_hypercall::sync::{Ordering, cold_path};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Error of a response without a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no response is due: every request that was taken has a response")]
pub struct Unasked;

/// Back end of a ring in memory `M`, which the front end initialized.
///
/// Requests are copied out one at a time. Responses are pushed privately and published together.
/// The peer's values are checked at every load; an invalid index poisons the ring permanently.
///
/// Source: `io/ring.h`.
#[derive(Debug)]
pub struct BackRing<M, Req, Rsp> {
    slots: RingMem<M, Req, Rsp>,
    requests: Consumer<REQ_PROD, REQ_EVENT>,
    responses: Producer<RSP_PROD, RSP_EVENT>,
}

impl<M, Req, Rsp> BackRing<M, Req, Rsp>
where
    M: StableSharedMem,
    Req: FromBytes + IntoBytes + Immutable,
    Rsp: FromBytes + IntoBytes + Immutable,
{
    /// Attaches to a ring behind its last response. Requests that are posted already are served;
    /// nothing is written.
    ///
    /// # Errors
    ///
    /// [`RingError`] if the memory has no room for a slot.
    #[doc(alias = "BACK_RING_ATTACH")]
    pub fn attach(mem: M) -> Result<Self, RingError> {
        let slots = slots_of(mem)?;
        let start = slots.owner().as_ref().u32::<RSP_PROD>().load(Ordering::Relaxed);
        Ok(Self {
            slots,
            requests: Consumer::starting_at(start),
            responses: Producer::starting_at(start),
        })
    }

    /// Returns the number of slots, a power of two.
    pub fn slots(&self) -> u32 {
        self.slots.count()
    }

    /// Returns the number of requests that were taken and have no response yet.
    pub fn outstanding(&self) -> u32 {
        self.requests.taken.wrapping_sub(self.responses.private)
    }

    /// Returns the number of requests that were not taken, at the last load of the peer's index.
    /// Loads nothing.
    #[inline]
    pub fn unread(&self) -> u32 {
        self.requests.unread()
    }

    /// Returns the error that poisoned the ring, if any.
    pub fn poison(&self) -> Option<Corrupt> {
        self.requests.poison()
    }

    /// Takes the next request, if any, as a private copy.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the peer's index is further ahead than the ring has room for, or moved back,
    /// now or at any time before.
    #[doc(alias = "RING_COPY_REQUEST")]
    #[inline]
    pub fn pop(&mut self) -> Result<Option<Req>, Corrupt> {
        let (room, slots) = (self.room(), self.slots.shared());
        let index = self.requests.next(slots.memory(), room)?;
        Ok(index.map(|index| slots.read(index)))
    }

    /// Loads the peer's index once, and returns the requests up to it, each as a private copy.
    /// Requests that remain when the iterator is dropped stay in the ring.
    ///
    /// ```
    /// # use xen_hypercall::{Page, SharedMem};
    /// # let mut pages = [Page::ZERO];
    /// # let mem = SharedMem::from_pages(&mut pages);
    /// # let mut front = xen_ring::FrontRing::<_, u64, u64>::new(mem)?;
    /// # front.push(&1)?;
    /// # let _ = front.publish();
    /// let mut ring = xen_ring::BackRing::<_, u64, u64>::attach(mem)?;
    /// let mut requests = ring.requests()?;
    /// while let Some(request) = requests.next() {
    ///     requests.push(&(request + 1))?;
    /// }
    /// assert_eq!(requests.finish(), (xen_ring::Notify::Send, false));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`pop`](Self::pop).
    #[inline]
    pub fn requests(&mut self) -> Result<Requests<'_, Req, Rsp>, Corrupt> {
        let (room, slots) = (self.room(), self.slots.shared());
        let batch = self.requests.batch(slots.memory(), room)?;
        Ok(Requests { slots, batch, responses: self.responses.draft() })
    }

    /// Writes a response to the next slot. The peer does not see the response before
    /// [`publish`](Self::publish).
    ///
    /// # Errors
    ///
    /// [`Unasked`] if every request that was taken has a response.
    #[inline]
    pub fn push(&mut self, response: &Rsp) -> Result<(), Unasked> {
        if self.outstanding() == 0 {
            return Err(Unasked);
        }
        self.slots.shared().write(self.responses.private, response);
        self.responses.private = self.responses.private.wrapping_add(1);
        Ok(())
    }

    /// Publishes all pushed responses, and returns whether the peer must be notified.
    #[doc(alias = "RING_PUSH_RESPONSES_AND_CHECK_NOTIFY")]
    #[inline]
    pub fn publish(&mut self) -> Notify {
        self.responses.publish(self.slots.owner().as_ref())
    }

    /// Requests a notification of the next request, then checks for one that came meanwhile.
    ///
    /// A driver calls it after [`pop`](Self::pop) returned `None` and before it waits. On `true`,
    /// the driver must not wait and must pop again.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`pop`](Self::pop).
    #[doc(alias = "RING_FINAL_CHECK_FOR_REQUESTS")]
    pub fn final_check(&mut self) -> Result<bool, Corrupt> {
        let room = self.room();
        self.requests.final_check(self.slots.owner().as_ref(), room)
    }

    /// Returns the memory by value, for the end of its mapping.
    pub fn into_memory(self) -> M {
        self.slots.into_owner()
    }

    /// Returns the maximum number of requests that were not taken: a slot is free again only after
    /// its response was taken, which follows the publication.
    #[inline]
    fn room(&self) -> u32 {
        self.responses.published.wrapping_add(self.slots()).wrapping_sub(self.requests.taken)
    }
}

/// Requests up to a loaded index of the peer: [`BackRing::requests`].
#[derive(Debug)]
pub struct Requests<'r, Req, Rsp> {
    slots: Slots<'r, Req, Rsp>,
    batch: Batch<'r, REQ_PROD, REQ_EVENT>,
    responses: Draft<'r, RSP_PROD, RSP_EVENT>,
}

impl<Req, Rsp: IntoBytes + Immutable> Requests<'_, Req, Rsp> {
    /// Writes a response to the next slot, as [`BackRing::push`] does.
    ///
    /// # Errors
    ///
    /// [`Unasked`] if every request that was taken has a response.
    #[inline]
    pub fn push(&mut self, response: &Rsp) -> Result<(), Unasked> {
        let index = self.responses.next;
        if index == self.batch.taken() {
            cold_path();
            return Err(Unasked);
        }
        self.slots.write(index, response);
        self.responses.next = index.wrapping_add(1);
        Ok(())
    }

    /// Publishes all responses, returns whether the peer must be notified, requests a notification
    /// of the next request, and checks for one that came meanwhile: [`BackRing::publish`] and
    /// [`BackRing::final_check`] with one fence, after all requests were taken.
    ///
    /// `true` means that the peer's index has moved, so that the driver must not wait. The next
    /// call that takes requests checks the index.
    #[doc(alias("RING_PUSH_RESPONSES_AND_CHECK_NOTIFY", "RING_FINAL_CHECK_FOR_REQUESTS"))]
    #[inline]
    pub fn finish(self) -> (Notify, bool) {
        self.batch.publish_and_check(self.slots.memory(), self.responses)
    }
}

impl<Req: FromBytes, Rsp> Iterator for Requests<'_, Req, Rsp> {
    type Item = Req;

    #[inline]
    fn next(&mut self) -> Option<Req> {
        self.batch.next().map(|index| self.slots.read(index))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.batch.size_hint()
    }
}

impl<Req: FromBytes, Rsp> ExactSizeIterator for Requests<'_, Req, Rsp> {}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::FrontRing;
    use proptest::prelude::*;
    use std::boxed::Box;
    use std::collections::VecDeque;
    use xen_hypercall::sync::Ordering::Relaxed;
    use xen_hypercall::{Page, SharedMem};

    type Front<'m> = FrontRing<&'m SharedMem, u64, u64>;
    type Back<'m> = BackRing<&'m SharedMem, u64, u64>;

    fn page() -> Box<[Page; 1]> {
        Box::new([Page::ZERO])
    }

    /// D-R02.
    #[test]
    fn request_index_past_room_poisons() {
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

    /// D-R02.
    #[test]
    fn late_index_of_batch_is_checked() {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let mut front = Front::new(mem).unwrap();
        let mut back = Back::attach(mem).unwrap();
        assert_eq!(back.requests().unwrap().finish(), (Notify::Skip, false));
        front.push(&1).unwrap();
        assert_eq!(front.publish(), Notify::Send, "the back end sleeps");
        let mut requests = back.requests().unwrap();
        let request = requests.next().unwrap();
        requests.push(&request).unwrap();
        mem.u32::<REQ_PROD>().store(258, Relaxed);
        assert_eq!(requests.finish(), (Notify::Send, true));
        assert_eq!(back.requests().unwrap_err(), Corrupt { found: 258, own: 1, limit: 256 });
        let mut responses = front.responses().unwrap();
        assert_eq!((responses.next(), responses.finish()), (Some(1), false));
        assert_eq!(
            (front.push(&2), front.publish()),
            (Ok(()), Notify::Send),
            "the back end sleeps"
        );
        mem.u32::<RSP_PROD>().store(3, Relaxed);
        assert!(front.responses().is_err(), "one more than was requested");
    }

    #[test]
    fn outstanding_requests_reduce_room() {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let mut back = Back::attach(mem).unwrap();
        mem.u32::<REQ_PROD>().store(256, Relaxed);
        assert!(back.pop().unwrap().is_some());
        mem.u32::<REQ_PROD>().store(257, Relaxed);
        assert!(back.final_check().is_err());
    }

    /// D-R08.
    #[test]
    fn attach_serves_posted_requests() {
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
    fn dropped_batch_keeps_its_rest() {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let mut front = Front::new(mem).unwrap();
        assert_eq!(front.push_from(0..10), 10);
        let _ = front.publish();
        let mut back = Back::attach(mem).unwrap();
        let mut batch = back.requests().unwrap();
        assert_eq!(
            (batch.len(), batch.next(), batch.next(), batch.len()),
            (10, Some(0), Some(1), 8)
        );
        assert_eq!(
            (batch.push(&10), batch.push(&11), batch.push(&12)),
            (Ok(()), Ok(()), Err(Unasked))
        );
        drop(batch);
        assert_eq!((back.outstanding(), back.pop()), (0, Ok(Some(2))));
        assert_eq!(
            back.requests().unwrap().collect::<VecDeque<_>>(),
            (3..10).collect::<VecDeque<_>>()
        );
        assert_eq!(back.publish(), Notify::Send);
        assert_eq!(front.responses().unwrap().len(), 2);
        assert_eq!(front.responses().unwrap().collect::<VecDeque<_>>(), [10, 11]);
        assert_eq!(front.responses().unwrap().len(), 0);
        assert_eq!((front.outstanding(), front.free()), (8, 248));
    }

    #[test]
    fn push_from_stops_at_full_ring() {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let mut front = Front::new(mem).unwrap();
        let mut requests = 0..300u64;
        assert_eq!((front.push_from(requests.by_ref()), requests.clone().count()), (256, 44));
        assert_eq!((front.push_from(requests.by_ref()), requests.clone().count()), (0, 44));
        let _ = front.publish();
        mem.u32::<{ RSP_PROD }>().store(257, Relaxed);
        assert!(front.responses().is_err());
        assert!(front.responses().is_err(), "a poisoned ring stays so");
        assert_eq!((front.push_from(requests.by_ref()), requests.clone().count()), (0, 44));
    }

    #[test]
    fn batch_end_publishes_and_checks() {
        let mut page = page();
        let mem = SharedMem::from_pages(&mut page);
        let mut front = Front::new(mem).unwrap();
        front.push(&1).unwrap();
        assert_eq!(front.publish(), Notify::Send);
        let mut back = Back::attach(mem).unwrap();
        assert_eq!(back.requests().unwrap().finish(), (Notify::Skip, true));
        let mut requests = back.requests().unwrap();
        assert_eq!((requests.next(), requests.push(&2)), (Some(1), Ok(())));
        front.push(&3).unwrap();
        assert_eq!(front.publish(), Notify::Skip, "the back end is awake");
        assert_eq!(requests.finish(), (Notify::Send, true));
        let mut requests = back.requests().unwrap();
        assert_eq!(requests.next(), Some(3));
        assert_eq!(requests.finish(), (Notify::Skip, false));
        front.push(&4).unwrap();
        assert_eq!(front.publish(), Notify::Send, "the back end sleeps");
        let mut responses = front.responses().unwrap();
        assert_eq!((responses.next(), responses.finish()), (Some(2), false));
        back.push(&5).unwrap();
        assert_eq!(back.publish(), Notify::Send, "the front end sleeps");
    }

    #[test]
    fn response_without_request_is_refused() {
        let mut page = page();
        let mut back = Back::attach(SharedMem::from_pages(&mut page)).unwrap();
        assert_eq!(back.push(&1), Err(Unasked));
    }

    proptest! {
        /// Both ends of one ring, compared with a queue: nothing is lost, repeated or reordered,
        /// and an end that sleeps is notified.
        #[test]
       fn ring_ends_wake_each_other(
            start: u32,
            steps in proptest::collection::vec((0u8..8, 1u32..40), 1..200),
        ) {
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
                        prop_assert!(!back_sleeps, "the back end was not notified");
                        held.push_back(value);
                    },
                    3 => {
                        while let Some(value) = held.pop_front() {
                            back.push(&(value + 1)).unwrap();
                        }
                        if back.publish() == Notify::Send { front_sleeps = false; }
                    }
                    4 => {
                        let batch = next..next + u64::from(count);
                        let pushed = front.push_from(batch.clone());
                        expected.extend(batch.take(pushed as usize).map(|value| value + 1));
                        next += u64::from(pushed);
                    }
                    5 => {
                        let mut batch = back.requests().unwrap();
                        let is_awake = batch.len() == 0 || !back_sleeps;
                        prop_assert!(is_awake, "the back end was not notified");
                        while let Some(value) = batch.next() {
                            // Earlier ones are answered first.
                            held.push_back(value);
                            if let Some(first) = held.pop_front() {
                                batch.push(&(first + 1)).unwrap();
                            }
                        }
                        let (notify, more) = batch.finish();
                        if notify == Notify::Send { front_sleeps = false; }
                        back_sleeps = !more;
                    }
                    6 => {
                        let mut batch = front.responses().unwrap();
                        for value in batch.by_ref().take(count as usize) {
                            prop_assert!(!front_sleeps, "the front end was not notified");
                            prop_assert_eq!(Some(value), expected.pop_front());
                        }
                        front_sleeps = !batch.finish();
                    }
                    _ => for _ in 0..count {
                        let Some(value) = front.pop().unwrap() else {
                            front_sleeps = !front.final_check().unwrap();
                            break;
                        };
                        prop_assert!(!front_sleeps, "the front end was not notified");
                        prop_assert_eq!(Some(value), expected.pop_front());
                    },
                }
            }
        }
    }
}
