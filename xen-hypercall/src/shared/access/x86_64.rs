//! One machine instruction for each access, which is opaque to the compiler and cannot be repeated
//! or split.

use core::arch::asm;

macro_rules! access {
   (
        $int:ident, $word:ident, $class:tt,
        $load:literal, $store:literal, $xchg:literal, $cmpxchg:literal, $a:tt
    ) => {
        impl super::Access for $int {
            #[inline(always)]
            unsafe fn load(place: *mut u8) -> Self {
                let value: $word;
                // SAFETY: a load of a valid word, by the caller's obligation.
                unsafe {
                    asm!(
                        $load,
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
                        $store,
                        value = in($class) value,
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
                        $load,
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
                unsafe { <Self as super::Access>::store(place, value) }
            }

            #[inline(always)]
            unsafe fn swap(place: *mut u8, mut value: Self) -> Self {
                // SAFETY: an exchange of a valid word, by the caller's obligation.
                unsafe {
                    asm!(
                        $xchg,
                        value = inout($class) value,
                        place = in(reg) place,
                        options(nostack, preserves_flags),
                    );
                }
                value
            }

            #[inline(always)]
            unsafe fn compare_exchange(place: *mut u8, current: Self, new: Self) -> Self {
                let found: Self;
                // SAFETY: an exchange of a valid word, by the caller's obligation.
                unsafe {
                    asm!(
                        $cmpxchg,
                        new = in($class) new,
                        place = in(reg) place,
                        inout($a) current => found,
                        options(nostack),
                    );
                }
                found
            }
        }
    };
}

access!(
    u8,
    u32,
    reg_byte,
    "movzx {value:e}, byte ptr [{place}]",
    "mov byte ptr [{place}], {value}",
    "xchg byte ptr [{place}], {value}",
    "lock cmpxchg byte ptr [{place}], {new}",
    "al"
);
access!(
    u16,
    u32,
    reg,
    "movzx {value:e}, word ptr [{place}]",
    "mov word ptr [{place}], {value:x}",
    "xchg word ptr [{place}], {value:x}",
    "lock cmpxchg word ptr [{place}], {new:x}",
    "ax"
);
access!(
    u32,
    u32,
    reg,
    "mov {value:e}, dword ptr [{place}]",
    "mov dword ptr [{place}], {value:e}",
    "xchg dword ptr [{place}], {value:e}",
    "lock cmpxchg dword ptr [{place}], {new:e}",
    "eax"
);
access!(
    u64,
    u64,
    reg,
    "mov {value}, qword ptr [{place}]",
    "mov qword ptr [{place}], {value}",
    "xchg qword ptr [{place}], {value}",
    "lock cmpxchg qword ptr [{place}], {new}",
    "rax"
);
