//! The free references: one bit each, taken and returned without a lock. A bit has no history, so
//! there is no ABA problem.

use crate::entry::Entry;
use core::ptr::NonNull;
use xen_hypercall::sync::{AtomicU64, Ordering, cold_path};
use xen_hypercall::{GrantRef, PAGE_SIZE, SharedMem};
use xen_sys::grant_table::{GrantEntryStatus, GrantEntryV1, GrantEntryV2};

/// References in a group.
pub(crate) const GROUP: usize = 64;
pub(crate) const V1_ENTRIES: usize = PAGE_SIZE / size_of::<GrantEntryV1>();
pub(crate) const V2_ENTRIES: usize = PAGE_SIZE / size_of::<GrantEntryV2>();
pub(crate) const STATES: usize = PAGE_SIZE / size_of::<GrantEntryStatus>();

/// A frame of entries and, in version 2, the frame with their states.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    entries: NonNull<u8>,
    states: Option<NonNull<u8>>,
}

// SAFETY: the frames are reachable through atomics alone, and do not move.
unsafe impl Send for Places {}
// SAFETY: as above.
unsafe impl Sync for Places {}

impl Places {
    /// Names the frame of some entries and, in version 2, that of their states.
    ///
    /// # Safety
    ///
    /// Both must be whole pages of the table that never move, reachable through [`SharedMem`]
    /// alone.
    pub(crate) unsafe fn new(entries: NonNull<u8>, states: Option<NonNull<u8>>) -> Self {
        Self { entries, states }
    }

    pub(crate) fn entries(self) -> NonNull<u8> {
        self.entries
    }

    pub(crate) fn states(self) -> Option<NonNull<u8>> {
        self.states
    }

    /// Calls `then` with the entry of a reference. Each version has its own copy of `then`, which
    /// need not check the version again.
    #[inline(always)]
    pub(crate) fn with_entry<R>(
        self,
        reference: GrantRef,
        then: impl Fn(Entry<'static>) -> R,
    ) -> R {
        let index = reference.0 as usize;
        // SAFETY: `new`'s caller vouched for the frames.
        let memory = |frame| unsafe { SharedMem::from_raw(frame, PAGE_SIZE) };
        let frame = memory(self.entries);
        match self.states {
            None => then(Entry {
                frame,
                offset: index % V1_ENTRIES * size_of::<GrantEntryV1>(),
                state: None,
            }),
            Some(states) => then(Entry {
                frame,
                offset: index % V2_ENTRIES * size_of::<GrantEntryV2>(),
                state: Some((memory(states), index % STATES * size_of::<GrantEntryStatus>())),
            }),
        }
    }
}

/// 64 references that follow each other: the free ones, and the places of the entries.
#[repr(C)]
pub(crate) struct Group {
    free: AtomicU64,
    pub(crate) places: Places,
    first: GrantRef,
}

impl Group {
    /// Makes a group with nothing free.
    pub(crate) fn new(first: GrantRef, places: Places) -> Self {
        Self { free: AtomicU64::new(0), places, first }
    }

    pub(crate) fn first(&self) -> GrantRef {
        self.first
    }

    /// Takes a reference out of the free ones.
    #[inline(always)]
    pub(crate) fn take(&self) -> Option<GrantRef> {
        let mut free = self.free.load(Ordering::Relaxed);
        while free != 0 {
            let bit = free.trailing_zeros();
            // Acquire: the accesses of the last owner come before those of the next one.
            if self.free.fetch_and(!(1 << bit), Ordering::Acquire) & (1 << bit) != 0 {
                return Some(GrantRef(self.first.0 + bit));
            }
            cold_path();
            free = self.free.load(Ordering::Relaxed);
        }
        None
    }

    /// Takes `count` references that follow each other, all at once, and returns the first.
    pub(crate) fn take_run(&self, count: usize) -> Option<GrantRef> {
        let first_run = |free: u64| {
            // Leaves the bits at which a run of that length begins.
            let starts = (1..count).fold(free, |starts, _| starts & (starts >> 1));
            (starts != 0).then(|| run(count) << starts.trailing_zeros())
        };
        self.take_mask(first_run).map(|taken| GrantRef(self.first.0 + taken.trailing_zeros()))
    }

    /// Takes any `count` references, all at once, and returns them as a mask.
    #[inline(always)]
    pub(crate) fn take_any(&self, count: u32) -> Option<u64> {
        self.take_mask(|free| {
            // Mostly a run begins with the lowest.
            let (lowest, run) = (free.trailing_zeros() % 64, run_or_none(count));
            if free >> lowest & run == run {
                return Some(run << lowest);
            }
            let mut rest = free;
            for _ in 0..count {
                // Clears the lowest bit.
                rest &= rest.checked_sub(1)?;
            }
            Some(free ^ rest)
        })
    }

    /// Takes the references that `choose` selects of the free ones.
    #[inline(always)]
    fn take_mask(&self, choose: impl Fn(u64) -> Option<u64>) -> Option<u64> {
        let mut free = self.free.load(Ordering::Relaxed);
        loop {
            let taken = choose(free)?;
            // Acquire: as in `take`.
            match self.free.compare_exchange(
                free,
                free & !taken,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(taken),
                Err(found) => free = found,
            }
        }
    }

    /// Adds references that the caller owns to the free ones: those of the mask, with `first` as
    /// bit 0.
    #[inline(always)]
    pub(crate) fn give(&self, first: GrantRef, mask: u64) {
        self.give_mask(mask << (first.0 as usize % GROUP));
    }

    /// Adds references that the caller owns to the free ones: those of the mask.
    #[inline(always)]
    pub(crate) fn give_mask(&self, mask: u64) {
        // Release: the owner's accesses to the entries come before those of the next owner.
        self.free.fetch_or(mask, Ordering::Release);
    }

    pub(crate) fn count(&self) -> u32 {
        self.free.load(Ordering::Relaxed).count_ones()
    }

    /// Returns whether a reference is among the free ones.
    pub(crate) fn is_free(&self, reference: GrantRef) -> bool {
        self.free.load(Ordering::Relaxed) >> (reference.0 as usize % GROUP) & 1 != 0
    }

    /// Returns the entry of one of its references.
    pub(crate) fn entry(&self, reference: GrantRef) -> Entry<'_> {
        self.places.with_entry(reference, |entry| entry)
    }
}

/// Returns a mask of `count` bits, 64 at most.
#[inline(always)]
pub(crate) fn run(count: usize) -> u64 {
    u64::MAX >> (GROUP - count)
}

/// Returns a mask of `count` bits; none for more than 64.
#[inline(always)]
fn run_or_none(count: u32) -> u64 {
    u64::MAX.checked_shr(64 - count).unwrap_or(0)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::sync::atomic::AtomicU32;
    use std::vec::Vec;

    fn group(free: u64) -> Group {
        // SAFETY: no test here accesses an entry.
        let group = Group::new(GrantRef(64), unsafe { Places::new(NonNull::dangling(), None) });
        group.give(GrantRef(64), free);
        group
    }

    #[test]
    fn free_reference_is_taken_once() {
        let group = group(u64::MAX << 8);
        let taken: BTreeSet<_> = core::iter::from_fn(|| group.take()).map(|r| r.0).collect();
        assert_eq!(taken, (72..128).collect());
        group.give(GrantRef(77), 1);
        assert_eq!((group.take(), group.take()), (Some(GrantRef(77)), None));
    }

    /// D-G06.
    #[test]
    fn threads_never_share_a_reference() {
        let group = group(u64::MAX);
        let held = [const { AtomicU32::new(0) }; 64];
        let hold = |reference: GrantRef, to| {
            assert_eq!(held[reference.0 as usize % 64].swap(to, Ordering::Relaxed), 1 - to);
        };
        // Ten million operations, fewer under an interpreter.
        let rounds = if cfg!(miri) { 200 } else { 2_500_000 };
        let work = |count| {
            for _ in 0..rounds {
                let found = if count == 1 { group.take() } else { group.take_run(count) };
                let Some(first) = found else { continue };
                let all = (0..count as u32).map(|step| GrantRef(first.0 + step));
                all.clone().for_each(|reference| hold(reference, 1));
                all.for_each(|reference| hold(reference, 0));
                group.give(first, run(count));
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| work(1));
            scope.spawn(|| work(3));
        });
        assert_eq!(group.count(), 64);
    }

    proptest! {
        #[test]
        fn run_is_found_at_any_bit(free: u64, count in 1usize..=16) {
            let group = group(free);
            let fits = |at: usize| free >> at & run(count) == run(count);
            let first = (0..=GROUP - count).find(|&at| fits(at));
            prop_assert_eq!(group.take_run(count).map(|r| r.0 as usize - 64), first);
            let left = first.map_or(free, |at| free & !(run(count) << at));
            prop_assert_eq!(group.count(), left.count_ones());
        }

        #[test]
        fn any_references_are_the_lowest(free: u64, low in 0u32..64, count in 0u32..=64) {
            let free = free << low;
            let group = group(free);
            let bits: Vec<u32> = (0..64).filter(|bit| free >> bit & 1 == 1).collect();
            let lowest = bits.get(..count as usize);
            let mask = lowest.map(|bits| bits.iter().fold(0, |mask, bit| mask | 1 << bit));
            prop_assert_eq!(group.take_any(count), mask);
            prop_assert_eq!(group.count(), (free & !mask.unwrap_or(0)).count_ones());
        }
    }
}
