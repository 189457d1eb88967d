//! `memory_op`: size and memory map of a domain. Source: `memory.h`. For toolstacks:
//! [`super::memory_admin`].
//!
//! Functions that take a domain accept [`DomId::SELF`], or another domain if the caller is
//! privileged. These functions return `ESRCH` if there is no such domain, `EPERM` if the caller has
//! no access to it.

use super::{check, command, count};
use crate::{DomId, Errno, Gfn, Hypercall};
use thiserror::Error;
use xen_sys::GuestHandle;
use xen_sys::hvm::e820::E820Entry;
use xen_sys::memory::*;
use xen_sys::physdev::PhysdevPciDevice;
use xen_sys::xen::HYPERVISOR_MEMORY_OP;

/// Places page `index` of a space of Xen (`XENMAPSPACE_*`) at frame `gfn` of this domain.
///
/// RAM at this frame is returned to Xen.
///
/// # Errors
///
/// `EINVAL` for an unknown space or an index out of range, `ENOMEM`.
///
/// # Safety
///
/// The previous page of `gfn` is unmapped: the caller must own the frame and expect Xen's page
/// there from now on, also when it is freed.
#[doc(alias = "XENMEM_add_to_physmap")]
pub unsafe fn add_to_physmap<H: Hypercall + ?Sized>(
    xen: &H,
    space: u32,
    index: u64,
    gfn: Gfn,
) -> Result<(), Errno> {
    let mut arg = XenAddToPhysmap {
        domid: DomId::SELF,
        space,
        idx: index,
        gpfn: gfn.0,
        ..Default::default()
    };
    // SAFETY: the structure is the command's own; the frame is the caller's obligation.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_ADD_TO_PHYSMAP, &mut arg) }.map(drop)
}

/// Writes the toolstack's memory map into `entries` and returns its number of entries.
///
/// The entries are in E820 form: 20 bytes each, address, size, type.
///
/// # Errors
///
/// `ENOSYS` or `EINVAL` if the domain has none.
#[doc(alias = "XENMEM_memory_map")]
pub fn memory_map<H: Hypercall + ?Sized>(
    xen: &H,
    entries: &mut [E820Entry],
) -> Result<usize, Errno> {
    map(xen, XENMEM_MEMORY_MAP, entries)
}

/// Writes the machine's memory map into `entries` and returns its number of entries; for dom0.
///
/// # Errors
///
/// `EPERM` in a guest, `ENOSYS` in a PVH dom0 of an older Xen (4.17). A map that does not fit is
/// truncated.
#[doc(alias = "XENMEM_machine_memory_map")]
pub fn machine_memory_map<H: Hypercall + ?Sized>(
    xen: &H,
    entries: &mut [E820Entry],
) -> Result<usize, Errno> {
    map(xen, XENMEM_MACHINE_MEMORY_MAP, entries)
}

fn map<H: Hypercall + ?Sized>(
    xen: &H,
    number: u32,
    entries: &mut [E820Entry],
) -> Result<usize, Errno> {
    let buffer = GuestHandle::from_mut_ptr(entries.as_mut_ptr());
    let mut arg = XenMemoryMap { nr_entries: count(entries.len()), buffer, ..Default::default() };
    // SAFETY: the structure is the command's own; Xen writes at most nr_entries entries to the
    // buffer, which is borrowed.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, number, &mut arg) }?;
    Ok((arg.nr_entries as usize).min(entries.len()))
}

/// Domain and size of the extents of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extents {
    /// Domain.
    pub domain: DomId,
    /// Size of an extent, as a power of two of pages.
    pub order: u32,
    /// `XENMEMF_*` flags, with the address width in bits 0 to 7 and the node plus one in bits 8 to
    /// 15; zero for no restriction.
    pub flags: u32,
}

impl Extents {
    /// Extents of single pages of this domain.
    pub const PAGES: Self = Self { domain: DomId::SELF, order: 0, flags: 0 };

    fn of(self, start: GuestHandle, len: usize) -> XenMemoryReservation {
        XenMemoryReservation {
            extent_start: start,
            nr_extents: len as u64,
            extent_order: self.order,
            mem_flags: self.flags,
            domid: self.domain,
            ..Default::default()
        }
    }
}

fn reservation<H: Hypercall + ?Sized>(
    xen: &H,
    number: u32,
    extents: Extents,
    start: GuestHandle,
    len: usize,
) -> Result<usize, Errno> {
    let mut arg = extents.of(start, len);
    // SAFETY: private; each caller below passes a list of that length. The effect on memory is the
    // obligation of the callers.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, number, &mut arg) }.map(|done| done.min(len))
}

/// Allocates memory to the domain without mapping it, one extent for each of `frames`, and returns
/// the number of extents. For PV guests, which read the machine frames there; other domains use
/// [`populate_physmap`].
///
/// # Errors
///
/// As [`populate_physmap`].
#[doc(alias = "XENMEM_increase_reservation")]
pub fn increase_reservation<H: Hypercall + ?Sized>(
    xen: &H,
    extents: Extents,
    frames: &mut [Gfn],
) -> Result<usize, Errno> {
    let start = GuestHandle::from_mut_ptr(frames.as_mut_ptr());
    reservation(xen, XENMEM_INCREASE_RESERVATION, extents, start, frames.len())
}

/// Returns the memory at `frames` to Xen, and returns the number of these extents, from the first
/// on.
///
/// # Errors
///
/// Rarely any: if fewer extents than requested were returned, the next one could not be returned;
/// if none was, the domain may not exist.
///
/// # Safety
///
/// The memory and its content are lost: it must have no user.
#[doc(alias = "XENMEM_decrease_reservation")]
pub unsafe fn decrease_reservation<H: Hypercall + ?Sized>(
    xen: &H,
    extents: Extents,
    frames: &[Gfn],
) -> Result<usize, Errno> {
    let start = GuestHandle::from_ptr(frames.as_ptr());
    reservation(xen, XENMEM_DECREASE_RESERVATION, extents, start, frames.len())
}

/// Allocates memory at `frames` and returns the number of these extents, from the first on. Xen
/// clears the memory only if it is configured so.
///
/// # Errors
///
/// Rarely any: if fewer extents than requested were allocated, Xen or the domain's limit has no
/// more; if none was, the domain may not exist.
///
/// # Safety
///
/// The caller must own the frames, which must not be in use.
#[doc(alias = "XENMEM_populate_physmap")]
pub unsafe fn populate_physmap<H: Hypercall + ?Sized>(
    xen: &H,
    extents: Extents,
    frames: &mut [Gfn],
) -> Result<usize, Errno> {
    let start = GuestHandle::from_mut_ptr(frames.as_mut_ptr());
    reservation(xen, XENMEM_POPULATE_PHYSMAP, extents, start, frames.len())
}

/// Error of an exchange that ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("XENMEM_exchange ended after {exchanged} extents: {errno}")]
pub struct ExchangeError {
    /// Error of Xen.
    pub errno: Errno,
    /// Number of input extents that were exchanged before.
    pub exchanged: u64,
}

/// Exchanges the memory at `given` for other memory at `wanted`, for example many single pages for
/// a contiguous run.
///
/// Both must have the same number of pages. Xen writes the machine frames of the new memory into
/// `wanted`.
///
/// # Errors
///
/// [`ExchangeError`]: `EINVAL` for different amounts, `EOPNOTSUPP` or `ENOSYS` if the domain's map
/// is translated, `ENOMEM`, `EPERM`.
///
/// # Safety
///
/// The memory at the given frames is lost: it must have no user. The caller must own the new
/// frames.
#[doc(alias = "XENMEM_exchange")]
pub unsafe fn exchange<H: Hypercall + ?Sized>(
    xen: &H,
    (give, given): (Extents, &[Gfn]),
    (want, wanted): (Extents, &mut [Gfn]),
) -> Result<(), ExchangeError> {
    let mut arg = XenMemoryExchange {
        in_: give.of(GuestHandle::from_ptr(given.as_ptr()), given.len()),
        out: want.of(GuestHandle::from_mut_ptr(wanted.as_mut_ptr()), wanted.len()),
        nr_exchanged: 0,
    };
    // SAFETY: the structure is the command's own, and its lists have the given lengths. The frames
    // are the caller's obligation.
    let call = unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_EXCHANGE, &mut arg) };
    call.map(drop).map_err(|errno| ExchangeError { errno, exchanged: arg.nr_exchanged })
}

/// Returns the number of the machine's highest frame.
///
/// # Errors
///
/// Xen's error.
#[doc(alias = "XENMEM_maximum_ram_page")]
pub fn maximum_ram_page<H: Hypercall + ?Sized>(xen: &H) -> Result<u64, Errno> {
    // SAFETY: the command takes no structure.
    check(unsafe {
        xen.hypercall(HYPERVISOR_MEMORY_OP, [XENMEM_MAXIMUM_RAM_PAGE as usize, 0, 0, 0, 0])
    })
    .map(|page| page as u64)
}

fn of_domain<H: Hypercall + ?Sized>(xen: &H, number: u32, domid: DomId) -> Result<u64, Errno> {
    let mut arg = XenMemoryDomain { domid };
    // SAFETY: the structure is the command's own and contains no pointer; the callers below only
    // read.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, number, &mut arg) }.map(|pages| pages as u64)
}

/// Returns the number of pages of a domain.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENMEM_current_reservation")]
pub fn current_reservation<H: Hypercall + ?Sized>(xen: &H, domain: DomId) -> Result<u64, Errno> {
    of_domain(xen, XENMEM_CURRENT_RESERVATION, domain)
}

/// Returns the maximum number of pages of a domain.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENMEM_maximum_reservation")]
pub fn maximum_reservation<H: Hypercall + ?Sized>(xen: &H, domain: DomId) -> Result<u64, Errno> {
    of_domain(xen, XENMEM_MAXIMUM_RESERVATION, domain)
}

/// Returns the highest frame in use in a domain's memory map.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENMEM_maximum_gpfn")]
pub fn maximum_gpfn<H: Hypercall + ?Sized>(xen: &H, domain: DomId) -> Result<Gfn, Errno> {
    of_domain(xen, XENMEM_MAXIMUM_GPFN, domain).map(Gfn)
}

/// Places pages of a space (`XENMAPSPACE_*`) at frames of this domain, one for one, and writes the
/// error of each, or zero.
///
/// In the space [`XENMAPSPACE_GMFN_FOREIGN`] the pages are those of domain `other`, which is zero
/// otherwise. Each error is set to a failure first.
///
/// # Errors
///
/// `EINVAL` if the lists differ in length or are longer than 65535, or for a space without batches;
/// `EPERM`, `ESRCH`. Some pages may be in place then: their errors are zero.
///
/// # Safety
///
/// The previous pages of the frames are unmapped: the caller must own the frames and expect other
/// pages there.
#[doc(alias = "XENMEM_add_to_physmap_batch")]
#[doc(alias = "XENMEM_add_to_physmap_range")]
pub unsafe fn add_to_physmap_batch<H: Hypercall + ?Sized>(
    xen: &H,
    space: u32,
    other: u16,
    indices: &[u64],
    frames: &[Gfn],
    errors: &mut [i32],
) -> Result<(), Errno> {
    if indices.len() != frames.len() || frames.len() != errors.len() {
        return Err(Errno::EINVAL);
    }
    errors.fill(-Errno::EINVAL.0);
    let mut arg = XenAddToPhysmapBatch {
        domid: DomId::SELF,
        space: u16::try_from(space).map_err(|_| Errno::EINVAL)?,
        size: u16::try_from(frames.len()).map_err(|_| Errno::EINVAL)?,
        u: other,
        idxs: GuestHandle::from_ptr(indices.as_ptr()),
        gpfns: GuestHandle::from_ptr(frames.as_ptr()),
        errs: GuestHandle::from_mut_ptr(errors.as_mut_ptr()),
    };
    // SAFETY: the structure is the command's own, and its lists have the given length. The frames
    // are the caller's obligation.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_ADD_TO_PHYSMAP_BATCH, &mut arg) }.map(drop)
}

/// Moves the `size` pages from frame `from` on to frame `to` on, within this domain's memory map.
///
/// # Errors
///
/// `EINVAL` for frames out of range, `EOPNOTSUPP` or `ENOSYS` on arm.
///
/// # Safety
///
/// The previous pages at `to` are unmapped, and those at `from` are there instead: the caller must
/// own both ranges.
#[doc(alias = "XENMAPSPACE_gmfn_range")]
pub unsafe fn move_range<H: Hypercall + ?Sized>(
    xen: &H,
    from: Gfn,
    to: Gfn,
    size: u16,
) -> Result<(), Errno> {
    let space = XENMAPSPACE_GMFN_RANGE;
    let mut arg = XenAddToPhysmap { domid: DomId::SELF, size, space, idx: from.0, gpfn: to.0 };
    // SAFETY: the structure is the command's own; the frames are the caller's obligation.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_ADD_TO_PHYSMAP, &mut arg) }.map(drop)
}

/// Removes the page at frame `gfn` from this domain's memory map.
///
/// # Errors
///
/// `ENOENT` or `EINVAL` if there is none.
///
/// # Safety
///
/// The memory must have no user.
#[doc(alias = "XENMEM_remove_from_physmap")]
pub unsafe fn remove_from_physmap<H: Hypercall + ?Sized>(xen: &H, gfn: Gfn) -> Result<(), Errno> {
    let mut arg = XenRemoveFromPhysmap { domid: DomId::SELF, gpfn: gfn.0, ..Default::default() };
    // SAFETY: the structure is the command's own; the frame is the caller's obligation.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_REMOVE_FROM_PHYSMAP, &mut arg) }.map(drop)
}

/// Size of a domain's virtual NUMA topology.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vnuma {
    /// Number of nodes.
    pub nodes: u32,
    /// Number of vCPUs.
    pub vcpus: u32,
    /// Number of ranges of memory.
    pub ranges: u32,
}

/// Error of a query of the virtual NUMA topology.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VnumaError {
    /// Xen refused.
    #[error("XENMEM_get_vnumainfo refused: {0}")]
    Xen(Errno),
    /// The topology is larger than the buffers.
    #[error(
        "no room for {} virtual nodes, {} vCPUs, {} ranges of memory", .0.nodes, .0.vcpus, .0.ranges
    )]
    TooLarge(Vnuma),
}

/// Writes this domain's virtual NUMA topology: the distances between nodes row by row, each vCPU's
/// node, and the ranges of memory. Returns its size. `distances` needs room for the square of the
/// number of nodes.
///
/// # Errors
///
/// [`VnumaError`]; `EOPNOTSUPP` if the domain has none.
#[doc(alias = "XENMEM_get_vnumainfo")]
pub fn get_vnumainfo<H: Hypercall + ?Sized>(
    xen: &H,
    distances: &mut [u32],
    vcpu_to_vnode: &mut [u32],
    ranges: &mut [XenVmemrange],
) -> Result<Vnuma, VnumaError> {
    let mut arg = XenVnumaTopologyInfo {
        domid: DomId::SELF,
        pad: 0,
        nr_vnodes: count(distances.len().isqrt()),
        nr_vcpus: count(vcpu_to_vnode.len()),
        nr_vmemranges: count(ranges.len()),
        vdistance: GuestHandle::from_mut_ptr(distances.as_mut_ptr()),
        vcpu_to_vnode: GuestHandle::from_mut_ptr(vcpu_to_vnode.as_mut_ptr()),
        vmemrange: GuestHandle::from_mut_ptr(ranges.as_mut_ptr()),
    };
    // SAFETY: the structure is the command's own; Xen writes at most as much as there is room for.
    let call = unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_GET_VNUMAINFO, &mut arg) };
    let vnuma = Vnuma { nodes: arg.nr_vnodes, vcpus: arg.nr_vcpus, ranges: arg.nr_vmemranges };
    match call {
        Ok(_) => Ok(vnuma),
        Err(Errno::ENOBUFS) => Err(VnumaError::TooLarge(vnuma)),
        Err(errno) => Err(VnumaError::Xen(errno)),
    }
}

/// Writes the ranges of memory that are reserved for devices, for all devices or for one, and
/// returns their number.
///
/// # Errors
///
/// `EOPNOTSUPP` or `ENOSYS` without an IOMMU, `EPERM` in a guest, `ENOBUFS` if there are more
/// ranges than fit.
#[doc(alias = "XENMEM_reserved_device_memory_map")]
pub fn reserved_device_memory_map<H: Hypercall + ?Sized>(
    xen: &H,
    device: Option<PhysdevPciDevice>,
    entries: &mut [XenReservedDeviceMemory],
) -> Result<usize, Errno> {
    let mut arg = XenReservedDeviceMemoryMap {
        flags: if device.is_none() { XENMEM_RDM_ALL } else { 0 },
        nr_entries: count(entries.len()),
        buffer: GuestHandle::from_mut_ptr(entries.as_mut_ptr()),
        pci: device.unwrap_or_default(),
        ..Default::default()
    };
    // SAFETY: the structure is the command's own; Xen writes at most nr_entries entries to the
    // buffer, which is borrowed.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_RESERVED_DEVICE_MEMORY_MAP, &mut arg) }?;
    Ok((arg.nr_entries as usize).min(entries.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::{Recorder, issues};

    const OP: usize = HYPERVISOR_MEMORY_OP;
    const DOM: DomId = DomId(7);

    #[test]
    fn each_function_issues_its_operation() {
        let frames = &mut [Gfn(1), Gfn(2)];
        let list = GuestHandle::from_ptr(frames.as_ptr());
        let extents = Extents { domain: DOM, order: 9, flags: 3 };
        let whole = extents.of(list, 2);
        let device = PhysdevPciDevice { seg: 1, bus: 2, devfn: 3 };
        let none: &mut [XenReservedDeviceMemory] = &mut [];
        let nowhere: GuestHandle = GuestHandle::from_ptr(none.as_ptr());
        issues! {
            add_to_physmap(1, 5, Gfn(6)) => OP, [XENMEM_ADD_TO_PHYSMAP],
                XenAddToPhysmap { domid: DomId::SELF, size: 0, space: 1, idx: 5, gpfn: 6 };
            move_range(Gfn(5), Gfn(6), 7) => OP, [XENMEM_ADD_TO_PHYSMAP],
                XenAddToPhysmap { domid: DomId::SELF, size: 7, space: 3, idx: 5, gpfn: 6 };
            remove_from_physmap(Gfn(6)) => OP, [XENMEM_REMOVE_FROM_PHYSMAP],
                XenRemoveFromPhysmap { domid: DomId::SELF, gpfn: 6, ..Default::default() };
            increase_reservation(extents, frames) => OP, [XENMEM_INCREASE_RESERVATION], whole;
            decrease_reservation(extents, frames) => OP, [XENMEM_DECREASE_RESERVATION], whole;
            populate_physmap(extents, frames) => OP, [XENMEM_POPULATE_PHYSMAP], whole;
            maximum_ram_page() => OP, [XENMEM_MAXIMUM_RAM_PAGE];
            current_reservation(DOM) => OP, [XENMEM_CURRENT_RESERVATION], DOM;
            maximum_reservation(DOM) => OP, [XENMEM_MAXIMUM_RESERVATION], DOM;
            maximum_gpfn(DOM) => OP, [XENMEM_MAXIMUM_GPFN], DOM;
            reserved_device_memory_map(Some(device), none) => OP,
                [XENMEM_RESERVED_DEVICE_MEMORY_MAP],
                XenReservedDeviceMemoryMap { pci: device, buffer: nowhere, ..Default::default() };
        }
    }

    #[test]
    fn map_request_has_size_of_buffer() {
        let entries = &mut [E820Entry::default(); 3];
        let buffer = GuestHandle::from_ptr(entries.as_ptr());
        let arg = XenMemoryMap { nr_entries: 3, buffer, ..Default::default() };
        issues! {
            memory_map(entries) => OP, [XENMEM_MEMORY_MAP], arg;
            machine_memory_map(entries) => OP, [XENMEM_MACHINE_MEMORY_MAP], arg;
        }
        let xen = Recorder::expecting(1, 16).answering(&XenMemoryMap { nr_entries: 9, ..arg });
        assert_eq!(memory_map(&xen, entries), Ok(3));
    }

    #[test]
    fn exchange_returns_its_progress() {
        let (given, wanted) = ([Gfn(1), Gfn(2)], &mut [Gfn(3)]);
        let arg = XenMemoryExchange {
            in_: Extents::PAGES.of(GuestHandle::from_ptr(given.as_ptr()), 2),
            out: Extents { order: 1, ..Extents::PAGES }
                .of(GuestHandle::from_ptr(wanted.as_ptr()), 1),
            nr_exchanged: 0,
        };
        let xen = Recorder::expecting(1, size_of_val(&arg)).returning(-12);
        let xen = xen.answering(&XenMemoryExchange { nr_exchanged: 5, ..arg });
        let run = Extents { order: 1, ..Extents::PAGES };
        // SAFETY: the recorder accesses only the structure.
        let done = unsafe { exchange(&xen, (Extents::PAGES, &given), (run, wanted)) };
        assert_eq!(done, Err(ExchangeError { errno: Errno::ENOMEM, exchanged: 5 }));
        assert_eq!(xen.bytes(), zerocopy::IntoBytes::as_bytes(&arg));
    }

    #[test]
    fn batch_presets_errors_to_failure() {
        let (indices, frames, errors) = ([1, 2], [Gfn(3), Gfn(4)], &mut [0; 2]);
        let arg = XenAddToPhysmapBatch {
            domid: DomId::SELF,
            space: 4,
            size: 2,
            u: 7,
            idxs: GuestHandle::from_ptr(indices.as_ptr()),
            gpfns: GuestHandle::from_ptr(frames.as_ptr()),
            errs: GuestHandle::from_ptr(errors.as_ptr()),
        };
        issues! {
            add_to_physmap_batch(4, 7, &indices, &frames, errors) => OP,
                [XENMEM_ADD_TO_PHYSMAP_BATCH], arg;
        }
        assert_eq!(*errors, [-22; 2]);
        let xen = Recorder::default();
        // SAFETY: the recorder accesses no memory.
        let refused = unsafe { add_to_physmap_batch(&xen, 4, 7, &indices, &frames, &mut [0]) };
        assert_eq!((refused, xen.calls()), (Err(Errno::EINVAL), 0));
    }

    #[test]
    fn large_topology_returns_its_size() {
        let answer = XenVnumaTopologyInfo {
            nr_vnodes: 2,
            nr_vcpus: 4,
            nr_vmemranges: 3,
            ..Default::default()
        };
        let vnuma = Vnuma { nodes: 2, vcpus: 4, ranges: 3 };
        let xen = || Recorder::expecting(1, size_of_val(&answer)).answering(&answer);
        let ask = |xen| get_vnumainfo(&xen, &mut [0; 4], &mut [0; 4], &mut []);
        assert_eq!(ask(xen().returning(-105)), Err(VnumaError::TooLarge(vnuma)));
        assert_eq!(ask(xen()), Ok(vnuma));
        assert_eq!(ask(xen().returning(-95)), Err(VnumaError::Xen(Errno::EOPNOTSUPP)));
    }

    #[test]
    fn extents_are_limited_to_request() {
        let xen = Recorder::default().returning(9);
        assert_eq!(increase_reservation(&xen, Extents::PAGES, &mut [Gfn(0); 2]), Ok(2));
    }
}
