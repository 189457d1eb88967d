//! Value in pages of the platform.

use crate::{OutOfMemory, PAGE_SIZE, Pages, Platform};
use core::fmt;
use core::mem::ManuallyDrop;
use core::num::NonZeroUsize;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// Value in pages of the platform: a `Box` for kernels without a heap.
///
/// A driver keeps its tables in one, so that the driver itself is small and can be moved on a small
/// stack.
pub struct PageBox<P: Platform, T> {
    value: NonNull<T>,
    platform: P,
}

// SAFETY: the value has one owner, as in a `Box`; both move along.
unsafe impl<P: Platform + Send, T: Send> Send for PageBox<P, T> {}
// SAFETY: a shared reference gives shared references to both.
unsafe impl<P: Platform + Sync, T: Sync> Sync for PageBox<P, T> {}

impl<P: Platform, T> PageBox<P, T> {
    const PAGES: NonZeroUsize = {
        assert!(align_of::<T>() <= PAGE_SIZE, "a page's alignment is the largest there is");
        match NonZeroUsize::new(size_of::<T>().div_ceil(PAGE_SIZE)) {
            Some(pages) => pages,
            None => NonZeroUsize::MIN,
        }
    };

    /// Moves `value` into pages of the platform.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the platform has no pages.
    pub fn new(platform: P, value: T) -> Result<Self, OutOfMemory> {
        let pages = Pages::alloc(platform.clone(), Self::PAGES.get())?;
        let place: NonNull<T> = pages.into_raw().cast();
        // SAFETY: the pages are new, aligned to a page, with room for the value.
        unsafe { place.write(value) };
        Ok(Self { value: place, platform })
    }

    /// Moves the value out and frees the pages.
    pub fn into_inner(self) -> T {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped or used again, so value and platform are moved out once.
        // The pages are those that `new` allocated, and have no other user.
        unsafe {
            let value = this.value.read();
            let platform = (&raw const this.platform).read();
            platform.free_pages(this.value.cast(), Self::PAGES);
            value
        }
    }
}

impl<P: Platform, T> Deref for PageBox<P, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: `new` wrote the value, which this box owns; the borrow of self keeps it.
        unsafe { self.value.as_ref() }
    }
}

impl<P: Platform, T> DerefMut for PageBox<P, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the unique borrow of self makes this the only reference.
        unsafe { self.value.as_mut() }
    }
}

impl<P: Platform, T> Drop for PageBox<P, T> {
    fn drop(&mut self) {
        // SAFETY: the box owns the value and the pages that `new` allocated, and is being dropped.
        unsafe {
            self.value.drop_in_place();
            self.platform.free_pages(self.value.cast(), Self::PAGES);
        }
    }
}

impl<P: Platform, T: fmt::Debug> fmt::Debug for PageBox<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
