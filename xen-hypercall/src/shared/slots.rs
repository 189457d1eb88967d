//! The slots of a ring: equal parts of shared memory, found by an index that wraps.

use super::SharedMem;
use crate::PAGE_SIZE;
use core::fmt;
use core::marker::PhantomData;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// An owner or a borrower of shared memory that is the same memory each time it is asked for.
///
/// # Safety
///
/// *Implementation safety*: as long as the value lives, wherever it is moved,
/// [`as_ref`](AsRef::as_ref) returns the same memory of the same size.
pub unsafe trait StableSharedMem: AsRef<SharedMem> {}

// SAFETY: it is the reference that it was made of.
unsafe impl StableSharedMem for &SharedMem {}

/// Memory `M` with slots that each hold an `A` or a `B`, from byte `FIRST` on: as large as the
/// larger of the two, and a power of two of them.
///
/// That they lie within the memory is checked once, when this is made; any index leads to one of
/// them.
pub struct SlotMem<M, const FIRST: usize, A, B> {
    mem: M,
    /// The number of slots less one; the last of them ends within the memory.
    mask: u32,
    types: PhantomData<fn() -> (A, B)>,
}

impl<M, const FIRST: usize, A, B> SlotMem<M, FIRST, A, B> {
    /// The size of a slot in bytes.
    pub const SLOT: usize =
        if size_of::<A>() > size_of::<B>() { size_of::<A>() } else { size_of::<B>() };

    /// Returns how many slots fit into `bytes`, rounded down to a power of two, 2^31 at most.
    /// `None` if there is no room for one, or if a slot is empty or larger than what a page has
    /// left.
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

    /// Lends the memory's owner.
    #[inline(always)]
    pub fn owner(&self) -> &M {
        &self.mem
    }

    /// Gives the memory back.
    pub fn into_owner(self) -> M {
        self.mem
    }
}

impl<M: StableSharedMem, const FIRST: usize, A, B> SlotMem<M, FIRST, A, B> {
    /// Divides `mem` into as many slots as there is room for: [`slots_in`](Self::slots_in) its
    /// size.
    ///
    /// # Errors
    ///
    /// The memory itself if it has none.
    pub fn new(mem: M) -> Result<Self, M> {
        match Self::slots_in(mem.as_ref().len()) {
            Some(slots) => Ok(Self { mem, mask: slots - 1, types: PhantomData }),
            None => Err(mem),
        }
    }

    /// Returns the slots, for many accesses with one look at where they are.
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

/// The slots of a [`SlotMem`].
pub struct SharedSlots<'m, const FIRST: usize, A, B> {
    mem: &'m SharedMem,
    mask: u32,
    types: PhantomData<fn() -> (A, B)>,
}

impl<'m, const FIRST: usize, A, B> SharedSlots<'m, FIRST, A, B> {
    /// The size of a slot in bytes.
    const SIZE: usize = SlotMem::<(), FIRST, A, B>::SLOT;

    /// Returns the memory that the slots are in.
    #[inline(always)]
    pub fn memory(&self) -> &'m SharedMem {
        self.mem
    }

    /// Returns the number of slots.
    #[inline(always)]
    pub fn count(&self) -> u32 {
        self.mask + 1
    }

    /// Copies a value out of the slot that `index`, without its high bits, leads to. Each byte is
    /// loaded once.
    ///
    /// No ordering of its own, as with [`SharedMem::read`].
    #[inline(always)]
    pub fn read<T: FromBytes>(&self, index: u32) -> T {
        const { assert!(size_of::<T>() <= Self::SIZE) }
        // SAFETY: `SlotMem::new` has checked that all slots lie within the memory, which
        // `StableSharedMem` says is the same one still.
        unsafe { self.mem.read_unchecked::<FIRST, T>(self.offset(index)) }
    }

    /// Copies a value into the slot that `index`, without its high bits, leads to.
    ///
    /// No ordering of its own, as with [`SharedMem::write`].
    #[inline(always)]
    pub fn write<T: IntoBytes + Immutable>(&self, index: u32, value: &T) {
        const { assert!(size_of::<T>() <= Self::SIZE) }
        // SAFETY: as above.
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
    fn there_are_as_many_slots_as_there_is_room_for() {
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
    fn memory_without_room_for_a_slot_is_given_back() {
        let mut page = Box::new([Page::ZERO]);
        let mem = SharedMem::from_pages(&mut page);
        let refused = SlotMem::<_, 64, [u8; 4033], ()>::new(mem).unwrap_err();
        assert!(core::ptr::eq(refused, mem));
    }

    #[test]
    fn every_index_leads_to_a_slot_and_to_no_other() {
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
