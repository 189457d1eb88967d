//! The FIFO event ABI: a word per port, linked into a queue per vCPU and priority.
//!
//! Xen appends to a queue, the vCPU takes off its head. Xen writes a queue's head into the control block only where the queue was empty; the
//! vCPU then follows the links, and keeps its own place.

use core::mem::offset_of;
use xen_hypercall::sync::Ordering;
use xen_hypercall::{Port, SharedMem, SharedU32};
use xen_sys::event_channel::*;

/// The number of ports that the FIFO ABI can have.
#[doc(alias = "EVTCHN_FIFO_NR_CHANNELS")]
pub const FIFO_PORTS: u32 = EVTCHN_FIFO_NR_CHANNELS;

const PENDING: u32 = 1 << EVTCHN_FIFO_PENDING;
const MASKED: u32 = 1 << EVTCHN_FIFO_MASKED;
const LINKED: u32 = 1 << EVTCHN_FIFO_LINKED;
const BUSY: u32 = 1 << EVTCHN_FIFO_BUSY;
const LINK: u32 = EVTCHN_FIFO_LINK_MASK;

const QUEUES: u32 = EVTCHN_FIFO_MAX_QUEUES;
const READY: usize = offset_of!(EvtchnFifoControlBlock, ready);
const HEAD: usize = offset_of!(EvtchnFifoControlBlock, head);
/// Behind the control block: this side's place in each queue, zero for none.
const PLACE: usize = 128;
/// Who runs the queues: see [`Queues::run`].
const RUNNING: usize = 192;

const IDLE: u32 = 0;
const RUNS: u32 = 1;
const LOOK_AGAIN: u32 = 2;

/// The queues of one vCPU: the control block at the start of its page, and this side's notes behind it.
#[derive(Clone, Copy)]
pub(crate) struct Queues<'a>(pub(crate) &'a SharedMem);

impl Queues<'_> {
    /// Forgets where the queues were, before Xen is given the control block.
    pub(crate) fn start_over(self) {
        for queue in 0..QUEUES as usize {
            if let Some(place) = self.0.u32_at(PLACE + queue * 4) {
                place.store(0, Ordering::Relaxed);
            }
        }
        self.0.u32::<RUNNING>().store(IDLE, Ordering::Relaxed);
    }

    /// Takes events off the queues, the most urgent one first, until all are empty.
    ///
    /// A call that comes while another runs (an interrupt in a handler) leaves the work to that one.
    #[inline(always)]
    pub(crate) fn run<'w>(self, word: impl Fn(u32) -> Option<SharedU32<'w>>, handle: &mut impl FnMut(Port)) {
        let running = self.0.u32::<RUNNING>();
        if running.swap(LOOK_AGAIN) != IDLE {
            return;
        }
        loop {
            running.store(RUNS, Ordering::Relaxed);
            self.consume(&word, handle);
            if running.compare_exchange(RUNS, IDLE).is_ok() {
                return;
            }
        }
    }

    #[inline(always)]
    fn consume<'w>(self, word: &impl Fn(u32) -> Option<SharedU32<'w>>, handle: &mut impl FnMut(Port)) {
        let signal = self.0.u32::<READY>();
        // This also orders the heads, which Xen writes first.
        let mut ready = signal.swap(0);
        while ready != 0 {
            let queue = ready.trailing_zeros() % QUEUES;
            let at = queue as usize * size_of::<u32>();
            let (Some(place), Some(head)) = (self.0.u32_at(PLACE + at), self.0.u32_at(HEAD + at)) else {
                return;
            };
            let mut port = place.load(Ordering::Relaxed);
            if port == 0 {
                port = head.load(Ordering::Relaxed);
            }
            // A link to a port that has no word ends the queue.
            let (next, told) = word(port).map_or((0, false), take_off);
            place.store(next, Ordering::Relaxed);
            if next == 0 {
                ready &= !(1 << queue);
            }
            if told {
                handle(Port(port));
            }
            // A more urgent event need not wait for the rest of this queue.
            if signal.load(Ordering::Relaxed) != 0 {
                ready |= signal.swap(0);
            }
        }
    }
}

/// Takes an event off its queue, and clears it, unless it is masked, in the same step: so an event from here on links the port anew.
/// Returns the port behind it in the queue, zero for none, and whether there was an event to tell.
#[inline(always)]
fn take_off(word: SharedU32<'_>) -> (u32, bool) {
    let mut old = word.load(Ordering::Relaxed);
    loop {
        let tell = old & (PENDING | MASKED) == PENDING;
        let clear = LINKED | LINK | if tell { PENDING } else { 0 };
        // Xen and other vCPUs change a word only so often: it is not theirs to keep this from ending.
        match word.compare_exchange(old, old & !clear) {
            Ok(_) => return (old & LINK, tell),
            Err(now) => old = now,
        }
    }
}

/// Masks a port and tells whether it was masked.
pub(crate) fn mask(word: SharedU32<'_>) -> bool {
    word.fetch_or(MASKED) & MASKED != 0
}

/// Clears the mask of a port; `true` if Xen's help is needed, for an event that is pending and so on no queue. The port stays masked then.
pub(crate) fn unmask(word: SharedU32<'_>) -> bool {
    let mut old = word.load(Ordering::Relaxed);
    loop {
        if old & MASKED == 0 {
            return false;
        }
        // While Xen changes the link, a mask must not be cleared here either.
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

pub(crate) fn set_pending(word: SharedU32<'_>) {
    word.fetch_or(PENDING);
}
