//! `grant_table_op`: the table itself, and mapping and copying what others granted. Source: `grant_table.h`.

use super::check;
use crate::{DomId, Errno, Hypercall};
use core::fmt;
use xen_sys::grant_table::*;
use xen_sys::xen::HYPERVISOR_GRANT_TABLE_OP;

/// Why a grant operation failed: the hypercall as a whole, or the one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantOpError {
    /// Xen refused the hypercall.
    Call(Errno),
    /// Xen took the hypercall and reported this status for the operation.
    Status(GrantStatus),
}

impl fmt::Display for GrantOpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(errno) => write!(f, "grant table hypercall refused: {errno}"),
            Self::Status(status) => write!(f, "grant operation failed: {status}"),
        }
    }
}

impl core::error::Error for GrantOpError {}

/// The size of a domain's grant table, in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSize {
    /// Frames that it has.
    pub frames: u32,
    /// Frames that it may grow to.
    pub max_frames: u32,
}

/// A status that no successful operation leaves in place: set before every call.
const NOT_DONE: GrantStatus = GrantStatus::GENERAL_ERROR;

/// # Safety
///
/// `args` must be the structures that the command works on, with what they point to; see [`Hypercall::hypercall`].
unsafe fn batch<H: Hypercall + ?Sized, T>(xen: &H, number: u32, args: &mut [T]) -> Result<(), Errno> {
    let address = args.as_mut_ptr().expose_provenance();
    // SAFETY: the caller vouches for the operations; the slice is borrowed for the time of the call.
    check(unsafe { xen.hypercall(HYPERVISOR_GRANT_TABLE_OP, [number as usize, address, args.len(), 0, 0]) })
        .map(drop)
}

fn done(call: Result<(), Errno>, status: GrantStatus) -> Result<(), GrantOpError> {
    call.map_err(GrantOpError::Call)?;
    if status == GrantStatus::OKAY { Ok(()) } else { Err(GrantOpError::Status(status)) }
}

/// Returns the size of this domain's table.
///
/// # Errors
///
/// [`GrantOpError`] as Xen reports it.
#[doc(alias = "GNTTABOP_query_size")]
pub fn query_size<H: Hypercall + ?Sized>(xen: &H) -> Result<TableSize, GrantOpError> {
    let mut arg = [GnttabQuerySize { dom: DomId::SELF, status: NOT_DONE, ..Default::default() }];
    // SAFETY: the command's own structure, which points nowhere.
    let call = unsafe { batch(xen, GNTTABOP_QUERY_SIZE, &mut arg) };
    done(call, arg[0].status)?;
    Ok(TableSize { frames: arg[0].nr_frames, max_frames: arg[0].max_nr_frames })
}

/// Makes grants follow ABI `version` and returns the version in force.
///
/// # Errors
///
/// `EINVAL` for a version that Xen does not know, `EBUSY` if grants are in use, `ENOSYS` if the host allows no choice.
#[doc(alias = "GNTTABOP_set_version")]
pub fn set_version<H: Hypercall + ?Sized>(xen: &H, version: u32) -> Result<u32, Errno> {
    let mut arg = [GnttabSetVersion { version }];
    // SAFETY: the command's own structure, which points nowhere.
    unsafe { batch(xen, GNTTABOP_SET_VERSION, &mut arg) }?;
    Ok(arg[0].version)
}

/// Maps grants of other domains. Each element's status is set to a failure first; an element succeeded only where it is `OKAY` after.
///
/// # Errors
///
/// Xen's refusal of the whole; elements before the one that it stopped at may have been done.
///
/// # Safety
///
/// Each element's `host_addr` must be a guest-physical address (with `GNTMAP_host_map`) of a frame reserved for this.
#[doc(alias = "GNTTABOP_map_grant_ref")]
pub unsafe fn map_grant_ref<H: Hypercall + ?Sized>(
    xen: &H,
    args: &mut [GnttabMapGrantRef],
) -> Result<(), Errno> {
    args.iter_mut().for_each(|arg| arg.status = NOT_DONE);
    // SAFETY: the command's own structures; the caller vouches for the addresses.
    unsafe { batch(xen, GNTTABOP_MAP_GRANT_REF, args) }
}

/// Unmaps grants of other domains. Statuses as in [`map_grant_ref`].
///
/// # Errors
///
/// Xen's refusal of the whole; elements before the one that it stopped at may have been done.
///
/// # Safety
///
/// Nobody may use the mapped memory any more.
#[doc(alias = "GNTTABOP_unmap_grant_ref")]
pub unsafe fn unmap_grant_ref<H: Hypercall + ?Sized>(
    xen: &H,
    args: &mut [GnttabUnmapGrantRef],
) -> Result<(), Errno> {
    args.iter_mut().for_each(|arg| arg.status = NOT_DONE);
    // SAFETY: the command's own structures; the caller vouches that the memory is out of use.
    unsafe { batch(xen, GNTTABOP_UNMAP_GRANT_REF, args) }
}

/// Copies between granted pages and own ones. Statuses as in [`map_grant_ref`].
///
/// # Errors
///
/// Xen's refusal of the whole; elements before the one that it stopped at may have been done.
///
/// # Safety
///
/// Where a destination is an own frame, its bytes must be the caller's to overwrite.
#[doc(alias = "GNTTABOP_copy")]
pub unsafe fn copy<H: Hypercall + ?Sized>(xen: &H, args: &mut [GnttabCopy]) -> Result<(), Errno> {
    args.iter_mut().for_each(|arg| arg.status = NOT_DONE);
    // SAFETY: the command's own structures; the caller vouches for the destinations.
    unsafe { batch(xen, GNTTABOP_COPY, args) }
}
