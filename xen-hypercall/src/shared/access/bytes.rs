//! Meaning of the assembly blocks for an interpreter: sequences of accesses to bytes.

use core::sync::atomic::Ordering::{self, Acquire, Relaxed, Release, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicU8};

/// Lock during an access: no other thread takes a step between its bytes. It orders nothing.
static BUSY: AtomicBool = AtomicBool::new(false);

fn alone<R>(access: impl FnOnce() -> R) -> R {
    while BUSY.compare_exchange(false, true, Relaxed, Relaxed).is_err() {
        core::hint::spin_loop();
    }
    let result = access();
    BUSY.store(false, Relaxed);
    result
}

/// Loads bytes.
///
/// # Safety
///
/// `N` bytes at `place` must be valid, and accessed by this module alone.
unsafe fn load<const N: usize>(place: *mut u8, order: Ordering) -> [u8; N] {
    // SAFETY: the caller's obligation.
    core::array::from_fn(|at| unsafe { AtomicU8::from_ptr(place.add(at)) }.load(order))
}

/// Stores bytes.
///
/// # Safety
///
/// As [`load`].
unsafe fn store<const N: usize>(place: *mut u8, bytes: [u8; N], order: Ordering) {
    for (at, byte) in bytes.into_iter().enumerate() {
        // SAFETY: the caller's obligation.
        unsafe { AtomicU8::from_ptr(place.add(at)) }.store(byte, order);
    }
}

/// Exchanges bytes, one by one.
///
/// # Safety
///
/// As [`load`].
unsafe fn swap<const N: usize>(place: *mut u8, bytes: [u8; N]) -> [u8; N] {
    // SAFETY: the caller's obligation.
    core::array::from_fn(|at| unsafe { AtomicU8::from_ptr(place.add(at)) }.swap(bytes[at], SeqCst))
}

macro_rules! access {
    ($($int:ident)*) => {$(
        impl super::Access for $int {
            unsafe fn load(place: *mut u8) -> Self {
                // SAFETY: the caller's obligation.
                alone(|| Self::from_ne_bytes(unsafe { load(place, Relaxed) }))
            }

            unsafe fn store(place: *mut u8, value: Self) {
                // SAFETY: the caller's obligation.
                alone(|| unsafe { store(place, value.to_ne_bytes(), Relaxed) });
            }
        }

        impl super::Ordered for $int {
            unsafe fn load_acquire(place: *mut u8) -> Self {
                // SAFETY: the caller's obligation.
                alone(|| Self::from_ne_bytes(unsafe { load(place, Acquire) }))
            }

            unsafe fn store_release(place: *mut u8, value: Self) {
                // SAFETY: the caller's obligation.
                alone(|| unsafe { store(place, value.to_ne_bytes(), Release) });
            }

            unsafe fn swap(place: *mut u8, value: Self) -> Self {
                // SAFETY: the caller's obligation.
                alone(|| Self::from_ne_bytes(unsafe { swap(place, value.to_ne_bytes()) }))
            }

            unsafe fn compare_exchange(place: *mut u8, current: Self, new: Self) -> Self {
                alone(|| {
                    // SAFETY: the caller's obligation.
                    let found = Self::from_ne_bytes(unsafe { load(place, Relaxed) });
                    if found == current {
                        // SAFETY: the caller's obligation.
                        unsafe { swap(place, new.to_ne_bytes()) };
                    }
                    found
                })
            }
        }
    )*};
}

access!(u8 u16 u32 u64);
