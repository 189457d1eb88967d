//! `grant_table_op`: the grant table, and mappings and copies of other domains' grants. Source:
//! `grant_table.h`.

use super::{check, count};
use crate::{DomId, Errno, Gfn, Hypercall};
use thiserror::Error;
use xen_sys::GuestHandle;
use xen_sys::grant_table::*;
use xen_sys::xen::HYPERVISOR_GRANT_TABLE_OP;

/// Error of a grant operation: of the hypercall as a whole, or of the one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GrantOpError {
    /// Xen refused the hypercall.
    #[error("grant table hypercall refused: {0}")]
    Call(Errno),
    /// Xen accepted the hypercall and reported this status for the operation.
    #[error("grant operation failed: {0}")]
    Status(GrantStatus),
}

/// Size of a domain's grant table, in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSize {
    /// Number of frames.
    pub frames: u32,
    /// Maximum number of frames.
    pub max_frames: u32,
}

/// Status that no successful operation leaves unchanged: set before every call.
const NOT_DONE: GrantStatus = GrantStatus::GENERAL_ERROR;

/// Issues a command for each of `args`.
///
/// # Safety
///
/// `args` must be the structures that the command works on, with all memory behind their pointers;
/// see [`Hypercall::hypercall`].
unsafe fn batch<H: Hypercall + ?Sized, T>(
    xen: &H,
    number: u32,
    args: &mut [T],
) -> Result<(), Errno> {
    let address = args.as_mut_ptr().expose_provenance();
    // SAFETY: the operations are the caller's obligation; the slice is borrowed during the call.
    check(unsafe {
        xen.hypercall(HYPERVISOR_GRANT_TABLE_OP, [number as usize, address, args.len(), 0, 0])
    })
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
    query_size_of(xen, DomId::SELF)
}

/// Returns the size of the table of domain `dom`; of another one for a toolstack.
///
/// # Errors
///
/// [`GrantOpError`] as Xen reports it: `PERMISSION_DENIED` in a guest, `BAD_DOMAIN`.
#[doc(alias = "GNTTABOP_query_size")]
pub fn query_size_of<H: Hypercall + ?Sized>(
    xen: &H,
    dom: DomId,
) -> Result<TableSize, GrantOpError> {
    let mut arg = [GnttabQuerySize { dom, status: NOT_DONE, ..Default::default() }];
    // SAFETY: the command's own structure, which contains no pointer.
    let call = unsafe { batch(xen, GNTTABOP_QUERY_SIZE, &mut arg) };
    done(call, arg[0].status)?;
    Ok(TableSize { frames: arg[0].nr_frames, max_frames: arg[0].max_nr_frames })
}

/// Selects ABI `version` for grants and returns the version in force.
///
/// # Errors
///
/// `EINVAL` for a version that Xen does not support, `EBUSY` if grants are in use, `ENOSYS` if the
/// host permits no choice.
///
/// # Safety
///
/// Only the owner of the table may call it (`GrantTable` of `xen-grant` does), while no entry is
/// valid. Xen clears all entries but the first eight, reads later entries in the new layout, and,
/// for version 1, removes the frames of states from the memory map.
///
/// ```compile_fail,E0133
/// use xen_hypercall::{Hypercall, ops::grant_table};
///
/// fn change_under_a_live_table<H: Hypercall>(xen: &H) {
///     let _ = grant_table::set_version(xen, 2);
/// }
/// ```
#[doc(alias = "GNTTABOP_set_version")]
pub unsafe fn set_version<H: Hypercall + ?Sized>(xen: &H, version: u32) -> Result<u32, Errno> {
    let mut arg = [GnttabSetVersion { version }];
    // SAFETY: the command's own structure, which contains no pointer; the table is the caller's
    // obligation.
    unsafe { batch(xen, GNTTABOP_SET_VERSION, &mut arg) }?;
    Ok(arg[0].version)
}

/// Maps grants of other domains. A grant of this domain would move the page, unless the domain is
/// PV. Each element's status is set to a failure first; an element succeeded only if it is `OKAY`
/// afterwards.
///
/// # Errors
///
/// Xen's error for the call; elements before the one that failed may have been done.
///
/// # Safety
///
/// Each element's `host_addr` must be a guest-physical address (with `GNTMAP_host_map`) of a frame
/// reserved for this.
#[doc(alias = "GNTTABOP_map_grant_ref")]
pub unsafe fn map_grant_ref<H: Hypercall + ?Sized>(
    xen: &H,
    args: &mut [GnttabMapGrantRef],
) -> Result<(), Errno> {
    args.iter_mut().for_each(|arg| arg.status = NOT_DONE);
    // SAFETY: the command's own structures; the addresses are the caller's obligation.
    unsafe { batch(xen, GNTTABOP_MAP_GRANT_REF, args) }
}

/// Unmaps grants of other domains. Statuses as in [`map_grant_ref`].
///
/// # Errors
///
/// Xen's error for the call; elements before the one that failed may have been done.
///
/// # Safety
///
/// The mapped memory must have no other user.
#[doc(alias = "GNTTABOP_unmap_grant_ref")]
pub unsafe fn unmap_grant_ref<H: Hypercall + ?Sized>(
    xen: &H,
    args: &mut [GnttabUnmapGrantRef],
) -> Result<(), Errno> {
    args.iter_mut().for_each(|arg| arg.status = NOT_DONE);
    // SAFETY: the command's own structures; the memory has no user, by the caller's obligation.
    unsafe { batch(xen, GNTTABOP_UNMAP_GRANT_REF, args) }
}

/// Copies between granted pages and own pages. Statuses as in [`map_grant_ref`].
///
/// # Errors
///
/// Xen's error for the call; elements before the one that failed may have been done.
///
/// # Safety
///
/// The caller must own the destination bytes of an own frame.
#[doc(alias = "GNTTABOP_copy")]
pub unsafe fn copy<H: Hypercall + ?Sized>(xen: &H, args: &mut [GnttabCopy]) -> Result<(), Errno> {
    args.iter_mut().for_each(|arg| arg.status = NOT_DONE);
    // SAFETY: the command's own structures; the destinations are the caller's obligation.
    unsafe { batch(xen, GNTTABOP_COPY, args) }
}

/// Grows the table of domain `dom` to at least `frames.len()` pages, and writes the numbers of the
/// first frames.
///
/// A PV guest uses the numbers. Other domains place the table in their memory map:
/// [`crate::boot::grant_frame`].
///
/// # Errors
///
/// [`GrantOpError`]: `GENERAL_ERROR` beyond the table's limit, `BAD_DOMAIN`, `PERMISSION_DENIED`.
#[doc(alias = "GNTTABOP_setup_table")]
pub fn setup_table<H: Hypercall + ?Sized>(
    xen: &H,
    dom: DomId,
    frames: &mut [Gfn],
) -> Result<(), GrantOpError> {
    let nr_frames = count(frames.len());
    let frame_list = GuestHandle::from_mut_ptr(frames.as_mut_ptr());
    let mut arg =
        [GnttabSetupTable { dom, nr_frames, status: NOT_DONE, frame_list, ..Default::default() }];
    // SAFETY: the command's own structure; Xen writes at most nr_frames numbers to the list, which
    // is borrowed.
    let call = unsafe { batch(xen, GNTTABOP_SETUP_TABLE, &mut arg) };
    done(call, arg[0].status)
}

/// Writes the numbers of the first `frames.len()` frames with the states of a version 2 table.
///
/// # Errors
///
/// [`GrantOpError`]: `GENERAL_ERROR` if there are fewer frames, or in version 1. `ENOSYS` in a
/// guest that is not PV: it places the frames in its memory map, by
/// [`XENMAPIDX_grant_table_status`](xen_sys::memory::XENMAPIDX_GRANT_TABLE_STATUS).
#[doc(alias = "GNTTABOP_get_status_frames")]
pub fn get_status_frames<H: Hypercall + ?Sized>(
    xen: &H,
    dom: DomId,
    frames: &mut [u64],
) -> Result<(), GrantOpError> {
    let nr_frames = count(frames.len());
    let frame_list = GuestHandle::from_mut_ptr(frames.as_mut_ptr());
    let mut arg = [GnttabGetStatusFrames { nr_frames, dom, status: NOT_DONE, frame_list }];
    // SAFETY: the command's own structure; Xen writes at most nr_frames numbers to the list, which
    // is borrowed.
    let call = unsafe { batch(xen, GNTTABOP_GET_STATUS_FRAMES, &mut arg) };
    done(call, arg[0].status)
}

/// Returns the version of the grants' ABI of domain `dom`.
///
/// # Errors
///
/// `ESRCH` if there is no such domain, `EPERM` in a guest for another domain.
#[doc(alias = "GNTTABOP_get_version")]
pub fn get_version<H: Hypercall + ?Sized>(xen: &H, dom: DomId) -> Result<u32, Errno> {
    let mut arg = [GnttabGetVersion { dom, ..Default::default() }];
    // SAFETY: the command's own structure, which contains no pointer.
    unsafe { batch(xen, GNTTABOP_GET_VERSION, &mut arg) }?;
    Ok(arg[0].version)
}

/// Swaps pairs of entries of this domain's table, none of which may be in use. Statuses as in
/// [`map_grant_ref`].
///
/// # Errors
///
/// Xen's error for the call.
///
/// # Safety
///
/// Each reference then names another grant: its owner must expect that.
#[doc(alias = "GNTTABOP_swap_grant_ref")]
pub unsafe fn swap_grant_ref<H: Hypercall + ?Sized>(
    xen: &H,
    args: &mut [GnttabSwapGrantRef],
) -> Result<(), Errno> {
    args.iter_mut().for_each(|arg| arg.status = NOT_DONE);
    // SAFETY: the command's own structures; the references are the caller's obligation.
    unsafe { batch(xen, GNTTABOP_SWAP_GRANT_REF, args) }
}

/// Unmaps grants and moves the pages of other addresses there; for PV guests. Statuses as in
/// [`map_grant_ref`].
///
/// # Errors
///
/// `ENOSYS` in a guest that is not PV; Xen's error for the call.
///
/// # Safety
///
/// The mapped memory, and the addresses of the moved pages, must have no other user.
#[doc(alias = "GNTTABOP_unmap_and_replace")]
pub unsafe fn unmap_and_replace<H: Hypercall + ?Sized>(
    xen: &H,
    args: &mut [GnttabUnmapAndReplace],
) -> Result<(), Errno> {
    args.iter_mut().for_each(|arg| arg.status = NOT_DONE);
    // SAFETY: the command's own structures; the addresses are the caller's obligation.
    unsafe { batch(xen, GNTTABOP_UNMAP_AND_REPLACE, args) }
}

/// Cleans or invalidates CPU caches for granted memory, for a device without cache coherence. Arm
/// only.
///
/// # Errors
///
/// `ENOSYS` on x86, `EINVAL` for bytes beyond a page, `EPERM` for memory that is not granted.
///
/// # Safety
///
/// With [`GNTTAB_CACHE_INVAL`], writes of the CPU may be lost: the caller must own the bytes.
#[doc(alias = "GNTTABOP_cache_flush")]
pub unsafe fn cache_flush<H: Hypercall + ?Sized>(
    xen: &H,
    args: &mut [GnttabCacheFlush],
) -> Result<(), Errno> {
    // SAFETY: the command's own structures; the bytes are the caller's obligation.
    unsafe { batch(xen, GNTTABOP_CACHE_FLUSH, args) }
}

/// Makes Xen print the grants in use of domain `dom` to its console.
///
/// # Errors
///
/// [`GrantOpError`]: `BAD_DOMAIN`, `PERMISSION_DENIED`; `ENOSYS` in a domain that is not PV.
#[doc(alias = "GNTTABOP_dump_table")]
pub fn dump_table<H: Hypercall + ?Sized>(xen: &H, dom: DomId) -> Result<(), GrantOpError> {
    let mut arg = [GnttabDumpTable { dom, status: NOT_DONE }];
    // SAFETY: the command's own structure, which contains no pointer.
    let call = unsafe { batch(xen, GNTTABOP_DUMP_TABLE, &mut arg) };
    done(call, arg[0].status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GrantRef;
    use crate::ops::recorder::{Recorder, issues};

    const OP: usize = HYPERVISOR_GRANT_TABLE_OP;
    const DOM: DomId = DomId(7);

    #[test]
    fn function_presets_status_to_failure() {
        let frames = &mut [Gfn(0); 3];
        let frame_list = GuestHandle::from_ptr(frames.as_ptr());
        let numbers = &mut [0u64; 2];
        let number_list = GuestHandle::from_ptr(numbers.as_ptr());
        issues! {
            query_size() => OP, [GNTTABOP_QUERY_SIZE],
                GnttabQuerySize { dom: DomId::SELF, status: NOT_DONE, ..Default::default() };
            query_size_of(DOM) => OP, [GNTTABOP_QUERY_SIZE],
                GnttabQuerySize { dom: DOM, status: NOT_DONE, ..Default::default() };
            set_version(2) => OP, [GNTTABOP_SET_VERSION], GnttabSetVersion { version: 2 };
            get_version(DOM) => OP, [GNTTABOP_GET_VERSION],
                GnttabGetVersion { dom: DOM, ..Default::default() };
            setup_table(DOM, frames) => OP, [GNTTABOP_SETUP_TABLE],
                GnttabSetupTable {
                    dom: DOM, nr_frames: 3, status: NOT_DONE, frame_list, ..Default::default()
                };
            get_status_frames(DOM, numbers) => OP, [GNTTABOP_GET_STATUS_FRAMES],
                GnttabGetStatusFrames {
                    nr_frames: 2, dom: DOM, status: NOT_DONE, frame_list: number_list
                };
            dump_table(DOM) => OP, [GNTTABOP_DUMP_TABLE],
                GnttabDumpTable { dom: DOM, status: NOT_DONE };
            map_grant_ref(&mut [GnttabMapGrantRef { ref_: GrantRef(9), ..Default::default() }; 2])
                => OP, [GNTTABOP_MAP_GRANT_REF],
                [GnttabMapGrantRef {
                    ref_: GrantRef(9), status: NOT_DONE, ..Default::default()
                }; 2];
            unmap_grant_ref(&mut [GnttabUnmapGrantRef { host_addr: 1, ..Default::default() }])
                => OP, [GNTTABOP_UNMAP_GRANT_REF],
                [GnttabUnmapGrantRef { host_addr: 1, status: NOT_DONE, ..Default::default() }];
            copy(&mut [GnttabCopy { len: 1, ..Default::default() }]) => OP, [GNTTABOP_COPY],
                [GnttabCopy { len: 1, status: NOT_DONE, ..Default::default() }];
            swap_grant_ref(&mut [GnttabSwapGrantRef { ref_b: GrantRef(1), ..Default::default() }])
                => OP, [GNTTABOP_SWAP_GRANT_REF],
                [GnttabSwapGrantRef { ref_b: GrantRef(1), status: NOT_DONE, ..Default::default() }];
            unmap_and_replace(&mut [GnttabUnmapAndReplace { new_addr: 1, ..Default::default() }])
                => OP, [GNTTABOP_UNMAP_AND_REPLACE],
                [GnttabUnmapAndReplace { new_addr: 1, status: NOT_DONE, ..Default::default() }];
            cache_flush(&mut [GnttabCacheFlush { length: 64, ..Default::default() }]) => OP,
                [GNTTABOP_CACHE_FLUSH],
                [GnttabCacheFlush { length: 64, ..Default::default() }];
        }
    }

    #[test]
    fn structure_count_is_third_argument() {
        let xen = Recorder::default();
        // SAFETY: the recorder accesses no memory.
        unsafe { copy(&xen, &mut [GnttabCopy::default(); 3]) }.unwrap();
        assert_eq!(xen.args()[2], 3);
    }

    #[test]
    fn unprocessed_operation_has_failed() {
        assert_eq!(query_size(&Recorder::default()), Err(GrantOpError::Status(NOT_DONE)));
        assert_eq!(
            query_size(&Recorder::default().returning(-1)),
            Err(GrantOpError::Call(Errno::EPERM))
        );
    }
}
