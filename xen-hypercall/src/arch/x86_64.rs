//! x86-64: `vmcall` on Intel's virtualization extensions, `vmmcall` on AMD's.
//!
//! The instruction is issued inline. Xen's hypercall page is not used: it has no `endbr`, and its
//! returns defeat the kernel's own speculation defences (XSA-466,
//! `docs/guest-guide/x86/hypercall-abi.rst`).

use super::cpuid::CpuVendor;
use crate::Hypercall;
use core::arch::asm;

macro_rules! call {
    ($instruction:literal, $op:expr, $args:expr) => {{
        let [a1, a2, a3, a4, a5] = $args;
        let result: isize;
        // SAFETY: the caller ensures that operation and arguments are valid. The number is in RAX,
        // the arguments in RDI, RSI, RDX, R10, R8, the result in RAX. Xen may change all of these
        // and no other register.
        unsafe {
            asm!(
                $instruction,
                inlateout("rax") $op => result,
                inlateout("rdi") a1 => _,
                inlateout("rsi") a2 => _,
                inlateout("rdx") a3 => _,
                inlateout("r10") a4 => _,
                inlateout("r8") a5 => _,
                options(nostack),
            );
        }
        result
    }};
}

/// Hypercalls by `vmcall`: Intel, Centaur and Shanghai processors.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vmcall;

// SAFETY: the block follows Xen's calling convention and declares all that Xen may change.
unsafe impl Hypercall for Vmcall {
    #[inline(always)]
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        call!("vmcall", op, args)
    }
}

/// Hypercalls by `vmmcall`: AMD and Hygon processors.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vmmcall;

// SAFETY: the block follows Xen's calling convention and declares all that Xen may change.
unsafe impl Hypercall for Vmmcall {
    #[inline(always)]
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        call!("vmmcall", op, args)
    }
}

/// Hypercalls by the instruction of a processor vendor that was detected at run time.
///
/// The other vendor's instruction is an invalid opcode. The value should be stored, since CPUID is
/// slow in a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VendorCall {
    /// Hypercalls by [`Vmcall`].
    Vmcall,
    /// Hypercalls by [`Vmmcall`].
    Vmmcall,
}

impl VendorCall {
    /// Returns the instruction of `vendor`.
    pub const fn for_vendor(vendor: CpuVendor) -> Self {
        if vendor.has_svm() { Self::Vmmcall } else { Self::Vmcall }
    }
}

// SAFETY: both variants are sound by themselves.
unsafe impl Hypercall for VendorCall {
    #[inline(always)]
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        // SAFETY: the caller's obligations are those of the variant.
        unsafe {
            match self {
                Self::Vmcall => Vmcall.hypercall(op, args),
                Self::Vmmcall => Vmmcall.hypercall(op, args),
            }
        }
    }
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests;
