//! Set of frame numbers: one bit for each frame of a range.

use core::fmt;
use core::ops::Range;
use xen_hypercall::{Gfn, OutOfMemory, PAGE_SIZE, Pages, Platform};
use zerocopy::FromBytes;

/// Number of frames in a word.
const BITS: u64 = u64::BITS as u64;

/// Set of frames within a range, in pages of its own: 32 KiB for each GiB of the range.
pub(super) struct FrameSet<P: Platform> {
    /// First frame of the range, at a multiple of the largest order.
    start: u64,
    end: u64,
    bits: Pages<P>,
    len: u64,
    /// The words below it are zero.
    low: usize,
}

impl<P: Platform> FrameSet<P> {
    /// Creates an empty set of frames of `range`.
    pub(super) fn new(platform: P, range: Range<Gfn>, align: u64) -> Result<Self, OutOfMemory> {
        let start = range.start.0 - range.start.0 % align;
        let end = range.end.0.max(start);
        let bytes = (end - start).div_ceil(8);
        let pages = usize::try_from(bytes.div_ceil(PAGE_SIZE as u64)).unwrap_or(usize::MAX);
        let bits = Pages::alloc(platform, pages.max(1))?;
        Ok(Self { start, end, bits, len: 0, low: 0 })
    }

    /// Returns the number of frames in the set.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Returns whether the set can have `count` frames from `first` on.
    pub(super) fn covers(&self, first: Gfn, count: u64) -> bool {
        let end = first.0.checked_add(count);
        first.0 >= self.start && end.is_some_and(|end| end <= self.end)
    }

    fn words(&mut self) -> &mut [u64] {
        // A page is aligned, and has a whole number of words.
        <[u64]>::mut_from_bytes(self.bits.as_mut_slice()).unwrap_or_default()
    }

    /// Adds `count` frames from `first` on, which the set [covers](Self::covers).
    pub(super) fn insert(&mut self, first: Gfn, count: u64) {
        let index = first.0.saturating_sub(self.start);
        let mut added = 0;
        for (word, mask) in masks(index..index + count) {
            if let Some(word) = self.words().get_mut(word) {
                added += u64::from((mask & !*word).count_ones());
                *word |= mask;
            }
        }
        self.len += added;
        self.low = self.low.min((index / BITS) as usize);
    }

    fn remove(&mut self, range: Range<u64>) {
        let mut removed = 0;
        for (word, mask) in masks(range) {
            if let Some(word) = self.words().get_mut(word) {
                removed += u64::from((mask & *word).count_ones());
                *word &= !mask;
            }
        }
        self.len -= removed;
    }

    /// Removes the lowest run of `count` frames whose first one is a multiple of `align`.
    pub(super) fn take(&mut self, count: u64, align: u64) -> Option<Gfn> {
        if self.len < count {
            return None;
        }
        let first = if count == 1 { self.lowest() } else { self.run(count, align) }?;
        self.remove(first..first + count);
        Some(Gfn(self.start + first))
    }

    fn lowest(&mut self) -> Option<u64> {
        let low = self.low;
        let at = self.words().get(low..)?.iter().position(|&word| word != 0)? + low;
        self.low = at;
        let word = *self.words().get(at)?;
        Some(at as u64 * BITS + u64::from(word.trailing_zeros()))
    }

    /// Returns the index of a run. `start` is a multiple of `align`, so an index is one too.
    fn run(&mut self, count: u64, align: u64) -> Option<u64> {
        let end = self.end - self.start;
        let mut first = (self.low as u64 * BITS).next_multiple_of(align);
        'runs: while first.checked_add(count)? <= end {
            for (word, mask) in masks(first..first + count) {
                let missing = mask & !self.words().get(word)?;
                if missing != 0 {
                    let last = u64::from(BITS as u32 - 1 - missing.leading_zeros());
                    first = (word as u64 * BITS + last + 1).next_multiple_of(align);
                    continue 'runs;
                }
            }
            return Some(first);
        }
        None
    }
}

/// Returns the words of a range of bits, with the bits of each.
fn masks(range: Range<u64>) -> impl Iterator<Item = (usize, u64)> {
    let Range { mut start, end } = range;
    core::iter::from_fn(move || {
        let bit = start % BITS;
        let count = (BITS - bit).min(end.checked_sub(start)?);
        if count == 0 {
            return None;
        }
        let word = (start / BITS) as usize;
        start += count;
        Some((word, (u64::MAX >> (BITS - count)) << bit))
    })
}

impl<P: Platform> fmt::Debug for FrameSet<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameSet")
            .field("start", &self.start)
            .field("end", &self.end)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use xen_sim::{Domain, DomainConfig, World};

    fn set(world: &World, range: Range<u64>) -> FrameSet<Domain> {
        let domain = world.create_guest(DomainConfig::new("guest"));
        FrameSet::new(domain, Gfn(range.start)..Gfn(range.end), 512).unwrap()
    }

    #[test]
    fn runs_are_aligned_and_lowest() {
        let world = World::new(1);
        let mut set = set(&world, 0x1203..0x4000);
        assert!(set.covers(Gfn(0x1200), 1) && set.covers(Gfn(0x3fff), 1));
        assert!(!set.covers(Gfn(0x11ff), 1) && !set.covers(Gfn(0x3fff), 2));
        assert!(!set.covers(Gfn(u64::MAX), 2));
        set.insert(Gfn(0x1300), 0x600);
        assert_eq!(set.len(), 0x600);
        assert_eq!(set.take(512, 512), Some(Gfn(0x1400)));
        assert_eq!(set.take(512, 512), Some(Gfn(0x1600)));
        assert_eq!(set.take(512, 512), None);
        // 0x100 frames on each side are left.
        assert_eq!(set.take(0x101, 1), None);
        assert_eq!(set.take(0x100, 1), Some(Gfn(0x1300)));
        assert_eq!((set.take(1, 1), set.len()), (Some(Gfn(0x1800)), 0xff));
        set.insert(Gfn(0x1200), 1);
        assert_eq!((set.take(1, 1), set.take(1, 1)), (Some(Gfn(0x1200)), Some(Gfn(0x1801))));
    }

    #[test]
    fn set_equals_model() {
        let world = World::new(2);
        let mut set = set(&world, 0..0x1000);
        let mut model = BTreeSet::new();
        let mut seed = 7u64;
        for _ in 0..2000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let count = [1, 1, 3, 64, 65, 512][(seed >> 40) as usize % 6];
            if seed >> 63 == 0 {
                let first = (seed >> 20) % (0x1000 - count);
                set.insert(Gfn(first), count);
                model.extend(first..first + count);
            } else {
                let align = if count == 512 { 512 } else { 1 };
                let mut starts = (0..=0x1000 - count).step_by(align as usize);
                let is_there = |start: &u64| (*start..start + count).all(|at| model.contains(&at));
                let expected = starts.find(is_there);
                assert_eq!(set.take(count, align).map(|gfn| gfn.0), expected);
                if let Some(first) = expected {
                    (first..first + count).for_each(|at| assert!(model.remove(&at)));
                }
            }
            assert_eq!(set.len(), model.len() as u64);
        }
    }
}
