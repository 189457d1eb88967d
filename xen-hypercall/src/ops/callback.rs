//! `callback_op`: entry points of a PV guest. Source: `callback.h`.
//!
//! HVM and PVH guests have an interrupt table instead; Xen refuses them with `ENOSYS`.

use super::command;
use crate::{Errno, Hypercall};
use xen_sys::callback::*;
use xen_sys::xen::HYPERVISOR_CALLBACK_OP;

/// Registers `address` as the entry point of a kind (`CALLBACKTYPE_*`), with `CALLBACKF_*` flags.
///
/// # Errors
///
/// `ENOSYS` for an unknown kind, and in a guest that is not PV; `EINVAL` for an address that is not
/// canonical.
///
/// # Safety
///
/// There must be an entry point of that kind.
#[doc(alias = "CALLBACKOP_register")]
pub unsafe fn register<H: Hypercall + ?Sized>(
    xen: &H,
    kind: u16,
    flags: u16,
    address: usize,
) -> Result<(), Errno> {
    let mut arg =
        CallbackRegister { type_: kind, flags, address: address as u64, ..Default::default() };
    // SAFETY: the structure is the command's own; the address are the caller's obligation.
    unsafe { command(xen, HYPERVISOR_CALLBACK_OP, CALLBACKOP_REGISTER, &mut arg) }.map(drop)
}

/// Removes the entry point of a kind (`CALLBACKTYPE_*`).
///
/// # Errors
///
/// `EINVAL` for a mandatory kind, `ENOSYS` for an unknown one, and in a guest that is not PV.
#[doc(alias = "CALLBACKOP_unregister")]
pub fn unregister<H: Hypercall + ?Sized>(xen: &H, kind: u16) -> Result<(), Errno> {
    let mut arg = CallbackUnregister { type_: kind, ..Default::default() };
    // SAFETY: the structure is the command's own.
    unsafe { command(xen, HYPERVISOR_CALLBACK_OP, CALLBACKOP_UNREGISTER, &mut arg) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::issues;

    #[test]
    fn each_function_issues_its_operation() {
        issues! {
            register(4, 1, 9) => HYPERVISOR_CALLBACK_OP, [CALLBACKOP_REGISTER],
                CallbackRegister { type_: 4, flags: 1, address: 9, ..Default::default() };
            unregister(4) => HYPERVISOR_CALLBACK_OP, [CALLBACKOP_UNREGISTER],
                CallbackUnregister { type_: 4, ..Default::default() };
        }
    }
}
