//! The two halves that both ends of a request/response ring are made of.
//!
//! `PROD` and `EVENT` are the byte offsets of the half's producer index and of the event index of
//! whoever consumes.

use crate::Corrupt;
use core::mem::replace;
use xen_hypercall::SharedMem;
use xen_hypercall::sync::{Ordering, cold_path, fence};

/// Tells whether the peer asked to be notified of what was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a peer that asked for a notification sleeps until it gets one"]
pub enum Notify {
    /// The peer sleeps: send an event.
    Send,
    /// The peer is awake, or nothing was published.
    Skip,
}

/// The half that writes entries.
#[derive(Debug)]
pub(crate) struct Producer<const PROD: usize, const EVENT: usize> {
    /// Entries written, published or not.
    pub(crate) private: u32,
    /// Entries published.
    pub(crate) published: u32,
}

impl<const PROD: usize, const EVENT: usize> Producer<PROD, EVENT> {
    pub(crate) fn starting_at(index: u32) -> Self {
        Self { private: index, published: index }
    }

    #[inline]
    pub(crate) fn publish(&mut self, mem: &SharedMem) -> Notify {
        if self.private == self.published {
            return Notify::Skip;
        }
        let shown = self.show(mem, self.private);
        // The peer sets its event index, then looks at our index a last time; we do it the other
        // way round. With both sides ordered, at least one sees the other's write.
        fence(Ordering::SeqCst);
        shown.notify(mem)
    }

    /// Begins to write more entries.
    #[inline]
    pub(crate) fn draft(&mut self) -> Draft<'_, PROD, EVENT> {
        Draft { next: self.private, half: self }
    }

    /// Shows the peer what was written up to `new`.
    #[inline]
    fn show(&mut self, mem: &SharedMem, new: u32) -> Shown<EVENT> {
        mem.u32::<PROD>().store(new, Ordering::Release);
        Shown { old: replace(&mut self.published, new), new }
    }
}

/// Entries that are being written. They count as written when this is dropped.
#[derive(Debug)]
pub(crate) struct Draft<'p, const PROD: usize, const EVENT: usize> {
    /// The index of the next one.
    pub(crate) next: u32,
    half: &'p mut Producer<PROD, EVENT>,
}

impl<const PROD: usize, const EVENT: usize> Draft<'_, PROD, EVENT> {
    /// Shows the peer what was written.
    #[inline]
    pub(crate) fn show(self, mem: &SharedMem) -> Shown<EVENT> {
        self.half.show(mem, self.next)
    }
}

impl<const PROD: usize, const EVENT: usize> Drop for Draft<'_, PROD, EVENT> {
    #[inline]
    fn drop(&mut self) {
        self.half.private = self.next;
    }
}

/// What the peer was shown: the entries from one index up to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<const EVENT: usize> {
    old: u32,
    pub(crate) new: u32,
}

impl<const EVENT: usize> Shown<EVENT> {
    /// Tells, behind a fence, whether the peer asked for a notification of one of them.
    #[inline]
    pub(crate) fn notify(self, mem: &SharedMem) -> Notify {
        let Self { old, new } = self;
        let event = mem.u32::<EVENT>().load(Ordering::Relaxed);
        if new.wrapping_sub(event) < new.wrapping_sub(old) { Notify::Send } else { Notify::Skip }
    }
}

/// The half that takes entries.
#[derive(Debug)]
pub(crate) struct Consumer<const PROD: usize, const EVENT: usize> {
    /// Entries taken.
    pub(crate) taken: u32,
    /// The peer's producer index, as validated last.
    seen: u32,
    poison: Option<Corrupt>,
}

impl<const PROD: usize, const EVENT: usize> Consumer<PROD, EVENT> {
    pub(crate) fn starting_at(index: u32) -> Self {
        Self { taken: index, seen: index, poison: None }
    }

    pub(crate) fn poison(&self) -> Option<Corrupt> {
        self.poison
    }

    /// Takes the next entry, if there is one, and returns its index. There can be `room` of them.
    #[inline]
    pub(crate) fn next(&mut self, mem: &SharedMem, room: u32) -> Result<Option<u32>, Corrupt> {
        let index = self.taken;
        if self.seen == index {
            self.look(mem, room)?;
            if self.seen == index {
                return Ok(None);
            }
        }
        self.taken = index.wrapping_add(1);
        Ok(Some(index))
    }

    /// Looks what is there, `room` entries at most, and takes it entry by entry.
    #[inline]
    pub(crate) fn batch(
        &mut self,
        mem: &SharedMem,
        room: u32,
    ) -> Result<Batch<'_, PROD, EVENT>, Corrupt> {
        let next = self.taken;
        let end = self.look(mem, room)?;
        Ok(Batch { next, end, half: self })
    }

    /// Asks for a notification of the next entry, then looks whether one has come meanwhile.
    #[inline]
    pub(crate) fn final_check(&mut self, mem: &SharedMem, room: u32) -> Result<bool, Corrupt> {
        self.intact()?;
        let taken = self.taken;
        Ok(final_check::<PROD, EVENT>(mem, taken) && self.look(mem, room)? != taken)
    }

    /// Loads and checks the peer's index, which can be `room` entries ahead.
    #[inline]
    fn look(&mut self, mem: &SharedMem, room: u32) -> Result<u32, Corrupt> {
        self.intact()?;
        let taken = self.taken;
        let found = mem.u32::<PROD>().load(Ordering::Acquire);
        self.check(found, taken, room)?;
        self.seen = found;
        Ok(found)
    }

    /// Fails with what poisoned the ring, if something did.
    #[inline]
    fn intact(&self) -> Result<(), Corrupt> {
        self.poison.map_or(Ok(()), Err)
    }

    /// Checks the peer's index. One that moved back is far ahead in wrapping arithmetic.
    #[inline]
    fn check(&mut self, found: u32, taken: u32, room: u32) -> Result<(), Corrupt> {
        if found.wrapping_sub(taken) > room {
            Err(self.corrupted(found, taken, room))
        } else {
            Ok(())
        }
    }

    #[cold]
    fn corrupted(&mut self, found: u32, taken: u32, room: u32) -> Corrupt {
        let poison = Corrupt { found, own: taken, limit: room };
        // Nothing is left that was seen and not taken.
        self.seen = taken;
        self.poison = Some(poison);
        poison
    }
}

/// Asks for a notification of the next entry, then looks whether one has come meanwhile.
#[inline]
fn final_check<const PROD: usize, const EVENT: usize>(mem: &SharedMem, taken: u32) -> bool {
    if ask::<PROD, EVENT>(mem, taken) {
        // See `publish`.
        fence(Ordering::SeqCst);
    }
    is_more::<PROD>(mem, taken)
}

/// Asks for a notification of the next entry, unless there is one already. Behind a fence, look
/// again.
#[inline]
fn ask<const PROD: usize, const EVENT: usize>(mem: &SharedMem, taken: u32) -> bool {
    let none = !is_more::<PROD>(mem, taken);
    if none {
        mem.u32::<EVENT>().store(taken.wrapping_add(1), Ordering::Relaxed);
    }
    none
}

/// Tells whether there seems to be an entry behind those that were taken: whoever takes it loads
/// the index again, and checks it.
#[inline]
fn is_more<const PROD: usize>(mem: &SharedMem, taken: u32) -> bool {
    let more = mem.u32::<PROD>().load(Ordering::Relaxed) != taken;
    if more {
        // Mostly there is none.
        cold_path();
    }
    more
}

/// The indices of the entries that were seen, in a ring that is in order. What was yielded counts
/// as taken when this is dropped.
#[derive(Debug)]
pub(crate) struct Batch<'c, const PROD: usize, const EVENT: usize> {
    next: u32,
    end: u32,
    half: &'c mut Consumer<PROD, EVENT>,
}

impl<const PROD: usize, const EVENT: usize> Batch<'_, PROD, EVENT> {
    #[inline]
    pub(crate) fn taken(&self) -> u32 {
        self.next
    }

    /// Asks for a notification of the next entry, then looks whether one has come meanwhile.
    #[inline]
    pub(crate) fn final_check(self, mem: &SharedMem) -> bool {
        final_check::<PROD, EVENT>(mem, self.next)
    }

    /// Shows the peer what was written to the other half, then does the same as
    /// [`final_check`](Self::final_check) at no price.
    #[inline]
    pub(crate) fn show_and_check<const SHOWN: usize, const ASKED: usize>(
        self,
        mem: &SharedMem,
        draft: Draft<'_, SHOWN, ASKED>,
    ) -> (Notify, bool) {
        let shown = draft.show(mem);
        // Without a look first, which would fetch the peer's index twice: an event index that has
        // been passed already makes no notification.
        mem.u32::<EVENT>().store(self.next.wrapping_add(1), Ordering::Relaxed);
        // Both our index and our event index before both of the peer's: see `publish`.
        fence(Ordering::SeqCst);
        (shown.notify(mem), is_more::<PROD>(mem, self.next))
    }
}

impl<const PROD: usize, const EVENT: usize> Iterator for Batch<'_, PROD, EVENT> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let index = self.next;
        (index != self.end).then(|| {
            self.next = index.wrapping_add(1);
            index
        })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.end.wrapping_sub(self.next) as usize;
        (len, Some(len))
    }
}

impl<const PROD: usize, const EVENT: usize> Drop for Batch<'_, PROD, EVENT> {
    #[inline]
    fn drop(&mut self) {
        self.half.taken = self.next;
    }
}
