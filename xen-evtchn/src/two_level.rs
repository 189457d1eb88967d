//! The 2-level event ABI: one pending and one mask bit per port in shared info, a selector per
//! vCPU.

use crate::layout::Layout;
use core::sync::atomic::AtomicU32;
use xen_hypercall::sync::{Ordering, fence};
use xen_hypercall::{Port, SharedMem, SharedU64};

/// The number of ports that the 2-level ABI can have on a 64-bit kernel.
#[doc(alias = "EVTCHN_2L_NR_CHANNELS")]
pub const PORTS: u32 = 64 * WORDS;

/// Words of pending and of mask bits.
pub(crate) const WORDS: u32 = 64;

/// What a vCPU has to know of the others when it scans.
pub(crate) trait Others {
    /// Returns the ports of word `index` that are not bound to another vCPU.
    fn not_theirs(&self, index: u32) -> u64;

    /// Clears bits of a word of pending events and returns those that are this vCPU's to handle.
    fn clear(&self, pending: SharedU64<'_>, bits: u64) -> u64;
}

/// There is no other vCPU.
pub(crate) struct Alone;

impl Others for Alone {
    #[inline(always)]
    fn not_theirs(&self, _index: u32) -> u64 {
        u64::MAX
    }

    /// What an upcall within this one cleared first is that one's.
    #[inline(always)]
    fn clear(&self, pending: SharedU64<'_>, bits: u64) -> u64 {
        bits & pending.fetch_and(!bits)
    }
}

/// There are others; `mem` has a bit from byte `at` on for each port that is another one's.
pub(crate) struct Beside<'a> {
    pub(crate) mem: &'a SharedMem,
    pub(crate) at: usize,
}

impl Others for Beside<'_> {
    #[inline(always)]
    fn not_theirs(&self, index: u32) -> u64 {
        let theirs = self.mem.u64_at(self.at + index as usize * size_of::<u64>());
        theirs.map_or(u64::MAX, |theirs| !theirs.load(Ordering::Relaxed))
    }

    /// What another vCPU cleared first is that one's.
    #[inline(always)]
    fn clear(&self, pending: SharedU64<'_>, bits: u64) -> u64 {
        bits & pending.fetch_and(!bits)
    }
}

/// The event words in shared info.
#[derive(Clone, Copy)]
pub(crate) struct TwoLevel<'a> {
    pub(crate) mem: &'a SharedMem,
    pub(crate) layout: Layout,
}

impl<'a> TwoLevel<'a> {
    /// Masks every port.
    pub(crate) fn mask_all(self) {
        for index in 0..WORDS {
            if let Some(mask) = self.word(self.layout.mask, index) {
                // Nothing to order: no handler runs, and opening a port is a hypercall.
                mask.store(u64::MAX, Ordering::Relaxed);
            }
        }
    }

    /// Handles the words that `selector` names, once each. `start` is the word that this vCPU's
    /// scan begins with.
    #[inline(always)]
    pub(crate) fn scan(
        self,
        selector: u64,
        start: &AtomicU32,
        others: &impl Others,
        handle: &mut impl FnMut(Port),
    ) {
        if selector & selector.wrapping_sub(1) == 0 {
            if selector != 0 {
                self.scan_word(selector.trailing_zeros() % 64, others, handle);
            }
            return;
        }
        let first = start.load(Ordering::Relaxed);
        let mut selector = selector.rotate_right(first);
        let index = |selector: u64| first.wrapping_add(selector.trailing_zeros());
        // The next scan starts behind where this one finds its first, so that neighbours take
        // turns.
        start.store(index(selector).wrapping_add(1), Ordering::Relaxed);
        while selector != 0 {
            // The lowest set bit at or after `first`, then round.
            self.scan_word(index(selector) % 64, others, handle);
            selector &= selector - 1;
        }
    }

    #[inline(always)]
    fn scan_word(self, index: u32, others: &impl Others, handle: &mut impl FnMut(Port)) {
        let (Some(pending), Some(mask)) =
            (self.word(self.layout.pending, index), self.word(self.layout.mask, index))
        else {
            return;
        };
        // Only a hint: clearing the bits is what orders the handlers after the events.
        let mut bits = pending.load(Ordering::Relaxed)
            & !mask.load(Ordering::Relaxed)
            & others.not_theirs(index);
        if bits == 0 {
            return;
        }
        // Before the handlers: an event from here on is pending again.
        bits = others.clear(pending, bits);
        while bits != 0 {
            handle(Port(index * 64 + bits.trailing_zeros()));
            bits &= bits - 1;
        }
    }

    /// Masks `port`.
    pub(crate) fn mask(self, port: Port) {
        if let Some((word, bit)) = self.bit(self.layout.mask, port) {
            word.fetch_or(bit);
        }
    }

    /// Clears the mask of `port`; `true` if Xen's help is needed for an event that is pending, with
    /// the port masked for it.
    pub(crate) fn unmask(self, port: Port) -> Option<bool> {
        let (mask, bit) = self.bit(self.layout.mask, port)?;
        let (pending, _) = self.bit(self.layout.pending, port)?;
        // With an event pending already, the port is not unmasked before Xen does it: so no handler
        // can run, and mask it, in between.
        if pending.load(Ordering::Relaxed) & bit == 0 {
            mask.fetch_and(!bit);
            // Xen sets the pending bit, then reads the mask; this is the other way round. With both
            // sides ordered, at least one sees the other's write.
            fence(Ordering::SeqCst);
            if pending.load(Ordering::Relaxed) & bit == 0 {
                return Some(false);
            }
            // The event may have been delivered, and its handler may have masked the port again:
            // that mask stays.
            return Some(mask.fetch_or(bit) & bit == 0);
        }
        // Xen helps only with a port that is masked.
        mask.fetch_or(bit);
        Some(true)
    }

    /// Masks `port` for Xen to deliver its event anew, if one is pending and the port is not
    /// masked: what a vCPU has passed over, as the port was not its yet, is never delivered
    /// otherwise. Returns whether Xen has to unmask it.
    pub(crate) fn redeliver(self, port: Port) -> Option<bool> {
        let (mask, bit) = self.bit(self.layout.mask, port)?;
        let (pending, _) = self.bit(self.layout.pending, port)?;
        // Another vCPU clears the mask, makes Xen deliver, and passes the event over; here the
        // owner was changed before. With both sides ordered, one sees the other's write.
        fence(Ordering::SeqCst);
        if pending.load(Ordering::Relaxed) & bit == 0 {
            return Some(false);
        }
        Some(mask.fetch_or(bit) & bit == 0)
    }

    /// Returns the ports of word `index` that are pending and not masked.
    pub(crate) fn deliverable(self, index: u32) -> u64 {
        let load = |array| self.word(array, index).map_or(0, |word| word.load(Ordering::Relaxed));
        load(self.layout.pending) & !load(self.layout.mask)
    }

    /// Tells whether `port` is pending, and whether it is masked.
    pub(crate) fn look(self, port: Port) -> Option<(bool, bool)> {
        let is_set = |(word, bit): (SharedU64<'_>, u64)| word.load(Ordering::Relaxed) & bit != 0;
        Some((
            is_set(self.bit(self.layout.pending, port)?),
            is_set(self.bit(self.layout.mask, port)?),
        ))
    }

    pub(crate) fn is_pending(self, port: Port) -> Option<bool> {
        self.bit(self.layout.pending, port)
            .map(|(word, bit)| word.load(Ordering::Acquire) & bit != 0)
    }

    pub(crate) fn take_pending(self, port: Port) -> Option<bool> {
        self.bit(self.layout.pending, port).map(|(word, bit)| word.fetch_and(!bit) & bit != 0)
    }

    pub(crate) fn set_pending(self, port: Port) {
        if let Some((word, bit)) = self.bit(self.layout.pending, port) {
            word.fetch_or(bit);
        }
    }

    #[inline(always)]
    fn word(self, array: usize, index: u32) -> Option<SharedU64<'a>> {
        self.mem.u64_at(array + index as usize * size_of::<u64>())
    }

    fn bit(self, array: usize, port: Port) -> Option<(SharedU64<'a>, u64)> {
        let word = (port.0 < PORTS).then(|| self.word(array, port.0 / 64)).flatten()?;
        Some((word, 1 << (port.0 % 64)))
    }
}
