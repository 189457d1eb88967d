//! `memory_op`: the domain's memory map. Source: `memory.h`.

use super::command;
use crate::{DomId, Errno, Gfn, Hypercall};
use xen_sys::GuestHandle;
use xen_sys::hvm::e820::E820Entry;
use xen_sys::memory::*;
use xen_sys::xen::HYPERVISOR_MEMORY_OP;

/// Puts page `index` of a space that Xen keeps (`XENMAPSPACE_*`) at frame `gfn` of this domain.
///
/// RAM that was there is given back to Xen.
///
/// # Errors
///
/// `EINVAL` for an unknown space or an index out of range, `ENOMEM`.
///
/// # Safety
///
/// What was at `gfn` is gone: the caller must own the frame and expect Xen's page in its place from now on, also when it is freed.
#[doc(alias = "XENMEM_add_to_physmap")]
pub unsafe fn add_to_physmap<H: Hypercall + ?Sized>(
    xen: &H,
    space: u32,
    index: u64,
    gfn: Gfn,
) -> Result<(), Errno> {
    let mut arg =
        XenAddToPhysmap { domid: DomId::SELF, space, idx: index, gpfn: gfn.0, ..Default::default() };
    // SAFETY: the structure is the command's own; the caller vouches for the frame.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_ADD_TO_PHYSMAP, &mut arg) }.map(drop)
}

/// Writes the memory map that the toolstack made into `entries` and returns how many it has.
///
/// The entries are in E820 form: 20 bytes each, address, size, type.
///
/// # Errors
///
/// `ENOSYS` or `EINVAL` if the domain has none.
#[doc(alias = "XENMEM_memory_map")]
pub fn memory_map<H: Hypercall + ?Sized>(xen: &H, entries: &mut [E820Entry]) -> Result<usize, Errno> {
    let mut arg = XenMemoryMap { nr_entries: entries.len() as u32, ..Default::default() };
    arg.buffer = GuestHandle::from_mut_ptr(entries.as_mut_ptr());
    // SAFETY: the structure is the command's own; Xen writes at most nr_entries entries to the buffer, which is ours.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_MEMORY_MAP, &mut arg) }?;
    Ok((arg.nr_entries as usize).min(entries.len()))
}
