//! 2-level event ABI: one pending and one mask bit per port in shared info, one selector per vCPU.

use crate::layout::Layout;
use core::sync::atomic::AtomicU32;
use xen_hypercall::sync::{Ordering, fence};
use xen_hypercall::{Port, SharedMem, SharedU64};

/// Number of ports of the 2-level ABI on a 64-bit kernel.
#[doc(alias = "EVTCHN_2L_NR_CHANNELS")]
pub const PORTS: u32 = 64 * WORDS;

/// Number of words of pending and of mask bits.
pub(crate) const WORDS: u32 = 64;

/// Ports of other vCPUs, for a scan.
pub(crate) trait Others {
    /// Returns the ports of word `index` that are not bound to another vCPU.
    fn not_theirs(&self, index: u32) -> u64;

    /// Clears bits of a word of pending events and returns the cleared ones, which this vCPU must
    /// handle.
    fn clear(&self, pending: SharedU64<'_>, bits: u64) -> u64;
}

/// A single vCPU.
pub(crate) struct Alone;

impl Others for Alone {
    #[inline(always)]
    fn not_theirs(&self, _index: u32) -> u64 {
        u64::MAX
    }

    /// Leaves out bits that an upcall within this one has cleared.
    #[inline(always)]
    fn clear(&self, pending: SharedU64<'_>, bits: u64) -> u64 {
        bits & pending.fetch_and(!bits)
    }
}

/// Several vCPUs. `mem` has, from byte `at` on, one bit for each port of another vCPU.
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

    /// Leaves out bits that another vCPU has cleared.
    #[inline(always)]
    fn clear(&self, pending: SharedU64<'_>, bits: u64) -> u64 {
        bits & pending.fetch_and(!bits)
    }
}

/// Event words in shared info.
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
                // Nothing to order: no handler runs, and a port is opened by a hypercall.
                mask.store(u64::MAX, Ordering::Relaxed);
            }
        }
    }

    /// Handles the words in `selector`, once each. `start` is the first word of this vCPU's scan.
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
        // The next scan starts behind the first word of this one, so that neighbours take turns.
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
        // Only a hint: the step that clears the bits orders the handlers after the events.
        let mut bits = pending.load(Ordering::Relaxed)
            & !mask.load(Ordering::Relaxed)
            & others.not_theirs(index);
        if bits == 0 {
            return;
        }
        // Before the handlers: a later event is pending again.
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

    /// Clears the mask of `port`. Returns `true` if Xen must deliver a pending event, for which the
    /// port stays masked.
    pub(crate) fn unmask(self, port: Port) -> Option<bool> {
        let (mask, bit) = self.bit(self.layout.mask, port)?;
        let (pending, _) = self.bit(self.layout.pending, port)?;
        // If an event is pending already, only Xen unmasks the port, so that no handler can run and
        // mask it in between.
        if pending.load(Ordering::Relaxed) & bit == 0 {
            mask.fetch_and(!bit);
            // Xen sets the pending bit, then reads the mask; this side does the reverse. With both
            // sides ordered, at least one sees the other's write.
            fence(Ordering::SeqCst);
            if pending.load(Ordering::Relaxed) & bit == 0 {
                return Some(false);
            }
            // The event may have been delivered, and its handler may have masked the port again:
            // that mask stays.
            return Some(mask.fetch_or(bit) & bit == 0);
        }
        // Xen delivers only for a masked port.
        mask.fetch_or(bit);
        Some(true)
    }

    /// Masks `port` for Xen to deliver its event anew, if one is pending and the port is unmasked.
    /// Otherwise, an event that a vCPU skipped before it owned the port is never delivered. Returns
    /// whether Xen must unmask the port.
    pub(crate) fn redeliver(self, port: Port) -> Option<bool> {
        let (mask, bit) = self.bit(self.layout.mask, port)?;
        let (pending, _) = self.bit(self.layout.pending, port)?;
        // Another vCPU clears the mask, makes Xen deliver, and skips the event; here the owner was
        // changed before. With both sides ordered, one sees the other's write.
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

    /// Returns whether `port` is pending, and whether it is masked.
    pub(crate) fn port_bits(self, port: Port) -> Option<(bool, bool)> {
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
