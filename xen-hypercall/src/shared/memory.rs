//! Shared memory: bytes that another domain may write at any time.

use super::{SharedU8, SharedU16, SharedU32, SharedU64, copy};
use crate::sync::Ordering;
use crate::{PAGE_SIZE, Page};
use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Whole pages that another domain may read and write at any time.
///
/// No plain reference into the memory exists: single words are atomic, all other data is copied out
/// or in, and each byte is loaded once per call. A value that was copied out is private: validate
/// it, then use it.
///
/// The type is used behind a reference, like `str`. Owners ([`SharedPages`](crate::SharedPages),
/// [`Mapped`](crate::Mapped)) implement `AsRef<SharedMem>`.
#[repr(transparent)]
pub struct SharedMem(UnsafeCell<[u8]>);

// SAFETY: every access is one of `access`, which explains why threads may make them at the same
// time, in words of any size; the other side of a copy is private.
unsafe impl Sync for SharedMem {}

macro_rules! words {
    ($($first:ident $at:ident $word:ident $int:ident),* $(,)?) => {$(
       #[doc = concat!(
            "Returns the [`",
            stringify!($word),
            "`] at byte `OFFSET` of the first page; checked at compile time."
        )]
        #[inline(always)]
        pub fn $first<const OFFSET: usize>(&self) -> $word<'_> {
           const {
                assert!(OFFSET % size_of::<$int>() == 0);
                assert!(OFFSET + size_of::<$int>() <= PAGE_SIZE);
            }
            // SAFETY: the offset is aligned and within the first page, and there is at least one
            // page, page-aligned.
            unsafe { $word::at(self.base().add(OFFSET)) }
        }

       #[doc = concat!(
            "Returns the [`",
            stringify!($word),
            "`] at byte `offset`; `None` if it is not aligned or past the end."
        )]
        #[inline(always)]
        pub fn $at(&self, offset: usize) -> Option<$word<'_>> {
            let fits = offset % size_of::<$int>() == 0 && self.contains(offset, size_of::<$int>());
            // SAFETY: the offset is aligned and within the memory, which is page-aligned.
            fits.then(|| unsafe { $word::at(self.base().add(offset)) })
        }
    )*};
}

impl SharedMem {
    /// Wraps `len` bytes at `start`.
    ///
    /// # Safety
    ///
    /// For the lifetime `'a`, which the caller chooses, the memory must be valid for reads and
    /// writes, page-aligned, a whole number of pages and at least one. No plain reference to it may
    /// exist.
    #[inline(always)]
    pub unsafe fn from_raw<'a>(start: NonNull<u8>, len: usize) -> &'a Self {
        debug_assert!(
            start.as_ptr().addr().is_multiple_of(PAGE_SIZE)
                && len >= PAGE_SIZE
                && len.is_multiple_of(PAGE_SIZE)
        );
        let slice = core::ptr::slice_from_raw_parts_mut(start.as_ptr(), len);
        // SAFETY: valid for 'a by the caller's obligation; the type is a transparent wrapper of a
        // byte slice in an UnsafeCell.
        unsafe { &*(slice as *const Self) }
    }

    /// Borrows private pages as shared memory, for tests and loop-back.
    pub fn from_pages<const N: usize>(pages: &mut [Page; N]) -> &Self {
        const { assert!(N > 0) }
        // SAFETY: whole, aligned pages, borrowed mutably for as long as the result lives.
        unsafe { Self::from_raw(NonNull::from(pages).cast(), N * PAGE_SIZE) }
    }

    /// Returns the size in bytes.
    #[inline(always)]
    #[expect(clippy::len_without_is_empty, reason = "there is always a page")]
    pub fn len(&self) -> usize {
        // Only the metadata of the pointer is read.
        self.0.get().len()
    }

    /// Returns the first page alone, whose size the compiler has: a scan of it then checks no
    /// bounds.
    #[inline(always)]
    pub fn first_page(&self) -> &Self {
        // SAFETY: there is at least one page, whole and aligned. It lives as long as the borrow and
        // is accessed through atomics only.
        unsafe { Self::from_raw(NonNull::new_unchecked(self.base()), PAGE_SIZE) }
    }

    /// Returns `count` pages from page `first` on; `None` if there are not so many, or for none.
    pub fn pages(&self, first: usize, count: usize) -> Option<&Self> {
        let (start, len) = (first.checked_mul(PAGE_SIZE)?, count.checked_mul(PAGE_SIZE)?);
        if count == 0 || !self.contains(start, len) {
            return None;
        }
        // SAFETY: whole, aligned pages within the memory, which lives as long as the borrow and is
        // accessed through atomics only.
        Some(unsafe { Self::from_raw(NonNull::new_unchecked(self.base().add(start)), len) })
    }

    words! {
        u8 u8_at SharedU8 u8,
        u16 u16_at SharedU16 u16,
        u32 u32_at SharedU32 u32,
        u64 u64_at SharedU64 u64,
    }

    /// Copies the value at `offset` out, with one load of each byte; `None` if it would reach past
    /// the end.
    ///
    /// The copy has no ordering: an Acquire load of the index that published the value must precede
    /// it.
    #[inline(always)]
    pub fn read<T: FromBytes>(&self, offset: usize) -> Option<T> {
        // SAFETY: checked by `contains`.
        self.contains(offset, size_of::<T>())
            .then(|| unsafe { self.read_unchecked::<0, T>(offset) })
    }

    /// Copies the value at `BASE + offset` out, with one load of each byte.
    ///
    /// # Safety
    ///
    /// The value must lie within the memory.
    #[inline(always)]
    pub(super) unsafe fn read_unchecked<const BASE: usize, T: FromBytes>(
        &self,
        offset: usize,
    ) -> T {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: the source is within the memory, the destination is private. Every byte is
        // written, and FromBytes permits any bytes.
        unsafe {
            copy::load_small::<BASE>(
                self.base(),
                offset,
                value.as_mut_ptr().cast(),
                size_of::<T>(),
            );
            value.assume_init()
        }
    }

    /// Copies `value` to `offset`; `None`, with nothing written, if it would reach past the end.
    ///
    /// The copy has no ordering: a Release store of the index that publishes the value must follow
    /// it.
    #[inline(always)]
    pub fn write<T: IntoBytes + Immutable>(&self, offset: usize, value: &T) -> Option<()> {
        // SAFETY: checked by `contains`.
        self.contains(offset, size_of::<T>())
            .then(|| unsafe { self.write_unchecked::<0, T>(offset, value) })
    }

    /// Copies `value` to `BASE + offset`.
    ///
    /// # Safety
    ///
    /// `BASE + offset` must lie within the memory, with room for the value.
    #[inline(always)]
    pub(super) unsafe fn write_unchecked<const BASE: usize, T: IntoBytes + Immutable>(
        &self,
        offset: usize,
        value: &T,
    ) {
        // SAFETY: the destination is within the memory; IntoBytes ensures that all bytes of the
        // value are initialised.
        unsafe {
            copy::store_small::<BASE>(
                core::ptr::from_ref(value).cast(),
                self.base(),
                offset,
                size_of::<T>(),
            );
        };
    }

    /// Copies bytes from `offset` out to `target`, with one load of each; `None`, with nothing
    /// copied, for a range past the end.
    #[inline]
    pub fn copy_to(&self, offset: usize, target: &mut [u8]) -> Option<()> {
        if !self.contains(offset, target.len()) {
            return None;
        }
        // SAFETY: the source is within the memory, the target is a private slice of that length.
        unsafe { copy::load_bulk(self.base().add(offset), target.as_mut_ptr(), target.len()) };
        Some(())
    }

    /// Copies `source` in at `offset`; `None`, with nothing copied, if it would reach past the end.
    #[inline]
    pub fn copy_from(&self, offset: usize, source: &[u8]) -> Option<()> {
        if !self.contains(offset, source.len()) {
            return None;
        }
        // SAFETY: the destination is within the memory, the source is a private slice of that
        // length.
        unsafe { copy::store_bulk(source.as_ptr(), self.base().add(offset), source.len()) };
        Some(())
    }

    /// Overwrites all bytes with zeroes.
    pub fn zero(&self) {
        for offset in (0..self.len()).step_by(size_of::<u64>()) {
            if let Some(word) = self.u64_at(offset) {
                word.store(0, Ordering::Relaxed);
            }
        }
    }

    #[inline(always)]
    fn base(&self) -> *mut u8 {
        self.0.get().cast()
    }

    #[inline(always)]
    fn contains(&self, offset: usize, len: usize) -> bool {
        offset.checked_add(len).is_some_and(|end| end <= self.len())
    }
}

impl AsRef<SharedMem> for SharedMem {
    fn as_ref(&self) -> &SharedMem {
        self
    }
}

impl fmt::Debug for SharedMem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedMem({:p}, {} bytes)", self.base(), self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::Ordering::Relaxed;
    use proptest::prelude::*;
    use std::{boxed::Box, vec, vec::Vec};

    fn two_pages() -> Box<[Page; 2]> {
        Box::new([Page::ZERO; 2])
    }

    #[test]
    fn pages_are_within_memory() {
        let mut pages = Box::new([Page::ZERO; 3]);
        let mem = SharedMem::from_pages(&mut pages);
        let last = mem.pages(2, 1).unwrap();
        last.write(8, &7_u64).unwrap();
        assert_eq!((last.len(), mem.read::<u64>(2 * PAGE_SIZE + 8)), (PAGE_SIZE, Some(7)));
        assert_eq!(mem.pages(0, 3).map(SharedMem::len), Some(3 * PAGE_SIZE));
        for (first, count) in [(0, 0), (3, 0), (0, 4), (3, 1), (2, 2), (usize::MAX, 1)] {
            assert!(mem.pages(first, count).is_none(), "{first} {count}");
        }
        assert!(mem.pages(1, usize::MAX / PAGE_SIZE + 2).is_none());
    }

    #[test]
    fn words_are_little_endian_at_offset() {
        let mut pages = two_pages();
        let mem = SharedMem::from_pages(&mut pages);
        mem.u32::<8>().store(0x0403_0201, Relaxed);
        assert_eq!(mem.read::<[u8; 4]>(8), Some([1, 2, 3, 4]));
        assert_eq!(mem.u16::<10>().load(Relaxed), 0x0403);
        assert_eq!(mem.u8_at(11).map(|b| b.load(Relaxed)), Some(4));
        assert_eq!(mem.u64_at(8).map(|w| w.load(Relaxed)), Some(0x0403_0201));
    }

    #[test]
    fn out_of_bounds_access_is_refused() {
        let mut pages = two_pages();
        let mem = SharedMem::from_pages(&mut pages);
        assert!(mem.u32_at(8188).is_some());
        assert!(mem.u32_at(8190).is_none());
        assert!(mem.u32_at(8192).is_none());
        assert!(mem.u64_at(usize::MAX - 7).is_none());
        assert!(mem.read::<u64>(8185).is_none());
        assert!(mem.read::<[u8; 3]>(8189).is_some());
        assert!(mem.write(usize::MAX, &0u8).is_none());
        assert!(mem.copy_to(8000, &mut [0; 193]).is_none());
        assert!(mem.copy_from(8000, &[0; 192]).is_some());
    }

    /// Undefined in Rust's model of atomics, so Miri must check accesses outside of that model.
    #[test]
    fn words_of_all_widths_race_soundly() {
        const TIMES: u32 = if cfg!(miri) { 40 } else { 20_000 };
        let mut pages = two_pages();
        let mem = SharedMem::from_pages(&mut pages);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..TIMES {
                    mem.u32::<0>().store(round % 256 * 0x0101_0101, Relaxed);
                    mem.u16::<4>().fetch_or(0x0101);
                    mem.u8::<6>().store(1, Ordering::Release);
                    mem.u64::<8>().swap(u64::MAX);
                    mem.copy_from(16, &[0x55; 24]);
                }
            });
            for _ in 0..TIMES {
                // A word has the value of one store, with any other bytes that are loaded together.
                let pair = mem.u64::<0>().load(Ordering::Acquire);
                let bytes = (pair as u32).to_le_bytes();
                assert_eq!(bytes, [bytes[0]; 4]);
                assert!([0, 0x0101].contains(&(pair >> 32 & 0xffff)), "{pair:#x}");
                assert!(mem.u8::<7>().load(Relaxed) == 0 && mem.u16::<6>().load(Relaxed) <= 1);
                let _ = mem.u32::<12>().compare_exchange(u32::MAX, 0);
                let _ = mem.u16::<8>().compare_exchange(u16::MAX, 7);
                let copy: [u8; 40] = mem.read(0).unwrap();
                assert!(copy[16..].iter().all(|&byte| byte == 0 || byte == 0x55));
                let mut copy = [0; 21];
                mem.copy_to(3, &mut copy).unwrap();
            }
        });
        assert_eq!(mem.u32::<0>().load(Relaxed), (TIMES - 1) % 256 * 0x0101_0101);
        assert_eq!(mem.read::<[u8; 24]>(16), Some([0x55; 24]));
    }

    #[test]
    fn words_change_in_one_step() {
        const TIMES: u16 = if cfg!(miri) { 30 } else { 20_000 };
        let mut pages = two_pages();
        let mem = SharedMem::from_pages(&mut pages);
        let add = |step: fn(u32) -> u32| {
            for _ in 0..TIMES {
                let word = mem.u32::<4>();
                let mut old = word.load(Relaxed);
                while let Err(found) = word.compare_exchange(old, step(old)) {
                    old = found;
                }
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| add(|word| word + 1));
            scope.spawn(|| {
                for _ in 0..TIMES {
                    assert_eq!(mem.u8::<8>().fetch_or(6) & 4, 0);
                    assert_eq!(mem.u8::<8>().fetch_and(!6) & 6, 6);
                }
            });
            scope.spawn(|| {
                for _ in 0..TIMES {
                    assert_eq!(mem.u16::<8>().fetch_or(0x100) & 0x100, 0);
                    assert_eq!(mem.u16::<8>().fetch_and(!0x100) & 0x100, 0x100);
                }
            });
            add(|word| word + 0x1_0000);
        });
        assert_eq!(mem.read::<[u16; 3]>(4), Some([TIMES, TIMES, 0]));
        assert_eq!(mem.u64::<16>().swap(9), 0);
        assert_eq!(mem.u64::<16>().fetch_and(8), 9);
        assert_eq!(mem.u64::<16>().fetch_or(1 << 63), 8);
        assert_eq!(mem.u64_at(16).map(|word| word.load(Relaxed)), Some(1 << 63 | 8));
    }

    #[test]
    fn first_page_is_same_memory() {
        let mut pages = two_pages();
        let mem = SharedMem::from_pages(&mut pages);
        mem.first_page().u8::<7>().store(9, Relaxed);
        assert_eq!(mem.u8::<7>().load(Relaxed), 9);
        assert_eq!(mem.first_page().len(), PAGE_SIZE);
        assert!(mem.first_page().u8_at(PAGE_SIZE).is_none());
    }

    #[test]
    fn compare_exchange_returns_found_word() {
        let mut pages = two_pages();
        let mem = SharedMem::from_pages(&mut pages);
        let flags = mem.u16::<0>();
        flags.store(0x19, Relaxed);
        assert_eq!(flags.compare_exchange(0x01, 0), Err(0x19));
        assert_eq!(flags.compare_exchange(0x19, 0), Ok(0x19));
        assert_eq!(flags.load(Relaxed), 0);
    }

    proptest! {
        #[test]
       fn bytes_round_trip_at_any_offset(
            offset in 0usize..5000,
            data in proptest::collection::vec(any::<u8>(), 0..3000),
        ) {
            let mut pages = two_pages();
            let mem = SharedMem::from_pages(&mut pages);
            mem.copy_from(offset, &data).unwrap();
            let mut out = vec![0; data.len()];
            mem.copy_to(offset, &mut out).unwrap();
            prop_assert_eq!(&out, &data);
            let mut around: Vec<u8> = vec![0; 8192];
            mem.copy_to(0, &mut around).unwrap();
           let (before, after) = (&around[..offset], &around[offset + data.len()..]);
            prop_assert!(before.iter().chain(after).all(|&byte| byte == 0));
        }

        #[test]
       fn values_round_trip_at_any_offset(
            offset in 0usize..8000,
            a in any::<[u8; 12]>(),
            b in any::<[u64; 14]>(),
        ) {
            let mut pages = two_pages();
            let mem = SharedMem::from_pages(&mut pages);
            mem.write(offset, &b).unwrap();
            prop_assert_eq!(mem.read::<[u64; 14]>(offset).unwrap(), b);
            mem.write(offset, &a).unwrap();
            prop_assert_eq!(mem.read::<[u8; 12]>(offset).unwrap(), a);
        }
    }
}
