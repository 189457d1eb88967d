//! The free references: one bit each, taken and given back without a lock. A bit has no past, so nothing can be mistaken for it.

use crate::blocks::{BLOCK, Block, WORDS};
use xen_hypercall::GrantRef;
use xen_hypercall::sync::{AtomicU32, Ordering};

/// Finds free references in blocks.
pub(crate) struct FreeRefs {
    /// The word where the last search found something.
    hint: AtomicU32,
}

impl FreeRefs {
    pub(crate) fn new() -> Self {
        Self { hint: AtomicU32::new(0) }
    }

    /// Takes a reference out of the free ones.
    #[inline(always)]
    pub(crate) fn take(&self, blocks: &[Block]) -> Option<GrantRef> {
        let hint = self.hint.load(Ordering::Relaxed) as usize;
        take_from(blocks, hint).or_else(|| self.search(blocks, hint))
    }

    #[cold]
    fn search(&self, blocks: &[Block], hint: usize) -> Option<GrantRef> {
        let words = blocks.len() * WORDS;
        let found = (1..words).find_map(|step| take_from(blocks, (hint + step) % words))?;
        self.hint.store(found.0 / 64, Ordering::Relaxed);
        Some(found)
    }
}

#[inline(always)]
fn take_from(blocks: &[Block], index: usize) -> Option<GrantRef> {
    let word = &blocks.get(index / WORDS)?.free[index % WORDS];
    let mut bits = word.load(Ordering::Relaxed);
    while bits != 0 {
        let bit = bits.trailing_zeros();
        // Acquire: what the last owner did with the entry comes before what the next one does.
        if word.fetch_and(!(1 << bit), Ordering::Acquire) & (1 << bit) != 0 {
            return Some(GrantRef((index * 64) as u32 + bit));
        }
        bits = word.load(Ordering::Relaxed);
    }
    None
}

/// Adds a reference that the caller owns to the free ones.
#[inline(always)]
pub(crate) fn give(blocks: &[Block], reference: GrantRef) {
    if let Some(block) = blocks.get(reference.0 as usize / BLOCK) {
        let word = &block.free[reference.0 as usize % BLOCK / 64];
        word.fetch_or(1 << (reference.0 % 64), Ordering::Release);
    }
}

/// Counts the free references.
pub(crate) fn count(blocks: &[Block]) -> u32 {
    let words = blocks.iter().flat_map(|block| &block.free);
    words.map(|word| word.load(Ordering::Relaxed).count_ones()).sum()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_reference_is_handed_out_once_until_it_comes_back() {
        let blocks = [Block::new(), Block::new()];
        let refs = FreeRefs::new();
        assert_eq!(refs.take(&blocks), None);
        (8..1024).for_each(|n| give(&blocks, GrantRef(n)));
        give(&blocks, GrantRef(1024));
        let taken: BTreeSet<_> = core::iter::from_fn(|| refs.take(&blocks)).map(|r| r.0).collect();
        assert_eq!(taken, (8..1024).collect());
        give(&blocks, GrantRef(77));
        assert_eq!((refs.take(&blocks), refs.take(&blocks)), (Some(GrantRef(77)), None));
    }

    #[test]
    fn d_g06_two_threads_never_hold_the_same_reference() {
        let blocks = [Block::new()];
        let refs = FreeRefs::new();
        (0..100).for_each(|n| give(&blocks, GrantRef(n)));
        let held = [const { AtomicU32::new(0) }; 100];
        // Ten million takes and gives, but for an interpreter.
        let rounds = if cfg!(miri) { 200 } else { 2_500_000 };
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..rounds {
                        let Some(reference) = refs.take(&blocks) else { continue };
                        assert_eq!(held[reference.0 as usize].swap(1, Ordering::Relaxed), 0);
                        held[reference.0 as usize].store(0, Ordering::Relaxed);
                        give(&blocks, reference);
                    }
                });
            }
        });
        assert_eq!(count(&blocks), 100);
    }
}
