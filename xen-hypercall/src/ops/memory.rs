//! `memory_op`: a domain's memory: how much it has and where it lies. Source: `memory.h`. For
//! toolstacks: [`super::memory_admin`].
//!
//! Functions that take a domain want [`DomId::SELF`], or another one if the caller is privileged;
//! they answer `ESRCH` if there is no such domain, `EPERM` if it is not the caller's to ask about.

use super::{check, command, count};
use crate::{DomId, Errno, Gfn, Hypercall};
use core::fmt;
use xen_sys::GuestHandle;
use xen_sys::hvm::e820::E820Entry;
use xen_sys::memory::*;
use xen_sys::physdev::PhysdevPciDevice;
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
/// What was at `gfn` is gone: the caller must own the frame and expect Xen's page in its place from
/// now on, also when it is freed.
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
pub fn memory_map<H: Hypercall + ?Sized>(
    xen: &H,
    entries: &mut [E820Entry],
) -> Result<usize, Errno> {
    map(xen, XENMEM_MEMORY_MAP, entries)
}

/// Writes the machine's memory map into `entries` and returns how many it has; for dom0.
///
/// # Errors
///
/// `EPERM` in a guest, `ENOSYS` in a PVH dom0 of an older Xen (4.17). A map that does not fit is
/// cut short.
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
    // buffer, which is ours.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, number, &mut arg) }?;
    Ok((arg.nr_entries as usize).min(entries.len()))
}

/// What a reservation is about: whose, and in which portions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extents {
    /// The domain.
    pub domain: DomId,
    /// The size of an extent, as a power of two of pages.
    pub order: u32,
    /// `XENMEMF_*`, with the address width in bits 0 to 7 and the node plus one in bits 8 to 15;
    /// zero for no wish.
    pub flags: u32,
}

impl Extents {
    /// Single pages of this domain.
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
    // SAFETY: private; each caller below passes a list of that length. What it does to memory is
    // the callers' to answer for.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, number, &mut arg) }.map(|done| done.min(len))
}

/// Allocates memory to the domain without a place in its memory map, one extent for each of
/// `frames`, and returns how many there were. For PV guests, which find the machine frames there;
/// others use [`populate_physmap`].
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

/// Gives the memory at `frames` back to Xen and returns how many extents that were, from the first
/// on.
///
/// # Errors
///
/// Hardly any: fewer than asked for says that the next one could not be given back, none that there
/// is no such domain.
///
/// # Safety
///
/// What was there is gone, and so is the memory: nobody may refer to it.
#[doc(alias = "XENMEM_decrease_reservation")]
pub unsafe fn decrease_reservation<H: Hypercall + ?Sized>(
    xen: &H,
    extents: Extents,
    frames: &[Gfn],
) -> Result<usize, Errno> {
    let start = GuestHandle::from_ptr(frames.as_ptr());
    reservation(xen, XENMEM_DECREASE_RESERVATION, extents, start, frames.len())
}

/// Puts new memory at `frames` and returns how many extents that were, from the first on. Xen
/// clears it only if it was so configured.
///
/// # Errors
///
/// Hardly any: fewer than asked for says that Xen or the domain's limit has no more, none also that
/// there is no such domain.
///
/// # Safety
///
/// The frames must be the caller's, with nothing in use there.
#[doc(alias = "XENMEM_populate_physmap")]
pub unsafe fn populate_physmap<H: Hypercall + ?Sized>(
    xen: &H,
    extents: Extents,
    frames: &mut [Gfn],
) -> Result<usize, Errno> {
    let start = GuestHandle::from_mut_ptr(frames.as_mut_ptr());
    reservation(xen, XENMEM_POPULATE_PHYSMAP, extents, start, frames.len())
}

/// An exchange that ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeError {
    /// Xen's answer.
    pub errno: Errno,
    /// How many input extents were exchanged before it.
    pub exchanged: u64,
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "XENMEM_exchange ended after {} extents: {}", self.exchanged, self.errno)
    }
}

impl core::error::Error for ExchangeError {}

/// Exchanges the memory at `given` for other memory at `wanted`, for example many single pages for
/// a contiguous run.
///
/// Both must be the same number of pages. Xen writes the machine frames of what it gave into
/// `wanted`.
///
/// # Errors
///
/// [`ExchangeError`]: `EINVAL` for different amounts, `EOPNOTSUPP` or `ENOSYS` where the domain's map is translated, `ENOMEM`, `EPERM`.
///
/// # Safety
///
/// What was at the given frames is gone; nobody may refer to it. The wanted frames must be the
/// caller's.
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
    // SAFETY: the structure is the command's own, its lists have the lengths that it says; the
    // caller vouches for the frames.
    let call = unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_EXCHANGE, &mut arg) };
    call.map(drop).map_err(|errno| ExchangeError { errno, exchanged: arg.nr_exchanged })
}

/// Returns the number of the machine's highest frame.
///
/// # Errors
///
/// Whatever Xen answers.
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
    // SAFETY: the structure is the command's own and points nowhere; the callers below only ask.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, number, &mut arg) }.map(|pages| pages as u64)
}

/// Returns how many pages a domain has.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENMEM_current_reservation")]
pub fn current_reservation<H: Hypercall + ?Sized>(xen: &H, domain: DomId) -> Result<u64, Errno> {
    of_domain(xen, XENMEM_CURRENT_RESERVATION, domain)
}

/// Returns how many pages a domain may have.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENMEM_maximum_reservation")]
pub fn maximum_reservation<H: Hypercall + ?Sized>(xen: &H, domain: DomId) -> Result<u64, Errno> {
    of_domain(xen, XENMEM_MAXIMUM_RESERVATION, domain)
}

/// Returns the highest frame that is in use in a domain's memory map.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENMEM_maximum_gpfn")]
pub fn maximum_gpfn<H: Hypercall + ?Sized>(xen: &H, domain: DomId) -> Result<Gfn, Errno> {
    of_domain(xen, XENMEM_MAXIMUM_GPFN, domain).map(Gfn)
}

/// Puts pages of a space (`XENMAPSPACE_*`) at frames of this domain, one for one, and reports each
/// one's error, or zero.
///
/// In the space [`XENMAPSPACE_GMFN_FOREIGN`] the pages are those of domain `other`; else that is
/// zero. Each error is set to a failure first.
///
/// # Errors
///
/// `EINVAL` if the lists differ in length or are longer than 65535, or for a space that batches
/// don't take; `EPERM`, `ESRCH`. Some pages may be in place then: their errors are zero.
///
/// # Safety
///
/// What was at the frames is gone: the caller must own them and expect others' pages in their
/// place.
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
    // SAFETY: the structure is the command's own, its lists have the length that it says; the
    // caller vouches for the frames.
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
/// What was at `to` is gone, what was at `from` is there instead: the caller must own both.
#[doc(alias = "XENMAPSPACE_gmfn_range")]
pub unsafe fn move_range<H: Hypercall + ?Sized>(
    xen: &H,
    from: Gfn,
    to: Gfn,
    size: u16,
) -> Result<(), Errno> {
    let space = XENMAPSPACE_GMFN_RANGE;
    let mut arg = XenAddToPhysmap { domid: DomId::SELF, size, space, idx: from.0, gpfn: to.0 };
    // SAFETY: the structure is the command's own; the caller vouches for the frames.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_ADD_TO_PHYSMAP, &mut arg) }.map(drop)
}

/// Takes what is at frame `gfn` out of this domain's memory map.
///
/// # Errors
///
/// `ENOENT` or `EINVAL` if there is nothing.
///
/// # Safety
///
/// Nobody may refer to the memory any more.
#[doc(alias = "XENMEM_remove_from_physmap")]
pub unsafe fn remove_from_physmap<H: Hypercall + ?Sized>(xen: &H, gfn: Gfn) -> Result<(), Errno> {
    let mut arg = XenRemoveFromPhysmap { domid: DomId::SELF, gpfn: gfn.0, ..Default::default() };
    // SAFETY: the structure is the command's own; the caller vouches for the frame.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_REMOVE_FROM_PHYSMAP, &mut arg) }.map(drop)
}

/// How large a domain's virtual NUMA topology is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vnuma {
    /// Nodes.
    pub nodes: u32,
    /// vCPUs.
    pub vcpus: u32,
    /// Ranges of memory.
    pub ranges: u32,
}

/// Why a virtual NUMA topology could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VnumaError {
    /// Xen refused.
    Xen(Errno),
    /// It is larger than the room for it.
    TooLarge(Vnuma),
}

impl fmt::Display for VnumaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xen(errno) => write!(f, "XENMEM_get_vnumainfo refused: {errno}"),
            Self::TooLarge(Vnuma { nodes, vcpus, ranges }) => {
                write!(
                    f,
                    "no room for {nodes} virtual nodes, {vcpus} vCPUs, {ranges} ranges of memory"
                )
            }
        }
    }
}

impl core::error::Error for VnumaError {}

/// Writes this domain's virtual NUMA topology: the distances between nodes row by row, each vCPU's
/// node, and the ranges of memory. Returns how large it is. `distances` needs room for the square
/// of the number of nodes.
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
    // SAFETY: the structure is the command's own; Xen writes at most what it says that there is
    // room for.
    let call = unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_GET_VNUMAINFO, &mut arg) };
    let vnuma = Vnuma { nodes: arg.nr_vnodes, vcpus: arg.nr_vcpus, ranges: arg.nr_vmemranges };
    match call {
        Ok(_) => Ok(vnuma),
        Err(Errno::ENOBUFS) => Err(VnumaError::TooLarge(vnuma)),
        Err(errno) => Err(VnumaError::Xen(errno)),
    }
}

/// Writes which memory is reserved for devices, of all of them or of one, and returns how many
/// ranges that are.
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
    // buffer, which is ours.
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
            reserved_device_memory_map(Some(device), none) => OP, [XENMEM_RESERVED_DEVICE_MEMORY_MAP],
                XenReservedDeviceMemoryMap { pci: device, buffer: nowhere, ..Default::default() };
        }
    }

    #[test]
    fn maps_are_asked_for_with_the_room_that_there_is() {
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
    fn an_exchange_passes_both_lists_and_tells_how_far_it_came() {
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
        // SAFETY: the recorder touches nothing but the structure.
        let done = unsafe { exchange(&xen, (Extents::PAGES, &given), (run, wanted)) };
        assert_eq!(done, Err(ExchangeError { errno: Errno::ENOMEM, exchanged: 5 }));
        assert_eq!(xen.bytes(), zerocopy::IntoBytes::as_bytes(&arg));
    }

    #[test]
    fn a_batch_sets_its_errors_to_a_failure_first() {
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
            add_to_physmap_batch(4, 7, &indices, &frames, errors) => OP, [XENMEM_ADD_TO_PHYSMAP_BATCH], arg;
        }
        assert_eq!(*errors, [-22; 2]);
        let xen = Recorder::default();
        // SAFETY: the recorder touches nothing.
        let refused = unsafe { add_to_physmap_batch(&xen, 4, 7, &indices, &frames, &mut [0]) };
        assert_eq!((refused, xen.calls()), (Err(Errno::EINVAL), 0));
    }

    #[test]
    fn a_topology_that_does_not_fit_says_how_large_it_is() {
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
    fn no_more_extents_are_done_than_were_asked_for() {
        let xen = Recorder::default().returning(9);
        assert_eq!(increase_reservation(&xen, Extents::PAGES, &mut [Gfn(0); 2]), Ok(2));
    }
}
