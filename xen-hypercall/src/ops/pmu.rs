//! `xenpmu_op`: performance counters of vCPUs. Source: `pmu.h`.
//!
//! All functions return `ENOSYS` or `EOPNOTSUPP` if Xen does not offer counters (`vpmu=0`, which is
//! the default), `EPERM` for an operation of dom0 only, and `EINVAL` for a wrong argument.

use super::command;
use crate::{Errno, Gfn, Hypercall};
use xen_sys::pmu::*;
use xen_sys::xen::HYPERVISOR_XENPMU_OP;

/// Issues command `number` and returns its value.
///
/// # Safety
///
/// The caller must own a frame in `val`.
unsafe fn op<H: Hypercall + ?Sized>(
    xen: &H,
    number: u32,
    val: u64,
    vcpu: u32,
) -> Result<u64, Errno> {
    let version = (XENPMU_VER_MAJ, XENPMU_VER_MIN);
    let mut arg =
        XenPmuParams { version_maj: version.0, version_min: version.1, val, vcpu, pad: 0 };
    // SAFETY: the structure is the command's own; the value is the caller's obligation.
    unsafe { command(xen, HYPERVISOR_XENPMU_OP, number, &mut arg) }?;
    Ok(arg.val)
}

/// Returns the mode, `XENPMU_MODE_*`.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENPMU_mode_get")]
pub fn mode<H: Hypercall + ?Sized>(xen: &H) -> Result<u64, Errno> {
    // SAFETY: no frame.
    unsafe { op(xen, XENPMU_MODE_GET, 0, 0) }
}

/// Sets the mode, `XENPMU_MODE_*`.
///
/// # Errors
///
/// See the [module](self); `EAGAIN` if another CPU sets it now.
#[doc(alias = "XENPMU_mode_set")]
pub fn set_mode<H: Hypercall + ?Sized>(xen: &H, mode: u64) -> Result<(), Errno> {
    // SAFETY: no frame.
    unsafe { op(xen, XENPMU_MODE_SET, mode, 0) }.map(drop)
}

/// Returns the features, `XENPMU_FEATURE_*`.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENPMU_feature_get")]
pub fn features<H: Hypercall + ?Sized>(xen: &H) -> Result<u64, Errno> {
    // SAFETY: no frame.
    unsafe { op(xen, XENPMU_FEATURE_GET, 0, 0) }
}

/// Sets the features, `XENPMU_FEATURE_*`.
///
/// # Errors
///
/// See the [module](self); `EBUSY` while counters are in use.
#[doc(alias = "XENPMU_feature_set")]
pub fn set_features<H: Hypercall + ?Sized>(xen: &H, features: u64) -> Result<(), Errno> {
    // SAFETY: no frame.
    unsafe { op(xen, XENPMU_FEATURE_SET, features, 0) }.map(drop)
}

/// Registers frame `gfn` for the samples (`XenPmuData`) of `vcpu`.
///
/// # Errors
///
/// See the [module](self).
///
/// # Safety
///
/// Xen writes to the page until [`finish`]: the caller must not use it otherwise.
#[doc(alias = "XENPMU_init")]
pub unsafe fn init<H: Hypercall + ?Sized>(xen: &H, vcpu: u32, gfn: Gfn) -> Result<(), Errno> {
    // SAFETY: the frame is the caller's obligation.
    unsafe { op(xen, XENPMU_INIT, gfn.0, vcpu) }.map(drop)
}

/// Removes the page of `vcpu`, which the caller may then use.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENPMU_finish")]
pub fn finish<H: Hypercall + ?Sized>(xen: &H, vcpu: u32) -> Result<(), Errno> {
    // SAFETY: no frame.
    unsafe { op(xen, XENPMU_FINISH, 0, vcpu) }.map(drop)
}

/// Makes Xen read the local vector entry of this vCPU from its page.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENPMU_lvtpc_set")]
pub fn lvtpc_set<H: Hypercall + ?Sized>(xen: &H) -> Result<(), Errno> {
    // SAFETY: no frame.
    unsafe { op(xen, XENPMU_LVTPC_SET, 0, 0) }.map(drop)
}

/// Makes Xen load this vCPU's counters from its page, and continue to count.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENPMU_flush")]
pub fn flush<H: Hypercall + ?Sized>(xen: &H) -> Result<(), Errno> {
    // SAFETY: no frame.
    unsafe { op(xen, XENPMU_FLUSH, 0, 0) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::issues;

    #[test]
    fn each_function_issues_its_operation() {
        const OP: usize = HYPERVISOR_XENPMU_OP;
        let arg = |val, vcpu| XenPmuParams { version_maj: 0, version_min: 1, val, vcpu, pad: 0 };
        issues! {
            mode() => OP, [XENPMU_MODE_GET], arg(0, 0);
            set_mode(4) => OP, [XENPMU_MODE_SET], arg(4, 0);
            features() => OP, [XENPMU_FEATURE_GET], arg(0, 0);
            set_features(2) => OP, [XENPMU_FEATURE_SET], arg(2, 0);
            init(3, Gfn(9)) => OP, [XENPMU_INIT], arg(9, 3);
            finish(3) => OP, [XENPMU_FINISH], arg(0, 3);
            lvtpc_set() => OP, [XENPMU_LVTPC_SET], arg(0, 0);
            flush() => OP, [XENPMU_FLUSH], arg(0, 0);
        }
    }
}
