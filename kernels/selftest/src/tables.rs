//! Grant tables of both versions: pages that the domain grants to itself, whole, sub-page and
//! transitive.

use crate::report::{Expected, Refusal, Report, is, op};
use alloc::vec::Vec;
use core::num::NonZeroUsize;
use xen_grant::{
    CopyBatch, GrantError, GrantMapArea, GrantTable, InUse, MapError, ReadOnly, Version,
};
use xen_hypercall::ops::grant_table::{self, GrantOpError};
use xen_hypercall::ops::memory::{self, Extents};
use xen_hypercall::{DomId, Errno, ForeignFrames, GrantRef, Pages, boot};
use xen_kernel_rt::Rt;
use xen_sys::grant_table::{GnttabMapGrantRef, GnttabUnmapGrantRef, GrantMapFlags, GrantStatus};

impl Refusal for GrantError {
    fn of(errno: Errno) -> Self {
        Self::Size(GrantOpError::Call(errno))
    }
}

impl Refusal for MapError {
    fn of(errno: Errno) -> Self {
        Self::Call(errno)
    }
}

/// Pages that are shared at a time: more than the first frame of a table has entries for.
const MANY: usize = 700;

pub(crate) fn test(t: &mut Report) {
    // One's own domain has to be named by number: SELF is not for grants.
    let me = xen_kernel_rt::domain().unwrap_or(DomId(0));
    op!(t, boot::own_domain() => is(me));
    for version in [Version::V1, Version::V2] {
        let table = GrantTable::with_version(t.xen, version);
        let found = table.as_ref().map(GrantTable::version).map_err(|&error| error);
        t.line("GrantTable::with_version", &[alloc::format!("{version}")], found, is(version));
        let Ok(table) = table else { continue };
        if whole(t, &table, me).is_none()
            || mapped(t, &table, me).is_none()
            || many(t, &table, me).is_none()
        {
            t.fact("memory for grants", false);
        }
        if parts(t, &table, me).is_none() {
            t.fact("memory for grants of parts", false);
        }
        let left = table.retry_deferred();
        t.fact("nothing is deferred", left == xen_grant::DeferredGrants::default());
    }
    // As it was: what comes later, and the toolstack, may expect it.
    // SAFETY: the table's owner is gone, and no entry is valid.
    let restored = unsafe { grant_table::set_version(&t.xen, 1) };
    t.line("the version of the start", &[], restored, is(1));
}

fn page(t: &Report, text: &[u8]) -> Option<Pages<Rt>> {
    let mut page = Pages::alloc(t.xen, 1).ok()?;
    page.as_mut_slice()[..text.len()].copy_from_slice(text);
    Some(page)
}

/// Copies `len` bytes from `offset` of a grant of this domain.
fn fetch(
    t: &Report,
    me: DomId,
    from: GrantRef,
    offset: usize,
    len: usize,
) -> Result<Vec<u8>, MapError> {
    let mut local = Pages::alloc(t.xen, 1).map_err(|_| MapError::Call(Errno::ENOMEM))?;
    let mut batch = CopyBatch::new(&mut local, me);
    batch.copy_from_grant(from, offset, 0, len)?;
    batch.run()?;
    Ok(core::hint::black_box(local.as_slice())[..len].to_vec())
}

/// Copies `text` to the start of a grant of this domain.
fn store(t: &Report, me: DomId, to: GrantRef, text: &[u8]) -> Result<(), MapError> {
    let mut local = page(t, text).ok_or(MapError::Call(Errno::ENOMEM))?;
    let mut batch = CopyBatch::new(&mut local, me);
    batch.copy_to_grant(0, to, 0, text.len())?;
    batch.run()
}

fn refused<T>(result: &Result<T, MapError>) -> bool {
    matches!(result, Err(MapError::Refused { .. }))
}

/// Tests whole pages, read and written by copies.
fn whole(t: &mut Report, table: &GrantTable<Rt>, me: DomId) -> Option<()> {
    let shared = table.grant_read_only(page(t, b"hello")?, me).ok()?;
    let reference = shared.refs()[0];
    t.line(
        "copying from a read-only grant",
        &[],
        fetch(t, me, reference, 0, 5),
        is(b"hello".to_vec()),
    );
    t.fact("copying to a read-only grant is refused", refused(&store(t, me, reference, b"evil")));
    t.fact("access ends", shared.end_access().is_ok());
    t.fact("copying after the end of access is refused", refused(&fetch(t, me, reference, 0, 5)));

    let shared = table.grant_writable(page(t, b"hello")?, me).ok()?;
    t.line("copying to a writable grant", &[], store(t, me, shared.refs()[0], b"J"), is(()));
    let read_only = shared.into_read_only().ok()?;
    t.fact(
        "copying to it is refused once writing was taken away",
        refused(&store(t, me, read_only.refs()[0], b"x")),
    );
    let page = read_only.end_access().ok()?;
    t.fact(
        "the page comes back with what was written",
        core::hint::black_box(page.as_slice())[..5] == *b"Jello",
    );
    Some(())
}

/// Tests a page that is still mapped at the end of access.
fn mapped(t: &mut Report, table: &GrantTable<Rt>, me: DomId) -> Option<()> {
    // A page that is mapped into its own domain leaves its frame empty. One that is given away
    // makes room for another one there.
    let given = Pages::alloc(t.xen, 1).ok()?;
    // SAFETY: the page is never used again.
    unsafe { memory::decrease_reservation(&t.xen, Extents::PAGES, &[given.gfn(0)?]) }.ok()?;
    core::mem::forget(given);
    let shared = {
        let page = page(t, b"hello")?;
        let gfn = page.gfn(0)?;
        (gfn, table.grant_writable(page, me).ok()?)
    };
    let (gfn, shared) = shared;
    for owner in [me, DomId::SELF] {
        let refused = GrantMapArea::reserve(t.xen, 1).ok()?.map::<ReadOnly>(owner, shared.refs());
        let refused = refused.map(drop).map_err(|failed| failed.error);
        let wanted = Expected::Is(Err(MapError::OwnDomain(owner)));
        t.line(
            "GrantMapArea::map of an own grant",
            &[alloc::format!("{owner:?}")],
            refused,
            wanted,
        );
    }
    // So a peer that keeps a page has to be played by hand.
    let frame = t.xen.reserve_frames(NonZeroUsize::MIN)?;
    let host_addr = frame.first.address();
    let (flags, ref_) = (GrantMapFlags::HOST_MAP, shared.reference());
    let mut map = [GnttabMapGrantRef { host_addr, flags, ref_, dom: me, ..Default::default() }];
    op!(t, unsafe grant_table::map_grant_ref(&mut map) => is(()));
    let kept = shared.end_access();
    t.fact("a page that is mapped is not given back", matches!(kept, Err(InUse { .. })));
    t.fact("it is deferred", table.retry_deferred() != xen_grant::DeferredGrants::default());
    let mut unmap =
        [GnttabUnmapGrantRef { host_addr, handle: map[0].handle, ..Default::default() }];
    op!(t, unsafe grant_table::unmap_grant_ref(&mut unmap) => is(()));
    t.fact("mapping and unmapping", [map[0].status, unmap[0].status] == [GrantStatus::OKAY; 2]);
    // SAFETY: nothing is mapped there any more.
    unsafe { t.xen.release_frames(frame) };
    // SAFETY: the frame is empty, and its page is nobody's but the deferred list's.
    let filled = unsafe { memory::populate_physmap(&t.xen, Extents::PAGES, &mut [gfn]) };
    t.line("filling the frame that it has left", &[], filled, is(1));
    t.fact(
        "it is free once it is unmapped",
        table.retry_deferred() == xen_grant::DeferredGrants::default(),
    );
    Some(())
}

/// Tests more pages than the first size of the table.
fn many(t: &mut Report, table: &GrantTable<Rt>, me: DomId) -> Option<()> {
    let mut shared = Vec::with_capacity(MANY);
    for index in 0..MANY {
        let page = page(t, &(index as u32).to_le_bytes())?;
        shared.push(table.grant_read_only(page, me).ok()?);
    }
    let right = shared.iter().zip(0u32..).filter(|(shared, index)| {
        fetch(t, me, shared.refs()[0], 0, 4).is_ok_and(|bytes| bytes == index.to_le_bytes())
    });
    t.line(
        "pages shared at a time, each read by its reference",
        &[],
        Ok::<_, Errno>(right.count()),
        is(MANY),
    );
    let highest = shared.iter().map(|shared| shared.refs()[0].0).max();
    t.fact("the table has grown", highest > Some(512));
    let back = shared.into_iter().filter_map(|shared| shared.end_access().ok()).count();
    t.line("pages whose access ended", &[], Ok::<_, Errno>(back), is(MANY));
    Some(())
}

/// Tests the additions of version 2.
fn parts(t: &mut Report, table: &GrantTable<Rt>, me: DomId) -> Option<()> {
    let mut text = page(t, b"")?;
    text.as_mut_slice()[100..105].copy_from_slice(b"hello");
    let shared = match table.grant_sub_page::<ReadOnly>(text, me, 100, 5) {
        Ok(shared) => shared,
        Err(failed) => {
            let told = matches!(failed.error, GrantError::Version { .. });
            t.fact("version 1 has no grants of parts", table.version() == Version::V1 && told);
            return Some(());
        }
    };
    let reference = shared.refs()[0];
    t.line("copying from a part", &[], fetch(t, me, reference, 100, 5), is(b"hello".to_vec()));
    t.fact("copying beyond the part is refused", refused(&fetch(t, me, reference, 100, 6)));
    t.fact("copying from before the part is refused", refused(&fetch(t, me, reference, 99, 5)));
    let frame = t.xen.reserve_frames(NonZeroUsize::MIN)?;
    let (host_addr, flags) =
        (frame.first.address(), GrantMapFlags::HOST_MAP | GrantMapFlags::READONLY);
    let mut map =
        [GnttabMapGrantRef { host_addr, flags, ref_: reference, dom: me, ..Default::default() }];
    op!(t, unsafe grant_table::map_grant_ref(&mut map) => is(()));
    t.fact("mapping a part is refused", map[0].status == GrantStatus::GENERAL_ERROR);
    // SAFETY: nothing was mapped there.
    unsafe { t.xen.release_frames(frame) };
    t.fact("access to the sub-page ends", shared.end_access().is_ok());

    // Xen reads both grants at the copy, and refuses two grants of one domain.
    let shared = table.grant_read_only(page(t, b"hello")?, me).ok()?;
    let passed = table.grant_transitive::<ReadOnly>(me, shared.refs()[0], me).ok()?;
    t.fact(
        "copying from a transitive grant to its owner is refused",
        refused(&fetch(t, me, passed.reference(), 0, 5)),
    );
    t.fact("it is ended", passed.end_access().is_ok());
    t.fact("access to the underlying grant ends", shared.end_access().is_ok());
    Some(())
}
