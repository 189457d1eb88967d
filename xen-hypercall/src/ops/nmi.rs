//! `nmi_op`: handler of a PV guest for non-maskable interrupts. Source: `nmi.h`.
//!
//! HVM and PVH guests have an interrupt table instead; Xen refuses them with `ENOSYS`.

use super::command;
use crate::{Errno, Hypercall};
use xen_sys::nmi::*;
use xen_sys::xen::HYPERVISOR_NMI_OP;

/// Registers `handler` for non-maskable interrupts of the first vCPU.
///
/// # Errors
///
/// `EINVAL` for an address that is not canonical or another vCPU, `ENOSYS` in a guest that is not
/// PV.
///
/// # Safety
///
/// The handler must be code that is sound at any instruction.
#[doc(alias = "XENNMI_register_callback")]
pub unsafe fn register_callback<H: Hypercall + ?Sized>(
    xen: &H,
    handler: usize,
) -> Result<(), Errno> {
    let mut arg = XennmiCallback { handler_address: handler as u64, pad: 0 };
    // SAFETY: the structure is the command's own; the handler is the caller's obligation.
    unsafe { command(xen, HYPERVISOR_NMI_OP, XENNMI_REGISTER_CALLBACK, &mut arg) }.map(drop)
}

/// Removes the handler.
///
/// # Errors
///
/// `ENOSYS` in a guest that is not PV.
#[doc(alias = "XENNMI_unregister_callback")]
pub fn unregister_callback<H: Hypercall + ?Sized>(xen: &H) -> Result<(), Errno> {
    // SAFETY: the command takes no structure.
    unsafe { command(xen, HYPERVISOR_NMI_OP, XENNMI_UNREGISTER_CALLBACK, &mut ()) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::issues;

    #[test]
    fn each_function_issues_its_operation() {
        issues! {
            register_callback(9) => HYPERVISOR_NMI_OP, [XENNMI_REGISTER_CALLBACK],
                XennmiCallback { handler_address: 9, pad: 0 };
            unregister_callback() => HYPERVISOR_NMI_OP, [XENNMI_UNREGISTER_CALLBACK];
        }
    }
}
