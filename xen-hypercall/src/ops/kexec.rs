//! `kexec_op`: start of another kernel in place of Xen, on request or after a crash; for dom0.
//! Source: `kexec.h`.
//!
//! All functions return `EPERM` in a guest, `ENOSYS` if Xen was built without kexec, and in a dom0
//! that is not PV.

use super::{command, count};
use crate::{Errno, Hypercall};
use xen_sys::GuestHandle;
use xen_sys::kexec::*;
use xen_sys::xen::HYPERVISOR_KEXEC_OP;

/// Range of machine memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Machine address of the first byte.
    pub start: u64,
    /// Size in bytes.
    pub size: u64,
}

/// Returns a range of machine memory (`KEXEC_RANGE_MA_*`); `cpu` selects the crash note.
///
/// # Errors
///
/// See the [module](self); `EINVAL` for an unknown range, `ERANGE` for an unknown CPU.
#[doc(alias = "KEXEC_CMD_kexec_get_range")]
pub fn get_range<H: Hypercall + ?Sized>(xen: &H, range: i32, cpu: i32) -> Result<Range, Errno> {
    let mut arg = XenKexecRange { range, nr: cpu, ..Default::default() };
    // SAFETY: the structure is the command's own and contains no pointer.
    unsafe { command(xen, HYPERVISOR_KEXEC_OP, KEXEC_CMD_KEXEC_GET_RANGE, &mut arg) }?;
    Ok(Range { start: arg.start, size: arg.size })
}

/// Loads an image of kind `KEXEC_TYPE_*` for an ELF machine, with its segments and its entry point
/// (a machine address).
///
/// # Errors
///
/// See the [module](self); `EINVAL` for an image that Xen cannot place, `ENOMEM`, `EBUSY`.
///
/// # Safety
///
/// The segments must name memory of the caller, which is only read. The machine will execute the
/// image.
#[doc(alias = "KEXEC_CMD_kexec_load")]
pub unsafe fn load<H: Hypercall + ?Sized>(
    xen: &H,
    kind: u8,
    machine: u16,
    segments: &[XenKexecSegment],
    entry: u64,
) -> Result<(), Errno> {
    let mut arg = XenKexecLoad {
        type_: kind,
        _pad: 0,
        arch: machine,
        nr_segments: count(segments.len()),
        segments: GuestHandle::from_ptr(segments.as_ptr()),
        entry_maddr: entry,
    };
    // SAFETY: the structure is the command's own, with a list of that length; the memory of the
    // list is the caller's obligation.
    unsafe { command(xen, HYPERVISOR_KEXEC_OP, KEXEC_CMD_KEXEC_LOAD, &mut arg) }.map(drop)
}

/// Unloads the image of kind `KEXEC_TYPE_*`.
///
/// # Errors
///
/// See the [module](self); `EBUSY` during its start.
#[doc(alias = "KEXEC_CMD_kexec_unload")]
pub fn unload<H: Hypercall + ?Sized>(xen: &H, kind: u8) -> Result<(), Errno> {
    let mut arg = XenKexecUnload { type_: kind };
    // SAFETY: the structure is the command's own.
    unsafe { command(xen, HYPERVISOR_KEXEC_OP, KEXEC_CMD_KEXEC_UNLOAD, &mut arg) }.map(drop)
}

/// Returns whether an image of kind `KEXEC_TYPE_*` is loaded.
///
/// # Errors
///
/// See the [module](self); `EINVAL` for an unknown kind.
#[doc(alias = "KEXEC_CMD_kexec_status")]
pub fn is_loaded<H: Hypercall + ?Sized>(xen: &H, kind: u8) -> Result<bool, Errno> {
    let mut arg = XenKexecStatus { type_: kind };
    // SAFETY: the structure is the command's own.
    unsafe { command(xen, HYPERVISOR_KEXEC_OP, KEXEC_CMD_KEXEC_STATUS, &mut arg) }
        .map(|loaded| loaded != 0)
}

/// Starts the image of kind `KEXEC_TYPE_*` now. It only returns on an error.
///
/// # Errors
///
/// See the [module](self); `ENOENT` or `EINVAL` if none is loaded.
#[doc(alias = "KEXEC_CMD_kexec")]
pub fn exec<H: Hypercall + ?Sized>(xen: &H, kind: i32) -> Result<core::convert::Infallible, Errno> {
    let mut arg = XenKexecExec { type_: kind };
    // SAFETY: the structure is the command's own. Either no code of this system runs afterwards, or
    // nothing has changed.
    match unsafe { command(xen, HYPERVISOR_KEXEC_OP, KEXEC_CMD_KEXEC, &mut arg) } {
        Err(errno) => Err(errno),
        Ok(_) => Err(Errno::EINVAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::issues;

    #[test]
    fn each_function_issues_its_operation() {
        const OP: usize = HYPERVISOR_KEXEC_OP;
        let segments = [XenKexecSegment::default(); 2];
        let list = GuestHandle::from_ptr(segments.as_ptr());
        issues! {
            get_range(2, 3) => OP, [KEXEC_CMD_KEXEC_GET_RANGE],
                XenKexecRange { range: 2, nr: 3, ..Default::default() };
            load(1, 62, &segments, 9) => OP, [KEXEC_CMD_KEXEC_LOAD],
                XenKexecLoad {
                    type_: 1, _pad: 0, arch: 62, nr_segments: 2, segments: list, entry_maddr: 9
                };
            unload(1) => OP, [KEXEC_CMD_KEXEC_UNLOAD], 1u8;
            is_loaded(1) => OP, [KEXEC_CMD_KEXEC_STATUS], 1u8;
            exec(1) => OP, [KEXEC_CMD_KEXEC], 1i32;
        }
    }
}
