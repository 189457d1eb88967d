//! Marks of the counts of `benches/xen/counts.c`: instructions without an effect.

use core::arch::asm;

/// Executes a mark: a `nop` with a long operand on x86, a constant for the zero register on Arm.
macro_rules! mark {
    ($number:literal) => {
        // SAFETY: the instruction changes no register and no memory.
        unsafe {
            #[cfg(target_arch = "x86_64")]
            asm!(".byte 0x0f, 0x1f, 0x80, {}, 0x58, 0x45, 0x4e", const $number);
            #[cfg(target_arch = "aarch64")]
            asm!("movz xzr, #{}", const 0x5800 + $number);
        }
    };
}

/// Begins a phase.
pub(crate) fn mark_begin() {
    mark!(0);
}

/// Ends a phase.
pub(crate) fn mark_end() {
    mark!(1);
}

/// Marks the handler of a timer.
pub(crate) fn mark_handler() {
    mark!(3);
}
