//! `hvm_op`: parameters and upcall vectors. Source: `hvm/hvm_op.h`, `hvm/params.h`.

use super::command;
use crate::{DomId, Errno, Hypercall};
use xen_sys::hvm::hvm_op::*;
use xen_sys::xen::HYPERVISOR_HVM_OP;

/// Returns parameter `index` (`HVM_PARAM_*`) of this domain.
///
/// # Errors
///
/// `EINVAL` for an unknown parameter, `EPERM` for one that is not this domain's to read, `ENOSYS` in a PV domain.
#[doc(alias = "HVMOP_get_param")]
pub fn get_param<H: Hypercall + ?Sized>(xen: &H, index: u32) -> Result<u64, Errno> {
    let mut arg = XenHvmParam { domid: DomId::SELF, index, ..Default::default() };
    // SAFETY: the command's own structure, which points nowhere.
    unsafe { command(xen, HYPERVISOR_HVM_OP, HVMOP_GET_PARAM, &mut arg) }?;
    Ok(arg.value)
}

/// Sets parameter `index` (`HVM_PARAM_*`) of this domain.
///
/// # Errors
///
/// `EINVAL` for an unknown parameter or value, `EPERM` for one that is not this domain's to set, `EEXIST` for one that is set once.
#[doc(alias = "HVMOP_set_param")]
pub fn set_param<H: Hypercall + ?Sized>(xen: &H, index: u32, value: u64) -> Result<(), Errno> {
    let mut arg = XenHvmParam { domid: DomId::SELF, index, value, ..Default::default() };
    // SAFETY: the command's own structure, which points nowhere. Parameters name interrupts and memory that Xen itself uses.
    unsafe { command(xen, HYPERVISOR_HVM_OP, HVMOP_SET_PARAM, &mut arg) }.map(drop)
}

/// Makes Xen deliver events to `vcpu` as interrupt `vector` of its local APIC.
///
/// # Errors
///
/// `ENOSYS` if Xen is older than 4.6, `EINVAL` for a vector below 16, `ENOENT` if there is no such vCPU.
#[doc(alias = "HVMOP_set_evtchn_upcall_vector")]
pub fn set_evtchn_upcall_vector<H: Hypercall + ?Sized>(xen: &H, vcpu: u32, vector: u8) -> Result<(), Errno> {
    let mut arg = XenHvmEvtchnUpcallVector { vcpu, vector, ..Default::default() };
    // SAFETY: the command's own structure, which points nowhere.
    unsafe { command(xen, HYPERVISOR_HVM_OP, HVMOP_SET_EVTCHN_UPCALL_VECTOR, &mut arg) }.map(drop)
}
