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
        let (old, new) = (self.published, self.private);
        if old == new {
            return Notify::Skip;
        }
        mem.u32::<PROD>().store(new, Ordering::Release);
        self.published = new;
        // The peer sets its event index, then looks at our index a last time; we do it the other way round. With both
        // sides ordered, at least one sees the other's write.
        fence(Ordering::SeqCst);
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

    /// Tells whether there is an entry to take. The peer can be `limit` entries ahead of what was taken, at most.
    #[inline]
    pub(crate) fn available(&mut self, mem: &SharedMem, limit: u32) -> Result<bool, Corrupt> {
        if self.seen == self.taken || self.poison.is_some() {
            return self.look(mem, limit);
        }
        Ok(true)
    }

    /// Asks for a notification of the next entry, then looks whether one has come meanwhile.
    #[inline]
    pub(crate) fn final_check(&mut self, mem: &SharedMem, limit: u32) -> Result<bool, Corrupt> {
        if self.look(mem, limit)? {
            return Ok(true);
        }
        mem.u32::<EVENT>().store(self.taken.wrapping_add(1), Ordering::Relaxed);
        // See `publish`.
        fence(Ordering::SeqCst);
        self.look(mem, limit)
    }

    /// Loads and checks the peer's index.
    #[inline]
    fn look(&mut self, mem: &SharedMem, limit: u32) -> Result<bool, Corrupt> {
        if let Some(poison) = self.poison {
            return Err(poison);
        }
        let found = mem.u32::<PROD>().load(Ordering::Acquire);
        let ahead = found.wrapping_sub(self.taken);
        // An index that moved back behind what was taken is far ahead in wrapping arithmetic; one that moved back among what
        // was seen and not yet taken is less far ahead than before.
        if ahead > limit || ahead < self.seen.wrapping_sub(self.taken) {
            let poison = Corrupt { found, own: self.taken, limit };
            self.poison = Some(poison);
            return Err(poison);
        }
        self.seen = found;
        Ok(ahead != 0)
    }
}
