//! The way to something that was made and is never changed again.

use core::ptr::NonNull;
use xen_hypercall::sync::{AtomicPtr, Ordering};

/// Leads to a `T` that one made and others get to know of; to nothing at first. All zero when it
/// leads to nothing.
#[repr(transparent)]
pub(crate) struct Link<T>(AtomicPtr<T>);

impl<T> Link<T> {
    pub(crate) fn to(target: NonNull<T>) -> Self {
        Self(AtomicPtr::new(target.as_ptr()))
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> Option<NonNull<T>> {
        // Acquire: how the target was made comes before what is done with it.
        NonNull::new(self.0.load(Ordering::Acquire))
    }

    pub(crate) fn set(&self, target: NonNull<T>) {
        self.0.store(target.as_ptr(), Ordering::Release);
    }
}
