//! Allocator of frame numbers without RAM, for platforms.

use crate::{Gfn, PAGE_SHIFT};
use core::fmt;
use core::num::NonZeroUsize;
use core::ops::Range;

/// Range of `WORDS * 64` frame numbers without RAM, allocated in runs. A kernel can implement
/// [`ForeignFrames`](crate::ForeignFrames) with it, a lock, and the addresses that map the frames.
///
/// ```
/// use core::num::NonZeroUsize;
/// use xen_hypercall::{Gfn, UnpopulatedFrames};
///
/// // The memory map: RAM and reserved regions.
/// let map = [0..0xa0000, 0x10_0000..0x4000_0000, 0xfee0_0000..0x1_0000_0000u64];
/// // Memory of devices, which is in no memory map: a 64-bit BAR directly behind RAM.
/// let bars = [0x1_0000_0000..0x1_4000_0000];
/// let occupied = map.iter().chain(&bars).cloned();
/// let first = UnpopulatedFrames::<16>::highest_gap(&occupied, 1 << 39, 1 << 21).unwrap();
/// assert_eq!(first, Gfn((1 << 27) - (1 << 10)));
/// let mut frames = UnpopulatedFrames::<16>::new(first);
/// let two = NonZeroUsize::new(2).unwrap();
/// assert_eq!(frames.reserve(two), Some(first));
/// assert_eq!(frames.reserve(two), Some(Gfn(first.0 + 2)));
/// assert!(frames.release(first, two));
/// ```
#[doc(alias = "xen_alloc_unpopulated_pages")]
pub struct UnpopulatedFrames<const WORDS: usize> {
    first: Gfn,
    /// One bit for each reserved frame.
    taken: [u64; WORDS],
}

impl<const WORDS: usize> UnpopulatedFrames<WORDS> {
    /// Number of frames.
    pub const FRAMES: usize = WORDS * 64;

    /// Creates an allocator of the frames from `first` on, none of which is in use.
    pub const fn new(first: Gfn) -> Self {
        Self { first, taken: [0; WORDS] }
    }

    /// Returns the first frame of the lowest gap of addresses that is large enough: from `above`
    /// on, at a multiple of `align` bytes (a power of two), outside all regions of `occupied`.
    /// Returns `None` if the address space ends first.
    ///
    /// `occupied` must have all regions of the memory map, RAM or not, and the memory of devices,
    /// which the map may omit. 64-bit BARs are above 4 GiB, often directly behind RAM: prefer
    /// [`highest_gap`](Self::highest_gap) if devices can appear.
    pub fn gap(
        occupied: &(impl Iterator<Item = Range<u64>> + Clone),
        above: u64,
        align: u64,
    ) -> Option<Gfn> {
        let size = (Self::FRAMES as u64) << PAGE_SHIFT;
        let mut start = above.checked_next_multiple_of(align)?;
        loop {
            let end = start.checked_add(size)?;
            // Each region in the way moves the start up, and can be in the way once.
            match occupied.clone().find(|region| region.start < end && start < region.end) {
                Some(region) => start = region.end.checked_next_multiple_of(align)?,
                None => return Some(Gfn::containing(start)),
            }
        }
    }

    /// Returns the first frame of the highest gap of addresses that is large enough: up to `below`,
    /// at a multiple of `align` bytes (a power of two), outside all regions of `occupied`, as for
    /// [`gap`](Self::gap). Returns `None` if there is none.
    ///
    /// `below` is the end of the domain's address space: `1 << n`, with the number of bits in CPUID
    /// leaf 0x8000_0008 on x86. Firmware and kernels place devices from the bottom, so that a
    /// conflict with a later device is least likely here. A domain that is saved or migrated should
    /// use a low value: the toolstack visits all frames up to the highest one that was ever in use.
    pub fn highest_gap(
        occupied: &(impl Iterator<Item = Range<u64>> + Clone),
        below: u64,
        align: u64,
    ) -> Option<Gfn> {
        let size = (Self::FRAMES as u64) << PAGE_SHIFT;
        let down = |end: u64| end.checked_sub(size).map(|start| start & !align.wrapping_sub(1));
        let mut start = down(below)?;
        loop {
            let end = start + size;
            // Each region in the way moves the start down, and can be in the way once.
            match occupied.clone().find(|region| region.start < end && start < region.end) {
                Some(region) => start = down(region.start)?,
                None => return Some(Gfn::containing(start)),
            }
        }
    }

    /// Reserves `count` contiguous frames and returns the first one; `None` if there are too few.
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

    /// Releases `count` frames from `first` on. Returns `false`, without a change, if not all of
    /// them were reserved.
    pub fn release(&mut self, first: Gfn, count: NonZeroUsize) -> bool {
        let start = first.0.checked_sub(self.first.0).and_then(|index| usize::try_from(index).ok());
        let Some(range) = start.and_then(|start| Some(start..start.checked_add(count.get())?))
        else {
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
    fn gap_fits_all_frames() {
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
    fn highest_gap_avoids_high_devices() {
        type Frames = UnpopulatedFrames<4>;
        let size = (Frames::FRAMES as u64) << PAGE_SHIFT;
        let gap = |occupied: &[Range<u64>], below| {
            Frames::highest_gap(&occupied.iter().cloned(), below, 0x1000).map(|gfn| gfn.0 << 12)
        };
        // RAM up to 5 GiB, and a 64-bit BAR behind it that is in no memory map.
        let (ram, bar) = (0..5u64 << 30, 5u64 << 30..6u64 << 30);
        assert_eq!(gap(&[ram.clone(), bar.clone()], 1 << 39), Some((1 << 39) - size));
        assert_eq!(
            gap(&[ram.clone(), bar.clone(), 7 << 30..1 << 39], 1 << 39),
            Some((7 << 30) - size)
        );
        assert_eq!(
            gap(&[7 << 30..1 << 39, bar.clone(), ram.clone(), 6 << 30..7 << 30], 1 << 39),
            None
        );
        let lowest = Frames::gap(&[bar, ram].iter().cloned(), 1 << 32, 0x1000);
        assert_eq!(lowest, Some(Gfn::containing(6 << 30)));
        let second = 0x1000..0x2000;
        // Down to the alignment, past the regions in the way.
        assert_eq!(gap(&[], size + 0x1fff), Some(0x1000));
        assert_eq!(gap(core::slice::from_ref(&second), size + 0x1fff), None);
        assert_eq!(gap(core::slice::from_ref(&second), 2 * size + 0x2000), Some(size + 0x2000));
        assert_eq!((gap(&[], size), gap(&[], size - 1)), (Some(0), None));
        let last = u64::MAX - 0xfff..u64::MAX;
        assert_eq!(
            gap(core::slice::from_ref(&last), u64::MAX),
            Some(0u64.wrapping_sub(size + 0x1000))
        );
    }

    #[test]
    fn partly_reserved_run_is_not_released() {
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
       fn frames_have_one_owner_and_return(
            steps in proptest::collection::vec((1usize..80, any::<bool>()), 1..60),
        ) {
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
