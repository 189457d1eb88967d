//! `vcpu_op`: virtual processors. Source: `vcpu.h`.

use super::check;
use crate::{Errno, Gfn, Hypercall, Instant, PAGE_SIZE};
use xen_sys::vcpu::*;
use xen_sys::xen::HYPERVISOR_VCPU_OP;

/// # Safety
///
/// `arg` must be the structure that the command works on; see [`Hypercall::hypercall`].
unsafe fn op<H: Hypercall + ?Sized, T>(xen: &H, number: u32, vcpu: u32, arg: &mut T) -> Result<usize, Errno> {
    let address = core::ptr::from_mut(arg).expose_provenance();
    // SAFETY: the caller vouches for the operation; the argument is borrowed for the time of the call.
    check(unsafe { xen.hypercall(HYPERVISOR_VCPU_OP, [number as usize, vcpu as usize, address, 0, 0]) })
}

/// Moves the `vcpu_info` of `vcpu` from shared info to `offset` within frame `gfn`.
///
/// Needed for every vCPU above 31, good for all; it can be done once.
///
/// # Errors
///
/// `EINVAL` if it was done before, or if the structure would cross the page.
///
/// # Safety
///
/// Xen writes there from now on, for the life of the domain: the caller gives up those bytes for good.
#[doc(alias = "VCPUOP_register_vcpu_info")]
pub unsafe fn register_vcpu_info<H: Hypercall + ?Sized>(
    xen: &H,
    vcpu: u32,
    gfn: Gfn,
    offset: usize,
) -> Result<(), Errno> {
    let offset = u32::try_from(offset % PAGE_SIZE).map_err(|_| Errno::EINVAL)?;
    let mut arg = VcpuRegisterVcpuInfo { mfn: gfn.0, offset, ..Default::default() };
    // SAFETY: the command's own structure; the caller vouches for what it names.
    unsafe { op(xen, VCPUOP_REGISTER_VCPU_INFO, vcpu, &mut arg) }.map(drop)
}

/// Sends `VIRQ_TIMER` to `vcpu` at `at`, once. Replaces the moment set before.
///
/// # Errors
///
/// `ETIME` if the moment has passed and `only_future` is set; nothing is sent then.
#[doc(alias = "VCPUOP_set_singleshot_timer")]
pub fn set_singleshot_timer<H: Hypercall + ?Sized>(
    xen: &H,
    vcpu: u32,
    at: Instant,
    only_future: bool,
) -> Result<(), Errno> {
    let flags = if only_future { VCPU_SSHOTTMR_FUTURE } else { 0 };
    let mut arg = VcpuSetSingleshotTimer { timeout_abs_ns: at.as_nanos(), flags, ..Default::default() };
    // SAFETY: the command's own structure, which points nowhere.
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
