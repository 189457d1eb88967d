//! `XENMEM_acquire_resource`: what of another domain's a toolstack and a device model map. Each
//! mapping holds the domain: what is left of it stays until the last one is gone.

use crate::memory::older_guest;
use crate::report::{Expected, Refusal, Report, fails, is, op, that};
use crate::smp::until;
use alloc::format;
use core::mem::offset_of;
use core::sync::atomic::Ordering::SeqCst;
use xen_grant::{GrantMapArea, GrantMapping, ReadWrite};
use xen_hypercall::boot::PlaceError;
use xen_hypercall::ops::dm_op::ServerId;
use xen_hypercall::ops::domctl;
use xen_hypercall::ops::memory::{self, Extents};
use xen_hypercall::ops::memory_admin::Resource;
use xen_hypercall::{DomId, Errno, Gfn, GrantRef, MAX_RESOURCE_FRAMES, MappedResource, PAGE_SIZE};
use xen_kernel_rt::Rt;
use xen_sys::domctl::{
    XEN_DOMCTL_SET_PAGING_MEMPOOL_SIZE, XEN_DOMINF_DYING, XenDomctlGetdomaininfo,
    XenDomctlPagingMempool,
};
use xen_sys::grant_table::{GrantEntryV1, GrantFlags};
use xen_sys::memory::*;

/// Frames of the grant table that each domain of the tests may have.
pub(crate) const TABLE: usize = 4;
/// More often than there are places for a whole table.
const TIMES: u32 = 5_000;
const NONE: DomId = DomId(0x7000);
/// An entry of the table that the domain itself, which never runs, does not use; in the last frame.
const ENTRY: usize = TABLE * PAGE_SIZE - size_of::<GrantEntryV1>();
/// Content of the domain's page, at byte 8.
const WORD: u64 = 0x1234_5678;
const GRANT: GrantRef = GrantRef((ENTRY / size_of::<GrantEntryV1>()) as u32);

impl Refusal for PlaceError {
    fn of(errno: Errno) -> Self {
        Self::Xen(errno)
    }
}

fn map(
    t: &mut Report,
    resource: Resource,
    first: u64,
    count: usize,
    expected: Expected<(), PlaceError>,
) -> Option<MappedResource<Rt>> {
    let mapped = MappedResource::map(t.xen, resource, first, count);
    let (mapped, result) = match mapped {
        Ok(mapped) => (Some(mapped), Ok(())),
        Err(error) => (None, Err(error)),
    };
    let args = [format!("{resource:?}"), format!("{first}"), format!("{count}")];
    t.line("MappedResource::map", &args, result, expected);
    mapped
}

fn table(domain: DomId) -> Resource {
    Resource {
        domain,
        kind: XENMEM_RESOURCE_GRANT_TABLE,
        id: XENMEM_RESOURCE_GRANT_TABLE_ID_SHARED,
    }
}

/// Checks the refusals by a Xen that makes no domains for this test.
pub(crate) fn refusals(t: &mut Report) {
    let refusal = if older_guest(t) { Errno::EACCES } else { Errno::ESRCH };
    map(t, table(NONE), 0, 1, fails(refusal));
    // Another domain's only, and by its number.
    map(t, table(DomId::SELF), 0, 1, fails(refusal));
}

/// Maps the grant table of `domain`, and makes entries in it, as the builder of a domain does for
/// its console and its store.
pub(crate) fn grant_table(t: &mut Report, domain: DomId) {
    let whole = table(domain);
    let Some(first) = map(t, whole, 0, TABLE, is(())) else { return };
    let Some(second) = map(t, whole, TABLE as u64 - 1, 1, is(())) else { return };
    let empty =
        (0..TABLE * PAGE_SIZE).step_by(8).all(|at| first.as_ref().read::<u64>(at) == Some(0));
    t.fact("all entries are empty", empty);
    t.fact("as large as asked for", first.as_ref().len() == TABLE * PAGE_SIZE);

    // The domain gets a page, and the grant of it is made in its name.
    let mut pool = XenDomctlPagingMempool { size: 1 << 20 };
    op!(t, unsafe domctl::call(XEN_DOMCTL_SET_PAGING_MEMPOOL_SIZE, domain, &mut pool) => is(0));
    let extents = Extents { domain, ..Extents::PAGES };
    op!(t, unsafe memory::populate_physmap(extents, &mut [Gfn(0x100)]) => is(1));
    let entry = GrantEntryV1 { flags: GrantFlags::INVALID, domid: DomId(0), frame: 0x100 };
    let written = first.as_ref().write(ENTRY, &entry);
    let flags = first.as_ref().u16_at(ENTRY + offset_of!(GrantEntryV1, flags));
    if let Some(flags) = flags {
        flags.store(GrantFlags::PERMIT_ACCESS.bits(), SeqCst);
    }
    let seen = second.as_ref().read::<GrantEntryV1>(ENTRY % PAGE_SIZE);
    let granted = GrantEntryV1 { flags: GrantFlags::PERMIT_ACCESS, ..entry };
    t.fact(
        "what one mapping writes, the other one shows",
        written.is_some() && seen == Some(granted),
    );
    t.fact("its grant can be used, and shows in the table", grant_used(t, domain, &second));
    if let Some(flags) = flags {
        flags.store(0, SeqCst);
    }
    drop((first, second));
    pages(t, domain);

    let again = (0..TIMES).try_for_each(|_| MappedResource::map(t.xen, whole, 0, TABLE).map(drop));
    t.line("MappedResource::map", &[format!("{TIMES} times")], again, is(()));

    map(t, whole, TABLE as u64, 1, fails(Errno::EINVAL));
    map(t, whole, 1, TABLE, fails(Errno::EINVAL));
    map(t, whole, 1 << 32, 1, fails(Errno::EINVAL));
    map(t, Resource { id: 2, ..whole }, 0, 1, fails(Errno::EINVAL));
    map(t, Resource { kind: 99, ..whole }, 0, 1, fails(Errno::EINVAL));
    // The domain has version 1, which has no statuses.
    map(
        t,
        Resource { id: XENMEM_RESOURCE_GRANT_TABLE_ID_STATUS, ..whole },
        0,
        1,
        fails(Errno::EINVAL),
    );
    for count in [0, MAX_RESOURCE_FRAMES + 1] {
        let refused = MappedResource::map(t.xen, whole, 0, count);
        t.fact("a count that is none", matches!(refused, Err(PlaceError::Memory(_))));
    }
}

/// Maps the page of the domain without its grant, which has shown `WORD` there.
fn pages(t: &mut Report, domain: DomId) {
    let map = |domain, pages: &[Gfn]| MappedResource::map_pages(t.xen, domain, pages);
    let none = Gfn(0x101);
    let (whole, part) = (map(domain, &[Gfn(0x100)]), map(domain, &[Gfn(0x100), none]));
    let missing = map(NONE, &[none]);
    let word = whole.as_ref().ok().and_then(|mapped| mapped.as_ref().read::<u64>(8));
    t.fact("the pages of a domain are mapped without a grant", word == Some(WORD));
    t.line("MappedResource::map_pages", &[], part.map(drop), fails(Errno::EINVAL));
    t.line("MappedResource::map_pages", &[], missing.map(drop), fails(Errno::ESRCH));
}

/// Maps the granted page, and checks the entry meanwhile.
fn grant_used(t: &Report, domain: DomId, table: &MappedResource<Rt>) -> bool {
    let flags = || table.as_ref().u16_at(ENTRY % PAGE_SIZE).map_or(0, |flags| flags.load(SeqCst));
    let in_use = GrantFlags::PERMIT_ACCESS | GrantFlags::READING | GrantFlags::WRITING;
    let Ok(window) = GrantMapArea::reserve(t.xen, 1) else { return false };
    let mapping: GrantMapping<Rt, ReadWrite> = match window.map(domain, &[GRANT]) {
        Ok(mapping) => mapping,
        Err(_) => return false,
    };
    let used = flags() == in_use.bits();
    let written = mapping.as_ref().write(8, &WORD).is_some();
    let read = mapping.as_ref().read::<u64>(8) == Some(WORD);
    mapping.unmap().is_ok()
        && used
        && written
        && read
        && flags() == GrantFlags::PERMIT_ACCESS.bits()
}

/// Maps what a server of I/O requests shares with Xen.
pub(crate) fn requests(t: &mut Report, domain: DomId, server: ServerId) {
    let pages = Resource { domain, kind: XENMEM_RESOURCE_IOREQ_SERVER, id: server.0.into() };
    let both = map(t, pages, 0, 2, is(()));
    let zero = both.as_ref().is_some_and(|both| {
        (0..2 * PAGE_SIZE).step_by(8).all(|at| both.as_ref().read::<u64>(at) == Some(0))
    });
    t.fact("there are no requests", zero);
    map(t, Resource { id: 99, ..pages }, 0, 1, fails(Errno::ENOENT));
}

/// Destroys a domain while a part of its grant table is mapped, which keeps what is left of it
/// until it is mapped no longer.
pub(crate) fn the_end(t: &mut Report, domain: DomId) {
    let held = map(t, table(domain), 0, 1, is(()));
    op!(t, domctl::destroydomain(domain) => is(()));
    op!(t, domctl::getdomaininfo(domain) => that("dying", |info: &XenDomctlGetdomaininfo| {
        info.flags & XEN_DOMINF_DYING != 0
    }));
    let entry = held.as_ref().and_then(|held| held.as_ref().read::<u64>(0));
    t.fact("what is mapped can still be read", entry == Some(0));
    drop(held);
    gone(t, domain);
}

/// Sees that nothing is left of a domain that was destroyed.
pub(crate) fn gone(t: &mut Report, domain: DomId) {
    let asked = || domctl::getdomaininfo(&t.xen, domain);
    until(t.xen, || asked().is_err());
    t.line("domctl::getdomaininfo", &[format!("{domain:?}")], asked(), fails(Errno::ESRCH));
}
