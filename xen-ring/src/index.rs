//! The two halves that both ends of a request/response ring are made of.
//!
//! `PROD` and `EVENT` are the byte offsets of the half's producer index and of the event index of whoever consumes.

use crate::Corrupt;
use xen_hypercall::SharedMem;
use xen_hypercall::sync::{Ordering, fence};

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
        let old = self.published;
        if !self.show(mem) {
            return Notify::Skip;
        }
        // The peer sets its event index, then looks at our index a last time; we do it the other way round. With both
        // sides ordered, at least one sees the other's write.
        fence(Ordering::SeqCst);
        self.notify_since(mem, old)
    }

    /// Shows the peer what was written; tells whether there was something.
    #[inline]
    pub(crate) fn show(&mut self, mem: &SharedMem) -> bool {
        let new = self.private;
        let any = new != self.published;
        if any {
            mem.u32::<PROD>().store(new, Ordering::Release);
            self.published = new;
        }
        any
    }

    /// Tells, behind a fence, whether the peer asked for a notification of what was published since the index `old`.
    #[inline]
    pub(crate) fn notify_since(&self, mem: &SharedMem, old: u32) -> Notify {
        let new = self.published;
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

    /// Takes the next entry, if there is one, and returns its index.
    #[inline]
    pub(crate) fn next(&mut self, mem: &SharedMem, end: u32) -> Result<Option<u32>, Corrupt> {
        let (index, mut seen) = (self.taken, self.seen);
        if seen == index {
            seen = self.look(mem, index, end)?;
            if seen == index {
                return Ok(None);
            }
            self.seen = seen;
        }
        self.taken = index.wrapping_add(1);
        Ok(Some(index))
    }

    /// Looks what is there, and takes it entry by entry.
    #[inline]
    pub(crate) fn batch(&mut self, mem: &SharedMem, end: u32) -> Result<Batch<'_>, Corrupt> {
        let taken = self.taken;
        let found = self.look(mem, taken, end)?;
        self.seen = found;
        Ok(Batch { next: taken, end: found, taken: &mut self.taken })
    }

    /// Asks for a notification of the next entry, then looks whether one has come meanwhile.
    #[inline]
    pub(crate) fn final_check(&mut self, mem: &SharedMem, end: u32) -> Result<bool, Corrupt> {
        let taken = self.taken;
        if self.ask(mem) {
            // See `publish`.
            fence(Ordering::SeqCst);
        }
        self.is_more(mem, taken, end)
    }

    /// Asks for a notification of the next entry, unless there is one already. Behind a fence, look again.
    #[inline]
    pub(crate) fn ask(&mut self, mem: &SharedMem) -> bool {
        let taken = self.taken;
        let none = mem.u32::<PROD>().load(Ordering::Relaxed) == taken;
        if none {
            mem.u32::<EVENT>().store(taken.wrapping_add(1), Ordering::Relaxed);
        }
        none
    }

    /// Tells whether there is an entry to take.
    #[inline]
    pub(crate) fn is_more(&mut self, mem: &SharedMem, taken: u32, end: u32) -> Result<bool, Corrupt> {
        // Whoever takes an entry loads the index again. Mostly there is none.
        let found = mem.u32::<PROD>().load(Ordering::Relaxed);
        if found == taken && self.poison.is_none() {
            return Ok(false);
        }
        Ok(self.check(found, taken, end)? != taken)
    }

    /// Loads and checks the peer's index.
    #[inline]
    fn look(&mut self, mem: &SharedMem, taken: u32, end: u32) -> Result<u32, Corrupt> {
        let found = mem.u32::<PROD>().load(Ordering::Acquire);
        self.check(found, taken, end)
    }

    /// Checks the peer's index, which can't be past `end`.
    #[inline]
    fn check(&mut self, found: u32, taken: u32, end: u32) -> Result<u32, Corrupt> {
        if let Some(poison) = self.poison {
            return Err(poison);
        }
        // An index that moved back is far ahead in wrapping arithmetic.
        if found.wrapping_sub(taken) > end.wrapping_sub(taken) {
            return Err(self.corrupted(found, end));
        }
        Ok(found)
    }

    #[cold]
    fn corrupted(&mut self, found: u32, end: u32) -> Corrupt {
        let poison = Corrupt { found, own: self.taken, limit: end.wrapping_sub(self.taken) };
        // Nothing is left that was seen and not taken.
        self.seen = self.taken;
        self.poison = Some(poison);
        poison
    }
}

/// The indices of the entries that were seen. What was yielded counts as taken when this is dropped.
#[derive(Debug)]
pub(crate) struct Batch<'c> {
    next: u32,
    end: u32,
    taken: &'c mut u32,
}

impl Batch<'_> {
    #[inline]
    pub(crate) fn taken(&self) -> u32 {
        self.next
    }
}

impl Iterator for Batch<'_> {
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

impl Drop for Batch<'_> {
    #[inline]
    fn drop(&mut self) {
        *self.taken = self.next;
    }
}
