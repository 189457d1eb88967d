//! Single words of shared memory, opaque to the compiler.

use super::access::{Access, Ordered};
use super::before_load;
use crate::sync::Ordering;
use core::fmt;
use core::marker::PhantomData;

macro_rules! word {
    ($name:ident, $int:ident) => {
        #[doc = concat!(
                                    "Aligned `",
                                    stringify!($int),
                                    "` that another domain may change between any two loads."
                                )]
        #[derive(Clone, Copy)]
        pub struct $name<'a>(*mut u8, PhantomData<&'a ()>);

        // SAFETY: the word lives as long as 'a, and is accessed as `SharedMem` is.
        unsafe impl Send for $name<'_> {}
        // SAFETY: as above.
        unsafe impl Sync for $name<'_> {}

        impl $name<'_> {
            /// Returns the word at `place`.
            ///
            /// # Safety
            ///
            /// It must lie within shared memory for 'a, and be aligned.
            #[inline(always)]
            pub(super) unsafe fn at(place: *mut u8) -> Self {
                Self(place, PhantomData)
            }

            #[inline(always)]
            fn before_load(self) {
                before_load(self.0, size_of::<$int>());
            }

            /// Loads the word.
            #[inline(always)]
            pub fn load(self, order: Ordering) -> $int {
                self.before_load();
                // SAFETY: the caller of `at` ensures that the word is valid.
                unsafe {
                    match order {
                        Ordering::Relaxed => $int::load(self.0),
                        _ => $int::load_acquire(self.0),
                    }
                }
            }

            /// Stores the word.
            #[inline(always)]
            pub fn store(self, value: $int, order: Ordering) {
                // SAFETY: the caller of `at` ensures that the word is valid.
                unsafe {
                    match order {
                        Ordering::Relaxed => $int::store(self.0, value),
                        Ordering::SeqCst => drop($int::swap(self.0, value)),
                        _ => $int::store_release(self.0, value),
                    }
                }
            }

            /// Stores the word and returns the previous one, as one sequentially consistent step.
            #[inline(always)]
            pub fn swap(self, value: $int) -> $int {
                self.before_load();
                // SAFETY: the caller of `at` ensures that the word is valid.
                unsafe { $int::swap(self.0, value) }
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
                // SAFETY: the caller of `at` ensures that the word is valid.
                let found = unsafe { $int::compare_exchange(self.0, current, new) };
                if found == current { Ok(found) } else { Err(found) }
            }

            /// Sets the bits of `mask` and returns the previous word, as one sequentially
            /// consistent step.
            #[inline(always)]
            pub fn fetch_or(self, mask: $int) -> $int {
                self.update(|word| word | mask)
            }

            /// Clears the bits that are not in `mask` and returns the previous word, as one
            /// sequentially consistent step.
            #[inline(always)]
            pub fn fetch_and(self, mask: $int) -> $int {
                self.update(|word| word & mask)
            }

            #[inline(always)]
            fn update(self, new: impl Fn($int) -> $int) -> $int {
                self.before_load();
                // SAFETY: the caller of `at` ensures that the word is valid.
                unsafe {
                    let mut old = $int::load(self.0);
                    loop {
                        let found = $int::compare_exchange(self.0, old, new(old));
                        if found == old {
                            return old;
                        }
                        old = found;
                    }
                }
            }
        }

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:p})"), self.0)
            }
        }
    };
}

word!(SharedU8, u8);
word!(SharedU16, u16);
word!(SharedU32, u32);
word!(SharedU64, u64);
