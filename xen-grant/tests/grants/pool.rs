//! Single pages, mapped and unmapped in batches: the pool that backends keep persistent grants by.

use crate::common::{in_both_versions, pages, pair, table};
use std::sync::Arc;
use xen_grant::{GrantMapPool, MAX_PAGES, MapError, MappedPage, Version};
use xen_hypercall::{DomId, GrantRef, PAGE_SIZE, Platform};
use xen_sim::{Call, Domain, Interpose, Interposed};
use xen_sys::grant_table::{
    GNTTABOP_UNMAP_GRANT_REF, GnttabUnmapGrantRef, GrantHandle, GrantStatus,
};
use xen_sys::xen::HYPERVISOR_GRANT_TABLE_OP;

fn calls(domain: &Domain) -> u64 {
    domain.counters().hypercalls.get(&HYPERVISOR_GRANT_TABLE_OP).copied().unwrap_or(0)
}

fn pages_are_mapped_in_batches(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let shared = [(); 3].map(|()| grants.grant_writable(pages(&front, 16), back.id()).unwrap());
    let refs: Vec<GrantRef> = shared.iter().flat_map(|shared| shared.refs()).copied().collect();
    for (index, shared) in shared.iter().enumerate() {
        shared.as_ref().write(5 * PAGE_SIZE, &(index as u32)).unwrap();
    }
    let mut pool = GrantMapPool::new(back.clone(), front.id());
    let before = calls(&back);
    let mut mapped = Vec::new();
    pool.map(&refs, |index, page| mapped.push((index, page))).unwrap();
    assert_eq!(calls(&back) - before, 48 / MAX_PAGES as u64);
    assert!(mapped.iter().map(|(index, _)| *index).eq(0..48));
    for (index, value) in [(5, 0u32), (21, 1), (37, 2)] {
        assert_eq!(mapped[index].1.as_ref().read(0), Some(value));
    }
    mapped[22].1.as_ref().write(8, b"written").unwrap();
    assert_eq!(shared[1].as_ref().read(6 * PAGE_SIZE + 8), Some(*b"written"));
    let kept = mapped.swap_remove(40).1;
    let before = calls(&back);
    pool.unmap(mapped.into_iter().map(|(_, page)| page)).unwrap();
    assert_eq!(calls(&back) - before, 3);
    // It outlives its pool.
    drop(pool);
    assert_eq!(back.counters().maps - back.counters().unmaps, 1);
    drop(kept);
    assert!(shared.into_iter().all(|shared| shared.end_access().is_ok()));
    drop(grants);
    world.check().unwrap();
}

fn refused_references_spare_the_others(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let shared = grants.grant_writable(pages(&front, 2), back.id()).unwrap();
    let read_only = grants.grant_read_only(pages(&front, 1), back.id()).unwrap();
    let &[first, second] = shared.refs() else { panic!() };
    let mut pool = GrantMapPool::new(back.clone(), front.id());
    for (refs, expected) in [
        (vec![first, GrantRef(400), second], vec![0, 2]),
        (vec![GrantRef(400), first], vec![1]),
        (vec![GrantRef(400)], vec![]),
        (vec![first, read_only.reference()], vec![0]),
        (vec![first, first], vec![0, 1]),
        (vec![], vec![]),
    ] {
        let mut mapped = Vec::new();
        let result = pool.map(&refs, |index, page| mapped.push((index, page)));
        assert!(mapped.iter().map(|(index, _)| *index).eq(expected.iter().copied()), "{refs:?}");
        assert_eq!(result.is_ok(), expected.len() == refs.len(), "{result:?}");
        pool.unmap(mapped.into_iter().map(|(_, page)| page)).unwrap();
    }
    assert!(shared.end_access().is_ok() && read_only.end_access().is_ok());
    drop((pool, grants));
    world.check().unwrap();
}

fn pool_refuses_own_grants(version: Version) {
    let (_world, front, _back) = pair(4);
    let grants = table(&front, version);
    let shared = grants.grant_writable(pages(&front, 1), front.id()).unwrap();
    for owner in [front.id(), DomId::SELF] {
        let mut pool = GrantMapPool::new(front.clone(), owner);
        let refused = pool.map(shared.refs(), |_, page| panic!("{page:?}"));
        assert_eq!(refused, Err(MapError::OwnDomain(owner)));
    }
    assert!(shared.end_access().is_ok());
    drop(grants);
}

fn pool_reuses_its_frames(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let shared = grants.grant_writable(pages(&front, 16), back.id()).unwrap();
    let mut pool = GrantMapPool::new(back.clone(), front.id());
    for _ in 0..600 {
        let mut mapped = Vec::new();
        pool.map(shared.refs(), |_, page| mapped.push(page)).unwrap();
        pool.unmap(mapped).unwrap();
    }
    // Without a frame, those that were reserved for the batch are released.
    let mut held = Vec::new();
    let exhausted = loop {
        if let Err(error) = pool.map(shared.refs(), |_, page| held.push(page)) {
            break error;
        }
    };
    assert!(matches!(exhausted, MapError::Memory(_)), "{exhausted}");
    pool.unmap(held.drain(..16)).unwrap();
    pool.map(shared.refs(), |_, page| held.push(page)).unwrap();
    drop((held, pool));
    assert!(shared.end_access().is_ok());
    drop(grants);
    world.check().unwrap();
}

/// An interposer that makes the handles of some pages of a batch wrong.
struct Stuck(&'static [usize]);

impl Interpose for Stuck {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        if call.op == HYPERVISOR_GRANT_TABLE_OP && call.command() == GNTTABOP_UNMAP_GRANT_REF {
            for &page in self.0.iter().filter(|&&page| page < call.args[2]) {
                let first: *mut GnttabUnmapGrantRef =
                    std::ptr::with_exposed_provenance_mut(call.args[1]);
                // SAFETY: an element of the command's own list.
                unsafe { (*first.add(page)).handle = GrantHandle(0xffff) };
            }
        }
        None
    }
}

fn stuck_pages_lose_their_frames_alone(version: Version) {
    let (_world, front, back) = pair(4);
    let grants = table(&front, version);
    let shared = grants.grant_writable(pages(&front, 16), back.id()).unwrap();
    let interposed = Interposed::new(back.clone(), Arc::new(Stuck(&[3, 9])));
    let mut pool = GrantMapPool::new(interposed, front.id());
    let mut mapped = Vec::new();
    pool.map(shared.refs(), |_, page| mapped.push(page)).unwrap();
    let before = back.claims().lost_frames();
    let status = GrantStatus::BAD_HANDLE;
    assert_eq!(pool.unmap(mapped), Err(MapError::Stuck { status }));
    assert_eq!(back.claims().lost_frames() - before, 2);
    assert_eq!(back.counters().maps - back.counters().unmaps, 2);
    assert!(shared.end_access().is_err(), "pages that are mapped are deferred");
}

fn page_of_another_domain_is_unmapped(version: Version) {
    let (world, front, back) = pair(4);
    let (other_world, other_front, other) = pair(4);
    let map = |front: &Domain, back: &Domain, mapped: &mut Vec<MappedPage<Domain>>| {
        let grants = table(front, version);
        let shared = grants.grant_writable(pages(front, 2), back.id()).unwrap();
        let mut pool = GrantMapPool::new(back.clone(), front.id());
        pool.map(shared.refs(), |_, page| mapped.push(page)).unwrap();
        (pool, shared, grants)
    };
    let mut mapped = Vec::new();
    let (mut pool, shared, grants) = map(&front, &back, &mut mapped);
    let (other_pool, other_shared, other_grants) = map(&other_front, &other, &mut mapped);
    pool.unmap(mapped).unwrap();
    assert_eq!((back.counters().unmaps, other.counters().unmaps), (2, 2));
    assert!(shared.end_access().is_ok() && other_shared.end_access().is_ok());
    drop((pool, other_pool, grants, other_grants));
    world.check().unwrap();
    other_world.check().unwrap();
}

in_both_versions! {
    pages_are_mapped_in_batches
    refused_references_spare_the_others
    pool_refuses_own_grants
    pool_reuses_its_frames
    stuck_pages_lose_their_frames_alone
    page_of_another_domain_is_unmapped
}
