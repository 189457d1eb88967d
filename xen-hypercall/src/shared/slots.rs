//! Slots of a ring: equal parts of shared memory, selected by an index that wraps.

use super::SharedMem;
use crate::PAGE_SIZE;
use core::fmt;
use core::marker::PhantomData;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Owner or borrower of shared memory that stays the same on each access.
///
/// # Safety
///
/// *Implementation safety*: as long as the value lives, wherever it is moved,
/// [`as_ref`](AsRef::as_ref) must return the same memory of the same size.
pub unsafe trait StableSharedMem: AsRef<SharedMem> {}

// SAFETY: always returns the reference that it is.
unsafe impl StableSharedMem for &SharedMem {}

/// Memory `M` with slots for an `A` or a `B` each, from byte `FIRST` on. A slot has the size of the
/// larger one, and their number is a power of two.
///
/// The constructor checks once that the slots lie within the memory. Any index selects one of them.
pub struct SlotMem<M, const FIRST: usize, A, B> {
    mem: M,
    /// Number of slots less one; the last slot ends within the memory.
    mask: u32,
    types: PhantomData<fn() -> (A, B)>,
}

impl<M, const FIRST: usize, A, B> SlotMem<M, FIRST, A, B> {
    /// Size of a slot in bytes.
    pub const SLOT: usize =
        if size_of::<A>() > size_of::<B>() { size_of::<A>() } else { size_of::<B>() };

    /// Returns the number of slots that fit into `bytes`, rounded down to a power of two, at most
    /// 2^31. Returns `None` if there is no room for one, or if a slot is empty or larger than the
    /// rest of a page.
    pub const fn slots_in(bytes: usize) -> Option<u32> {
        if Self::SLOT == 0 || bytes < FIRST || FIRST + Self::SLOT > PAGE_SIZE {
            return None;
        }
        match ((bytes - FIRST) / Self::SLOT).checked_ilog2() {
            Some(log) if log <= 31 => Some(1 << log),
            _ => None,
        }
    }

    /// Returns the number of slots.
    #[inline(always)]
    pub fn count(&self) -> u32 {
        self.mask + 1
    }

    /// Returns the owner of the memory.
    #[inline(always)]
    pub fn owner(&self) -> &M {
        &self.mem
    }

    /// Returns the owner of the memory by value.
    pub fn into_owner(self) -> M {
        self.mem
    }
}

impl<M: StableSharedMem, const FIRST: usize, A, B> SlotMem<M, FIRST, A, B> {
    /// Divides `mem` into as many slots as fit: [`slots_in`](Self::slots_in) its size.
    ///
    /// # Errors
    ///
    /// The memory itself if no slot fits.
    pub fn new(mem: M) -> Result<Self, M> {
        match Self::slots_in(mem.as_ref().len()) {
            Some(slots) => Ok(Self { mem, mask: slots - 1, types: PhantomData }),
            None => Err(mem),
        }
    }

    /// Returns the slots, so that many accesses look up the memory once.
    #[inline(always)]
    pub fn shared(&self) -> SharedSlots<'_, FIRST, A, B> {
        SharedSlots { mem: self.mem.as_ref(), mask: self.mask, types: PhantomData }
    }
}

impl<M: fmt::Debug, const FIRST: usize, A, B> fmt::Debug for SlotMem<M, FIRST, A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = u64::from(self.mask) + 1;
        write!(
            f,
            "SlotMem({count} slots of {} bytes from byte {FIRST} of {:?})",
            Self::SLOT,
            self.mem
        )
    }
}

/// Slots of a [`SlotMem`].
pub struct SharedSlots<'m, const FIRST: usize, A, B> {
    mem: &'m SharedMem,
    mask: u32,
    types: PhantomData<fn() -> (A, B)>,
}

impl<'m, const FIRST: usize, A, B> SharedSlots<'m, FIRST, A, B> {
    /// Size of a slot in bytes.
    const SIZE: usize = SlotMem::<(), FIRST, A, B>::SLOT;

    /// Returns the memory of the slots.
    #[inline(always)]
    pub fn memory(&self) -> &'m SharedMem {
        self.mem
    }

    /// Returns the number of slots.
    #[inline(always)]
    pub fn count(&self) -> u32 {
        self.mask + 1
    }

    /// Copies a value out of the slot that `index` selects by its low bits. Each byte is loaded
    /// once.
    ///
    /// The copy has no ordering, as with [`SharedMem::read`].
    #[inline(always)]
    pub fn read<T: FromBytes>(&self, index: u32) -> T {
        const { assert!(size_of::<T>() <= Self::SIZE) }
        // SAFETY: `SlotMem::new` has checked that all slots lie within the memory, which is the
        // same one by `StableSharedMem`.
        unsafe { self.mem.read_unchecked::<FIRST, T>(self.offset(index)) }
    }

    /// Copies a value into the slot that `index` selects by its low bits.
    ///
    /// The copy has no ordering, as with [`SharedMem::write`].
    #[inline(always)]
    pub fn write<T: IntoBytes + Immutable>(&self, index: u32, value: &T) {
        const { assert!(size_of::<T>() <= Self::SIZE) }
        // SAFETY: as above.
        unsafe { self.mem.write_unchecked::<FIRST, T>(self.offset(index), value) }
    }

    /// Returns the offset of the slot from the first one.
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
        write!(
            f,
            "SharedSlots({count} of {} bytes from byte {FIRST} of {:?})",
            Self::SIZE,
            self.mem
        )
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::Page;
    use std::boxed::Box;

    #[test]
    fn slots_fill_memory() {
        type Slots = SlotMem<(), 64, u64, u8>;
        for (bytes, slots) in [
            (0, None),
            (64, None),
            (71, None),
            (72, Some(1)),
            (79, Some(1)),
            (80, Some(2)),
            (4096, Some(256)),
            (8192, Some(512)),
        ] {
            assert_eq!(Slots::slots_in(bytes), slots, "{bytes}");
        }
        assert!(Slots::slots_in(usize::MAX).is_none());
        assert!(SlotMem::<(), 64, (), ()>::slots_in(4096).is_none());
        assert!(SlotMem::<(), 64, [u8; 4032], ()>::slots_in(4096).is_some());
        assert!(SlotMem::<(), 64, [u8; 4033], ()>::slots_in(1 << 20).is_none());
    }

    #[test]
    fn memory_without_slot_is_returned() {
        let mut page = Box::new([Page::ZERO]);
        let mem = SharedMem::from_pages(&mut page);
        let refused = SlotMem::<_, 64, [u8; 4033], ()>::new(mem).unwrap_err();
        assert!(core::ptr::eq(refused, mem));
    }

    #[test]
    fn index_selects_one_slot() {
        let mut page = Box::new([Page::ZERO]);
        let mem = SharedMem::from_pages(&mut page);
        let slots = SlotMem::<_, 64, u8, [u32; 250]>::new(mem).unwrap();
        assert_eq!(slots.count(), 4);
        let slots = slots.shared();
        for (place, index) in [(0, 4), (1, 0x8000_0001), (2, 2), (3, u32::MAX)] {
            slots.write(index, &[index; 250]);
            assert_eq!(mem.read::<[u32; 250]>(64 + place * 1000), Some([index; 250]));
            assert_eq!(slots.read::<[u32; 250]>(place as u32), [index; 250]);
        }
        assert_eq!(mem.read::<[u32; 8]>(64 + 4000), Some([0; 8]));
    }
}
