//! A list that grows in pages of the platform: what it holds has no bound but memory, and no heap
//! is needed.

use core::num::NonZeroUsize;
use core::ptr::NonNull;
use xen_hypercall::{PAGE_SIZE, Pages, Platform};

/// A list of `T`. It has no memory until the first is added.
pub(crate) struct PageVec<P: Platform, T> {
    start: NonNull<T>,
    len: usize,
    pages: usize,
    platform: P,
}

// SAFETY: it owns its memory and what is in it, as a Vec does; the platform moves along and is
// itself Send.
unsafe impl<P: Platform + Send, T: Send> Send for PageVec<P, T> {}

impl<P: Platform, T> PageVec<P, T> {
    const FITS: () =
        assert!(size_of::<T>() > 0 && size_of::<T>() <= PAGE_SIZE && align_of::<T>() <= PAGE_SIZE);

    pub(crate) fn new(platform: P) -> Self {
        const { Self::FITS };
        Self { start: NonNull::dangling(), len: 0, pages: 0, platform }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn capacity(&self) -> usize {
        self.pages * PAGE_SIZE / size_of::<T>()
    }

    /// Adds a value at the end, or hands it back if there is no memory for it.
    pub(crate) fn push(&mut self, value: T) -> Result<(), T> {
        if self.len == self.capacity() && self.grow().is_none() {
            return Err(value);
        }
        // SAFETY: len is below the capacity, so the place is within the memory, and nothing is
        // there yet.
        unsafe { self.start.add(self.len).write(value) };
        self.len += 1;
        Ok(())
    }

    /// Moves to twice as much memory.
    fn grow(&mut self) -> Option<()> {
        let pages = (self.pages * 2).max(1);
        let memory: NonNull<T> = Pages::alloc(self.platform.clone(), pages).ok()?.into_raw().cast();
        // SAFETY: len values are here and have room there; the two are different allocations, and
        // these are forgotten.
        unsafe { memory.copy_from_nonoverlapping(self.start, self.len) };
        self.free();
        (self.start, self.pages) = (memory, pages);
        Some(())
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        // SAFETY: the first len values are there, and the borrow of self is unique.
        (index < self.len).then(|| unsafe { self.start.add(index).as_mut() })
    }

    /// Takes out value `index`; the last one takes its place. The memory is given back with the
    /// last value.
    pub(crate) fn swap_remove(&mut self, index: usize) -> Option<T> {
        let last = self.len.checked_sub(1).filter(|&last| index <= last)?;
        // SAFETY: both are among the first len values; the value is moved out once, and the last
        // one is moved to its place.
        let value = unsafe {
            let value = self.start.add(index).read();
            self.start.add(index).copy_from(self.start.add(last), 1);
            value
        };
        self.len = last;
        if last == 0 {
            self.free();
        }
        Some(value)
    }

    /// Gives the memory back; what is in it is forgotten, so it was moved out before.
    fn free(&mut self) {
        if let Some(count) = NonZeroUsize::new(self.pages) {
            // SAFETY: these are the pages of one allocation, whose ownership `grow` took over.
            unsafe { self.platform.free_pages(self.start.cast(), count) };
        }
        (self.start, self.pages) = (NonNull::dangling(), 0);
    }
}

impl<P: Platform, T> Drop for PageVec<P, T> {
    fn drop(&mut self) {
        while self.swap_remove(self.len.wrapping_sub(1)).is_some() {}
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::memory::Memory;
    use std::sync::Arc;
    use std::vec::Vec;

    #[test]
    fn what_goes_in_comes_out_once_and_the_memory_goes_back() {
        let memory = Memory::default();
        let counted = Arc::new(());
        let mut list = PageVec::new(memory.clone());
        for number in 0..1000 {
            assert!(list.push((number, counted.clone())).is_ok());
        }
        assert_eq!((list.len(), Arc::strong_count(&counted)), (1000, 1001));
        assert_eq!(list.swap_remove(1000).map(|value| value.0), None);
        assert_eq!(list.swap_remove(3).map(|value| value.0), Some(3));
        assert_eq!(list.get_mut(3).map(|value| value.0), Some(999));
        let mut rest: Vec<_> =
            core::iter::from_fn(|| list.swap_remove(0)).map(|value| value.0).collect();
        rest.sort_unstable();
        assert!(rest.iter().copied().eq((0..1000).filter(|&number| number != 3)));
        assert_eq!((memory.pages(), Arc::strong_count(&counted)), (0, 1));
        assert!(list.push((0, counted.clone())).is_ok());
        drop(list);
        assert_eq!((memory.pages(), Arc::strong_count(&counted)), (0, 1));
    }

    #[test]
    fn without_memory_a_value_comes_back() {
        let memory = Memory::default();
        memory.limit(1);
        let mut list = PageVec::new(memory.clone());
        let room = PAGE_SIZE / size_of::<u64>();
        assert!((0..room as u64).all(|number| list.push(number).is_ok()));
        assert_eq!(list.push(7), Err(7));
        assert_eq!((list.len(), list.get_mut(room - 1).copied()), (room, Some(room as u64 - 1)));
        drop(list);
        assert_eq!(memory.pages(), 0);
    }
}
