//! Shared memory under a model checker: a cell for each word that was touched, so that every order of the accesses can be tried.
//!
//! A word keeps the width of its first access. Cells live as long as the process; a model is short.

use super::{SharedU8, SharedU16, SharedU32, SharedU64};
use crate::sync::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};
use core::fmt;
use core::ptr::NonNull;
use std::boxed::Box;
use std::collections::BTreeMap;
use std::sync::Mutex;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes};

enum Cell {
    U8(AtomicU8),
    U16(AtomicU16),
    U32(AtomicU32),
    U64(AtomicU64),
}

/// Whole pages that another domain may read and write at any time.
pub struct SharedMem {
    cells: Mutex<BTreeMap<usize, &'static Cell>>,
    len: usize,
}

macro_rules! words {
    ($($first:ident $at:ident $word:ident $variant:ident $atomic:ident),* $(,)?) => {$(
        #[doc = concat!("Returns the [`", stringify!($word), "`] at byte `OFFSET`.")]
        pub fn $first<const OFFSET: usize>(&self) -> $word<'_> {
            self.$at(OFFSET).expect("within the first page")
        }

        #[doc = concat!("Returns the [`", stringify!($word), "`] at byte `offset`.")]
        pub fn $at(&self, offset: usize) -> Option<$word<'_>> {
            let fits = offset % size_of::<$atomic>() == 0 && offset < self.len;
            fits.then(|| match self.cell(offset, || Cell::$variant($atomic::new(0))) {
                Cell::$variant(word) => $word::new(word),
                _ => panic!("the word at {offset} was used with another width"),
            })
        }
    )*};
}

impl SharedMem {
    /// Makes memory for one run of a model, zeroed.
    pub fn for_model(len: usize) -> &'static Self {
        Box::leak(Box::new(Self { cells: Mutex::new(BTreeMap::new()), len }))
    }

    /// Real memory has no place in a model.
    ///
    /// # Safety
    ///
    /// None: it panics.
    pub unsafe fn from_raw<'a>(_start: NonNull<u8>, _len: usize) -> &'a Self {
        unimplemented!("a model makes its memory with `for_model`")
    }

    /// Returns the size in bytes.
    #[expect(clippy::len_without_is_empty, reason = "there is always a page")]
    pub fn len(&self) -> usize {
        self.len
    }

    words! {
        u8 u8_at SharedU8 U8 AtomicU8,
        u16 u16_at SharedU16 U16 AtomicU16,
        u32 u32_at SharedU32 U32 AtomicU32,
        u64 u64_at SharedU64 U64 AtomicU64,
    }

    /// Copies the value at `offset` out, in words of 32 bits, or of 8 where it is no multiple of that.
    pub fn read<T: FromBytes>(&self, offset: usize) -> Option<T> {
        let mut bytes = std::vec![0; size_of::<T>()];
        self.copy_to(offset, &mut bytes)?;
        T::read_from_bytes(&bytes).ok()
    }

    /// Copies `value` to `offset`.
    pub fn write<T: IntoBytes + Immutable>(&self, offset: usize, value: &T) -> Option<()> {
        self.copy_from(offset, value.as_bytes())
    }

    /// Copies bytes from `offset` out.
    pub fn copy_to(&self, offset: usize, target: &mut [u8]) -> Option<()> {
        if offset + target.len() > self.len {
            return None;
        }
        if (offset | target.len()) % 4 == 0 {
            for (index, chunk) in target.chunks_mut(4).enumerate() {
                chunk.copy_from_slice(&self.u32_at(offset + 4 * index)?.load(Relaxed).to_le_bytes());
            }
        } else {
            for (index, byte) in target.iter_mut().enumerate() {
                *byte = self.u8_at(offset + index)?.load(Relaxed);
            }
        }
        Some(())
    }

    /// Copies `source` in at `offset`.
    pub fn copy_from(&self, offset: usize, source: &[u8]) -> Option<()> {
        if offset + source.len() > self.len {
            return None;
        }
        if (offset | source.len()) % 4 == 0 {
            for (index, chunk) in source.chunks(4).enumerate() {
                let word = u32::read_from_bytes(chunk).unwrap_or(u32::new_zeroed());
                self.u32_at(offset + 4 * index)?.store(word, Relaxed);
            }
        } else {
            for (index, &byte) in source.iter().enumerate() {
                self.u8_at(offset + index)?.store(byte, Relaxed);
            }
        }
        Some(())
    }

    /// Does nothing: model memory starts zeroed.
    pub fn zero(&self) {}

    fn cell(&self, offset: usize, new: impl FnOnce() -> Cell) -> &'static Cell {
        let mut cells = self.cells.lock().expect("no model panics in here");
        cells.entry(offset).or_insert_with(|| Box::leak(Box::new(new())))
    }
}

impl AsRef<SharedMem> for SharedMem {
    fn as_ref(&self) -> &SharedMem {
        self
    }
}

impl fmt::Debug for SharedMem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedMem(a model of {} bytes)", self.len)
    }
}
