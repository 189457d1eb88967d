//! The CPU: its number, and the hypercall instruction.

use core::arch::asm;
use xen_hypercall::arch::Hvc;
use xen_hypercall::arch::cpuid::TscInfo;
use xen_hypercall::{DomId, Hypercall, boot};

/// Returns whether there is Xen: an Image of this kernel starts nowhere else.
pub(crate) fn has_xen() -> bool {
    true
}

/// Issues a hypercall.
///
/// # Safety
///
/// That of [`Hypercall::hypercall`].
#[inline(always)]
pub(crate) unsafe fn hypercall(op: usize, args: [usize; 5]) -> isize {
    // SAFETY: the caller's obligations apply unchanged.
    unsafe { Hvc.hypercall(op, args) }
}

/// Sets the number of this vCPU, once and before anything else.
pub(crate) fn identify(vcpu: u32) {
    // SAFETY: nothing else uses the register.
    unsafe { asm!("msr tpidr_el1, {}", in(reg) u64::from(vcpu), options(nomem, nostack)) };
}

/// Returns the number of the vCPU that executes this.
pub(crate) fn current() -> u32 {
    let number: u64;
    // SAFETY: reads the register of `identify`.
    unsafe { asm!("mrs {}, tpidr_el1", out(reg) number, options(nomem, nostack, preserves_flags)) };
    number as u32
}

/// Returns the identifier of the local APIC: there is none on Arm.
pub(crate) fn apic_id(_: u32) -> Option<u32> {
    None
}

/// Returns the number of this domain.
pub fn domain() -> Option<DomId> {
    boot::own_domain(&Hvc).ok()
}

/// Returns Xen's version by CPUID: Arm has none.
pub fn xen_version() -> Option<(u16, u16)> {
    None
}

/// Returns Xen's description of the tick counter: none on Arm.
pub fn tsc() -> Option<TscInfo> {
    None
}

/// Executes an instruction that no CPU has.
pub fn undefined_instruction() {
    // SAFETY: the exception has a handler, which does not return here.
    unsafe { asm!("udf #0") };
}
