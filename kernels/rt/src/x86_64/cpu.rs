//! The CPU: its number, its local APIC, and the hypercall instruction.

use crate::vcpus::VCPUS;
use core::arch::asm;
use core::sync::atomic::{
    AtomicU8, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use x86_64::registers::model_specific::Msr;
use xen_hypercall::arch::cpuid::{self, CpuVendor, TscInfo, XenLeaves};
use xen_hypercall::arch::{VendorCall, Vmcall, Vmmcall};
use xen_hypercall::{DomId, Errno, Hypercall};

const GS_BASE: u32 = 0xc000_0101;

/// Data at a vCPU's GS: its number.
static NUMBERS: [u32; VCPUS] = {
    let mut numbers = [0; VCPUS];
    let mut vcpu = 0;
    while vcpu < VCPUS {
        numbers[vcpu] = vcpu as u32;
        vcpu += 1;
    }
    numbers
};

/// Identifier of the local APIC of each vCPU that was started, with `APIC_KNOWN`.
static APIC_IDS: [AtomicU64; VCPUS] = [const { AtomicU64::new(0) }; VCPUS];
const APIC_KNOWN: u64 = 1 << 32;

/// The hypercall instruction. Asking CPUID each time would cost more than the call.
static CALL: AtomicU8 = AtomicU8::new(NONE);

/// No Xen.
const NONE: u8 = 0;
const INTEL: u8 = 1;
const AMD: u8 = 2;

/// Picks the hypercall instruction, if there is Xen.
pub(super) fn init(vendor: Option<CpuVendor>) {
    let call = match vendor.map(VendorCall::for_vendor) {
        None => NONE,
        Some(VendorCall::Vmmcall) => AMD,
        Some(_) => INTEL,
    };
    CALL.store(call, Relaxed);
}

/// Returns whether there is Xen.
pub(crate) fn has_xen() -> bool {
    CALL.load(Relaxed) != NONE
}

/// Issues a hypercall.
///
/// # Safety
///
/// That of [`Hypercall::hypercall`].
#[inline(always)]
pub(crate) unsafe fn hypercall(op: usize, args: [usize; 5]) -> isize {
    // SAFETY: the caller's obligations apply unchanged.
    unsafe {
        match CALL.load(Relaxed) {
            AMD => Vmmcall.hypercall(op, args),
            INTEL => Vmcall.hypercall(op, args),
            // As of a Xen that has none of its operations.
            _ => -(Errno::ENOSYS.0 as isize),
        }
    }
}

/// Sets the number of this vCPU, once and before anything else.
pub(crate) fn identify(vcpu: u32) {
    let number = &raw const NUMBERS[vcpu as usize];
    // SAFETY: nothing else uses GS, and a static stays.
    unsafe { Msr::new(GS_BASE).write(number.addr() as u64) };
    let apic_id = u64::from(xen_guest::vcpu::apic_id(cpuid::native)) | APIC_KNOWN;
    APIC_IDS[vcpu as usize].store(apic_id, Release);
}

/// Returns the identifier of the local APIC of `vcpu`; `None` before its start.
pub(crate) fn apic_id(vcpu: u32) -> Option<u32> {
    let id = APIC_IDS.get(vcpu as usize)?.load(Acquire);
    (id & APIC_KNOWN != 0).then_some(id as u32)
}

/// Returns the number of the vCPU that executes this.
pub(crate) fn current() -> u32 {
    let number;
    // SAFETY: GS points to a number of `NUMBERS`.
    unsafe {
        asm!(
            "mov {:e}, gs:[0]",
            out(reg) number,
            options(nostack, preserves_flags, pure, readonly),
        );
    };
    number
}

/// Returns the number of this domain, if CPUID has it.
pub fn domain() -> Option<DomId> {
    XenLeaves::find(cpuid::native).and_then(|leaves| leaves.domain)
}

/// Returns the major and the minor number of Xen's version, by CPUID.
pub fn xen_version() -> Option<(u16, u16)> {
    XenLeaves::find(cpuid::native).map(|leaves| leaves.version)
}

/// Returns Xen's description of the tick counter.
pub fn tsc() -> Option<TscInfo> {
    XenLeaves::find(cpuid::native).and_then(|leaves| leaves.tsc(cpuid::native))
}

/// Executes an instruction that no CPU has.
pub fn undefined_instruction() {
    // SAFETY: the exception has a handler, which does not return here.
    unsafe { asm!("ud2") };
}
