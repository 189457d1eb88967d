//! One machine instruction for each access, which is opaque to the compiler and cannot be repeated
//! or split; a loop of two for a read-modify-write, which succeed together or not at all.

use core::arch::asm;

macro_rules! access {
    ($int:ident, $word:ident, $r:literal, $suffix:literal) => {
        impl super::Access for $int {
            #[inline(always)]
            unsafe fn load(place: *mut u8) -> Self {
                let value: $word;
                // SAFETY: a load of a valid word, by the caller's obligation.
                unsafe {
                    asm!(
                        concat!("ldr", $suffix, " {value:", $r, "}, [{place}]"),
                        value = out(reg) value,
                        place = in(reg) place,
                        options(readonly, nostack, preserves_flags),
                    );
                }
                value as Self
            }

            #[inline(always)]
            unsafe fn store(place: *mut u8, value: Self) {
                // SAFETY: a store to a valid word, by the caller's obligation.
                unsafe {
                    asm!(
                        concat!("str", $suffix, " {value:", $r, "}, [{place}]"),
                        value = in(reg) $word::from(value),
                        place = in(reg) place,
                        options(nostack, preserves_flags),
                    );
                }
            }
        }

        impl super::Ordered for $int {
            #[inline(always)]
            unsafe fn load_acquire(place: *mut u8) -> Self {
                let value: $word;
                // SAFETY: as above. The processor keeps later accesses behind it. So does the
                // compiler, since the block may write memory.
                unsafe {
                    asm!(
                        concat!("ldar", $suffix, " {value:", $r, "}, [{place}]"),
                        value = out(reg) value,
                        place = in(reg) place,
                        options(nostack, preserves_flags),
                    );
                }
                value as Self
            }

            #[inline(always)]
            unsafe fn store_release(place: *mut u8, value: Self) {
                // SAFETY: as above. The processor keeps earlier accesses before it. So does the
                // compiler, since the block may read memory.
                unsafe {
                    asm!(
                        concat!("stlr", $suffix, " {value:", $r, "}, [{place}]"),
                        value = in(reg) $word::from(value),
                        place = in(reg) place,
                        options(nostack, preserves_flags),
                    );
                }
            }

            #[inline(always)]
            unsafe fn swap(place: *mut u8, value: Self) -> Self {
                let found: $word;
                // SAFETY: an exchange of a valid word, by the caller's obligation.
                unsafe {
                    asm!(
                        "2:",
                        concat!("ldaxr", $suffix, " {found:", $r, "}, [{place}]"),
                        concat!("stlxr", $suffix, " {failed:w}, {value:", $r, "}, [{place}]"),
                        "cbnz {failed:w}, 2b",
                        found = out(reg) found,
                        failed = out(reg) _,
                        value = in(reg) $word::from(value),
                        place = in(reg) place,
                        options(nostack, preserves_flags),
                    );
                }
                found as Self
            }

            #[inline(always)]
            unsafe fn compare_exchange(place: *mut u8, current: Self, new: Self) -> Self {
                let found: $word;
                // SAFETY: an exchange of a valid word, by the caller's obligation.
                unsafe {
                    asm!(
                        "2:",
                        concat!("ldaxr", $suffix, " {found:", $r, "}, [{place}]"),
                        concat!("cmp {found:", $r, "}, {current:", $r, "}"),
                        "b.ne 3f",
                        concat!("stlxr", $suffix, " {failed:w}, {new:", $r, "}, [{place}]"),
                        "cbnz {failed:w}, 2b",
                        "3:",
                        found = out(reg) found,
                        failed = out(reg) _,
                        current = in(reg) $word::from(current),
                        new = in(reg) $word::from(new),
                        place = in(reg) place,
                        options(nostack),
                    );
                }
                found as Self
            }
        }
    };
}

access!(u8, u32, "w", "b");
access!(u16, u32, "w", "h");
access!(u32, u32, "w", "");
access!(u64, u64, "x", "");
