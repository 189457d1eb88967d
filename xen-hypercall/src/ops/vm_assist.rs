//! `vm_assist`: switches on what Xen does for a guest only if asked. Source: `xen.h`.

use super::check;
use crate::{Errno, Hypercall};
use xen_sys::xen::{HYPERVISOR_VM_ASSIST, VMASST_CMD_DISABLE, VMASST_CMD_ENABLE};

fn assist<H: Hypercall + ?Sized>(xen: &H, number: u32, kind: u32) -> Result<(), Errno> {
    let call = [number as usize, kind as usize, 0, 0, 0];
    // SAFETY: no structure. The assists change how Xen treats a PV guest's page tables, and what it
    // writes into an area that it was given already.
    check(unsafe { xen.hypercall(HYPERVISOR_VM_ASSIST, call) }).map(drop)
}

/// Switches an assist (`VMASST_TYPE_*`) on. A guest that is not PV has one:
/// `VMASST_TYPE_RUNSTATE_UPDATE_FLAG`.
///
/// # Errors
///
/// `EINVAL` or `ENOSYS` for an assist that this kind of guest has not.
#[doc(alias = "VMASST_CMD_enable")]
pub fn enable<H: Hypercall + ?Sized>(xen: &H, kind: u32) -> Result<(), Errno> {
    assist(xen, VMASST_CMD_ENABLE, kind)
}

/// Switches an assist (`VMASST_TYPE_*`) off.
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
