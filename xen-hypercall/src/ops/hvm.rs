//! `hvm_op`: parameters, upcall vectors, types of memory. Source: `hvm/hvm_op.h`, `hvm/params.h`.
//! Alternate maps: [`super::altp2m`].

use super::{check, command};
use crate::{DomId, Errno, Gfn, Hypercall, Instant};
use xen_sys::hvm::hvm_op::*;
use xen_sys::hvm::params::{HVM_PARAM_CALLBACK_IRQ, HVM_PARAM_CALLBACK_TYPE_VECTOR};
use xen_sys::xen::HYPERVISOR_HVM_OP;

/// Returns parameter `index` (`HVM_PARAM_*`) of this domain.
///
/// # Errors
///
/// `EINVAL` for an unknown parameter, `EPERM` for one that this domain may not read, `ENOSYS` in a
/// PV domain.
#[doc(alias = "HVMOP_get_param")]
pub fn get_param<H: Hypercall + ?Sized>(xen: &H, index: u32) -> Result<u64, Errno> {
    get_param_of(xen, DomId::SELF, index)
}

/// Returns parameter `index` (`HVM_PARAM_*`) of domain `domid`; of another domain for a toolstack.
///
/// # Errors
///
/// `EINVAL` for an unknown parameter or a PV domain, `EPERM`, `ESRCH` if there is no such domain.
#[doc(alias = "HVMOP_get_param")]
pub fn get_param_of<H: Hypercall + ?Sized>(
    xen: &H,
    domid: DomId,
    index: u32,
) -> Result<u64, Errno> {
    let mut arg = XenHvmParam { domid, index, ..Default::default() };
    // SAFETY: the command's own structure, which contains no pointer.
    unsafe { command(xen, HYPERVISOR_HVM_OP, HVMOP_GET_PARAM, &mut arg) }?;
    Ok(arg.value)
}

/// Lowest vector that is no exception: the handlers of some exceptions expect an error code, which
/// an event does not push.
const FIRST_VECTOR: u8 = 32;

/// Sets parameter `index` (`HVM_PARAM_*`) of this domain. [`set_callback_irq`] sets the one that
/// kernels use.
///
/// # Errors
///
/// `EINVAL` for an unknown parameter or value, `EPERM` for one that this domain may not set,
/// `EEXIST` for one that can be set only once.
///
/// # Safety
///
/// With a parameter that names memory (a task state segment for real mode, the address of the
/// generation identifier, a ring), Xen or the toolstack writes to that memory, at once or later:
/// the caller must not use those bytes otherwise. A parameter that changes power states suspends
/// the domain.
///
/// ```compile_fail,E0133
/// use xen_hypercall::{Hypercall, ops::hvm};
///
/// fn let_xen_write<H: Hypercall>(xen: &H, address: u64) {
///     let _ = hvm::set_param(xen, xen_sys::hvm::params::HVM_PARAM_VM86_TSS, address);
/// }
/// ```
#[doc(alias = "HVMOP_set_param")]
pub unsafe fn set_param<H: Hypercall + ?Sized>(
    xen: &H,
    index: u32,
    value: u64,
) -> Result<(), Errno> {
    // SAFETY: the parameter is the caller's obligation.
    unsafe { set_param_of(xen, DomId::SELF, index, value) }
}

/// Sets the upcall of this domain: parameter `HVM_PARAM_CALLBACK_IRQ`, with a value as in
/// `hvm/params.h`.
///
/// # Errors
///
/// `EINVAL` for a kind that Xen does not support, and on x86 for a vector below 32, without a call.
/// `EPERM` on arm.
#[doc(alias = "HVM_PARAM_CALLBACK_IRQ")]
pub fn set_callback_irq<H: Hypercall + ?Sized>(xen: &H, value: u64) -> Result<(), Errno> {
    let is_vector = cfg!(target_arch = "x86_64") && value >> 56 == HVM_PARAM_CALLBACK_TYPE_VECTOR;
    if is_vector && (value as u8) < FIRST_VECTOR {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the parameter names an interrupt, whose handler accepts interrupts at any time, and
    // no memory.
    unsafe { set_param(xen, HVM_PARAM_CALLBACK_IRQ, value) }
}

/// Sets parameter `index` (`HVM_PARAM_*`) of domain `domid`; of another domain for a toolstack.
///
/// # Errors
///
/// As [`set_param`], and `ESRCH` if there is no such domain.
///
/// # Safety
///
/// That of [`set_param`] if the domain is this one.
#[doc(alias = "HVMOP_set_param")]
pub unsafe fn set_param_of<H: Hypercall + ?Sized>(
    xen: &H,
    domid: DomId,
    index: u32,
    value: u64,
) -> Result<(), Errno> {
    let mut arg = XenHvmParam { domid, index, value, ..Default::default() };
    // SAFETY: the command's own structure; the effect of the value is the caller's obligation.
    unsafe { command(xen, HYPERVISOR_HVM_OP, HVMOP_SET_PARAM, &mut arg) }.map(drop)
}

/// Makes Xen deliver events to `vcpu` as interrupt `vector` of its local APIC.
///
/// # Errors
///
/// `ENOSYS` if Xen is older than 4.6 and on arm, which has no such operation; `EINVAL` for a vector
/// below 32, `ENOENT` if there is no such vCPU.
#[doc(alias = "HVMOP_set_evtchn_upcall_vector")]
pub fn set_evtchn_upcall_vector<H: Hypercall + ?Sized>(
    xen: &H,
    vcpu: u32,
    vector: u8,
) -> Result<(), Errno> {
    if vector < FIRST_VECTOR {
        return Err(Errno::EINVAL);
    }
    let mut arg = XenHvmEvtchnUpcallVector { vcpu, vector, ..Default::default() };
    // SAFETY: the command's own structure, which contains no pointer.
    unsafe { command(xen, HYPERVISOR_HVM_OP, HVMOP_SET_EVTCHN_UPCALL_VECTOR, &mut arg) }.map(drop)
}

/// Flushes the translation caches of all vCPUs of this domain, for a kernel that changed page
/// tables in use by other vCPUs.
///
/// # Errors
///
/// `ENOSYS` on arm; `ERESTART` is handled by Xen itself.
#[doc(alias = "HVMOP_flush_tlbs")]
pub fn flush_tlbs<H: Hypercall + ?Sized>(xen: &H) -> Result<(), Errno> {
    // SAFETY: the command takes no structure and requires a null pointer; caches are refilled.
    check(unsafe { xen.hypercall(HYPERVISOR_HVM_OP, [HVMOP_FLUSH_TLBS as usize, 0, 0, 0, 0]) })
        .map(drop)
}

/// Notifies Xen that the page table at `gpa` will be freed. Useful with shadow page tables only.
///
/// # Errors
///
/// `ENOSYS` or `EINVAL` if Xen uses the hardware's nested page tables, or was built without shadow
/// page tables.
#[doc(alias = "HVMOP_pagetable_dying")]
pub fn pagetable_dying<H: Hypercall + ?Sized>(xen: &H, gpa: u64) -> Result<(), Errno> {
    let mut arg = XenHvmPagetableDying { domid: DomId::SELF, gpa, ..Default::default() };
    // SAFETY: the command's own structure, which contains no pointer. It is a hint.
    unsafe { command(xen, HYPERVISOR_HVM_OP, HVMOP_PAGETABLE_DYING, &mut arg) }.map(drop)
}

/// Returns Xen's system time. It is slow: a kernel reads the time from shared info.
///
/// # Errors
///
/// `ENOSYS` on arm.
#[doc(alias = "HVMOP_get_time")]
pub fn get_time<H: Hypercall + ?Sized>(xen: &H) -> Result<Instant, Errno> {
    let mut arg = XenHvmGetTime::default();
    // SAFETY: the command's own structure, which contains no pointer.
    unsafe { command(xen, HYPERVISOR_HVM_OP, HVMOP_GET_TIME, &mut arg) }?;
    Ok(Instant::from_nanos(arg.now))
}

/// Adds a record with `data` (the first 28 bytes of it) to Xen's trace. `event` has 12 bits.
///
/// # Errors
///
/// `EINVAL` for an event out of range, `ENOSYS` on arm.
#[doc(alias = "HVMOP_xentrace")]
pub fn xentrace<H: Hypercall + ?Sized>(xen: &H, event: u16, data: &[u8]) -> Result<(), Errno> {
    let mut arg = XenHvmXentrace { event, ..Default::default() };
    let len = data.len().min(arg.extra.len());
    arg.extra[..len].copy_from_slice(&data[..len]);
    arg.extra_bytes = len as u16;
    // SAFETY: the command's own structure, which contains no pointer.
    unsafe { command(xen, HYPERVISOR_HVM_OP, HVMOP_XENTRACE, &mut arg) }.map(drop)
}

/// Returns the type of frame `gfn` of domain `domid`.
///
/// # Errors
///
/// `EINVAL` for a PV domain, `ESRCH` if there is no such domain, `EPERM`.
#[doc(alias = "HVMOP_get_mem_type")]
pub fn get_mem_type<H: Hypercall + ?Sized>(
    xen: &H,
    domid: DomId,
    gfn: Gfn,
) -> Result<HvmmemType, Errno> {
    let mut arg = XenHvmGetMemType { domid, mem_type: u16::MAX, pfn: gfn.0, ..Default::default() };
    // SAFETY: the command's own structure, which contains no pointer.
    unsafe { command(xen, HYPERVISOR_HVM_OP, HVMOP_GET_MEM_TYPE, &mut arg) }?;
    Ok(HvmmemType(arg.mem_type.into()))
}

/// Raises a monitor event, for an introspection program that monitors this domain.
///
/// # Errors
///
/// None are documented; without a monitor it is no error.
#[doc(alias = "HVMOP_guest_request_vm_event")]
pub fn guest_request_vm_event<H: Hypercall + ?Sized>(xen: &H) -> Result<(), Errno> {
    let call = [HVMOP_GUEST_REQUEST_VM_EVENT as usize, 0, 0, 0, 0];
    // SAFETY: the command takes no structure and requires a null pointer.
    check(unsafe { xen.hypercall(HYPERVISOR_HVM_OP, call) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::{Recorder, issues};

    const OP: usize = HYPERVISOR_HVM_OP;

    #[test]
    fn each_function_issues_its_operation() {
        let mut extra = [0; 28];
        extra[..2].copy_from_slice(b"hi");
        issues! {
            get_param(5) => OP, [HVMOP_GET_PARAM],
                XenHvmParam { domid: DomId::SELF, index: 5, ..Default::default() };
            get_param_of(DomId(7), 5) => OP, [HVMOP_GET_PARAM],
                XenHvmParam { domid: DomId(7), index: 5, ..Default::default() };
            set_param(5, 6) => OP, [HVMOP_SET_PARAM],
                XenHvmParam { domid: DomId::SELF, index: 5, value: 6, ..Default::default() };
            set_param_of(DomId(7), 5, 6) => OP, [HVMOP_SET_PARAM],
                XenHvmParam { domid: DomId(7), index: 5, value: 6, ..Default::default() };
            set_evtchn_upcall_vector(3, 0xf3) => OP, [HVMOP_SET_EVTCHN_UPCALL_VECTOR],
                XenHvmEvtchnUpcallVector { vcpu: 3, vector: 0xf3, ..Default::default() };
            flush_tlbs() => OP, [HVMOP_FLUSH_TLBS, 0];
            pagetable_dying(0x1000) => OP, [HVMOP_PAGETABLE_DYING],
                XenHvmPagetableDying { domid: DomId::SELF, gpa: 0x1000, ..Default::default() };
            get_time() => OP, [HVMOP_GET_TIME], XenHvmGetTime::default();
            xentrace(4, b"hi") => OP, [HVMOP_XENTRACE],
                XenHvmXentrace { event: 4, extra_bytes: 2, extra };
            get_mem_type(DomId(7), Gfn(9)) => OP, [HVMOP_GET_MEM_TYPE],
                XenHvmGetMemType {
                    domid: DomId(7), mem_type: u16::MAX, pfn: 9, ..Default::default()
                };
            guest_request_vm_event() => OP, [HVMOP_GUEST_REQUEST_VM_EVENT, 0];
        }
    }

    #[test]
    fn written_result_is_returned() {
        let xen = Recorder::expecting(1, 8).answering(&XenHvmGetTime { now: 99 });
        assert_eq!(get_time(&xen), Ok(Instant::from_nanos(99)));
    }
}
