//! Accesses by Rust's own atomics.

use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};

macro_rules! access {
    ($($int:ident $atomic:ident)*) => {$(
        impl super::Access for $int {
            #[inline(always)]
            unsafe fn load(place: *mut u8) -> Self {
                // SAFETY: the caller's obligation.
                unsafe { $atomic::from_ptr(place.cast()) }.load(Relaxed)
            }

            #[inline(always)]
            unsafe fn store(place: *mut u8, value: Self) {
                // SAFETY: the caller's obligation.
                unsafe { $atomic::from_ptr(place.cast()) }.store(value, Relaxed);
            }
        }
    )*};
}

access!(u8 AtomicU8 u32 AtomicU32 u64 AtomicU64);
