//! Deferred grants: pages and references that a peer still uses, together out of use until the
//! peer releases them.

use crate::lock::Mutex;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use heapless::Vec;
use xen_hypercall::{GrantRef, Instant, PageVec, Platform, SharedPages};

/// The time between two tries.
const INTERVAL: Duration = Duration::from_secs(1);
/// The most allocations that are tried at a time.
const BUDGET: usize = 16;

/// The number of allocations that are deferred because peers still use them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeferredGrants {
    /// Allocations that wait for their peer to release them.
    pub waiting: usize,
    /// Allocations that are leaked, because there was no memory to record them.
    pub lost: u32,
}

/// A deferred allocation.
pub(crate) struct Held<P: Platform> {
    /// `None` for frames of the caller, and for a transitive grant.
    pub(crate) pages: Option<SharedPages<P>>,
    pub(crate) first: GrantRef,
    /// The references that are still in use: bit 0 for the first, and so on.
    pub(crate) left: u64,
}

/// All deferred allocations.
pub(crate) struct DeferredList<P: Platform> {
    list: Mutex<List<P>>,
    lost: AtomicU32,
}

struct List<P: Platform> {
    held: PageVec<P, Held<P>>,
    /// The index at which the next round of tries begins: all are tried in turn.
    next: usize,
    /// The time of the next round; `None` while nothing is deferred.
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
            // No memory to record it. Leaks the pages: memory that a peer can still write must not
            // be reused.
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

    /// Tries all again. `end` gets the first reference and those that are left, and returns those
    /// that still are.
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

    /// Tries some again if the time has come, and returns the time of the next call.
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

    /// Tries `count` of them, [`BUDGET`] at most. Pages are freed without the lock.
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
        // Memory that peers still use outlives the table: it must not be reused.
        while let Some(held) = list.held.swap_remove(0) {
            core::mem::forget(held);
        }
    }
}
