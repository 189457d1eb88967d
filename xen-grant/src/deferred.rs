//! What peers did not let go of: pages and references together, kept out of use until they do.

use crate::lock::Mutex;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use heapless::Vec;
use xen_hypercall::{GrantRef, Instant, PageVec, Platform, SharedPages};

/// How long a peer is left alone between two tries.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many of them are tried at a time.
const BUDGET: usize = 16;

/// How much is kept back because peers still use it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeferredGrants {
    /// Allocations that wait for their peer to let go.
    pub waiting: usize,
    /// Allocations given up for good, because there was no memory to note them down.
    pub lost: u32,
}

/// What a peer did not let go of.
pub(crate) struct Held<P: Platform> {
    /// None for a grant that was passed on.
    pub(crate) pages: Option<SharedPages<P>>,
    pub(crate) first: GrantRef,
    /// Which references are in use still: bit 0 for the first, and so on.
    pub(crate) left: u64,
}

/// All that peers did not let go of.
pub(crate) struct DeferredList<P: Platform> {
    list: Mutex<List<P>>,
    lost: AtomicU32,
}

struct List<P: Platform> {
    held: PageVec<P, Held<P>>,
    /// Where the next round of tries begins: all get their turn.
    next: usize,
    /// When it does; none has been asked for yet while nothing waits.
    due: Option<Instant>,
}

impl<P: Platform> DeferredList<P> {
    pub(crate) fn new(platform: P) -> Self {
        Self {
            list: Mutex::new(List { held: PageVec::new(platform), next: 0, due: None }),
            lost: AtomicU32::new(0),
        }
    }

    pub(crate) fn add(&self, held: Held<P>) {
        let refused = self.list.lock().held.push(held);
        if let Err(held) = refused {
            // No memory to note it down. Pages that are never used again are the lesser evil than
            // pages that a peer can write.
            core::mem::forget(held);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn count(&self) -> DeferredGrants {
        DeferredGrants {
            waiting: self.list.lock().held.len(),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }

    /// Tries all again. `end` gets the first reference and which ones are left, and returns which
    /// ones still are.
    pub(crate) fn sweep(&self, mut end: impl FnMut(GrantRef, u64) -> u64) {
        let mut left = {
            let mut list = self.list.lock();
            list.next = 0;
            list.held.len()
        };
        while left > 0 {
            let round = left.min(BUDGET);
            self.round(round, &mut end);
            left -= round;
        }
    }

    /// Tries some again if it is time to, and returns when to come back.
    pub(crate) fn poll(
        &self,
        now: Instant,
        mut end: impl FnMut(GrantRef, u64) -> u64,
    ) -> Option<Instant> {
        let waiting = {
            let mut list = self.list.lock();
            let waiting = list.held.len();
            if waiting == 0 {
                list.due = None;
                return None;
            }
            match list.due {
                Some(due) if now < due => return Some(due),
                _ => list.due = Some(now + INTERVAL),
            }
            waiting
        };
        self.round(waiting.min(BUDGET), &mut end);
        let list = self.list.lock();
        list.due.filter(|_| !list.held.is_empty())
    }

    /// Tries `count` of them, [`BUDGET`] at most. What has become free is freed without the lock.
    fn round(&self, count: usize, end: &mut impl FnMut(GrantRef, u64) -> u64) {
        // Dropped after the lock, as it comes first.
        let mut freed: Vec<Option<SharedPages<P>>, BUDGET> = Vec::new();
        let mut list = self.list.lock();
        for _ in 0..count {
            if list.next >= list.held.len() {
                list.next = 0;
            }
            let next = list.next;
            let Some(held) = list.held.get_mut(next) else { break };
            held.left = end(held.first, held.left);
            if held.left != 0 {
                list.next += 1;
            } else if let Some(held) = list.held.swap_remove(next) {
                // No reference is left, so no peer can reach the pages. There is room: count is at
                // most the budget.
                let _ = freed.push(held.pages);
            }
        }
        list.held.free_if_empty();
    }
}

impl<P: Platform> Drop for DeferredList<P> {
    fn drop(&mut self) {
        let mut list = self.list.lock();
        // What peers still use outlives the table: its memory must not be used again.
        while let Some(held) = list.held.swap_remove(0) {
            core::mem::forget(held);
        }
    }
}
