//! `grant_table_op`: pages that the domain grants to itself, mapped, copied and swapped.

use crate::report::{Expected, Report, fails, is, op, that};
use core::mem::offset_of;
use core::num::NonZeroUsize;
use core::sync::atomic::Ordering::Relaxed;
use xen_hypercall::ops::grant_table::{self, GrantOpError, TableSize};
use xen_hypercall::ops::memory::{self, Extents};
use xen_hypercall::{DomId, Errno, ForeignFrames, Gfn, GrantRef, Mapped, Pages, Place, boot};
use xen_kernel_rt::Rt;
use xen_sys::grant_table::*;

/// References that neither the toolstack nor a driver uses here.
const A: GrantRef = GrantRef(40);
const B: GrantRef = GrantRef(41);
const EMPTY: GrantRef = GrantRef(42);

/// Makes or, with no flags, ends a grant.
fn grant(table: &Mapped<Rt>, reference: GrantRef, gfn: Gfn, domain: DomId, flags: GrantFlags) {
    let (table, at) = (table.as_ref(), reference.0 as usize * size_of::<GrantEntryV1>());
    let entry = GrantEntryV1 { flags: GrantFlags::INVALID, domid: domain, frame: gfn.0 as u32 };
    let _ = table.write(at, &entry);
    if let Some(word) = table.u16_at(at + offset_of!(GrantEntryV1, flags)) {
        word.store(flags.bits(), core::sync::atomic::Ordering::SeqCst);
    }
}

fn failed<T>(status: GrantStatus) -> Expected<T, GrantOpError> {
    Expected::Is(Err(GrantOpError::Status(status)))
}

/// Prints the status of the only operation of a batch that succeeded as a call.
fn status(t: &mut Report, what: &str, status: GrantStatus, expected: GrantStatus) {
    let result =
        if status == GrantStatus::OKAY { Ok(()) } else { Err(GrantOpError::Status(status)) };
    let expected = if expected == GrantStatus::OKAY { is(()) } else { failed(expected) };
    t.line(what, &[], result, expected);
}

pub(crate) fn test(t: &mut Report) {
    op!(t, unsafe grant_table::set_version(1) => is(1));
    op!(t, unsafe grant_table::set_version(3) => fails(Errno::EINVAL));
    op!(t, grant_table::get_version(DomId::SELF) => is(1));
    op!(t, grant_table::get_version(DomId(0x7000)) => Expected::Refused(&[Errno::ESRCH]));
    op!(t, grant_table::query_size() => that("at least a frame", |size: &TableSize| {
        size.frames >= 1 && size.max_frames >= size.frames
    }));
    op!(t, grant_table::query_size_of(DomId(0x7000)) => failed(GrantStatus::BAD_DOMAIN));
    op!(t, grant_table::setup_table(DomId::SELF, &mut [Gfn(0)]) => is(()));
    op!(
        t,
        grant_table::setup_table(DomId::SELF, &mut [Gfn(0); 5000])
            => failed(GrantStatus::GENERAL_ERROR)
    );

    op!(t, unsafe grant_table::set_version(2) => is(2));
    op!(t, grant_table::get_version(DomId::SELF) => is(2));
    op!(t, grant_table::get_status_frames(DomId::SELF, &mut [0]) => fails(Errno::ENOSYS));
    op!(t, unsafe grant_table::set_version(1) => is(1));

    // One's own domain has to be named by number: SELF is not for grants.
    let me = xen_kernel_rt::domain().unwrap_or(DomId(0));
    let Ok(place) = Place::alloc(t.xen) else { return t.fact("a page of RAM", false) };
    // SAFETY: the only owner of the table so far; the entries lead to pages of this test's.
    let table = unsafe { boot::grant_frame(place, 0) };
    let Ok(table) = table else { return t.fact("the table's first frame", false) };
    let (Ok(mut page), Ok(mut other)) = (Pages::alloc(t.xen, 1), Pages::alloc(t.xen, 1)) else {
        return t.fact("two pages to grant", false);
    };
    page.as_mut_slice()[..5].copy_from_slice(b"hello");
    other.as_mut_slice().fill(b'x');
    let (Some(gfn), Some(other_gfn)) = (page.gfn(0), other.gfn(0)) else { return };

    copies(t, &table, me, gfn, other_gfn, &other);
    maps(t, &table, me, gfn);

    // Xen has these for PV guests, and on arm.
    op!(t, grant_table::dump_table(DomId(0)) => fails(Errno::ENOSYS));
    op!(
        t,
        unsafe grant_table::cache_flush(&mut [GnttabCacheFlush::default()])
            => fails(Errno::ENOSYS)
    );
    op!(
        t,
        unsafe grant_table::unmap_and_replace(&mut [GnttabUnmapAndReplace::default()])
            => fails(Errno::ENOSYS)
    );
}

fn copies(t: &mut Report, table: &Mapped<Rt>, me: DomId, gfn: Gfn, other: Gfn, bytes: &Pages<Rt>) {
    grant(table, A, gfn, me, GrantFlags::PERMIT_ACCESS | GrantFlags::READONLY);
    grant(table, B, other, me, GrantFlags::PERMIT_ACCESS);
    let end = |reference: GrantRef, offset| GnttabCopyPtr {
        u: reference.0.into(),
        domid: me,
        offset,
        ..Default::default()
    };
    let own = |gfn: Gfn, offset| GnttabCopyPtr {
        u: gfn.0,
        domid: DomId::SELF,
        offset,
        ..Default::default()
    };
    let from = GrantCopyFlags::SOURCE_GREF;
    let both = GrantCopyFlags::SOURCE_GREF | GrantCopyFlags::DEST_GREF;
    let copy =
        |source, dest, len, flags| GnttabCopy { source, dest, len, flags, ..Default::default() };
    let okay = GrantStatus::OKAY;
    let cases = [
        ("copy from a grant", copy(end(A, 0), own(other, 0), 5, from), okay),
        ("copy from a grant to a grant", copy(end(A, 1), end(B, 100), 4, both), okay),
        (
            "copy to a read-only grant",
            copy(end(B, 0), end(A, 0), 4, both),
            GrantStatus::GENERAL_ERROR,
        ),
        (
            "copy from an empty entry",
            copy(end(EMPTY, 0), own(other, 0), 5, from),
            GrantStatus::GENERAL_ERROR,
        ),
        (
            "copy beyond the page",
            copy(end(A, 4000), own(other, 0), 100, from),
            GrantStatus::BAD_COPY_ARG,
        ),
    ];
    let mut args = cases.map(|(_, arg, _)| arg);
    op!(t, unsafe grant_table::copy(&mut args) => is(()));
    for ((what, _, expected), arg) in cases.iter().zip(&args) {
        status(t, what, arg.status, *expected);
    }
    // The copies went through Xen, behind the compiler's back, but not behind a borrow: the
    // hypercall may change anything.
    let bytes = core::hint::black_box(bytes.as_slice());
    t.fact(
        "the copied bytes are there, and no others",
        bytes[..6] == *b"hellox" && bytes[99..105] == *b"xellox",
    );

    let mut swap = [GnttabSwapGrantRef { ref_a: A, ref_b: EMPTY, ..Default::default() }];
    op!(t, unsafe grant_table::swap_grant_ref(&mut swap) => is(()));
    status(t, "swap with an empty entry", swap[0].status, okay);
    let mut swapped =
        [copy(end(EMPTY, 0), own(other, 200), 5, from), copy(end(A, 0), own(other, 0), 5, from)];
    op!(t, unsafe grant_table::copy(&mut swapped) => is(()));
    status(t, "copy from the entry that was empty", swapped[0].status, okay);
    status(
        t,
        "copy from the entry that is empty now",
        swapped[1].status,
        GrantStatus::GENERAL_ERROR,
    );
    let mut swap =
        [GnttabSwapGrantRef { ref_a: A, ref_b: GrantRef(u32::MAX), ..Default::default() }];
    op!(t, unsafe grant_table::swap_grant_ref(&mut swap) => is(()));
    status(t, "swap beyond the table", swap[0].status, GrantStatus::BAD_GNTREF);
    for reference in [A, B, EMPTY] {
        grant(table, reference, gfn, me, GrantFlags::INVALID);
    }
}

fn maps(t: &mut Report, table: &Mapped<Rt>, me: DomId, gfn: Gfn) {
    let frames = t.xen.reserve_frames(NonZeroUsize::MIN);
    t.fact("a frame without memory to map at", frames.is_some());
    // The page that is mapped leaves its frame empty. A page that is given away makes room for
    // another one there.
    let (Some(frames), Ok(given)) = (frames, Pages::alloc(t.xen, 1)) else { return };
    let Some(given_gfn) = given.gfn(0) else { return };
    op!(t, unsafe memory::decrease_reservation(Extents::PAGES, &[given_gfn]) => is(1));
    let at = frames.first;
    grant(table, A, gfn, me, GrantFlags::PERMIT_ACCESS);
    let host_addr = at.address();
    let map = GnttabMapGrantRef {
        host_addr,
        flags: GrantMapFlags::HOST_MAP,
        ref_: A,
        dom: me,
        ..Default::default()
    };
    let mut args = [
        map,
        GnttabMapGrantRef { ref_: EMPTY, ..map },
        GnttabMapGrantRef { ref_: GrantRef(u32::MAX), ..map },
        GnttabMapGrantRef { dom: DomId(0x7000), ..map },
        GnttabMapGrantRef { flags: GrantMapFlags::READONLY, ..map },
    ];
    op!(t, unsafe grant_table::map_grant_ref(&mut args) => is(()));
    status(t, "map an own grant", args[0].status, GrantStatus::OKAY);
    status(t, "map an empty entry", args[1].status, GrantStatus::GENERAL_ERROR);
    status(t, "map beyond the table", args[2].status, GrantStatus::BAD_GNTREF);
    status(t, "map of no domain", args[3].status, GrantStatus::BAD_DOMAIN);
    status(t, "map without a kind of mapping", args[4].status, GrantStatus::BAD_GNTREF);

    let word = frames.start.as_ptr().cast::<u32>();
    // A guest whose map is translated has each page once: the page has moved here, and left a hole
    // where it was.
    if args[0].status == GrantStatus::OKAY {
        // SAFETY: the grant is mapped there, and nothing else refers to it.
        let seen = unsafe { word.read_volatile() };
        t.fact("the mapping shows the page", seen.to_le_bytes() == *b"hell");
        // SAFETY: as above.
        let seen = unsafe {
            word.write_volatile(0x1234_5678);
            word.read_volatile()
        };
        t.fact("the mapping can be written", seen == 0x1234_5678);
        let flags = flags_of(table);
        t.fact("the entry is in use", flags.contains(GrantFlags::READING | GrantFlags::WRITING));
    }
    let unmap = GnttabUnmapGrantRef { host_addr, handle: args[0].handle, ..Default::default() };
    let mut args = [unmap, unmap];
    op!(t, unsafe grant_table::unmap_grant_ref(&mut args) => is(()));
    status(t, "unmap", args[0].status, GrantStatus::OKAY);
    status(t, "unmap again", args[1].status, GrantStatus::BAD_HANDLE);
    t.fact("the entry is free again", flags_of(table) == GrantFlags::PERMIT_ACCESS);
    grant(table, A, gfn, me, GrantFlags::INVALID);
    op!(t, unsafe memory::populate_physmap(Extents::PAGES, &mut [gfn]) => is(1));
    // SAFETY: nothing is mapped there any more.
    unsafe { t.xen.release_frames(frames) };
    core::mem::forget(given);
}

fn flags_of(table: &Mapped<Rt>) -> GrantFlags {
    let word = table.as_ref().u16_at(A.0 as usize * size_of::<GrantEntryV1>());
    GrantFlags::from_bits_retain(word.map_or(0, |word| word.load(Relaxed)))
}
