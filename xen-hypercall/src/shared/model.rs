//! Shared memory under loom: one cell for each word that a model declares, so that loom can run
//! every order of the accesses.
//!
//! A copy is several accesses, and two ends that keep to the protocol never copy at the same time:
//! guards make loom check this.

use super::{SharedU8, SharedU16, SharedU32, SharedU64};
use crate::sync::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};
use core::fmt;
use core::ops::Range;
use core::ptr::NonNull;
use loom::cell::UnsafeCell;
use std::boxed::Box;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::vec::Vec;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Word, and a guard by which loom detects copies without an order.
struct Cell {
    word: Word,
    guard: UnsafeCell<()>,
}

enum Word {
    U8(AtomicU8),
    U16(AtomicU16),
    U32(AtomicU32),
    U64(AtomicU64),
}

impl Cell {
    fn new(width: usize) -> Self {
        let word = match width {
            1 => Word::U8(AtomicU8::new(0)),
            2 => Word::U16(AtomicU16::new(0)),
            4 => Word::U32(AtomicU32::new(0)),
            _ => Word::U64(AtomicU64::new(0)),
        };
        Self { word, guard: UnsafeCell::new(()) }
    }
}

// SAFETY: words are atomic, and a guard has no content.
unsafe impl Sync for Cell {}
// SAFETY: as above.
unsafe impl Send for Cell {}

/// Memory of all models of this process.
static MEMORY: Mutex<Vec<Box<SharedMem>>> = Mutex::new(Vec::new());

/// Whole pages that another domain may read and write at any time.
pub struct SharedMem {
    cells: BTreeMap<usize, Cell>,
    len: usize,
}

macro_rules! words {
    ($($first:ident $at:ident $word:ident $variant:ident $atomic:ident $int:ident),* $(,)?) => {$(
        #[doc = concat!("Returns the [`", stringify!($word), "`] at byte `OFFSET`.")]
        pub fn $first<const OFFSET: usize>(&self) -> $word<'_> {
            self.$at(OFFSET).expect("within the first page")
        }

        #[doc = concat!("Returns the [`", stringify!($word), "`] at byte `offset`.")]
        pub fn $at(&self, offset: usize) -> Option<$word<'_>> {
            let fits = offset % size_of::<$int>() == 0 && offset < self.len;
            fits.then(|| match self.cells.get(&offset).map(|cell| &cell.word) {
                Some(Word::$variant(word)) => $word::new(word),
                _ => panic!("the model declares no {} at {offset}", stringify!($int)),
            })
        }
    )*};
}

impl SharedMem {
    /// Creates zeroed memory for one run of a model: `words` are ranges of bytes, each with the
    /// width of its words.
    ///
    /// The memory lives as long as the process; a model is short.
    pub fn for_model(len: usize, words: &[(Range<usize>, usize)]) -> &'static Self {
        let cells = words.iter().flat_map(|(range, width)| {
            range.clone().step_by(*width).map(|at| (at, Cell::new(*width)))
        });
        let memory = Box::new(Self { cells: cells.collect(), len });
        let mut all = MEMORY.lock().expect("no holder panics");
        all.push(memory);
        let newest: *const Self = &raw const **all.last().expect("it was pushed");
        // SAFETY: the list never drops or replaces a box, and the content of a box does not move.
        unsafe { &*newest }
    }

    /// Returns a value of [`for_model`](Self::for_model): a model has no real memory, so that its
    /// platform's pages are such values.
    ///
    /// # Safety
    ///
    /// `start` must point to a value of `for_model`.
    pub unsafe fn from_raw<'a>(start: NonNull<u8>, _len: usize) -> &'a Self {
        // SAFETY: the value lives as long as the process, and is accessed through shared references
        // only.
        unsafe { start.cast::<Self>().as_ref() }
    }

    /// Returns the size in bytes.
    #[expect(clippy::len_without_is_empty, reason = "there is always a page")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns all of the memory: models have one page.
    pub fn first_page(&self) -> &Self {
        self
    }

    words! {
        u8 u8_at SharedU8 U8 AtomicU8 u8,
        u16 u16_at SharedU16 U16 AtomicU16 u16,
        u32 u32_at SharedU32 U32 AtomicU32 u32,
        u64 u64_at SharedU64 U64 AtomicU64 u64,
    }

    /// Copies the value at `offset` out, in words of 32 bits.
    pub fn read<T: FromBytes>(&self, offset: usize) -> Option<T> {
        let words = (offset..offset + size_of::<T>()).step_by(4).inspect(|&at| self.reads(at));
        let bytes: Vec<u8> = words
            .flat_map(|at| self.u32_at(at).map(|w| w.load(Relaxed).to_le_bytes()))
            .flatten()
            .collect();
        T::read_from_bytes(&bytes).ok()
    }

    /// Copies `value` to `offset`, in words of 32 bits.
    pub fn write<T: IntoBytes + Immutable>(&self, offset: usize, value: &T) -> Option<()> {
        for (index, chunk) in value.as_bytes().chunks(4).enumerate() {
            self.writes(offset + 4 * index);
            self.u32_at(offset + 4 * index)?.store(u32::read_from_bytes(chunk).ok()?, Relaxed);
        }
        Some(())
    }

    /// Copies the value at `BASE + offset` out.
    ///
    /// # Safety
    ///
    /// None: the function panics past the end.
    pub(super) unsafe fn read_unchecked<const BASE: usize, T: FromBytes>(
        &self,
        offset: usize,
    ) -> T {
        self.read(BASE + offset).expect("within the model")
    }

    /// Copies `value` to `BASE + offset`.
    ///
    /// # Safety
    ///
    /// None: the function panics past the end.
    pub(super) unsafe fn write_unchecked<const BASE: usize, T: IntoBytes + Immutable>(
        &self,
        offset: usize,
        value: &T,
    ) {
        self.write(BASE + offset, value).expect("within the model");
    }

    /// Copies bytes from `offset` out, one by one.
    pub fn copy_to(&self, offset: usize, target: &mut [u8]) -> Option<()> {
        for (index, byte) in target.iter_mut().enumerate() {
            self.reads(offset + index);
            *byte = self.u8_at(offset + index)?.load(Relaxed);
        }
        Some(())
    }

    /// Copies `source` in at `offset`, byte by byte.
    pub fn copy_from(&self, offset: usize, source: &[u8]) -> Option<()> {
        for (index, &byte) in source.iter().enumerate() {
            self.writes(offset + index);
            self.u8_at(offset + index)?.store(byte, Relaxed);
        }
        Some(())
    }

    /// Reports a copy out to loom: a copy in by another thread at the same time is an error.
    fn reads(&self, offset: usize) {
        if let Some(cell) = self.cells.get(&offset) {
            cell.guard.with(|_| ());
        }
    }

    /// Reports a copy in to loom: any other copy at the same time is an error.
    fn writes(&self, offset: usize) {
        if let Some(cell) = self.cells.get(&offset) {
            cell.guard.with_mut(|_| ());
        }
    }

    /// Does nothing: model memory starts zeroed.
    pub fn zero(&self) {}
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
