//! Deferred grants: not reused, retried by time, counted.

use crate::common::{in_both_versions, pages, pair, table};
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use xen_grant::{
    DeferredGrants, GrantMapArea, GrantMapping, GrantTable, ReadOnly, ReadWrite, Version,
};
use xen_hypercall::{DomId, GrantRef, Pages, Platform};
use xen_sim::{Domain, Interpose, Interposed};

fn map(peer: &Domain, owner: DomId, reference: GrantRef) -> GrantMapping<Domain, ReadOnly> {
    GrantMapArea::reserve(peer.clone(), 1).unwrap().map(owner, &[reference]).unwrap()
}

/// Grants `count` pairs of pages, of which the peer maps the second, and fails to end the grants.
fn defer<P: Platform>(
    grants: &GrantTable<P>,
    owner: DomId,
    peer: &Domain,
    count: usize,
) -> Vec<GrantMapping<Domain, ReadOnly>> {
    let mut mappings = Vec::new();
    for _ in 0..count {
        let pages = Pages::alloc(grants.platform().clone(), 2).unwrap();
        let shared = grants.grant_writable(pages, peer.id()).unwrap();
        let used = shared.refs()[1];
        mappings.push(map(peer, owner, used));
        assert_eq!(shared.end_access().unwrap_err().reference, used);
    }
    mappings
}

fn dropped_table_leaks_held_pages(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let mappings: Vec<GrantMapping<Domain, ReadWrite>> = (0..2)
        .map(|_| {
            let shared = grants.grant_writable(pages(&front, 1), back.id()).unwrap();
            let window = GrantMapArea::reserve(back.clone(), 1).unwrap();
            let mapping = window.map(front.id(), shared.refs()).unwrap();
            assert!(shared.end_access().is_err());
            mapping
        })
        .collect();
    drop(grants);
    // The peer still writes them, so none is allocated again.
    let rest: Vec<_> = core::iter::from_fn(|| Pages::alloc(front.clone(), 1).ok()).collect();
    mappings.iter().for_each(|mapping| mapping.as_ref().write(0, b"late").unwrap());
    assert!(rest.iter().all(|page| page.as_slice()[..4] == [0; 4]));
    drop((rest, mappings));
    drop(world);
}

/// Tests D-G01.
fn all_deferred_grants_are_counted(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let first = grants.free();
    let mut mappings = defer(&grants, front.id(), &back, 200);
    assert_eq!(grants.retry_deferred(), DeferredGrants { waiting: 200, lost: 0 });
    // Of each two references the one that the peer did not use is free again.
    let grown = grants.free() + 200;
    assert!(grown >= first);
    mappings.truncate(150);
    assert_eq!(grants.retry_deferred(), DeferredGrants { waiting: 150, lost: 0 });
    assert_eq!(grants.free(), grown - 150);
    // Any of them can go first.
    mappings.retain({
        let mut index = 0;
        move |_| {
            index += 1;
            index % 3 == 0
        }
    });
    assert_eq!(grants.retry_deferred(), DeferredGrants { waiting: 50, lost: 0 });
    drop(mappings);
    assert_eq!(grants.retry_deferred(), DeferredGrants::default());
    assert_eq!(grants.free(), grown);
    drop(grants);
    world.check().unwrap();
}

fn deferred_grants_are_retried_by_time(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let second = Duration::from_secs(1);
    let start = front.now();
    assert_eq!(grants.poll(start), None);
    let mappings = defer(&grants, front.id(), &back, 40);
    assert_eq!(grants.poll(start), Some(start + second));
    drop(mappings);
    // Too early, and then 16 each second.
    assert_eq!(grants.poll(start + second / 2), Some(start + second));
    assert_eq!(grants.deferred().waiting, 40);
    for (turn, waiting) in [(1, 24), (2, 8)] {
        let now = start + second * turn;
        assert_eq!((grants.poll(now), grants.deferred().waiting), (Some(now + second), waiting));
    }
    assert_eq!(
        (grants.poll(start + second * 3), grants.deferred()),
        (None, DeferredGrants::default())
    );
    drop(grants);
    world.check().unwrap();
}

fn every_deferred_grant_is_retried(version: Version) {
    let (_world, front, back) = pair(4);
    let grants = table(&front, version);
    let mut mappings = defer(&grants, front.id(), &back, 50);
    // Only the last ones are unmapped, behind more than one round of those that are not.
    mappings.truncate(45);
    let start = front.now();
    for turn in 0..4 {
        assert!(grants.poll(start + Duration::from_secs(turn)).is_some());
    }
    assert_eq!(grants.deferred().waiting, 45);
}

fn ended_version_2_grant_stays_ended(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let shared = grants.grant_writable(pages(&front, 1), back.id()).unwrap();
    let reference = shared.reference();
    let mapping = map(&back, front.id(), reference);
    assert!(shared.end_access().is_err());
    let again = GrantMapArea::reserve(back, 1).unwrap().map::<ReadWrite>(front.id(), &[reference]);
    // An entry of version 1 can't be ended while it is used, so it can be used more.
    assert_eq!(again.is_ok(), version == Version::V1);
    drop((mapping, again));
    assert_eq!(grants.retry_deferred(), DeferredGrants::default());
    drop(grants);
    world.check().unwrap();
}

/// A platform without memory while the flag is set.
#[derive(Default)]
struct Full(AtomicBool);

impl Interpose for Full {
    fn may_allocate(&self, _count: usize) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
}

fn deferral_without_memory_is_counted(version: Version) {
    let (_world, front, back) = pair(4);
    let memory = Arc::new(Full::default());
    let platform = Interposed::new(front.clone(), memory.clone());
    let grants = table(&platform, version);
    let shared = grants.grant_writable(Pages::alloc(platform, 1).unwrap(), back.id()).unwrap();
    let reference = shared.reference();
    let mapping = map(&back, front.id(), reference);
    let free = grants.free();
    memory.0.store(true, Ordering::Relaxed);
    assert!(shared.end_access().is_err());
    memory.0.store(false, Ordering::Relaxed);
    drop(mapping);
    assert_eq!(grants.retry_deferred(), DeferredGrants { waiting: 0, lost: 1 });
    assert_eq!(grants.free(), free, "its reference is not used again");
}

in_both_versions! {
    dropped_table_leaks_held_pages
    all_deferred_grants_are_counted
    deferred_grants_are_retried_by_time
    every_deferred_grant_is_retried
    ended_version_2_grant_stays_ended
    deferral_without_memory_is_counted
}
