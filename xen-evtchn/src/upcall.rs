//! How Xen interrupts a vCPU that has events.

use xen_hypercall::{Errno, Hypercall, ops::hvm};
use xen_sys::hvm::params::HVM_PARAM_CALLBACK_IRQ;

/// How the upcall reaches the vCPU, which decides what its handler owes to the interrupt controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// As an interrupt of the vCPU's local APIC: the handler has to signal its end there.
    LocalApic,
    /// As a vector of its own past the local APIC: there is no end to signal.
    CallbackVector,
}

/// `HVM_PARAM_CALLBACK_IRQ` bits 63:56: the value is a vector.
#[doc(alias = "HVM_PARAM_CALLBACK_TYPE_VECTOR")]
const CALLBACK_TYPE_VECTOR: u64 = 2 << 56;

/// Makes Xen deliver the events of `vcpu` as interrupt `vector`. Call it on every vCPU, with the same vector.
///
/// Xen before 4.6 has one vector for all vCPUs; this falls back to it.
///
/// # Errors
///
/// Xen's refusal of the second way: `EINVAL` for a vector below 16, `ENOSYS` in a PV domain.
#[doc(alias("HVMOP_set_evtchn_upcall_vector", "HVM_PARAM_CALLBACK_IRQ"))]
pub fn set_upcall_vector<H: Hypercall + ?Sized>(xen: &H, vcpu: u32, vector: u8) -> Result<Delivery, Errno> {
    if hvm::set_evtchn_upcall_vector(xen, vcpu, vector).is_ok() {
        // Xen delivers events at all only once a callback is set, whatever the vCPU's own vector is.
        hvm::set_param(xen, HVM_PARAM_CALLBACK_IRQ, 1)?;
        return Ok(Delivery::LocalApic);
    }
    hvm::set_param(xen, HVM_PARAM_CALLBACK_IRQ, CALLBACK_TYPE_VECTOR | u64::from(vector))?;
    Ok(Delivery::CallbackVector)
}
