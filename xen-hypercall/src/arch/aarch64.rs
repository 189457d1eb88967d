//! arm64: `hvc` with Xen's tag.

use crate::Hypercall;
use core::arch::asm;

/// Hypercalls by `hvc #0xEA1`.
///
/// The number is in x16, the arguments in x0 to x4, the result in x0. Xen may change each of them.
/// Source: `arch-arm.h`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hvc;

// SAFETY: the block follows arch-arm.h and declares all registers that Xen may change. Memory is
// not declared untouched.
unsafe impl Hypercall for Hvc {
    #[inline(always)]
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        let result: isize;
        // SAFETY: the caller ensures that operation and arguments are valid.
        unsafe {
            asm!(
                "hvc #0xEA1",
                inlateout("x16") op => _,
                inlateout("x0") args[0] => result,
                inlateout("x1") args[1] => _,
                inlateout("x2") args[2] => _,
                inlateout("x3") args[3] => _,
                inlateout("x4") args[4] => _,
                options(nostack),
            );
        }
        result
    }
}
