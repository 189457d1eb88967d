//! `vm_assist`: optional assistance of Xen for a guest. Source: `xen.h`.

use super::check;
use crate::{Errno, Hypercall};
use xen_sys::xen::{HYPERVISOR_VM_ASSIST, VMASST_CMD_DISABLE, VMASST_CMD_ENABLE};

fn assist<H: Hypercall + ?Sized>(xen: &H, number: u32, kind: u32) -> Result<(), Errno> {
    let call = [number as usize, kind as usize, 0, 0, 0];
    // SAFETY: no structure. The assists change Xen's handling of a PV guest's page tables, and its
    // updates of an area that is registered already.
    check(unsafe { xen.hypercall(HYPERVISOR_VM_ASSIST, call) }).map(drop)
}

/// Enables an assist (`VMASST_TYPE_*`). A guest that is not PV has one:
/// `VMASST_TYPE_RUNSTATE_UPDATE_FLAG`.
///
/// # Errors
///
/// `EINVAL` or `ENOSYS` for an assist that this kind of guest does not have.
#[doc(alias = "VMASST_CMD_enable")]
pub fn enable<H: Hypercall + ?Sized>(xen: &H, kind: u32) -> Result<(), Errno> {
    assist(xen, VMASST_CMD_ENABLE, kind)
}

/// Disables an assist (`VMASST_TYPE_*`).
///
/// # Errors
///
/// As [`enable`].
#[doc(alias = "VMASST_CMD_disable")]
pub fn disable<H: Hypercall + ?Sized>(xen: &H, kind: u32) -> Result<(), Errno> {
    assist(xen, VMASST_CMD_DISABLE, kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::issues;

    #[test]
    fn each_function_issues_its_operation() {
        issues! {
            enable(5) => HYPERVISOR_VM_ASSIST, [VMASST_CMD_ENABLE, 5];
            disable(5) => HYPERVISOR_VM_ASSIST, [VMASST_CMD_DISABLE, 5];
        }
    }
}
