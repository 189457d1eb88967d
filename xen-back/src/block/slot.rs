//! The state of one request in flight, in a page of its own.

use super::access::Data;
use super::request::{Buffers, Operation};
use super::validate::{Segments, Transfer};
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

/// A request in flight, or room for one.
pub(super) struct Slot<P: ForeignFrames> {
    /// The connection that it belongs to.
    pub(super) home: Home<P>,
    /// The queue that it was taken from.
    pub(super) queue: u8,
    /// The id and the operation of the response.
    pub(super) id: u64,
    pub(super) op: BlkifOp,
    pub(super) work: Work,
    pub(super) step: Step,
    /// No other request may be in flight with it.
    pub(super) exclusive: bool,
    pub(super) segments: Segments,
    pub(super) data: Data<P>,
    next: Option<SlotBox<P>>,
}

impl<P: ForeignFrames> Slot<P> {
    pub(super) fn new(home: Home<P>, data: Data<P>) -> Self {
        Self {
            home,
            queue: 0,
            id: 0,
            op: BlkifOp::READ,
            work: Work::Flush,
            step: Step::Main,
            exclusive: false,
            segments: Segments::new(),
            data,
            next: None,
        }
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
            (Step::Main, Work::Transfer(transfer)) => self.data.buffers(&transfer, &self.segments),
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
pub(super) struct Dropped<P: ForeignFrames>(
    /// `None` once the connection and its requests in flight are no longer tracked. Each slot
    /// refers to this value, so the list must be freed then.
    Mutex<Option<SlotList<P>>>,
);

impl<P: ForeignFrames> Dropped<P> {
    pub(super) fn push(&self, slot: SlotBox<P>) {
        let untracked = match &mut *self.0.lock() {
            Some(list) => {
                list.push(slot);
                None
            }
            None => Some(slot),
        };
        // Unmaps, without the lock.
        drop(untracked);
    }
}

/// The tracker of a connection's requests in flight. Its identity is that of the connection.
pub(super) struct HomeOwner<P: ForeignFrames>(Home<P>);

impl<P: ForeignFrames> HomeOwner<P> {
    pub(super) fn new(platform: &P) -> Result<Self, OutOfMemory> {
        let list = Dropped(Mutex::new(Some(SlotList::new())));
        PageArc::new(platform.clone(), list).map(Self)
    }

    pub(super) fn reference(&self) -> Home<P> {
        self.0.clone()
    }

    pub(super) fn is_home_of(&self, slot: &Slot<P>) -> bool {
        slot.home.ptr_eq(&self.0)
    }

    /// Returns whether a request was dropped.
    pub(super) fn has_dropped(&self) -> bool {
        self.0.0.lock().as_ref().is_some_and(|list| !list.is_empty())
    }

    /// Takes a request that was dropped.
    pub(super) fn pop(&self) -> Option<SlotBox<P>> {
        self.0.0.lock().as_mut().and_then(SlotList::pop)
    }
}

impl<P: ForeignFrames> Drop for HomeOwner<P> {
    fn drop(&mut self) {
        let list = self.0.0.lock().take();
        drop(list);
    }
}
