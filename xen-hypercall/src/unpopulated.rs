//! Frame numbers without RAM, for platforms to hand out.

use crate::{Gfn, PAGE_SHIFT};
use core::fmt;
use core::num::NonZeroUsize;
use core::ops::Range;

/// A range of `WORDS * 64` frame numbers with no RAM behind them, handed out in runs: what a kernel can build
/// [`ForeignFrames`](crate::ForeignFrames) on, with a lock round it and the addresses that the frames are mapped at.
///
/// ```
/// use core::num::NonZeroUsize;
/// use xen_hypercall::{Gfn, UnpopulatedFrames};
///
/// // RAM, and what devices have: as the memory map says.
/// let map = [0..0xa0000, 0x10_0000..0x4000_0000, 0xfee0_0000..0x1_0000_0000u64];
/// let first = UnpopulatedFrames::<16>::gap(&map.iter().cloned(), 1 << 32, 1 << 21).unwrap();
/// let mut frames = UnpopulatedFrames::<16>::new(first);
/// let two = NonZeroUsize::new(2).unwrap();
/// assert_eq!(frames.reserve(two), Some(Gfn(0x10_0000)));
/// assert_eq!(frames.reserve(two), Some(Gfn(0x10_0002)));
/// assert!(frames.release(Gfn(0x10_0000), two));
/// ```
#[doc(alias = "xen_alloc_unpopulated_pages")]
pub struct UnpopulatedFrames<const WORDS: usize> {
    first: Gfn,
    /// A bit for each frame that somebody has.
    taken: [u64; WORDS],
}

impl<const WORDS: usize> UnpopulatedFrames<WORDS> {
    /// The number of frames.
    pub const FRAMES: usize = WORDS * 64;

    /// Takes over the frames from `first` on, of which nobody has any.
    pub const fn new(first: Gfn) -> Self {
        Self { first, taken: [0; WORDS] }
    }

    /// Finds the first frame of a gap of addresses that is large enough: from `above` on, at a multiple of `align` bytes (a power of two),
    /// where no region of `map` is. `None` if the address space ends first.
    ///
    /// Above 4 GiB no device of a PC is. It need not be above all regions: dom0's map can have one just below the last address there is.
    pub fn gap(map: &(impl Iterator<Item = Range<u64>> + Clone), above: u64, align: u64) -> Option<Gfn> {
        let size = (Self::FRAMES as u64) << PAGE_SHIFT;
        let mut start = above.checked_next_multiple_of(align)?;
        loop {
            let end = start.checked_add(size)?;
            // Each region in the way moves the start up, and can be in the way once.
            match map.clone().find(|region| region.start < end && start < region.end) {
                Some(region) => start = region.end.checked_next_multiple_of(align)?,
                None => return Some(Gfn::containing(start)),
            }
        }
    }

    /// Reserves `count` frames side by side and returns the first; `None` if there are not so many.
    pub fn reserve(&mut self, count: NonZeroUsize) -> Option<Gfn> {
        let (mut index, mut run) = (0, 0);
        while index < Self::FRAMES {
            if self.taken[index / 64] == u64::MAX {
                (index, run) = ((index / 64 + 1) * 64, 0);
                continue;
            }
            run = if self.is_taken(index) { 0 } else { run + 1 };
            index += 1;
            if run == count.get() {
                self.flip(index - run..index);
                return Some(Gfn(self.first.0 + (index - run) as u64));
            }
        }
        None
    }

    /// Takes back `count` frames from `first` on. Tells whether they were all reserved; nothing has changed if not.
    pub fn release(&mut self, first: Gfn, count: NonZeroUsize) -> bool {
        let start = first.0.checked_sub(self.first.0).and_then(|index| usize::try_from(index).ok());
        let Some(range) = start.and_then(|start| Some(start..start.checked_add(count.get())?)) else {
            return false;
        };
        let whole = range.end <= Self::FRAMES && range.clone().all(|index| self.is_taken(index));
        if whole {
            self.flip(range);
        }
        whole
    }

    fn is_taken(&self, index: usize) -> bool {
        self.taken[index / 64] & 1 << (index % 64) != 0
    }

    fn flip(&mut self, range: Range<usize>) {
        range.for_each(|index| self.taken[index / 64] ^= 1 << (index % 64));
    }
}

impl<const WORDS: usize> fmt::Debug for UnpopulatedFrames<WORDS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnpopulatedFrames").field("first", &self.first).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    const FIRST: Gfn = Gfn(1 << 20);

    fn count(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    #[test]
    fn a_gap_has_room_for_all_frames_and_nothing_in_it() {
        type Frames = UnpopulatedFrames<4>;
        let size = (Frames::FRAMES as u64) << PAGE_SHIFT;
        let gap = |map: &[Range<u64>], above| {
            Frames::gap(&map.iter().cloned(), above, 0x1000).map(|gfn| gfn.0 << 12)
        };
        assert_eq!(gap(&[], 0x1800), Some(0x2000));
        assert_eq!(gap(&[0..0x5000, 0x5000 + size..u64::MAX], 0), Some(0x5000));
        assert_eq!(gap(&[0x8000 + size - 1..0x9000 + size, 0..0x8000], 0), Some(0x9000 + size));
        assert_eq!(gap(&[0..1, u64::MAX - size..u64::MAX], u64::MAX - size), None);
        assert_eq!(gap(&[], u64::MAX - size), None);
    }

    #[test]
    fn what_is_not_reserved_as_a_whole_is_not_released() {
        let mut frames = UnpopulatedFrames::<2>::new(FIRST);
        assert_eq!(frames.reserve(count(129)), None);
        assert_eq!(frames.reserve(count(100)), Some(FIRST));
        assert_eq!(frames.reserve(count(29)), None);
        for (first, frames_in_it) in
            [(FIRST.0 + 99, 2), (FIRST.0 - 1, 2), (FIRST.0 + 1, usize::MAX), (u64::MAX, 1)]
        {
            assert!(!frames.release(Gfn(first), count(frames_in_it)));
        }
        assert!(frames.release(Gfn(FIRST.0 + 90), count(10)));
        assert!(!frames.release(Gfn(FIRST.0 + 90), count(10)), "twice");
        assert_eq!(frames.reserve(count(38)), Some(Gfn(FIRST.0 + 90)));
        assert_eq!(frames.reserve(count(1)), None);
    }

    proptest! {
        #[test]
        fn no_frame_has_two_owners_and_all_come_back(steps in proptest::collection::vec((1usize..80, any::<bool>()), 1..60)) {
            let mut frames = UnpopulatedFrames::<4>::new(FIRST);
            let mut held: Vec<(Gfn, usize)> = Vec::new();
            for (number, give) in steps {
                if give && !held.is_empty() {
                    let (first, len) = held.swap_remove(number % held.len());
                    prop_assert!(frames.release(first, count(len)));
                } else if let Some(first) = frames.reserve(count(number)) {
                    prop_assert!(first >= FIRST && first.0 + number as u64 <= FIRST.0 + 256);
                    let apart = |&(other, len): &(Gfn, usize)| {
                        first.0 + number as u64 <= other.0 || other.0 + len as u64 <= first.0
                    };
                    prop_assert!(held.iter().all(apart));
                    held.push((first, number));
                }
            }
            for (first, len) in held {
                prop_assert!(frames.release(first, count(len)));
            }
            prop_assert_eq!(frames.reserve(count(256)), Some(FIRST));
        }
    }
}
