//! Shared memory that this domain may only read.

use super::SharedMem;
use core::fmt;
use core::ptr::{NonNull, from_ref};
use zerocopy::FromBytes;

/// Whole pages that another domain may write at any time, and that this domain may only read:
/// [`SharedMem`] without stores.
///
/// ```
/// use xen_hypercall::{Page, SharedMem};
///
/// let mut pages = [Page::ZERO];
/// let memory = SharedMem::from_pages(&mut pages).as_read_only();
/// assert_eq!(memory.read::<u32>(8), Some(0));
/// ```
///
/// ```compile_fail,E0599
/// use xen_hypercall::{Page, SharedMem};
///
/// let mut pages = [Page::ZERO];
/// let memory = SharedMem::from_pages(&mut pages).as_read_only();
/// memory.write(8, &1u32);
/// ```
#[repr(transparent)]
pub struct ReadOnlyMem(SharedMem);

impl ReadOnlyMem {
    /// Wraps `len` bytes at `start`.
    ///
    /// # Safety
    ///
    /// For the lifetime `'a`, which the caller chooses, the memory must be valid for reads,
    /// page-aligned, a whole number of pages and at least one. No plain reference to it may exist.
    #[inline(always)]
    pub unsafe fn from_raw<'a>(start: NonNull<u8>, len: usize) -> &'a Self {
        // SAFETY: the caller's obligation, except for writes: no method of this type makes one.
        unsafe { SharedMem::from_raw(start, len) }.as_read_only()
    }

    /// Returns the size in bytes.
    #[inline(always)]
    #[expect(clippy::len_without_is_empty, reason = "there is always a page")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Copies the value at `offset` out, with one load of each byte; `None` if it would reach past
    /// the end.
    #[inline(always)]
    pub fn read<T: FromBytes>(&self, offset: usize) -> Option<T> {
        self.0.read(offset)
    }

    /// Copies bytes from `offset` out to `target`, with one load of each; `None`, with nothing
    /// copied, for a range past the end.
    pub fn copy_to(&self, offset: usize, target: &mut [u8]) -> Option<()> {
        self.0.copy_to(offset, target)
    }
}

impl SharedMem {
    /// Returns the same memory without write access.
    #[inline(always)]
    pub fn as_read_only(&self) -> &ReadOnlyMem {
        // SAFETY: the type is a transparent wrapper, and lives as long as the borrow.
        unsafe { &*(from_ref(self) as *const ReadOnlyMem) }
    }
}

impl fmt::Debug for ReadOnlyMem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadOnly{:?}", &self.0)
    }
}
