//! FIFO event ABI: one word per port, linked into one queue per vCPU and priority.
//!
//! Xen appends to the tail of a queue, the vCPU removes at its head. Xen writes the head in the
//! control block only if the queue was empty; the vCPU then follows the links.

use core::mem::offset_of;
use xen_hypercall::sync::{Ordering, cold_path};
use xen_hypercall::{PAGE_SIZE, Port, SharedMem, SharedU32};
use xen_sys::event_channel::*;

/// Number of ports of the FIFO ABI.
#[doc(alias = "EVTCHN_FIFO_NR_CHANNELS")]
pub const FIFO_PORTS: u32 = EVTCHN_FIFO_NR_CHANNELS;

const PENDING: u32 = 1 << EVTCHN_FIFO_PENDING;
const MASKED: u32 = 1 << EVTCHN_FIFO_MASKED;
const LINKED: u32 = 1 << EVTCHN_FIFO_LINKED;
const BUSY: u32 = 1 << EVTCHN_FIFO_BUSY;
const LINK: u32 = EVTCHN_FIFO_LINK_MASK;

const READY: usize = offset_of!(EvtchnFifoControlBlock, ready);
const HEAD: usize = offset_of!(EvtchnFifoControlBlock, head);
/// Events that one run removes for each page of event words; a model has fewer.
const BUDGET: u32 = if cfg!(loom) { 2 } else { WORDS };
/// Event words in a page.
pub(crate) const WORDS: u32 = (PAGE_SIZE / size_of::<EventWord>()) as u32;

/// Queues of one vCPU: the control block at the start of its page.
#[derive(Clone, Copy)]
pub(crate) struct Queues<'a>(pub(crate) &'a SharedMem);

impl Queues<'_> {
    /// Removes events from the queues, by priority, until all queues are empty or as many events
    /// were removed as there are event words. `words` returns the pages of event words. `raised` is
    /// called when Xen has signalled queues during the run, before these are read.
    ///
    /// The run that clears the ready bit of a queue owns the queue until it is empty, since Xen
    /// sets the bit again only then. An upcall within a handler therefore has queues of its own,
    /// and removes nothing from those of the interrupted run.
    ///
    /// Returns the queues that are not empty. Their ready bits are set as by Xen, but Xen raises no
    /// upcall for these: see [`spare`].
    #[inline(always)]
    pub(crate) fn run<'w>(
        self,
        words: impl Fn(u32) -> Option<&'w SharedMem>,
        raised: impl Fn(),
        handle: &mut impl FnMut(Port),
    ) -> u32 {
        let signal = self.0.u32::<READY>();
        // Also orders the heads, which Xen writes first.
        let mut ready = signal.swap(0);
        let (mut pages, mut budget) = (1, BUDGET);
        while ready != 0 {
            let Some(head) = self.head(ready) else { return 0 };
            let mut port = head.load(Ordering::Relaxed) & LINK;
            loop {
                let word = words(port / WORDS)
                    .and_then(|page| page.u32_at((port % WORDS) as usize * size_of::<EventWord>()));
                // A link to a port without a word ends the queue.
                let (next, delivered) = word.map_or((0, false), take_off);
                if delivered {
                    handle(Port(port));
                }
                port = next;
                budget -= 1;
                if budget == 0 {
                    // A peer that sends without end must not extend one upcall: each port has one
                    // event here, on average.
                    if words(pages).is_none() {
                        return self.leave(ready, port);
                    }
                    (pages, budget) = (pages + 1, BUDGET);
                }
                if signal.load(Ordering::Relaxed) != 0 {
                    ready = self.interrupted(ready, port);
                    raised();
                    break;
                }
                if port == 0 {
                    ready &= ready - 1;
                    if ready == 0 {
                        // The usual case.
                        return 0;
                    }
                    break;
                }
            }
        }
        0
    }

    /// Leaves the queues in `ready`, of which the first is at `port`, to a later run.
    #[cold]
    #[inline(never)]
    fn leave(self, ready: u32, port: u32) -> u32 {
        let left = self.put_back(ready, port);
        if left != 0 {
            // After the head, in Xen's order.
            self.0.u32::<READY>().fetch_or(left);
        }
        left
    }

    /// Leaves a queue at `port`, since newer events may be more urgent than its rest. Returns the
    /// queues that are ready now.
    #[cold]
    #[inline(never)]
    fn interrupted(self, ready: u32, port: u32) -> u32 {
        self.put_back(ready, port) | self.0.u32::<READY>().swap(0)
    }

    /// Writes `port` to the head of the first queue in `ready`, and returns the queues that are not
    /// empty.
    fn put_back(self, ready: u32, port: u32) -> u32 {
        match self.head(ready) {
            // Xen does not change the head of a queue that is not empty.
            Some(head) if port != 0 => {
                head.store(port, Ordering::Relaxed);
                ready
            }
            _ => ready & (ready - 1),
        }
    }

    /// Returns the head of the most urgent queue in `ready`. The control block has room for all
    /// queues, and Xen sets no bit beyond; memory behind the block is zero.
    #[inline(always)]
    fn head(&self, ready: u32) -> Option<SharedU32<'_>> {
        self.0.u32_at(HEAD + ready.trailing_zeros() as usize * size_of::<u32>())
    }
}

/// Returns a queue that is not in `left`: Xen raises an upcall for an event that is sent there, but
/// none for a queue that is not empty.
pub(crate) fn spare(left: u32) -> Option<u32> {
    let queue = (!left).trailing_zeros();
    (queue < EVTCHN_FIFO_MAX_QUEUES).then_some(queue)
}

/// Removes an event from its queue. In the same step, clears it unless it is masked, so that a new
/// event links the port again. Returns the next port in the queue, zero for none, and whether the
/// event is to be delivered.
#[inline(always)]
fn take_off(word: SharedU32<'_>) -> (u32, bool) {
    let mut old = word.load(Ordering::Relaxed);
    // Bounded: Xen and other vCPUs change a word only a few times meanwhile.
    loop {
        let changed = if old & (PENDING | MASKED) == PENDING {
            match word.compare_exchange(old, old & !(PENDING | LINKED | LINK)) {
                Ok(_) => return (old & LINK, true),
                Err(now) => now,
            }
        } else {
            match word.compare_exchange(old, old & !(LINKED | LINK)) {
                Ok(_) => return (old & LINK, false),
                Err(now) => now,
            }
        };
        cold_path();
        old = changed;
    }
}

/// Masks a port.
pub(crate) fn mask(word: SharedU32<'_>) {
    word.fetch_or(MASKED);
}

/// Clears the mask of a port. Returns `true` if Xen must unmask it, since an event is pending that
/// is in no queue. The port then stays masked.
pub(crate) fn unmask(word: SharedU32<'_>) -> bool {
    let mut old = word.load(Ordering::Relaxed);
    loop {
        if old & MASKED == 0 {
            return false;
        }
        // The mask must not be cleared while Xen changes the link.
        if old & (PENDING | BUSY) != 0 {
            return true;
        }
        match word.compare_exchange(old, old & !MASKED) {
            Ok(_) => return false,
            Err(now) => old = now,
        }
    }
}

pub(crate) fn is_pending(word: SharedU32<'_>) -> bool {
    word.load(Ordering::Acquire) & PENDING != 0
}

pub(crate) fn take_pending(word: SharedU32<'_>) -> bool {
    word.fetch_and(!PENDING) & PENDING != 0
}

/// Clears the mask of a port without an event.
pub(crate) fn clear_mask(word: SharedU32<'_>) {
    word.fetch_and(!MASKED);
}

/// Value of an event word with only the mask bit set.
pub(crate) const ONLY_MASKED: u32 = MASKED;

pub(crate) fn set_pending(word: SharedU32<'_>) {
    word.fetch_or(PENDING);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::boxed::Box;
    use xen_hypercall::Page;

    #[test]
    fn spare_queue_is_empty() {
        assert_eq!([0, 1, 0b1011, 0x7fff].map(spare), [Some(0), Some(1), Some(2), Some(15)]);
        assert_eq!(spare(0xffff), None);
    }

    #[test]
    fn unmask_of_busy_word_needs_xen() {
        let mut page = Box::new([Page::ZERO]);
        let word = SharedMem::from_pages(&mut page).u32::<0>();
        let masked = 1 << EVTCHN_FIFO_MASKED;
        for (before, needs_xen, after) in [
            (0, false, 0),
            (masked, false, 0),
            (masked | 1 << EVTCHN_FIFO_LINKED | 9, false, 1 << EVTCHN_FIFO_LINKED | 9),
            (masked | 1 << EVTCHN_FIFO_BUSY, true, masked | 1 << EVTCHN_FIFO_BUSY),
            (masked | 1 << EVTCHN_FIFO_PENDING, true, masked | 1 << EVTCHN_FIFO_PENDING),
            (1 << EVTCHN_FIFO_PENDING, false, 1 << EVTCHN_FIFO_PENDING),
        ] {
            word.store(before, Ordering::Relaxed);
            let found = (unmask(word), word.load(Ordering::Relaxed));
            assert_eq!(found, (needs_xen, after), "{before:#x}");
        }
    }
}
