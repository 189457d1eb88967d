//! arm64: `hvc` with Xen's tag.

use crate::Hypercall;
use core::arch::asm;

/// Issues hypercalls with `hvc #0xEA1`.
///
/// The number goes in x16, the arguments in x0 to x4, the result comes back in x0. Xen may change
/// every one of them. Source: `arch-arm.h`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hvc;

// SAFETY: the block does what arch-arm.h asks for and declares all that Xen may change; memory is
// not declared untouched.
unsafe impl Hypercall for Hvc {
    #[inline(always)]
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        let result: isize;
        // SAFETY: the caller vouches for the operation and its arguments.
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
