//! The free references: one bit each, taken and given back without a lock.

use core::sync::atomic::AtomicU32;
use xen_hypercall::GrantRef;
use xen_hypercall::sync::{AtomicU64, Ordering};

/// A set of free references below `64 * WORDS`.
pub(crate) struct FreeRefs<const WORDS: usize> {
    words: [AtomicU64; WORDS],
    /// Where the last search found something.
    hint: AtomicU32,
}

impl<const WORDS: usize> FreeRefs<WORDS> {
    pub(crate) fn none() -> Self {
        Self { words: core::array::from_fn(|_| AtomicU64::new(0)), hint: AtomicU32::new(0) }
    }

    pub(crate) fn take(&self) -> Option<GrantRef> {
        let start = self.hint.load(Ordering::Relaxed) as usize;
        (0..WORDS).map(|step| (start + step) % WORDS).find_map(|index| self.take_from(index))
    }

    fn take_from(&self, index: usize) -> Option<GrantRef> {
        let word = self.words.get(index)?;
        let mut bits = word.load(Ordering::Relaxed);
        while bits != 0 {
            let bit = bits.trailing_zeros();
            // Acquire: what the last owner did with the entry comes before what the next one does.
            bits = word.fetch_and(!(1 << bit), Ordering::Acquire);
            if bits & (1 << bit) != 0 {
                self.hint.store(index as u32, Ordering::Relaxed);
                return Some(GrantRef(index as u32 * 64 + bit));
            }
        }
        None
    }

    /// Adds a reference that the caller owns.
    pub(crate) fn give(&self, reference: GrantRef) {
        if let Some(word) = self.words.get(reference.0 as usize / 64) {
            word.fetch_or(1 << (reference.0 % 64), Ordering::Release);
        }
    }

    pub(crate) fn count(&self) -> u32 {
        self.words.iter().map(|word| word.load(Ordering::Relaxed).count_ones()).sum()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_reference_is_handed_out_once_until_it_comes_back() {
        let refs = FreeRefs::<4>::none();
        assert_eq!(refs.take(), None);
        (8..256).for_each(|n| refs.give(GrantRef(n)));
        let taken: BTreeSet<_> = core::iter::from_fn(|| refs.take()).map(|r| r.0).collect();
        assert_eq!(taken, (8..256).collect());
        refs.give(GrantRef(77));
        assert_eq!((refs.take(), refs.take()), (Some(GrantRef(77)), None));
    }

    #[test]
    fn d_g06_two_threads_never_hold_the_same_reference() {
        let refs = FreeRefs::<2>::none();
        (0..100).for_each(|n| refs.give(GrantRef(n)));
        let held = [const { AtomicU32::new(0) }; 100];
        let rounds = if cfg!(miri) { 200 } else { 200_000 };
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..rounds {
                        let Some(reference) = refs.take() else { continue };
                        assert_eq!(held[reference.0 as usize].swap(1, Ordering::Relaxed), 0);
                        held[reference.0 as usize].store(0, Ordering::Relaxed);
                        refs.give(reference);
                    }
                });
            }
        });
        assert_eq!(refs.count(), 100);
    }
}
