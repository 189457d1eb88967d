//! Producer and consumer halves, which both ends of a request/response ring consist of.
//!
//! `PROD` and `EVENT` are the byte offsets of the half's producer index and of the consumer's event
//! index.

use crate::Corrupt;
use core::mem::replace;
use xen_hypercall::SharedMem;
use xen_hypercall::sync::{Ordering, cold_path, fence};

/// Result of a publication: whether the peer requested a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a peer that asked for a notification sleeps until it gets one"]
pub enum Notify {
    /// The peer sleeps: the caller must send an event.
    Send,
    /// The peer is awake, or nothing was published.
    Skip,
}

/// Half of a ring that writes entries.
#[derive(Debug)]
pub(crate) struct Producer<const PROD: usize, const EVENT: usize> {
    /// Number of entries written, published or not.
    pub(crate) private: u32,
    /// Number of entries published.
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
        let published = self.publish_to(mem, self.private);
        // The peer sets its event index, then reads our index a last time; this side does the
        // reverse. With both sides ordered, at least one sees the other's write.
        fence(Ordering::SeqCst);
        published.notify(mem)
    }

    /// Starts to write further entries.
    #[inline]
    pub(crate) fn draft(&mut self) -> Draft<'_, PROD, EVENT> {
        Draft { next: self.private, half: self }
    }

    /// Publishes the entries up to `new`.
    #[inline]
    fn publish_to(&mut self, mem: &SharedMem, new: u32) -> Published<EVENT> {
        mem.u32::<PROD>().store(new, Ordering::Release);
        Published { old: replace(&mut self.published, new), new }
    }
}

/// Entries that are being written. A drop counts these as written.
#[derive(Debug)]
pub(crate) struct Draft<'p, const PROD: usize, const EVENT: usize> {
    /// Index of the next entry.
    pub(crate) next: u32,
    half: &'p mut Producer<PROD, EVENT>,
}

impl<const PROD: usize, const EVENT: usize> Draft<'_, PROD, EVENT> {
    /// Publishes the entries.
    #[inline]
    pub(crate) fn publish_to(self, mem: &SharedMem) -> Published<EVENT> {
        self.half.publish_to(mem, self.next)
    }
}

impl<const PROD: usize, const EVENT: usize> Drop for Draft<'_, PROD, EVENT> {
    #[inline]
    fn drop(&mut self) {
        self.half.private = self.next;
    }
}

/// Published entries, from one index up to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Published<const EVENT: usize> {
    old: u32,
    pub(crate) new: u32,
}

impl<const EVENT: usize> Published<EVENT> {
    /// Returns, after a fence, whether the peer requested a notification for one of the entries.
    #[inline]
    pub(crate) fn notify(self, mem: &SharedMem) -> Notify {
        let Self { old, new } = self;
        let event = mem.u32::<EVENT>().load(Ordering::Relaxed);
        if new.wrapping_sub(event) < new.wrapping_sub(old) { Notify::Send } else { Notify::Skip }
    }
}

/// Half of a ring that takes entries.
#[derive(Debug)]
pub(crate) struct Consumer<const PROD: usize, const EVENT: usize> {
    /// Number of entries taken.
    pub(crate) taken: u32,
    /// Producer index of the peer at its last check.
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

    /// Returns the number of entries up to the peer's index at its last check.
    #[inline]
    pub(crate) fn unread(&self) -> u32 {
        self.seen.wrapping_sub(self.taken)
    }

    /// Takes the next entry, if any, and returns its index. At most `room` entries are possible.
    #[inline]
    pub(crate) fn next(&mut self, mem: &SharedMem, room: u32) -> Result<Option<u32>, Corrupt> {
        let index = self.taken;
        if self.seen == index {
            self.load(mem, room)?;
            if self.seen == index {
                return Ok(None);
            }
        }
        self.taken = index.wrapping_add(1);
        Ok(Some(index))
    }

    /// Reads the peer's index, with at most `room` entries, and returns the entries one by one.
    #[inline]
    pub(crate) fn batch(
        &mut self,
        mem: &SharedMem,
        room: u32,
    ) -> Result<Batch<'_, PROD, EVENT>, Corrupt> {
        let next = self.taken;
        let end = self.load(mem, room)?;
        Ok(Batch { next, end, half: self })
    }

    /// Requests a notification of the next entry, then checks for one that came meanwhile.
    #[inline]
    pub(crate) fn final_check(&mut self, mem: &SharedMem, room: u32) -> Result<bool, Corrupt> {
        self.intact()?;
        let taken = self.taken;
        Ok(final_check::<PROD, EVENT>(mem, taken) && self.load(mem, room)? != taken)
    }

    /// Loads and checks the peer's index, which can be `room` entries ahead.
    #[inline]
    fn load(&mut self, mem: &SharedMem, room: u32) -> Result<u32, Corrupt> {
        self.intact()?;
        let taken = self.taken;
        let found = mem.u32::<PROD>().load(Ordering::Acquire);
        self.check(found, taken, room)?;
        self.seen = found;
        Ok(found)
    }

    /// Returns the error that poisoned the ring, if any.
    #[inline]
    fn intact(&self) -> Result<(), Corrupt> {
        self.poison.map_or(Ok(()), Err)
    }

    /// Checks the peer's index. An index that moved back is far ahead in wrapping arithmetic.
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
        // No entry remains that was seen and not taken.
        self.seen = taken;
        self.poison = Some(poison);
        poison
    }
}

/// Requests a notification of the next entry, then checks for one that came meanwhile.
#[inline]
fn final_check<const PROD: usize, const EVENT: usize>(mem: &SharedMem, taken: u32) -> bool {
    if ask::<PROD, EVENT>(mem, taken) {
        // See `publish`.
        fence(Ordering::SeqCst);
    }
    is_more::<PROD>(mem, taken)
}

/// Requests a notification of the next entry, unless there is an entry already. After a fence, the
/// caller must check again.
#[inline]
fn ask<const PROD: usize, const EVENT: usize>(mem: &SharedMem, taken: u32) -> bool {
    let none = !is_more::<PROD>(mem, taken);
    if none {
        mem.u32::<EVENT>().store(taken.wrapping_add(1), Ordering::Relaxed);
    }
    none
}

/// Returns whether there seems to be a further entry. The function that takes the entry loads and
/// checks the index again.
#[inline]
fn is_more<const PROD: usize>(mem: &SharedMem, taken: u32) -> bool {
    let more = mem.u32::<PROD>().load(Ordering::Relaxed) != taken;
    if more {
        // The usual case is none.
        cold_path();
    }
    more
}

/// Indices of the entries that were seen, in an intact ring. A drop counts the returned indices as
/// taken.
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

    /// Requests a notification of the next entry, then checks for one that came meanwhile.
    #[inline]
    pub(crate) fn final_check(self, mem: &SharedMem) -> bool {
        final_check::<PROD, EVENT>(mem, self.next)
    }

    /// Publishes the entries of the other half, then does the same as
    /// [`final_check`](Self::final_check) without a further fence.
    #[inline]
    pub(crate) fn publish_and_check<const SHOWN: usize, const ASKED: usize>(
        self,
        mem: &SharedMem,
        draft: Draft<'_, SHOWN, ASKED>,
    ) -> (Notify, bool) {
        let published = draft.publish_to(mem);
        // Without a check before, which would load the peer's index twice: an event index in the
        // past causes no notification.
        mem.u32::<EVENT>().store(self.next.wrapping_add(1), Ordering::Relaxed);
        // Own index and own event index before both of the peer's: see `publish`.
        fence(Ordering::SeqCst);
        (published.notify(mem), is_more::<PROD>(mem, self.next))
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
