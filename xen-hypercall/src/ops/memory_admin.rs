//! `memory_op`: operations of toolstacks and introspection on other domains' memory. Source:
//! `memory.h`.
//!
//! All functions return `ESRCH` if there is no such domain, and `EPERM` in a guest.

use super::{command, count, from_union, union_of};
use crate::{DomId, Errno, Gfn, Hypercall};
use xen_sys::GuestHandle;
use xen_sys::hvm::e820::E820Entry;
use xen_sys::memory::*;
use xen_sys::xen::HYPERVISOR_MEMORY_OP;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Sets the memory map that domain `domain` will read.
///
/// # Errors
///
/// See the [module](self); `EINVAL` for too many entries.
#[doc(alias = "XENMEM_set_memory_map")]
pub fn set_memory_map<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    entries: &[E820Entry],
) -> Result<(), Errno> {
    let buffer = GuestHandle::from_ptr(entries.as_ptr());
    let map = XenMemoryMap { nr_entries: count(entries.len()), buffer, ..Default::default() };
    let mut arg = XenForeignMemoryMap { domid: domain, map, ..Default::default() };
    // SAFETY: the structure is the command's own; the entries are only read.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_SET_MEMORY_MAP, &mut arg) }.map(drop)
}

fn pod<H: Hypercall + ?Sized>(
    xen: &H,
    number: u32,
    mut arg: XenPodTarget,
) -> Result<XenPodTarget, Errno> {
    // SAFETY: the structure is the command's own and contains no pointer; it changes Xen's
    // allocation of another domain's memory.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, number, &mut arg) }?;
    Ok(arg)
}

/// Sets the target number of pages of a domain that is populated on demand, and returns its current
/// numbers.
///
/// # Errors
///
/// See the [module](self); `EINVAL` for a domain that is not populated on demand, `ENOMEM`.
#[doc(alias = "XENMEM_set_pod_target")]
pub fn set_pod_target<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    pages: u64,
) -> Result<XenPodTarget, Errno> {
    let arg = XenPodTarget { target_pages: pages, domid: domain, ..Default::default() };
    pod(xen, XENMEM_SET_POD_TARGET, arg)
}

/// Returns the populated and outstanding pages of a domain.
///
/// # Errors
///
/// See the [module](self).
#[doc(alias = "XENMEM_get_pod_target")]
pub fn get_pod_target<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
) -> Result<XenPodTarget, Errno> {
    pod(xen, XENMEM_GET_POD_TARGET, XenPodTarget { domid: domain, ..Default::default() })
}

/// Claims `pages` pages of free memory for a domain; zero ends the claim.
///
/// # Errors
///
/// `ENOMEM` if there are fewer, `EINVAL` if the domain has a claim already or does not exist,
/// `EPERM` in a guest.
#[doc(alias = "XENMEM_claim_pages")]
pub fn claim_pages<H: Hypercall + ?Sized>(xen: &H, domain: DomId, pages: u64) -> Result<(), Errno> {
    let mut arg = XenMemoryReservation { nr_extents: pages, domid: domain, ..Default::default() };
    // SAFETY: the structure is the command's own; it has no list, and no memory changes.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_CLAIM_PAGES, &mut arg) }.map(drop)
}

/// Resource of a domain that another one can map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Owner of the resource.
    pub domain: DomId,
    /// Kind, `XENMEM_RESOURCE_*`.
    pub kind: u16,
    /// Number within the kind: a server of I/O requests, a part of the grant table, a vCPU.
    pub id: u32,
}

/// Returns the number of frames of a resource.
///
/// # Errors
///
/// See the [module](self); `EOPNOTSUPP` or `EINVAL` for an unknown kind, `ENOENT` if there is no
/// such resource.
#[doc(alias = "XENMEM_acquire_resource")]
pub fn resource_size<H: Hypercall + ?Sized>(xen: &H, resource: Resource) -> Result<u32, Errno> {
    let Resource { domain, kind, id } = resource;
    let mut arg = XenMemAcquireResource { domid: domain, type_: kind, id, ..Default::default() };
    // SAFETY: the structure is the command's own; without a list Xen only returns the size.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_ACQUIRE_RESOURCE, &mut arg) }?;
    Ok(arg.nr_frames)
}

/// Places the frames of a resource, which [`MappedResource`](crate::MappedResource) owns, from
/// index `first` on, at `frames` of this domain.
///
/// # Errors
///
/// As [`resource_size`]; `EINVAL` beyond its end. Some frames may be in place then.
///
/// # Safety
///
/// The previous pages of the frames are unmapped: the caller must own the frames and expect another
/// domain's memory there.
#[doc(alias = "XENMEM_acquire_resource")]
pub unsafe fn acquire_resource<H: Hypercall + ?Sized>(
    xen: &H,
    resource: Resource,
    first: u64,
    frames: &mut [Gfn],
) -> Result<(), Errno> {
    let mut arg = XenMemAcquireResource {
        domid: resource.domain,
        type_: resource.kind,
        id: resource.id,
        nr_frames: count(frames.len()),
        pad: 0,
        frame: first,
        frame_list: GuestHandle::from_mut_ptr(frames.as_mut_ptr()),
    };
    // SAFETY: the structure is the command's own, with a list of that length. The frames are the
    // caller's obligation.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_ACQUIRE_RESOURCE, &mut arg) }.map(drop)
}

/// Returns the number of pages that sharing between domains has freed.
///
/// # Errors
///
/// None are documented; without sharing, the number is zero.
#[doc(alias = "XENMEM_get_sharing_freed_pages")]
pub fn get_sharing_freed_pages<H: Hypercall + ?Sized>(xen: &H) -> Result<u64, Errno> {
    // SAFETY: the command takes no structure.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_GET_SHARING_FREED_PAGES, &mut ()) }
        .map(|n| n as u64)
}

/// Returns the number of pages that are shared between domains.
///
/// # Errors
///
/// None are documented; without sharing, the number is zero.
#[doc(alias = "XENMEM_get_sharing_shared_pages")]
pub fn get_sharing_shared_pages<H: Hypercall + ?Sized>(xen: &H) -> Result<u64, Errno> {
    // SAFETY: the command takes no structure.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_GET_SHARING_SHARED_PAGES, &mut ()) }
        .map(|n| n as u64)
}

/// Takes a step of paging frame `gfn` of another domain out or in: `XENMEM_PAGING_OP_*`, with the
/// page's content to restore.
///
/// # Errors
///
/// See the [module](self); `ENODEV` without a pager, `EBUSY`, `ENOENT`, `ENOSYS` if Xen was built
/// without paging.
#[doc(alias = "XENMEM_paging_op")]
pub fn paging_op<H: Hypercall + ?Sized>(
    xen: &H,
    operation: u8,
    domain: DomId,
    gfn: Gfn,
    page: Option<&crate::Page>,
) -> Result<(), Errno> {
    let buffer = page.map_or(GuestHandle::NULL, |page| GuestHandle::from_ptr(page));
    let mut arg =
        XenMemPagingOp { op: operation, domain, buffer, gfn: gfn.0, ..Default::default() };
    // SAFETY: the structure is the command's own; the page is only read. The paged memory is
    // another domain's.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_PAGING_OP, &mut arg) }.map(drop)
}

/// Sets the access rights of `count` frames of a domain from `first` on; with a first frame of all
/// ones, the default rights of the other frames.
///
/// # Errors
///
/// See the [module](self); `ENODEV` without a monitor, `EINVAL`, `ENOSYS` if Xen was built without
/// it.
#[doc(alias = "XENMEM_access_op_set_access")]
pub fn set_access<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    first: Gfn,
    count: u32,
    access: XenmemAccess,
) -> Result<(), Errno> {
    let mut arg = XenMemAccessOp {
        op: XENMEM_ACCESS_OP_SET_ACCESS,
        access: access.0 as u8,
        domid: domain,
        nr: count,
        pfn: first.0,
        ..Default::default()
    };
    // SAFETY: the structure is the command's own; without a right, another domain's vCPU stops.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_ACCESS_OP, &mut arg) }.map(drop)
}

/// Sets the access rights of many frames of a domain: each of `access` for the frame at the same
/// index in `frames`.
///
/// # Errors
///
/// As [`set_access`]; `EINVAL` also if the lists differ in length.
#[doc(alias = "XENMEM_access_op_set_access_multi")]
pub fn set_access_multi<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    frames: &[Gfn],
    access: &[u8],
) -> Result<(), Errno> {
    if frames.len() != access.len() {
        return Err(Errno::EINVAL);
    }
    let mut arg = XenMemAccessOp {
        op: XENMEM_ACCESS_OP_SET_ACCESS_MULTI,
        domid: domain,
        nr: count(frames.len()),
        pfn_list: GuestHandle::from_ptr(frames.as_ptr()),
        access_list: GuestHandle::from_ptr(access.as_ptr()),
        ..Default::default()
    };
    // SAFETY: the structure is the command's own; the lists are only read, nr entries of each.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_ACCESS_OP, &mut arg) }.map(drop)
}

/// Returns the access rights of frame `gfn` of a domain.
///
/// # Errors
///
/// As [`set_access`].
#[doc(alias = "XENMEM_access_op_get_access")]
pub fn get_access<H: Hypercall + ?Sized>(
    xen: &H,
    domain: DomId,
    gfn: Gfn,
) -> Result<XenmemAccess, Errno> {
    let op = XENMEM_ACCESS_OP_GET_ACCESS;
    let mut arg = XenMemAccessOp { op, domid: domain, pfn: gfn.0, ..Default::default() };
    // SAFETY: the structure is the command's own and contains no pointer.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_ACCESS_OP, &mut arg) }?;
    Ok(XenmemAccess(arg.access.into()))
}

/// Issues an operation of sharing or forking (`XENMEM_SHARING_OP_*`) on domain `domain`, with its
/// structure.
///
/// # Errors
///
/// See the [module](self); `ENOSYS` if Xen was built without sharing.
///
/// # Safety
///
/// The structure must be the operation's. The owner of the memory must expect that it is shared.
#[doc(alias = "XENMEM_sharing_op")]
pub unsafe fn sharing_op<H: Hypercall + ?Sized, T: FromBytes + IntoBytes + Immutable>(
    xen: &H,
    operation: u8,
    domain: DomId,
    arg: &mut T,
) -> Result<(), Errno> {
    let mut whole =
        XenMemSharingOp { op: operation, domain, u: union_of(arg), ..Default::default() };
    // SAFETY: the structure is the command's own; the other obligations are the caller's.
    unsafe { command(xen, HYPERVISOR_MEMORY_OP, XENMEM_SHARING_OP, &mut whole) }?;
    from_union(&whole.u, arg);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::issues;

    const OP: usize = HYPERVISOR_MEMORY_OP;
    const DOM: DomId = DomId(7);

    #[test]
    fn each_function_issues_its_operation() {
        let entries = [E820Entry::default(); 2];
        let map = XenMemoryMap {
            nr_entries: 2,
            buffer: GuestHandle::from_ptr(entries.as_ptr()),
            ..Default::default()
        };
        let pod = XenPodTarget { domid: DOM, ..Default::default() };
        let resource = Resource { domain: DOM, kind: 1, id: 2 };
        let size = XenMemAcquireResource { domid: DOM, type_: 1, id: 2, ..Default::default() };
        let frames = &mut [Gfn(3), Gfn(4)];
        let list = GuestHandle::from_ptr(frames.as_ptr());
        let acquire = XenMemAcquireResource { nr_frames: 2, frame: 5, frame_list: list, ..size };
        let page = crate::Page::ZERO;
        let paging = XenMemPagingOp {
            op: XENMEM_PAGING_OP_PREP,
            domain: DOM,
            buffer: GuestHandle::from_ptr(&page),
            gfn: 3,
            ..Default::default()
        };
        let access =
            XenMemAccessOp { op: 0, access: 1, domid: DOM, nr: 9, pfn: 3, ..Default::default() };
        let ask = XenMemAccessOp { op: 1, access: 0, nr: 0, ..access };
        let rights = [1, 2];
        let multi = XenMemAccessOp {
            op: 4,
            domid: DOM,
            nr: 2,
            pfn_list: list,
            access_list: GuestHandle::from_ptr(rights.as_ptr()),
            ..Default::default()
        };
        let debug =
            XenMemSharingOp { op: 3, domain: DOM, u: [9, 0, 0, 0, 0], ..Default::default() };
        issues! {
            set_memory_map(DOM, &entries) => OP, [XENMEM_SET_MEMORY_MAP],
                XenForeignMemoryMap { domid: DOM, map, ..Default::default() };
            set_pod_target(DOM, 99) => OP, [XENMEM_SET_POD_TARGET],
                XenPodTarget { target_pages: 99, ..pod };
            get_pod_target(DOM) => OP, [XENMEM_GET_POD_TARGET], pod;
            claim_pages(DOM, 99) => OP, [XENMEM_CLAIM_PAGES],
                XenMemoryReservation { nr_extents: 99, domid: DOM, ..Default::default() };
            resource_size(resource) => OP, [XENMEM_ACQUIRE_RESOURCE], size;
            acquire_resource(resource, 5, frames) => OP, [XENMEM_ACQUIRE_RESOURCE], acquire;
            get_sharing_freed_pages() => OP, [XENMEM_GET_SHARING_FREED_PAGES];
            get_sharing_shared_pages() => OP, [XENMEM_GET_SHARING_SHARED_PAGES];
            paging_op(XENMEM_PAGING_OP_PREP, DOM, Gfn(3), Some(&page)) => OP, [XENMEM_PAGING_OP],
                paging;
            set_access(DOM, Gfn(3), 9, XenmemAccess::R) => OP, [XENMEM_ACCESS_OP], access;
            set_access_multi(DOM, frames, &rights) => OP, [XENMEM_ACCESS_OP], multi;
            get_access(DOM, Gfn(3)) => OP, [XENMEM_ACCESS_OP], ask;
            sharing_op(XENMEM_SHARING_OP_DEBUG_GFN, DOM, &mut 9u64) => OP, [XENMEM_SHARING_OP],
                debug;
        }
    }
}
