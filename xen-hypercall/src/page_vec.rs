//! A list in pages of the platform.

use crate::{OutOfMemory, PAGE_SIZE, Pages, Platform};
use core::fmt;
use core::num::NonZeroUsize;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// A list in pages of the platform: a `Vec` for kernels without a heap.
///
/// A driver allocates one with the capacity of its queue, so that no later call allocates.
pub struct PageVec<P: Platform, T> {
    start: NonNull<T>,
    len: usize,
    pages: usize,
    platform: P,
}

// SAFETY: it owns its memory and what is in it, as a Vec does; the platform moves along and is
// itself Send.
unsafe impl<P: Platform + Send, T: Send> Send for PageVec<P, T> {}
// SAFETY: a shared reference gives shared references to the values, and to a platform that is Sync.
unsafe impl<P: Platform + Sync, T: Sync> Sync for PageVec<P, T> {}

impl<P: Platform, T> PageVec<P, T> {
    const FITS: () =
        assert!(size_of::<T>() > 0 && size_of::<T>() <= PAGE_SIZE && align_of::<T>() <= PAGE_SIZE);

    /// Creates an empty list without memory.
    pub fn new(platform: P) -> Self {
        const { Self::FITS };
        Self { start: NonNull::dangling(), len: 0, pages: 0, platform }
    }

    /// Creates an empty list with memory for at least `capacity` values, in contiguous pages.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the platform has none.
    pub fn with_capacity(platform: P, capacity: usize) -> Result<Self, OutOfMemory> {
        let mut list = Self::new(platform);
        list.reserve_pages(capacity.saturating_mul(size_of::<T>()).div_ceil(PAGE_SIZE))?;
        Ok(list)
    }

    /// Returns the number of values that fit into the memory of the list.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.pages * PAGE_SIZE / size_of::<T>()
    }

    /// Adds a value at the end, in twice as much memory if the list is full.
    ///
    /// # Errors
    ///
    /// The value, if the platform has no memory for it.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), T> {
        if self.len == self.capacity() && self.reserve_pages((self.pages * 2).max(1)).is_err() {
            return Err(value);
        }
        // SAFETY: len is below the capacity, so the place is within the memory, and nothing is
        // there yet.
        unsafe { self.start.add(self.len).write(value) };
        self.len += 1;
        Ok(())
    }

    /// Removes the last value.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        // SAFETY: the value is within the memory, and below the old length; the new one excludes
        // it, so it is moved out once.
        Some(unsafe { self.start.add(self.len).read() })
    }

    /// Removes value `index`; the last one takes its place.
    pub fn swap_remove(&mut self, index: usize) -> Option<T> {
        let last = self.len.checked_sub(1).filter(|&last| index <= last)?;
        self.swap(index, last);
        self.pop()
    }

    /// Frees the memory of an empty list.
    pub fn free_if_empty(&mut self) {
        if self.len == 0 {
            self.free();
        }
    }

    /// Moves to `pages` pages, more than before.
    fn reserve_pages(&mut self, pages: usize) -> Result<(), OutOfMemory> {
        if pages > self.pages {
            let memory: NonNull<T> = Pages::alloc(self.platform.clone(), pages)?.into_raw().cast();
            // SAFETY: len values are here and have room there; the two are different allocations,
            // and these are forgotten.
            unsafe { memory.copy_from_nonoverlapping(self.start, self.len) };
            self.free();
            (self.start, self.pages) = (memory, pages);
        }
        Ok(())
    }

    /// Frees the memory, and forgets the values in it, which were moved out before.
    fn free(&mut self) {
        if let Some(count) = NonZeroUsize::new(self.pages) {
            // SAFETY: these are the pages of one allocation, whose ownership `reserve_pages` took
            // over.
            unsafe { self.platform.free_pages(self.start.cast(), count) };
        }
        (self.start, self.pages) = (NonNull::dangling(), 0);
    }
}

impl<P: Platform, T> Deref for PageVec<P, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: the first len values are there; the borrow of self keeps them.
        unsafe { NonNull::slice_from_raw_parts(self.start, self.len).as_ref() }
    }
}

impl<P: Platform, T> DerefMut for PageVec<P, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and the unique borrow of self makes this the only reference.
        unsafe { NonNull::slice_from_raw_parts(self.start, self.len).as_mut() }
    }
}

impl<P: Platform, T> Drop for PageVec<P, T> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
        self.free();
    }
}

impl<P: Platform, T: fmt::Debug> fmt::Debug for PageVec<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
