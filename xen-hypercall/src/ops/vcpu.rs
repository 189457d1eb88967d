//! `vcpu_op`: start and stop of vCPUs, their timers, and areas that Xen updates. Source: `vcpu.h`.
//!
//! All functions return `ENOENT` if there is no such vCPU. On arm Xen offers [`register_vcpu_info`]
//! and the areas of the runstate; the other functions return `EINVAL` there, and vCPUs are started
//! by PSCI.

use super::check;
use crate::{Errno, Gfn, Hypercall, Instant, PAGE_SIZE};
use xen_sys::hvm::hvm_vcpu::VcpuHvmContext;
use xen_sys::vcpu::*;
use xen_sys::xen::HYPERVISOR_VCPU_OP;

/// Issues a command for `vcpu` with its argument.
///
/// # Safety
///
/// `arg` must be the structure that the command works on; see [`Hypercall::hypercall`].
unsafe fn op<H: Hypercall + ?Sized, T>(
    xen: &H,
    number: u32,
    vcpu: u32,
    arg: &mut T,
) -> Result<usize, Errno> {
    let address = core::ptr::from_mut(arg).expose_provenance();
    // SAFETY: the operation is the caller's obligation; the argument is borrowed during the call.
    check(unsafe {
        xen.hypercall(HYPERVISOR_VCPU_OP, [number as usize, vcpu as usize, address, 0, 0])
    })
}

/// Moves the `vcpu_info` of `vcpu` from shared info to `offset` within frame `gfn`.
///
/// It is required for every vCPU above 31 and possible for all vCPUs, once each.
///
/// # Errors
///
/// `EBUSY` if it was moved before, `ENXIO` if the structure would cross the page. Before Xen 4.18,
/// `EINVAL` if it was moved before, or if the vCPU is neither down nor the caller.
///
/// # Safety
///
/// Xen writes to these bytes from now on, for the lifetime of the domain: the caller must not use
/// them otherwise.
#[doc(alias = "VCPUOP_register_vcpu_info")]
pub unsafe fn register_vcpu_info<H: Hypercall + ?Sized>(
    xen: &H,
    vcpu: u32,
    gfn: Gfn,
    offset: usize,
) -> Result<(), Errno> {
    let offset = u32::try_from(offset % PAGE_SIZE).map_err(|_| Errno::EINVAL)?;
    let mut arg = VcpuRegisterVcpuInfo { mfn: gfn.0, offset, ..Default::default() };
    // SAFETY: the command's own structure; the frame is the caller's obligation.
    unsafe { op(xen, VCPUOP_REGISTER_VCPU_INFO, vcpu, &mut arg) }.map(drop)
}

/// Sends `VIRQ_TIMER` to `vcpu` once, at time `at`. Replaces the time that was set before.
///
/// # Errors
///
/// `ETIME` if the time has passed and `only_future` is set; nothing is sent then. Recent Xen
/// ignores the flag.
#[doc(alias = "VCPUOP_set_singleshot_timer")]
pub fn set_singleshot_timer<H: Hypercall + ?Sized>(
    xen: &H,
    vcpu: u32,
    at: Instant,
    only_future: bool,
) -> Result<(), Errno> {
    let flags = if only_future { VCPU_SSHOTTMR_FUTURE } else { 0 };
    let mut arg =
        VcpuSetSingleshotTimer { timeout_abs_ns: at.as_nanos(), flags, ..Default::default() };
    // SAFETY: the command's own structure, which contains no pointer.
    unsafe { op(xen, VCPUOP_SET_SINGLESHOT_TIMER, vcpu, &mut arg) }.map(drop)
}

/// Stops the one-shot timer of `vcpu`.
///
/// # Errors
///
/// `ENOENT` if there is no such vCPU.
#[doc(alias = "VCPUOP_stop_singleshot_timer")]
pub fn stop_singleshot_timer<H: Hypercall + ?Sized>(xen: &H, vcpu: u32) -> Result<(), Errno> {
    // SAFETY: the command takes no structure.
    unsafe { op(xen, VCPUOP_STOP_SINGLESHOT_TIMER, vcpu, &mut ()) }.map(drop)
}

/// Stops the periodic timer of `vcpu`, which older hosts start by themselves.
///
/// # Errors
///
/// `ENOENT` if there is no such vCPU.
#[doc(alias = "VCPUOP_stop_periodic_timer")]
pub fn stop_periodic_timer<H: Hypercall + ?Sized>(xen: &H, vcpu: u32) -> Result<(), Errno> {
    // SAFETY: the command takes no structure.
    unsafe { op(xen, VCPUOP_STOP_PERIODIC_TIMER, vcpu, &mut ()) }.map(drop)
}

/// Sets the initial registers of `vcpu`, which must be down. It is possible once for each vCPU of a
/// domain. A restored domain is another one, in which vCPUs that were down are not initialised.
///
/// # Errors
///
/// `EEXIST` if the vCPU is initialised already, `EINVAL` for registers that no CPU can have.
///
/// # Safety
///
/// The vCPU will execute the code of these registers.
#[doc(alias = "VCPUOP_initialise")]
pub unsafe fn initialise<H: Hypercall + ?Sized>(
    xen: &H,
    vcpu: u32,
    context: &VcpuHvmContext,
) -> Result<(), Errno> {
    let mut context = *context;
    // SAFETY: the command's own structure; the registers are the caller's obligation.
    unsafe { op(xen, VCPUOP_INITIALISE, vcpu, &mut context) }.map(drop)
}

/// Starts `vcpu`, with the registers of [`initialise`] or where [`down`] stopped it.
///
/// # Errors
///
/// `EINVAL` if the vCPU is not initialised: in a restored domain too, if it was down.
///
/// # Safety
///
/// The vCPU executes code from now on: its code must be sound beside the caller's.
#[doc(alias = "VCPUOP_up")]
pub unsafe fn up<H: Hypercall + ?Sized>(xen: &H, vcpu: u32) -> Result<(), Errno> {
    // SAFETY: the command takes no structure; the code that runs is the caller's obligation.
    unsafe { op(xen, VCPUOP_UP, vcpu, &mut ()) }.map(drop)
}

/// Stops `vcpu` at any instruction. A stop of the last vCPU shuts the domain down.
///
/// # Errors
///
/// Only those of the [module](self).
#[doc(alias = "VCPUOP_down")]
pub fn down<H: Hypercall + ?Sized>(xen: &H, vcpu: u32) -> Result<(), Errno> {
    // SAFETY: the command takes no structure. Code that does not continue breaks no invariant.
    unsafe { op(xen, VCPUOP_DOWN, vcpu, &mut ()) }.map(drop)
}

/// Returns whether `vcpu` is up.
///
/// # Errors
///
/// Only those of the [module](self).
#[doc(alias = "VCPUOP_is_up")]
pub fn is_up<H: Hypercall + ?Sized>(xen: &H, vcpu: u32) -> Result<bool, Errno> {
    // SAFETY: the command takes no structure.
    unsafe { op(xen, VCPUOP_IS_UP, vcpu, &mut ()) }.map(|up| up != 0)
}

/// Returns the time that `vcpu` has spent in each run state.
///
/// # Errors
///
/// Only those of the [module](self).
#[doc(alias = "VCPUOP_get_runstate_info")]
pub fn get_runstate_info<H: Hypercall + ?Sized>(
    xen: &H,
    vcpu: u32,
) -> Result<VcpuRunstateInfo, Errno> {
    let mut arg = VcpuRunstateInfo::default();
    // SAFETY: the command's own structure, which contains no pointer.
    unsafe { op(xen, VCPUOP_GET_RUNSTATE_INFO, vcpu, &mut arg) }?;
    Ok(arg)
}

/// Starts the periodic timer of `vcpu`: `VIRQ_TIMER` every `period_ns` nanoseconds while the vCPU
/// runs.
///
/// Xen stops the timer while the vCPU is blocked or waits for a CPU, so that it never wakes a vCPU.
/// When the vCPU runs again, Xen sends one event if one or more periods have passed. A kernel that
/// idles must use [`set_singleshot_timer`].
///
/// # Errors
///
/// `EINVAL` for a period below one millisecond, or beyond Xen's maximum.
#[doc(alias = "VCPUOP_set_periodic_timer")]
pub fn set_periodic_timer<H: Hypercall + ?Sized>(
    xen: &H,
    vcpu: u32,
    period_ns: u64,
) -> Result<(), Errno> {
    let mut arg = VcpuSetPeriodicTimer { period_ns };
    // SAFETY: the command's own structure, which contains no pointer.
    unsafe { op(xen, VCPUOP_SET_PERIODIC_TIMER, vcpu, &mut arg) }.map(drop)
}

/// Sends a non-maskable interrupt to `vcpu`.
///
/// # Errors
///
/// Only those of the [module](self).
///
/// # Safety
///
/// The vCPU must have a handler that is sound at any instruction.
#[doc(alias = "VCPUOP_send_nmi")]
pub unsafe fn send_nmi<H: Hypercall + ?Sized>(xen: &H, vcpu: u32) -> Result<(), Errno> {
    // SAFETY: the command takes no structure; the handler is the caller's obligation.
    unsafe { op(xen, VCPUOP_SEND_NMI, vcpu, &mut ()) }.map(drop)
}

/// Physical CPU of a vCPU that is pinned to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhysId {
    /// APIC identifier.
    pub apic: u32,
    /// ACPI identifier.
    pub acpi: u32,
}

/// Returns the physical CPU that `vcpu` is pinned to; for the hardware domain, if it was booted
/// with pinned vCPUs.
///
/// # Errors
///
/// `EINVAL` if the vCPU is not pinned.
#[doc(alias = "VCPUOP_get_physid")]
pub fn get_physid<H: Hypercall + ?Sized>(xen: &H, vcpu: u32) -> Result<PhysId, Errno> {
    let mut arg = VcpuGetPhysid::default();
    // SAFETY: the command's own structure, which contains no pointer.
    unsafe { op(xen, VCPUOP_GET_PHYSID, vcpu, &mut arg) }?;
    Ok(PhysId { apic: arg.phys_id as u32, acpi: (arg.phys_id >> 32) as u32 })
}

/// Makes Xen update a `VcpuRunstateInfo` of `vcpu` at virtual address `area`.
///
/// Xen translates the address on each update, by the page table in use: prefer
/// [`register_runstate_phys_area`] if it is supported.
///
/// # Errors
///
/// `EFAULT` or `EINVAL` for an address that Xen cannot write.
///
/// # Safety
///
/// Xen writes to these 48 bytes from now on, in every address space: the caller must not use them
/// otherwise.
#[doc(alias = "VCPUOP_register_runstate_memory_area")]
pub unsafe fn register_runstate_memory_area<H: Hypercall + ?Sized>(
    xen: &H,
    vcpu: u32,
    area: *mut VcpuRunstateInfo,
) -> Result<(), Errno> {
    let mut arg = VcpuRegisterRunstateMemoryArea { addr: area.expose_provenance() as u64 };
    // SAFETY: the command's own structure; the area is the caller's obligation.
    unsafe { op(xen, VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA, vcpu, &mut arg) }.map(drop)
}

/// Makes Xen update a copy of the clock of `vcpu` (`VcpuTimeInfo`) at virtual address `area`, for
/// user mode to read.
///
/// # Errors
///
/// `EFAULT` or `EINVAL` for an address that Xen cannot write.
///
/// # Safety
///
/// Xen writes to these 32 bytes from now on, in every address space: the caller must not use them
/// otherwise.
#[doc(alias = "VCPUOP_register_vcpu_time_memory_area")]
pub unsafe fn register_vcpu_time_memory_area<H: Hypercall + ?Sized>(
    xen: &H,
    vcpu: u32,
    area: *mut xen_sys::xen::VcpuTimeInfo,
) -> Result<(), Errno> {
    let mut arg = VcpuRegisterTimeMemoryArea { addr: area.expose_provenance() as u64 };
    // SAFETY: the command's own structure; the area is the caller's obligation.
    unsafe { op(xen, VCPUOP_REGISTER_VCPU_TIME_MEMORY_AREA, vcpu, &mut arg) }.map(drop)
}

/// Registers a runstate area like [`register_runstate_memory_area`], by physical address, within
/// one page. With `None`, Xen stops to write.
///
/// # Errors
///
/// `ENOSYS` if Xen is older than 4.18, `EINVAL` for an invalid address.
///
/// # Safety
///
/// Xen writes to these 48 bytes until another address or `None` is registered: the caller must not
/// use them otherwise.
#[doc(alias = "VCPUOP_register_runstate_phys_area")]
pub unsafe fn register_runstate_phys_area<H: Hypercall + ?Sized>(
    xen: &H,
    vcpu: u32,
    area: Option<u64>,
) -> Result<(), Errno> {
    let mut arg = VcpuRegisterRunstateMemoryArea { addr: area.unwrap_or(u64::MAX) };
    // SAFETY: the command's own structure; the area is the caller's obligation.
    unsafe { op(xen, VCPUOP_REGISTER_RUNSTATE_PHYS_AREA, vcpu, &mut arg) }.map(drop)
}

/// Registers a copy of the clock like [`register_vcpu_time_memory_area`], by physical address,
/// within one page. With `None`, Xen stops to write.
///
/// # Errors
///
/// `ENOSYS` if Xen is older than 4.18, `EINVAL` for an invalid address.
///
/// # Safety
///
/// Xen writes to these 32 bytes until another address or `None` is registered: the caller must not
/// use them otherwise.
#[doc(alias = "VCPUOP_register_vcpu_time_phys_area")]
pub unsafe fn register_vcpu_time_phys_area<H: Hypercall + ?Sized>(
    xen: &H,
    vcpu: u32,
    area: Option<u64>,
) -> Result<(), Errno> {
    let mut arg = VcpuRegisterTimeMemoryArea { addr: area.unwrap_or(u64::MAX) };
    // SAFETY: the command's own structure; the area is the caller's obligation.
    unsafe { op(xen, VCPUOP_REGISTER_VCPU_TIME_PHYS_AREA, vcpu, &mut arg) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::{Recorder, issues};

    const OP: usize = HYPERVISOR_VCPU_OP;

    #[test]
    fn each_function_issues_its_operation() {
        let context = VcpuHvmContext { mode: 1, pad: 0, cpu_regs: [3; 15] };
        let place = core::ptr::null_mut();
        let at = Instant::from_nanos(9);
        issues! {
            initialise(3, &context) => OP, [VCPUOP_INITIALISE, 3], context;
            up(3) => OP, [VCPUOP_UP, 3];
            down(3) => OP, [VCPUOP_DOWN, 3];
            is_up(3) => OP, [VCPUOP_IS_UP, 3];
            get_runstate_info(3) => OP, [VCPUOP_GET_RUNSTATE_INFO, 3], VcpuRunstateInfo::default();
            set_periodic_timer(3, 9) => OP, [VCPUOP_SET_PERIODIC_TIMER, 3],
                VcpuSetPeriodicTimer { period_ns: 9 };
            stop_periodic_timer(3) => OP, [VCPUOP_STOP_PERIODIC_TIMER, 3];
            set_singleshot_timer(3, at, true) => OP, [VCPUOP_SET_SINGLESHOT_TIMER, 3],
                VcpuSetSingleshotTimer { timeout_abs_ns: 9, flags: 1, ..Default::default() };
            stop_singleshot_timer(3) => OP, [VCPUOP_STOP_SINGLESHOT_TIMER, 3];
            register_vcpu_info(3, Gfn(5), 64) => OP, [VCPUOP_REGISTER_VCPU_INFO, 3],
                VcpuRegisterVcpuInfo { mfn: 5, offset: 64, ..Default::default() };
            send_nmi(3) => OP, [VCPUOP_SEND_NMI, 3];
            get_physid(3) => OP, [VCPUOP_GET_PHYSID, 3], VcpuGetPhysid::default();
            register_runstate_memory_area(3, place) => OP,
                [VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA, 3], 0u64;
            register_vcpu_time_memory_area(3, core::ptr::null_mut()) => OP,
                [VCPUOP_REGISTER_VCPU_TIME_MEMORY_AREA, 3], 0u64;
            register_runstate_phys_area(3, Some(9)) => OP, [VCPUOP_REGISTER_RUNSTATE_PHYS_AREA, 3],
                9u64;
            register_vcpu_time_phys_area(3, None) => OP, [VCPUOP_REGISTER_VCPU_TIME_PHYS_AREA, 3],
                u64::MAX;
        }
    }

    #[test]
    fn physical_cpu_has_two_identifiers() {
        let xen = Recorder::expecting(2, 8).answering(&0x5_0000_0004_u64);
        assert_eq!(get_physid(&xen, 0), Ok(PhysId { apic: 4, acpi: 5 }));
    }
}
