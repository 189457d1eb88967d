//! Counted reference to a value in pages of the platform.

use crate::sync::{AtomicU64, Ordering};
use crate::{OutOfMemory, PAGE_SIZE, Pages, Platform};
use core::fmt;
use core::num::NonZeroUsize;
use core::ops::Deref;
use core::ptr::NonNull;

/// Counted reference to a value in pages of the platform: an `Arc` for kernels without a heap.
///
/// Drivers share services (grant table, xenstore client) by such references: a driver owns its
/// reference, has no lifetime and can be stored in a static. A clone allocates no memory and takes
/// no lock.
pub struct PageArc<P: Platform, T> {
    inner: NonNull<Inner<P, T>>,
}

struct Inner<P, T> {
    references: AtomicU64,
    pages: NonZeroUsize,
    platform: P,
    value: T,
}

// SAFETY: as for `Arc`: a clone on another thread gives `&T` there, and the last one drops the
// value there.
unsafe impl<P: Platform + Send + Sync, T: Send + Sync> Send for PageArc<P, T> {}
// SAFETY: as above; a shared reference can be cloned.
unsafe impl<P: Platform + Send + Sync, T: Send + Sync> Sync for PageArc<P, T> {}

impl<P: Platform, T> PageArc<P, T> {
    const PAGES: usize = {
        assert!(
            align_of::<Inner<P, T>>() <= PAGE_SIZE,
            "a page's alignment is the largest there is"
        );
        size_of::<Inner<P, T>>().div_ceil(PAGE_SIZE)
    };

    /// Moves `value` into pages of the platform.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the platform has no pages.
    pub fn new(platform: P, value: T) -> Result<Self, OutOfMemory> {
        let pages = NonZeroUsize::new(Self::PAGES).unwrap_or(NonZeroUsize::MIN);
        let inner: NonNull<Inner<P, T>> =
            Pages::alloc(platform.clone(), pages.get())?.into_raw().cast();
        // SAFETY: the pages are new, aligned to a page, with room for an `Inner`.
        unsafe { inner.write(Inner { references: AtomicU64::new(1), pages, platform, value }) };
        Ok(Self { inner })
    }

    /// Returns whether both refer to the same value.
    #[inline(always)]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }

    #[inline(always)]
    fn inner(&self) -> &Inner<P, T> {
        // SAFETY: `new` wrote the value, which exists until the last reference is dropped, and is
        // never moved.
        unsafe { self.inner.as_ref() }
    }
}

impl<P: Platform, T> Clone for PageArc<P, T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        // Relaxed: the cloned reference keeps the value alive. The count cannot overflow: each
        // reference takes eight bytes of memory unless it is forgotten, and no machine runs long
        // enough to forget 2^64 of them.
        self.inner().references.fetch_add(1, Ordering::Relaxed);
        Self { inner: self.inner }
    }
}

impl<P: Platform, T> Deref for PageArc<P, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.inner().value
    }
}

impl<P: Platform, T> Drop for PageArc<P, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // Release: all use of the value through this reference precedes the drop through the last
        // one.
        if self.inner().references.fetch_sub(1, Ordering::Release) == 1 {
            self.drop_value();
        }
    }
}

impl<P: Platform, T> PageArc<P, T> {
    #[cold]
    fn drop_value(&mut self) {
        // Acquire: pairs with the release of all other references.
        let _ = self.inner().references.load(Ordering::Acquire);
        let inner = self.inner.as_ptr();
        // SAFETY: this was the last reference, so the value has no other user, and each field is
        // dropped or moved out once. The pages are those that `new` allocated.
        unsafe {
            core::ptr::drop_in_place(&raw mut (*inner).value);
            let (platform, pages) = ((&raw const (*inner).platform).read(), (*inner).pages);
            platform.free_pages(self.inner.cast(), pages);
        }
    }
}

impl<P: Platform, T: fmt::Debug> fmt::Debug for PageArc<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
