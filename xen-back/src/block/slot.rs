//! The state of one request in flight, in a page of its own.

use super::Statistics;
use super::access::{Data, GuestMemory, NoAccess};
use super::orphans::OrphanedQueues;
use super::request::{Buffers, Operation};
use super::validate::{Segments, Transfer};
use core::ops::Range;
use heapless::Vec;
use spin::Mutex;
use xen_hypercall::{ForeignFrames, OutOfMemory, PageArc, PageBox};
use xen_sys::io::blkif::BlkifOp;

pub(super) type SlotBox<P> = PageBox<P, Slot<P>>;

/// The next operation of a request on the storage. A barrier with data is three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    FlushFirst,
    Main,
    FlushAfter,
}

/// The operation of a request, of its segments for a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Transfer(Transfer),
    Flush,
    Discard { sector: u64, count: u64, secure: bool },
}

/// The most requests of the ring that are one request of the storage.
pub(super) const MAX_MERGED: usize = 32;

/// A request of the ring, which has one response.
#[derive(Clone, Copy, Debug)]
pub(super) struct RingRequest {
    /// The id and the operation of the response.
    pub(super) id: u64,
    pub(super) op: BlkifOp,
    segments: u16,
    sectors: u32,
}

/// A request in flight, or room for one.
pub(super) struct Slot<P: ForeignFrames> {
    /// The connection that it belongs to.
    pub(super) home: Home<P>,
    /// The queue that it was taken from.
    pub(super) queue: u8,
    /// The requests of the ring: several transfers of adjacent sectors, or one request.
    ring_requests: Vec<RingRequest, MAX_MERGED>,
    /// Those of them that the storage carries out at once, all but after a failure.
    current: Range<usize>,
    /// The operation of the current ones.
    pub(super) work: Work,
    pub(super) step: Step,
    /// No other request may be in flight with it.
    pub(super) exclusive: bool,
    /// The segments of all, and the range of the current ones.
    pub(super) segments: Segments,
    range: Range<usize>,
    data: Data<P>,
    next: Option<SlotBox<P>>,
}

impl<P: ForeignFrames> Slot<P> {
    pub(super) fn new(home: Home<P>, data: Data<P>) -> Self {
        Self {
            home,
            queue: 0,
            ring_requests: Vec::new(),
            current: 0..0,
            work: Work::Flush,
            step: Step::Main,
            exclusive: false,
            segments: Segments::new(),
            range: 0..0,
            data,
            next: None,
        }
    }

    /// Makes room for the requests of a queue.
    #[inline]
    pub(super) fn clear(&mut self, queue: u8) {
        (self.queue, self.step, self.exclusive) = (queue, Step::Main, false);
        (self.current, self.range) = (0..0, 0..0);
        self.ring_requests.clear();
        self.segments.clear();
    }

    /// Sets the only request of the ring, which is no transfer.
    pub(super) fn set(&mut self, id: u64, op: BlkifOp, work: Work) {
        // There is room: the slot was cleared.
        let _ = self.ring_requests.push(RingRequest { id, op, segments: 0, sectors: 0 });
        (self.work, self.current) = (work, 0..1);
    }

    /// Adds a transfer of the segments that were added last. Its sectors follow those of the one
    /// before.
    #[inline]
    pub(super) fn add_transfer(&mut self, id: u64, op: BlkifOp, transfer: Transfer) {
        let end = self.segments.len();
        let (segments, sectors) = ((end - self.range.end) as u16, transfer.count as u32);
        match &mut self.work {
            Work::Transfer(first) if !self.ring_requests.is_empty() => {
                first.count += transfer.count;
            }
            work => *work = Work::Transfer(transfer),
        }
        // There is room: `merges` has checked that.
        let _ = self.ring_requests.push(RingRequest { id, op, segments, sectors });
        (self.current.end, self.range.end) = (self.ring_requests.len(), end);
    }

    /// Returns the transfer that further ones can be added to, if there is room.
    #[inline]
    pub(super) fn open_transfer(&self) -> Option<&Transfer> {
        match &self.work {
            Work::Transfer(transfer) if !self.exclusive && !self.ring_requests.is_full() => {
                Some(transfer)
            }
            _ => None,
        }
    }

    /// Returns the requests of the ring that have no response.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = RingRequest> {
        self.ring_requests.iter().copied().skip(self.current.start)
    }

    /// Returns the requests of the ring that the storage carries out.
    #[inline]
    pub(super) fn current(&self) -> impl Iterator<Item = RingRequest> {
        self.ring_requests.iter().copied().take(self.current.end).skip(self.current.start)
    }

    /// Leaves the first of several requests of the ring alone as the current one, after a failure,
    /// so that each has its own result. `false` if it is alone already.
    pub(super) fn split(&mut self) -> bool {
        let Work::Transfer(Transfer { sector, .. }) = self.work else { return false };
        self.current.len() > 1 && self.narrow(self.current.start, self.range.start, sector)
    }

    /// Proceeds to the next request of the ring. `false` if there is none.
    #[inline]
    pub(super) fn next_ring_request(&mut self) -> bool {
        if self.current.end == self.ring_requests.len() {
            return false;
        }
        let Work::Transfer(Transfer { sector, count, .. }) = self.work else { return false };
        self.narrow(self.current.end, self.range.end, sector + count)
    }

    fn narrow(&mut self, index: usize, at: usize, start: u64) -> bool {
        let Some(RingRequest { segments, sectors, .. }) = self.ring_requests.get(index) else {
            return false;
        };
        self.current = index..index + 1;
        self.range = at..at + usize::from(*segments);
        if let Work::Transfer(transfer) = &mut self.work {
            (transfer.sector, transfer.count) = (start, u64::from(*sectors));
        }
        true
    }

    /// Makes the memory of the current transfer accessible.
    #[inline]
    pub(super) fn open(
        &mut self,
        memory: &mut GuestMemory<P>,
        statistics: &mut Statistics,
    ) -> Result<(), NoAccess> {
        let Work::Transfer(transfer) = self.work else { return Ok(()) };
        let segments = self.segments.get(self.range.clone()).unwrap_or_default();
        self.data.open(memory, transfer.write, segments, statistics)
    }

    /// Ends the access to it. `done` if the storage has carried the transfer out.
    #[inline]
    pub(super) fn close(
        &mut self,
        memory: &mut GuestMemory<P>,
        done: bool,
    ) -> Result<(), NoAccess> {
        let Work::Transfer(transfer) = self.work else { return Ok(()) };
        let segments = self.segments.get(self.range.clone()).unwrap_or_default();
        self.data.close(memory, done && !transfer.write, segments)
    }

    pub(super) fn operation(&self) -> Operation {
        let Step::Main = self.step else { return Operation::Flush };
        match self.work {
            Work::Transfer(Transfer { write, sector, count, .. }) => {
                if write {
                    Operation::Write { sector, count }
                } else {
                    Operation::Read { sector, count }
                }
            }
            Work::Flush => Operation::Flush,
            Work::Discard { sector, count, secure } => Operation::Discard { sector, count, secure },
        }
    }

    pub(super) fn buffers(&mut self) -> Buffers<'_> {
        match (self.step, self.work) {
            (Step::Main, Work::Transfer(transfer)) => {
                let segments = self.segments.get(self.range.clone()).unwrap_or_default();
                self.data.buffers(&transfer, segments)
            }
            _ => Buffers::private(0, &mut []),
        }
    }

    /// Proceeds to the next step of a request whose step has succeeded; `false` if it was the last.
    pub(super) fn advance(&mut self) -> bool {
        let flush_after = matches!(self.work, Work::Transfer(transfer) if transfer.flush_after);
        self.step = match self.step {
            Step::FlushFirst => Step::Main,
            Step::Main if flush_after => Step::FlushAfter,
            Step::Main | Step::FlushAfter => return false,
        };
        true
    }
}

/// A list of slots, without memory of its own.
pub(super) struct SlotList<P: ForeignFrames>(Option<SlotBox<P>>);

impl<P: ForeignFrames> SlotList<P> {
    pub(super) const fn new() -> Self {
        Self(None)
    }

    #[inline]
    pub(super) fn push(&mut self, slot: SlotBox<P>) {
        if let Some(next) = self.0.replace(slot)
            && let Some(slot) = &mut self.0
        {
            slot.next = Some(next);
        }
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<SlotBox<P>> {
        let mut slot = self.0.take()?;
        self.0 = slot.next.take();
        Some(slot)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl<P: ForeignFrames> Drop for SlotList<P> {
    fn drop(&mut self) {
        // One by one: a list that drops its tail would recurse once for each slot.
        while self.pop().is_some() {}
    }
}

/// The place that requests of one connection return to when the storage drops them.
pub(super) type Home<P> = PageArc<P, Dropped<P>>;

/// The requests of one connection that the storage has dropped.
pub(super) struct Dropped<P: ForeignFrames>(Mutex<Tracking<P>>);

/// The use of requests that are dropped. Each slot refers to this value, so lists and rings must
/// be freed at the end.
enum Tracking<P: ForeignFrames> {
    /// The backend completes those of the list at its next poll.
    Tracked(SlotList<P>),
    /// The backend is gone and its frontend is not: the rings have the responses.
    Orphaned(PageBox<P, OrphanedQueues<P>>),
    /// The connection has ended.
    Untracked,
}

impl<P: ForeignFrames> Dropped<P> {
    pub(super) fn push(&self, slot: SlotBox<P>) {
        let mut tracking = self.0.lock();
        let mut ended = Tracking::Untracked;
        let untracked = match &mut *tracking {
            Tracking::Tracked(list) => {
                list.push(slot);
                None
            }
            Tracking::Orphaned(queues) => {
                if queues.end_request(&slot) {
                    core::mem::swap(&mut *tracking, &mut ended);
                }
                Some(slot)
            }
            Tracking::Untracked => Some(slot),
        };
        drop(tracking);
        // Unmap, without the lock.
        drop((untracked, ended));
    }

    /// Has the rings of a backend that is dropped stay connected until its last request is dropped.
    pub(super) fn orphan(&self, mut queues: PageBox<P, OrphanedQueues<P>>) {
        while let Some(slot) = self.pop() {
            if queues.end_request(&slot) {
                return;
            }
        }
        *self.0.lock() = Tracking::Orphaned(queues);
    }

    /// Takes a request that was dropped.
    fn pop(&self) -> Option<SlotBox<P>> {
        match &mut *self.0.lock() {
            Tracking::Tracked(list) => list.pop(),
            _ => None,
        }
    }
}

/// The tracker of a connection's requests in flight. Its identity is that of the connection.
pub(super) struct HomeOwner<P: ForeignFrames>(Home<P>);

impl<P: ForeignFrames> HomeOwner<P> {
    pub(super) fn new(platform: &P) -> Result<Self, OutOfMemory> {
        let list = Tracking::Tracked(SlotList::new());
        PageArc::new(platform.clone(), Dropped(Mutex::new(list))).map(Self)
    }

    pub(super) fn reference(&self) -> Home<P> {
        self.0.clone()
    }

    pub(super) fn is_home_of(&self, slot: &Slot<P>) -> bool {
        slot.home.ptr_eq(&self.0)
    }

    /// Returns whether a request was dropped.
    pub(super) fn has_dropped(&self) -> bool {
        matches!(&*self.0.0.lock(), Tracking::Tracked(list) if !list.is_empty())
    }

    /// Takes a request that was dropped.
    pub(super) fn pop(&self) -> Option<SlotBox<P>> {
        self.0.pop()
    }
}

impl<P: ForeignFrames> Drop for HomeOwner<P> {
    fn drop(&mut self) {
        let mut tracking = self.0.0.lock();
        let tracked = match &*tracking {
            Tracking::Tracked(_) => core::mem::replace(&mut *tracking, Tracking::Untracked),
            _ => return,
        };
        // Unmaps, without the lock.
        drop((tracking, tracked).1);
    }
}
