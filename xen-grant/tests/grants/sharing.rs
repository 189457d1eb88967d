//! Grants and mappings on a simulated Xen, also with a peer that does not release them.

use crate::common::{in_both_versions, pages, pair, per_frame, table};
use core::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use xen_grant::{
    CopyBatch, DeferredGrants, GrantError, GrantMapArea, InUse, MAX_PAGES, MapError, ReadOnly,
    ReadWrite, Version,
};
use xen_hypercall::{DomId, Errno, ForeignFrames, GrantRef, PAGE_SIZE, Pages, Platform};
use xen_sim::{Call, Counters, DomainConfig, Interpose, Interposed};
use xen_sys::event_channel::{EVTCHNOP_ALLOC_UNBOUND, EVTCHNOP_STATUS};
use xen_sys::grant_table::{
    GNTTABOP_COPY, GNTTABOP_MAP_GRANT_REF, GNTTABOP_UNMAP_GRANT_REF, GnttabUnmapGrantRef,
    GrantHandle, GrantStatus,
};
use xen_sys::xen::{HYPERVISOR_EVENT_CHANNEL_OP, HYPERVISOR_GRANT_TABLE_OP};

fn both_sides_share_a_granted_page(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let mut page = pages(&front, 2);
    page.as_mut_slice()[PAGE_SIZE..][..5].copy_from_slice(b"hello");
    let shared = grants.grant_writable(page, back.id()).unwrap();
    let mapping = GrantMapArea::reserve(back, 2)
        .unwrap()
        .map::<ReadWrite>(front.id(), shared.refs())
        .unwrap();
    assert_eq!(mapping.as_ref().read::<[u8; 5]>(PAGE_SIZE), Some(*b"hello"));
    mapping.as_ref().write(0, b"world").unwrap();
    assert_eq!(shared.as_ref().read::<[u8; 5]>(0), Some(*b"world"));
    drop(mapping.unmap().unwrap());
    assert_eq!(&shared.end_access().unwrap().as_slice()[..5], b"world");
    drop(grants);
    world.check().unwrap();
}

/// Tests D-G01.
fn mapped_page_is_deferred_until_unmap(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let free = grants.free();
    let shared = grants.grant_read_only(pages(&front, 1), back.id()).unwrap();
    let reference = shared.refs()[0];
    let mapping =
        GrantMapArea::reserve(back, 1).unwrap().map::<ReadOnly>(front.id(), &[reference]).unwrap();
    assert_eq!(shared.end_access().err(), Some(InUse { reference }));
    assert_eq!(grants.retry_deferred(), DeferredGrants { waiting: 1, lost: 0 });
    assert_eq!(grants.free(), free - 1, "its reference is not used again");
    drop(mapping);
    assert_eq!(grants.retry_deferred(), DeferredGrants { waiting: 0, lost: 0 });
    assert_eq!(grants.free(), free);
    drop(grants);
    world.check().unwrap();
}

fn read_only_grant_is_not_writable(version: Version) {
    let (_world, front, back) = pair(4);
    let grants = table(&front, version);
    let shared = grants.grant_read_only(pages(&front, 1), back.id()).unwrap();
    let failed = GrantMapArea::reserve(back, 1)
        .unwrap()
        .map::<ReadWrite>(front.id(), shared.refs())
        .unwrap_err();
    assert!(matches!(failed.error, MapError::Refused { .. }) && failed.area.is_some(), "{failed}");
}

/// Tests D-G02.
fn full_table_returns_the_pages(version: Version) {
    let (world, front, back) = pair(2);
    let grants = table(&front, version);
    let mut held: Vec<_> = (0..(2 * per_frame(version) - 8) / 8)
        .map(|_| grants.grant_writable(pages(&front, 8), back.id()).unwrap())
        .collect();
    assert_eq!(grants.free(), 0);
    let first = held.pop().unwrap().refs().to_vec();
    assert_eq!((first.len(), grants.free()), (8, 8));
    let failed = grants.grant_writable(pages(&front, 9), back.id()).unwrap_err();
    assert_eq!((failed.error, failed.pages.count()), (GrantError::Exhausted { frames: 2 }, 9));
    assert_eq!(grants.free(), 8);
    held.push(grants.grant_writable(pages(&front, 8), back.id()).unwrap());
    drop((held, failed));
    drop(grants);
    world.check().unwrap();
}

/// Tests D-G03.
fn failed_batch_unmaps_what_it_mapped(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let shared = grants.grant_writable(pages(&front, 8), back.id()).unwrap();
    let mut window = GrantMapArea::reserve(back.clone(), 8).unwrap();
    for pattern in 0u32..256 {
        let mut refs: Vec<_> = shared.refs().to_vec();
        for (index, reference) in
            refs.iter_mut().enumerate().filter(|(index, _)| pattern & (1 << index) != 0)
        {
            *reference = GrantRef(400 + index as u32);
        }
        window = match window.map::<ReadWrite>(front.id(), &refs) {
            Ok(mapping) => {
                assert_eq!(pattern, 0);
                mapping.unmap().unwrap()
            }
            Err(failed) => {
                let bad = GrantRef(400 + pattern.trailing_zeros());
                assert!(
                    matches!(failed.error, MapError::Refused { reference, .. } if reference == bad),
                    "{failed}"
                );
                failed.area.unwrap()
            }
        };
    }
    // Access to every page ends: nothing stayed mapped.
    assert!(shared.end_access().is_ok());
    drop((window, grants));
    world.check().unwrap();
}

/// Answers event channel command `wrong` itself, and counts the others.
#[derive(Default)]
struct Policy {
    wrong: AtomicU32,
    answer: isize,
    calls: AtomicU32,
}

impl Interpose for Policy {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        if call.op != HYPERVISOR_EVENT_CHANNEL_OP {
            return None;
        }
        self.calls.fetch_add(1, SeqCst);
        (call.command() == self.wrong.load(SeqCst)).then_some(self.answer)
    }
}

fn own_grants_are_never_mapped(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let mut page = pages(&front, 1);
    page.as_mut_slice()[..5].copy_from_slice(b"hello");
    let shared = grants.grant_writable(page, front.id()).unwrap();
    let mut window = GrantMapArea::reserve(front.clone(), 1).unwrap();
    for owner in [front.id(), DomId::SELF] {
        let failed = window.map::<ReadOnly>(owner, shared.refs()).unwrap_err();
        assert_eq!((failed.error, failed.statuses().len()), (MapError::OwnDomain(owner), 0));
        window = failed.area.unwrap();
    }
    assert_eq!(world.violations(), [], "Xen would have moved the page");
    let mut local = pages(&front, 1);
    let mut batch = CopyBatch::new(&mut local, front.id());
    batch.copy_from_grant(shared.reference(), 0, 0, 5).unwrap();
    batch.run().unwrap();
    assert_eq!(
        (&local.as_slice()[..5], shared.as_ref().read::<[u8; 5]>(0)),
        (&b"hello"[..], Some(*b"hello"))
    );

    // The room is good for another domain's pages.
    let theirs = table(&back, version);
    let other = theirs.grant_writable(pages(&back, 1), front.id()).unwrap();
    drop(window.map::<ReadWrite>(back.id(), other.refs()).unwrap());
    drop((shared, other, local));
    drop((grants, theirs));
    world.check().unwrap();
}

/// An interposer that refuses to unmap some pages of a batch, by index, or all of it.
#[derive(Default)]
struct Stuck {
    pages: Vec<usize>,
    whole: bool,
}

impl Interpose for Stuck {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        if call.op != HYPERVISOR_GRANT_TABLE_OP || call.command() != GNTTABOP_UNMAP_GRANT_REF {
            return None;
        }
        for &page in self.pages.iter().filter(|&&page| page < call.args[2]) {
            let first: *mut GnttabUnmapGrantRef =
                std::ptr::with_exposed_provenance_mut(call.args[1]);
            // SAFETY: an element of the command's own list.
            unsafe { (*first.add(page)).handle = GrantHandle(0xffff) };
        }
        self.whole.then_some(-Errno::EPERM.0 as isize)
    }
}

fn stuck_page_alone_is_given_up(version: Version) {
    let refused = |stuck: &[usize], whole, is_dropped: bool| {
        let (_world, front, back) = pair(4);
        let grants = table(&front, version);
        let shared = grants.grant_writable(pages(&front, 16), back.id()).unwrap();
        let mapper =
            Interposed::new(back.clone(), Arc::new(Stuck { pages: stuck.to_vec(), whole }));
        let before = back.claims().lost_frames();
        let window = GrantMapArea::reserve(mapper, 16).unwrap();
        let mapping = window.map::<ReadWrite>(front.id(), shared.refs()).unwrap();
        if is_dropped {
            drop(mapping);
        } else {
            let status = if whole { GrantStatus::GENERAL_ERROR } else { GrantStatus::BAD_HANDLE };
            assert_eq!(mapping.unmap().err(), Some(MapError::Stuck { status }));
        }
        let lost: Vec<_> = if whole { (0..16).collect() } else { stuck.to_vec() };
        assert_eq!(back.claims().lost_frames() - before, lost.len() as u32);
        // The frames of the stuck pages stay reserved, all others are reserved again.
        let used: Vec<_> = std::iter::from_fn(|| back.reserve_frames(NonZeroUsize::MIN)).collect();
        let reserved = DomainConfig::new("back").foreign_pages;
        assert_eq!(used.len(), reserved - lost.len());
        assert_eq!(
            shared.end_access().is_err(),
            !lost.is_empty(),
            "pages that are mapped are deferred"
        );
    };
    for is_dropped in [false, true] {
        refused(&[3], false, is_dropped);
        refused(&[0, 7, 15], false, is_dropped);
        refused(&[], true, is_dropped);
    }
}

fn too_many_pages_are_refused(version: Version) {
    let (_world, front, back) = pair(4);
    let grants = table(&front, version);
    let free = grants.free();
    for found in [MAX_PAGES + 1, MAX_PAGES + 2, 64, 65, 100] {
        let failed = grants.grant_writable(pages(&front, found), back.id()).unwrap_err();
        let error = GrantError::TooManyPages { found };
        assert_eq!((failed.error, failed.pages.count(), grants.free()), (error, found, free));
    }
    assert!(grants.grant_writable(pages(&front, MAX_PAGES), back.id()).is_ok());
}

fn window_refuses_too_many_references(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let shared = grants.grant_writable(pages(&front, 3), back.id()).unwrap();
    let before = back.counters();
    for (room, found) in [(2, 0), (2, 3), (1, 2)] {
        let window = GrantMapArea::reserve(back.clone(), room).unwrap();
        let failed = window.map::<ReadWrite>(front.id(), &shared.refs()[..found]).unwrap_err();
        assert_eq!(failed.error, MapError::Count { found, room });
        assert_eq!(failed.area.map(|window| window.pages()), Some(room));
    }
    assert_eq!(back.counters(), before, "Xen is asked nothing");
    // Where nothing was mapped, nothing is unmapped.
    let window = GrantMapArea::reserve(back.clone(), 1).unwrap();
    assert!(window.map::<ReadWrite>(front.id(), &[GrantRef(400)]).is_err());
    let calls = |counters: Counters| counters.hypercalls.get(&HYPERVISOR_GRANT_TABLE_OP).copied();
    assert_eq!(calls(back.counters()), Some(calls(before).unwrap_or(0) + 1));
    drop(shared);
    drop(grants);
    world.check().unwrap();
}

fn unknown_own_domain_maps_nothing(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let shared = grants.grant_writable(pages(&front, 1), back.id()).unwrap();
    let refused = |command: u32, answer, errno: Errno| {
        let policy =
            Arc::new(Policy { wrong: AtomicU32::new(command), answer, ..Policy::default() });
        let window =
            GrantMapArea::reserve(Interposed::new(back.clone(), policy.clone()), 1).unwrap();
        let failed = window.map::<ReadWrite>(front.id(), shared.refs()).unwrap_err();
        assert_eq!(failed.error, MapError::OwnDomainUnknown(errno));
        (policy, failed.area.unwrap())
    };
    refused(EVTCHNOP_STATUS, -1, Errno::EPERM);
    // Success without an answer: a port in a state that it can't be in.
    refused(EVTCHNOP_STATUS, 0, Errno::EINVAL);
    let (policy, window) = refused(EVTCHNOP_ALLOC_UNBOUND, -28, Errno::ENOSPC);
    policy.wrong.store(u32::MAX, SeqCst);
    let window = window.map::<ReadWrite>(front.id(), shared.refs()).unwrap().unmap().unwrap();
    let asked = policy.calls.load(SeqCst);
    drop(window.map::<ReadWrite>(front.id(), shared.refs()).unwrap());
    assert_eq!(policy.calls.load(SeqCst), asked, "once it is known it is not asked for again");
    drop(shared);
    drop(grants);
    world.check().unwrap();
}

/// An interposer that reports success and does nothing.
struct Idler(u32);

impl Interpose for Idler {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        (call.op == HYPERVISOR_GRANT_TABLE_OP && call.command() == self.0).then_some(0)
    }
}

/// Tests D-G04.
fn unwritten_status_is_a_failure(version: Version) {
    let (_world, front, back) = pair(4);
    let grants = table(&front, version);
    let shared = grants.grant_writable(pages(&front, 1), back.id()).unwrap();
    let idle = |command| Interposed::new(back.clone(), Arc::new(Idler(command)));
    let window = GrantMapArea::reserve(idle(GNTTABOP_MAP_GRANT_REF), 1).unwrap();
    let failed = window.map::<ReadWrite>(front.id(), shared.refs()).unwrap_err();
    let reference = shared.refs()[0];
    assert_eq!(failed.error, MapError::Refused { reference, status: GrantStatus::GENERAL_ERROR });

    let mut local = Pages::alloc(idle(GNTTABOP_COPY), 1).unwrap();
    let mut batch = CopyBatch::new(&mut local, front.id());
    batch.copy_from_grant(reference, 0, 0, 16).unwrap();
    assert_eq!(
        batch.run(),
        Err(MapError::Refused { reference, status: GrantStatus::GENERAL_ERROR })
    );
}

fn copies_cross_local_pages_only(version: Version) {
    let (_world, front, back) = pair(4);
    let grants = table(&front, version);
    let mut page = pages(&front, 1);
    page.as_mut_slice()[100..110].copy_from_slice(b"0123456789");
    let shared = grants.grant_writable(page, back.id()).unwrap();
    let reference = shared.refs()[0];
    let mut local = pages(&back, 2);
    let mut batch = CopyBatch::new(&mut local, front.id());
    batch.copy_from_grant(reference, 100, PAGE_SIZE - 4, 10).unwrap();
    batch.copy_to_grant(PAGE_SIZE - 2, reference, 4000, 4).unwrap();
    assert_eq!(
        batch.copy_from_grant(reference, 4090, 0, 7),
        Err(MapError::Range { offset: 4090, len: 7 })
    );
    assert_eq!(
        batch.copy_from_grant(reference, 0, 2 * PAGE_SIZE - 1, 2),
        Err(MapError::Range { offset: 8191, len: 2 })
    );
    batch.run().unwrap();
    assert_eq!(&local.as_slice()[PAGE_SIZE - 4..][..10], b"0123456789");
    assert_eq!(shared.as_ref().read::<[u8; 4]>(4000), Some(*b"2345"));
}

/// Tests D-G07.
fn fresh_pages_are_zero(version: Version) {
    let (_world, front, back) = pair(4);
    let grants = table(&front, version);
    let mut secret = pages(&front, 1);
    secret.as_mut_slice().fill(0x5e);
    drop(secret);
    let shared = grants.grant_read_only(pages(&front, 1), back.id()).unwrap();
    let mapping =
        GrantMapArea::reserve(back, 1).unwrap().map::<ReadOnly>(front.id(), shared.refs()).unwrap();
    assert_eq!(mapping.as_ref().read::<[u8; PAGE_SIZE]>(0), Some([0; PAGE_SIZE]));
}

/// Tests D-G05.
fn reference_is_freed_once(version: Version) {
    let (world, front, back) = pair(1);
    let grants = table(&front, version);
    let free = grants.free();
    for _ in 0..3 * free {
        let shared = grants.grant_writable(pages(&front, 1), back.id()).unwrap();
        assert_eq!(grants.free(), free - 1);
        drop(shared);
    }
    assert_eq!(grants.free(), free);
    drop(grants);
    world.check().unwrap();
}

in_both_versions! {
    window_refuses_too_many_references
    both_sides_share_a_granted_page
    mapped_page_is_deferred_until_unmap
    read_only_grant_is_not_writable
    full_table_returns_the_pages
    failed_batch_unmaps_what_it_mapped
    unwritten_status_is_a_failure
    own_grants_are_never_mapped
    unknown_own_domain_maps_nothing
    stuck_page_alone_is_given_up
    too_many_pages_are_refused
    copies_cross_local_pages_only
    fresh_pages_are_zero
    reference_is_freed_once
}
