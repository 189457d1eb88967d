//! The slots of a ring: equal parts of shared memory, found by an index that wraps.

use super::SharedMem;
use crate::PAGE_SIZE;
use core::fmt;
use core::marker::PhantomData;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// How slots that each hold an `A` or a `B` lie in memory, from byte `FIRST` on: as large as the larger of the two, and a power of two of
/// them.
pub struct SlotLayout<const FIRST: usize, A, B> {
    mask: u32,
    /// Where the last slot ends: `FIRST + (mask + 1) * SIZE`.
    end: usize,
    types: PhantomData<fn() -> (A, B)>,
}

impl<const FIRST: usize, A, B> SlotLayout<FIRST, A, B> {
    /// The size of a slot in bytes.
    pub const SIZE: usize = if size_of::<A>() > size_of::<B>() { size_of::<A>() } else { size_of::<B>() };

    /// Fits slots into `bytes`: as many as there is room for, rounded down to a power of two, 2^31 at most. `None` if there is no
    /// room for one, or if a slot is empty or larger than what a page has left.
    pub const fn fitting(bytes: usize) -> Option<Self> {
        if Self::SIZE == 0 || bytes < FIRST || FIRST + Self::SIZE > PAGE_SIZE {
            return None;
        }
        match ((bytes - FIRST) / Self::SIZE).checked_ilog2() {
            Some(log) if log <= 31 => {
                let slots = 1usize << log;
                Some(Self { mask: (slots - 1) as u32, end: FIRST + slots * Self::SIZE, types: PhantomData })
            }
            _ => None,
        }
    }

    /// Returns the number of slots less one.
    pub const fn mask(self) -> u32 {
        self.mask
    }
}

impl<const FIRST: usize, A, B> Clone for SlotLayout<FIRST, A, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<const FIRST: usize, A, B> Copy for SlotLayout<FIRST, A, B> {}

impl<const FIRST: usize, A, B> fmt::Debug for SlotLayout<FIRST, A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SlotLayout({} slots of {} bytes from byte {FIRST})", u64::from(self.mask) + 1, Self::SIZE)
    }
}

/// Slots of shared memory.
///
/// That they lie within the memory is checked once, when [`SharedMem::slots`] makes this; any index leads to one of them.
pub struct SharedSlots<'m, const FIRST: usize, A, B> {
    mem: &'m SharedMem,
    mask: u32,
    types: PhantomData<fn() -> (A, B)>,
}

impl SharedMem {
    /// Finds the slots of `layout`. Memory with less room than that has the first slot only.
    #[inline(always)]
    pub fn slots<const FIRST: usize, A, B>(
        &self,
        layout: SlotLayout<FIRST, A, B>,
    ) -> SharedSlots<'_, FIRST, A, B> {
        // There is always a page, and a layout has at least one slot, which ends within it.
        let mask = if layout.end <= self.len() { layout.mask } else { 0 };
        SharedSlots { mem: self, mask, types: PhantomData }
    }
}

impl<const FIRST: usize, A, B> SharedSlots<'_, FIRST, A, B> {
    /// The size of a slot in bytes.
    const SIZE: usize = SlotLayout::<FIRST, A, B>::SIZE;

    /// Copies a value out of the slot that `index`, without its high bits, leads to. Each byte is loaded once.
    ///
    /// No ordering of its own, as with [`SharedMem::read`].
    #[inline(always)]
    pub fn read<T: FromBytes>(&self, index: u32) -> T {
        const { assert!(size_of::<T>() <= Self::SIZE) }
        // SAFETY: `slots` has checked that all slots lie within the memory.
        unsafe { self.mem.read_unchecked::<FIRST, T>(self.offset(index)) }
    }

    /// Copies a value into the slot that `index`, without its high bits, leads to.
    ///
    /// No ordering of its own, as with [`SharedMem::write`].
    #[inline(always)]
    pub fn write<T: IntoBytes + Immutable>(&self, index: u32, value: &T) {
        const { assert!(size_of::<T>() <= Self::SIZE) }
        // SAFETY: `slots` has checked that all slots lie within the memory.
        unsafe { self.mem.write_unchecked::<FIRST, T>(self.offset(index), value) }
    }

    /// Returns where the slot begins, from the first one on.
    #[inline(always)]
    fn offset(&self, index: u32) -> usize {
        (index & self.mask) as usize * Self::SIZE
    }
}

impl<const FIRST: usize, A, B> Clone for SharedSlots<'_, FIRST, A, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<const FIRST: usize, A, B> Copy for SharedSlots<'_, FIRST, A, B> {}

impl<const FIRST: usize, A, B> fmt::Debug for SharedSlots<'_, FIRST, A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = u64::from(self.mask) + 1;
        write!(f, "SharedSlots({count} of {} bytes from byte {FIRST} of {:?})", Self::SIZE, self.mem)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::Page;
    use std::boxed::Box;

    #[test]
    fn a_layout_has_as_many_slots_as_there_is_room_for() {
        type Layout = SlotLayout<64, u64, u8>;
        for (bytes, slots) in [
            (0, None),
            (64, None),
            (71, None),
            (72, Some(1)),
            (79, Some(1)),
            (80, Some(2)),
            (4096, Some(256)),
        ] {
            let layout = Layout::fitting(bytes);
            assert_eq!(layout.map(|layout| layout.mask() + 1), slots, "{bytes}");
            assert!(layout.is_none_or(|layout| layout.end <= bytes));
        }
        assert!(Layout::fitting(usize::MAX).is_none());
        assert!(SlotLayout::<64, (), ()>::fitting(4096).is_none());
        assert!(SlotLayout::<64, [u8; 4032], ()>::fitting(4096).is_some());
        assert!(SlotLayout::<64, [u8; 4033], ()>::fitting(1 << 20).is_none());
    }

    #[test]
    fn no_slot_lies_past_the_end_of_memory_that_is_smaller_than_its_layout() {
        let mut page = Box::new([Page::ZERO]);
        let mem = SharedMem::from_pages(&mut page);
        let layout = SlotLayout::<64, u64, u8>::fitting(8192).unwrap();
        assert_eq!(layout.mask(), 511);
        assert_eq!(mem.slots(layout).offset(u32::MAX), 0);
    }

    #[test]
    fn every_index_leads_to_a_slot_and_to_no_other() {
        let mut page = Box::new([Page::ZERO]);
        let mem = SharedMem::from_pages(&mut page);
        let slots = mem.slots(SlotLayout::<64, u8, [u32; 3]>::fitting(64 + 4 * 12).unwrap());
        for (place, index) in [(0, 4), (1, 0x8000_0001), (2, 2), (3, u32::MAX)] {
            slots.write(index, &[index; 3]);
            assert_eq!(mem.read::<[u32; 3]>(64 + place * 12), Some([index; 3]));
            assert_eq!(slots.read::<[u32; 3]>(place as u32), [index; 3]);
        }
        assert_eq!(mem.read::<u32>(64 + 48), Some(0));
    }
}
