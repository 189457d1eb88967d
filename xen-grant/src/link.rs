//! A pointer to a value that is never changed again.

use core::ptr::NonNull;
use xen_hypercall::sync::{AtomicPtr, Ordering};

/// A pointer to a `T`, which is complete before it is published; null at first, all zero.
#[repr(transparent)]
pub(crate) struct Link<T>(AtomicPtr<T>);

impl<T> Link<T> {
    pub(crate) fn to(target: NonNull<T>) -> Self {
        Self(AtomicPtr::new(target.as_ptr()))
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> Option<NonNull<T>> {
        // Acquire: the construction of the target comes before its use.
        NonNull::new(self.0.load(Ordering::Acquire))
    }

    pub(crate) fn set(&self, target: NonNull<T>) {
        self.0.store(target.as_ptr(), Ordering::Release);
    }
}
