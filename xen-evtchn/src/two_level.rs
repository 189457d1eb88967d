//! The 2-level event ABI: one pending and one mask bit per port in shared info, a selector per vCPU.

use core::mem::offset_of;
use core::sync::atomic::AtomicU32;
use xen_hypercall::sync::{Ordering, fence};
use xen_hypercall::{Port, SharedMem, SharedU64};
use xen_sys::xen::SharedInfo;

/// The number of ports that the 2-level ABI can have on a 64-bit kernel.
#[doc(alias = "EVTCHN_2L_NR_CHANNELS")]
pub const PORTS: u32 = 64 * 64;

const PENDING: usize = offset_of!(SharedInfo, evtchn_pending);
const MASK: usize = offset_of!(SharedInfo, evtchn_mask);

/// The event words in shared info.
#[derive(Clone, Copy)]
pub(crate) struct TwoLevel<'a>(pub(crate) &'a SharedMem);

impl<'a> TwoLevel<'a> {
    /// Masks every port and forgets every event.
    pub(crate) fn start_over(self) {
        for index in 0..64 {
            if let (Some(mask), Some(pending)) = (self.word(MASK, index), self.word(PENDING, index)) {
                // No port is open; opening one is a hypercall, which orders everything.
                mask.store(u64::MAX, Ordering::Relaxed);
                pending.store(0, Ordering::Relaxed);
            }
        }
    }

    /// Masks every port.
    pub(crate) fn mask_all(self) {
        for index in 0..64 {
            if let Some(mask) = self.word(MASK, index) {
                mask.store(u64::MAX, Ordering::Relaxed);
            }
        }
    }

    /// Handles the words that `selector` names, once each. `start` is the word that this vCPU's scan begins with; `foreign` holds a bit for each
    /// port that is another vCPU's.
    #[inline(always)]
    pub(crate) fn scan(
        self,
        mut selector: u64,
        start: &AtomicU32,
        foreign: Option<(&SharedMem, usize)>,
        handle: &mut impl FnMut(Port),
    ) {
        let first = start.load(Ordering::Relaxed) % 64;
        // The next scan starts behind where this one found its first, so that neighbours take turns.
        start.store(first + 1 + selector.rotate_right(first).trailing_zeros(), Ordering::Relaxed);
        selector = selector.rotate_right(first);
        while selector != 0 {
            // The lowest set bit at or after `first`, then round.
            let index = (selector.trailing_zeros() + first) % 64;
            selector &= selector - 1;
            let (Some(pending), Some(mask)) = (self.word(PENDING, index), self.word(MASK, index)) else {
                return;
            };
            // Only a hint: clearing the bits below is what orders the handlers after the events.
            let mut bits = pending.load(Ordering::Relaxed) & !mask.load(Ordering::Relaxed);
            if let Some(foreign) = foreign.and_then(|(mem, at)| mem.u64_at(at + index as usize * 8)) {
                bits &= !foreign.load(Ordering::Relaxed);
            }
            if bits == 0 {
                continue;
            }
            // Before the handlers: an event from here on is pending again. What another vCPU cleared first is that vCPU's to handle.
            bits &= pending.fetch_and(!bits);
            while bits != 0 {
                handle(Port(index * 64 + bits.trailing_zeros()));
                bits &= bits - 1;
            }
        }
    }

    /// Masks `port` and tells whether it was masked.
    pub(crate) fn mask(self, port: Port) -> Option<bool> {
        self.bit(MASK, port).map(|(word, bit)| word.fetch_or(bit) & bit != 0)
    }

    /// Clears the mask of `port`; `true` if Xen's help is needed for an event that is pending, with the port masked for it.
    pub(crate) fn unmask(self, port: Port) -> Option<bool> {
        let (mask, bit) = self.bit(MASK, port)?;
        let (pending, _) = self.bit(PENDING, port)?;
        mask.fetch_and(!bit);
        // Xen sets the pending bit, then looks at the mask; we do it the other way round. With both sides ordered, at least one
        // sees the other's write.
        fence(Ordering::SeqCst);
        let missed = pending.load(Ordering::Relaxed) & bit != 0;
        if missed {
            // Xen helps only with a port that is masked.
            mask.fetch_or(bit);
        }
        Some(missed)
    }

    pub(crate) fn is_pending(self, port: Port) -> Option<bool> {
        self.bit(PENDING, port).map(|(word, bit)| word.load(Ordering::Acquire) & bit != 0)
    }

    pub(crate) fn take_pending(self, port: Port) -> Option<bool> {
        self.bit(PENDING, port).map(|(word, bit)| word.fetch_and(!bit) & bit != 0)
    }

    pub(crate) fn set_pending(self, port: Port) {
        if let Some((word, bit)) = self.bit(PENDING, port) {
            word.fetch_or(bit);
        }
    }

    #[inline(always)]
    fn word(self, array: usize, index: u32) -> Option<SharedU64<'a>> {
        self.0.u64_at(array + index as usize * size_of::<u64>())
    }

    fn bit(self, array: usize, port: Port) -> Option<(SharedU64<'a>, u64)> {
        let word = (port.0 < PORTS).then(|| self.word(array, port.0 / 64)).flatten()?;
        Some((word, 1 << (port.0 % 64)))
    }
}
