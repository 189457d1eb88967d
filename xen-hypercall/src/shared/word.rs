//! Single words of shared memory.

use super::before_load;
use crate::sync::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};
use core::fmt;

macro_rules! word {
    ($name:ident, $atomic:ident, $int:ident) => {
        #[doc = concat!(
                                    "Aligned `",
                                    stringify!($int),
                                    "` that another domain may change between any two loads."
                                )]
        #[derive(Clone, Copy)]
        pub struct $name<'a>(&'a $atomic);

        impl<'a> $name<'a> {
            #[cfg(loom)]
            pub(super) fn new(word: &'a $atomic) -> Self {
                Self(word)
            }

            /// Returns the word at `place`.
            ///
            /// # Safety
            ///
            /// It must lie within shared memory for 'a, and be aligned.
            #[cfg(not(loom))]
            #[inline(always)]
            pub(super) unsafe fn at(place: *mut u8) -> Self {
                // SAFETY: the caller's obligation.
                Self(unsafe { $atomic::from_ptr(place.cast()) })
            }

            #[inline(always)]
            fn before_load(self) {
                before_load(core::ptr::from_ref(self.0).cast(), size_of::<$int>());
            }

            /// Loads the word.
            #[inline(always)]
            pub fn load(self, order: Ordering) -> $int {
                self.before_load();
                self.0.load(order)
            }

            /// Stores the word.
            #[inline(always)]
            pub fn store(self, value: $int, order: Ordering) {
                self.0.store(value, order);
            }

            /// Stores the word and returns the previous one, as one sequentially consistent step.
            #[inline(always)]
            pub fn swap(self, value: $int) -> $int {
                self.before_load();
                self.0.swap(value, Ordering::SeqCst)
            }

            /// Stores `new` if the word is `current`, as one sequentially consistent step. A
            /// failure orders nothing.
            ///
            /// # Errors
            ///
            /// The word that was found, if it was another one.
            #[inline(always)]
            pub fn compare_exchange(self, current: $int, new: $int) -> Result<$int, $int> {
                self.before_load();
                self.0.compare_exchange(current, new, Ordering::SeqCst, Ordering::Relaxed)
            }

            /// Sets the bits of `mask` and returns the previous word, as one sequentially
            /// consistent step.
            #[inline(always)]
            pub fn fetch_or(self, mask: $int) -> $int {
                self.before_load();
                self.0.fetch_or(mask, Ordering::SeqCst)
            }

            /// Clears the bits that are not in `mask` and returns the previous word, as one
            /// sequentially consistent step.
            #[inline(always)]
            pub fn fetch_and(self, mask: $int) -> $int {
                self.before_load();
                self.0.fetch_and(mask, Ordering::SeqCst)
            }
        }

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:p})"), self.0)
            }
        }
    };
}

word!(SharedU8, AtomicU8, u8);
word!(SharedU16, AtomicU16, u16);
word!(SharedU32, AtomicU32, u32);
word!(SharedU64, AtomicU64, u64);
