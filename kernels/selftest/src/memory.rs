//! `memory_op`: how much memory there is, pages that are given back and taken again, and what only
//! dom0 may ask.

use crate::report::{ARM, Expected, Report, fails, is, op, that};
use xen_hypercall::ops::memory::{self, Extents, VnumaError};
use xen_hypercall::ops::memory_admin::{self, Resource};
use xen_hypercall::{DomId, Errno, Gfn, Page, Pages};
use xen_kernel_rt::Rt;
use xen_sys::hvm::e820::E820Entry;
use xen_sys::memory::*;
use xen_sys::physdev::PhysdevPciDevice;

pub(crate) fn test(t: &mut Report) {
    amounts(t);
    ballooning(t);
    map(t);
    others(t);
}

fn amounts(t: &mut Report) {
    let pages = t.xen.memory_usage().1 as u64 / 4096;
    op!(t, memory::maximum_ram_page() => that("beyond 4096", |&page| page > 4096));
    op!(
        t,
        memory::current_reservation(DomId::SELF)
            => that("at least the RAM of the map", move |&n| n >= pages)
    );
    op!(
        t,
        memory::maximum_reservation(DomId::SELF)
            => that("at least the RAM of the map", move |&n| n >= pages)
    );
    op!(
        t,
        memory::maximum_gpfn(DomId::SELF)
            => that("at least the RAM of the map", move |gfn: &Gfn| gfn.0 >= pages)
    );
    op!(t, memory::current_reservation(DomId(0x7000)) => fails(Errno::ESRCH));
    let map = &mut [E820Entry::default(); 64];
    op!(t, memory::memory_map(map) => Expected::Ok);
    // A PVH dom0 gets start information of version 0.
    let of_xen = t.xen.memory_map_is_of_xen();
    t.fact("the memory map is Xen's in dom0, the loader's in a guest", of_xen == t.xen.is_dom0());
    // 4.17 has it for a PV dom0 only.
    let expected = t.since(20, t.dom0_only(that("some entries", |&n| n > 0)));
    op!(t, memory::machine_memory_map(map) => expected);
}

/// Gives a page back and takes another one in its place.
fn ballooning(t: &mut Report) {
    let Ok(mut pages) = Pages::alloc(t.xen, 2) else {
        return t.fact("two pages to give away", false);
    };
    let Some(frames) = pages.gfn(0).zip(pages.gfn(1)).map(|(a, b)| [a, b]) else { return };
    pages.as_mut_slice().fill(0x55);
    let before = memory::current_reservation(&t.xen, DomId::SELF).unwrap_or(0);
    op!(t, unsafe memory::decrease_reservation(Extents::PAGES, &frames) => is(2));
    op!(t, unsafe memory::decrease_reservation(Extents::PAGES, &frames) => is(0));
    // Dom0 of Arm is mapped directly, and keeps its pages.
    let released = if ARM && t.dom0 { 0 } else { 2 };
    op!(t, memory::current_reservation(DomId::SELF) => is(before - released));
    op!(t, unsafe memory::populate_physmap(Extents::PAGES, &mut { frames }) => is(2));
    op!(t, memory::current_reservation(DomId::SELF) => is(before));
    pages.as_mut_slice().fill(0xaa);
    t.fact(
        "the new pages hold what is written",
        core::hint::black_box(pages.as_slice()).iter().all(|&byte| byte == 0xaa),
    );

    let other = Extents { domain: DomId(0x7000), ..Extents::PAGES };
    op!(t, unsafe memory::populate_physmap(other, &mut { frames }) => is(0));
    op!(t, memory::increase_reservation(other, &mut { frames }) => is(0));
    let exchange = {
        let (given, mut wanted) = ([frames[0]], [frames[1]]);
        // SAFETY: Xen refuses; if it did not, the pages would still be ours.
        unsafe { memory::exchange(&t.xen, (Extents::PAGES, &given), (Extents::PAGES, &mut wanted)) }
    };
    let exchange = exchange.map_err(|error| error.errno);
    t.line(
        "memory::exchange",
        &[],
        exchange,
        Expected::Refused(&[Errno::EOPNOTSUPP, Errno::ENOSYS, Errno::EPERM]),
    );
}

/// Moves pages within the memory map.
fn map(t: &mut Report) {
    let Ok(pages) = Pages::<Rt>::alloc(t.xen, 2) else { return t.fact("two pages to move", false) };
    let Some((from, to)) = pages.gfn(0).zip(pages.gfn(1)) else { return };
    let mut pages = pages;
    pages.as_mut_slice()[..5].copy_from_slice(b"moved");
    op!(t, unsafe memory::move_range(from, to, 1) => is(()));
    t.fact(
        "the page is at its new frame",
        core::hint::black_box(pages.as_slice())[4096..4101] == *b"moved",
    );
    op!(t, unsafe memory::remove_from_physmap(to) => is(()));
    op!(
        t,
        unsafe memory::remove_from_physmap(to)
            => Expected::Refused(&[Errno::ENOENT, Errno::EINVAL])
    );
    // Both frames are empty now. The two pages of memory are not the same as before: one is lost to
    // the domain's count.
    op!(t, unsafe memory::populate_physmap(Extents::PAGES, &mut [from, to]) => Expected::Ok);
    op!(
        t,
        unsafe memory::add_to_physmap(99, 0, from)
            => Expected::Refused(&[Errno::EINVAL, Errno::ENOSYS])
    );
    op!(
        t,
        unsafe memory::add_to_physmap(XENMAPSPACE_GRANT_TABLE, 9999, from)
            => fails(Errno::EINVAL)
    );
    // The call succeeds, its one element does not.
    let errors = &mut [0];
    op!(
        t,
        unsafe memory::add_to_physmap_batch(XENMAPSPACE_GMFN_FOREIGN, 0x7000, &[0], &[from], errors)
            => is(())
    );
    let refusal = if older_guest(t) { Errno::EPERM } else { Errno::ESRCH };
    t.fact("no page of no domain", *errors == [-refusal.0]);
    op!(
        t,
        unsafe memory::add_to_physmap_batch(XENMAPSPACE_GRANT_TABLE, 0, &[9999], &[from], errors)
            => is(())
    );
    t.fact("no page beyond the grant table", *errors == [-Errno::EINVAL.0]);
    op!(t, unsafe memory::add_to_physmap_batch(99, 0, &[0], &[from], errors) => Expected::Ok);
    // What came of the second page is not known to the allocator.
    core::mem::forget(pages);
}

/// An empty map.
const NO_MEMORY: &[E820Entry] = &[];

/// Returns whether this is a guest of Xen 4.17 on x86, which is refused before Xen searches the
/// domain.
pub(crate) fn older_guest(t: &Report) -> bool {
    !ARM && !t.dom0 && t.version.minor < 20
}

fn others(t: &mut Report) {
    let vnuma =
        memory::get_vnumainfo(&t.xen, &mut [0; 4], &mut [0; 4], &mut []).map_err(
            |error| match error {
                VnumaError::Xen(errno) => errno,
                VnumaError::TooLarge(_) => Errno::ENOBUFS,
            },
        );
    t.line("memory::get_vnumainfo", &[], vnuma, fails(Errno::EOPNOTSUPP));
    // A guest without devices gets no regions.
    let expected = if t.dom0 { Expected::Ok } else { is(0) };
    let (device, map) = (None::<PhysdevPciDevice>, &mut [XenReservedDeviceMemory::default(); 16]);
    op!(t, memory::reserved_device_memory_map(device, map) => expected);

    // What is for toolstacks, about domains that there are not, or about ourselves.
    let none = DomId(0x7000);
    op!(t, memory_admin::set_memory_map(none, NO_MEMORY) => fails(Errno::ESRCH));
    op!(t, memory_admin::get_pod_target(none) => fails(Errno::ESRCH));
    op!(t, memory_admin::set_pod_target(none, 1) => fails(Errno::ESRCH));
    op!(t, memory_admin::claim_pages(none, 1) => fails(Errno::EINVAL));
    let table = Resource { domain: none, kind: XENMEM_RESOURCE_GRANT_TABLE, id: 0 };
    let refusal = if older_guest(t) { Errno::EACCES } else { Errno::ESRCH };
    op!(t, memory_admin::resource_size(table) => fails(refusal));
    op!(t, unsafe memory_admin::acquire_resource(table, 0, &mut [Gfn(0)]) => fails(refusal));
    op!(t, memory_admin::get_sharing_freed_pages() => is(0));
    op!(t, memory_admin::get_sharing_shared_pages() => is(0));
    op!(
        t,
        memory_admin::paging_op(XENMEM_PAGING_OP_EVICT, none, Gfn(0), None::<&Page>)
            => Expected::Refused(&[Errno::ENOSYS, Errno::ESRCH])
    );
    op!(
        t,
        memory_admin::get_access(none, Gfn(0))
            => Expected::Refused(&[Errno::ENOSYS, Errno::ESRCH])
    );
    op!(
        t,
        memory_admin::set_access(none, Gfn(0), 1, XenmemAccess::RWX)
            => Expected::Refused(&[Errno::ENOSYS, Errno::ESRCH])
    );
    op!(
        t,
        memory_admin::set_access_multi(none, &[Gfn(0)], &[7])
            => Expected::Refused(&[Errno::ENOSYS, Errno::ESRCH])
    );
    op!(
        t,
        unsafe memory_admin::sharing_op(XENMEM_SHARING_OP_AUDIT, none, &mut 0u64)
            => Expected::Refused(&[Errno::ENOSYS, Errno::ESRCH])
    );
}
