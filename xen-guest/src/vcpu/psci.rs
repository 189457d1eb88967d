//! Start of a vCPU on arm64, by PSCI: Xen has no hypercall for it.

use core::arch::asm;
use core::mem::size_of;
use smccc::Hvc;
use smccc::psci::{self, AffinityState, LowestAffinityLevel};
use xen_hypercall::ops::event_channel;
use xen_hypercall::{Errno, Hypercall};

unsafe extern "C" {
    /// The first instructions of a vCPU, in `arch/entry.rs`.
    fn xen_guest_vcpu_start();
}

/// Registers of a vCPU at its start. The order is that of the code that loads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct VcpuStart {
    /// Memory attributes.
    pub mair: u64,
    /// Translation control.
    pub tcr: u64,
    /// Page tables.
    pub ttbr0: u64,
    /// Access to floating point.
    pub cpacr: u64,
    /// System control.
    pub sctlr: u64,
    /// Address of the entry, an `extern "C"` function.
    pub entry: u64,
    /// End of the stack, a multiple of 16.
    pub stack_end: u64,
    /// The first arguments of the entry: X0, X1, X2.
    pub args: [u64; 3],
}

impl VcpuStart {
    /// Creates the state of a vCPU with the control registers and page tables of this one.
    ///
    /// For EL1: reading control registers faults in user mode.
    pub fn like_current(entry: u64, stack_end: u64, args: [u64; 3]) -> Self {
        let (mair, tcr, ttbr0, cpacr, sctlr): (u64, u64, u64, u64, u64);
        // SAFETY: reads registers that every CPU has at EL1.
        unsafe {
            asm!(
                "mrs {}, mair_el1", "mrs {}, tcr_el1", "mrs {}, ttbr0_el1", "mrs {}, cpacr_el1",
                "mrs {}, sctlr_el1",
                out(reg) mair, out(reg) tcr, out(reg) ttbr0, out(reg) cpacr, out(reg) sctlr,
                options(nomem, nostack, preserves_flags),
            );
        }
        Self { mair, tcr, ttbr0, cpacr, sctlr, entry, stack_end, args }
    }
}

/// Returns the affinity of a vCPU, by which PSCI names it. Source: `vcpuid_to_vaffinity` of Xen.
fn affinity(vcpu: u32) -> u64 {
    u64::from(vcpu & 0xf) | u64::from(vcpu >> 4 & 0xff) << 8
}

/// Starts `vcpu`, which is down. It may have been up before.
///
/// # Errors
///
/// `ENOENT` if the domain has no such vCPU, `EEXIST` if it is up, `EINVAL` for a stack that is too
/// small or not aligned.
///
/// # Safety
///
/// The entry must be a function that takes the arguments and does not return, and must be sound to
/// execute on another CPU. The stack must be mapped in the page tables to its own address, and used
/// by nothing else, as must the code of this crate: the vCPU starts without page tables.
#[doc(alias = "CPU_ON")]
pub unsafe fn start<H: Hypercall>(_: &H, vcpu: u32, state: &VcpuStart) -> Result<(), Errno> {
    const SIZE: u64 = size_of::<VcpuStart>().next_multiple_of(16) as u64;
    /// The smallest line of a cache.
    const LINE: u64 = 16;
    let place = state.stack_end.checked_sub(SIZE).filter(|place| place.is_multiple_of(16));
    let place = place.ok_or(Errno::EINVAL)?;
    let target: *mut VcpuStart = core::ptr::with_exposed_provenance_mut(place as usize);
    // SAFETY: the end of the stack, which the caller vouches for; the vCPU has read it before it
    // uses the stack.
    unsafe { target.write_volatile(*state) };
    for line in (place..state.stack_end).step_by(LINE as usize) {
        // The vCPU reads memory, not caches.
        // SAFETY: cleans a line of mapped memory.
        unsafe { asm!("dc cvac, {}", in(reg) line, options(nostack, preserves_flags)) };
    }
    // SAFETY: waits for the above.
    unsafe { asm!("dsb sy", options(nostack, preserves_flags)) };
    let entry = xen_guest_vcpu_start as *const () as u64;
    psci::cpu_on::<Hvc>(affinity(vcpu), entry, place).map_err(errno)
}

/// Starts `vcpu` again after a [`stop`]: at `state`, as [`start`] does.
///
/// # Errors
///
/// Those of [`start`].
///
/// # Safety
///
/// As for [`start`].
pub unsafe fn restart<H: Hypercall>(xen: &H, vcpu: u32, state: &VcpuStart) -> Result<(), Errno> {
    // SAFETY: the caller's obligations apply unchanged.
    unsafe { start(xen, vcpu, state) }
}

/// Returns whether `vcpu` is up.
///
/// # Errors
///
/// `ENOENT` if the domain has no such vCPU, `ENOSPC` if all ports are in use.
#[doc(alias = "AFFINITY_INFO")]
pub fn is_up<H: Hypercall>(xen: &H, vcpu: u32) -> Result<bool, Errno> {
    // PSCI reports a vCPU that the domain has not as one that is off. Xen opens no port for it.
    let port = event_channel::bind_ipi(xen, vcpu)?;
    event_channel::close(xen, port)?;
    let state = psci::affinity_info::<Hvc>(affinity(vcpu), LowestAffinityLevel::All);
    state.map(|state| state != AffinityState::Off).map_err(errno)
}

/// Stops the vCPU that executes this. It does not return if Xen agrees: the vCPU starts at its
/// entry when it is started again.
///
/// # Errors
///
/// `EPERM` if Xen refuses.
#[doc(alias = "CPU_OFF")]
pub fn stop<H: Hypercall>(_: &H, _: u32) -> Result<(), Errno> {
    psci::cpu_off::<Hvc>().map_err(errno)
}

fn errno(error: psci::Error) -> Errno {
    match error {
        psci::Error::InvalidParameters => Errno::ENOENT,
        psci::Error::AlreadyOn | psci::Error::OnPending => Errno::EEXIST,
        psci::Error::NotSupported => Errno::ENOSYS,
        psci::Error::InvalidAddress => Errno::EINVAL,
        _ => Errno::EPERM,
    }
}
