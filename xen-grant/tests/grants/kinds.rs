//! Sub-page, transitive and persistent grants, revoked write access, swapped references.

use crate::common::{in_both_versions, pages, pair, table};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use xen_grant::{
    CopyBatch, DeferredGrants, DmaBuffer, GrantError, GrantMapArea, InUse, MapError,
    PersistentGrants, ReadOnly, ReadWrite, Version,
};
use xen_hypercall::{DomId, Gfn, GrantRef, Mapped, PAGE_SIZE, Pages};
use xen_sim::{Call, Domain, DomainConfig, Interpose, Interposed};
use xen_sys::grant_table::{GrantFlags, GrantStatus};
use xen_sys::memory::{XENMAPIDX_GRANT_TABLE_STATUS, XENMEM_ADD_TO_PHYSMAP, XenAddToPhysmap};
use xen_sys::xen::HYPERVISOR_MEMORY_OP;

/// Copies `N` bytes out of a granted page.
fn fetch<const N: usize>(
    peer: &Domain,
    owner: DomId,
    reference: GrantRef,
    offset: usize,
) -> Result<[u8; N], GrantStatus> {
    let mut local = pages(peer, 1);
    let mut batch = CopyBatch::new(&mut local, owner);
    batch.copy_from_grant(reference, offset, 0, N).unwrap();
    status_of(batch.run())?;
    Ok(local.as_slice()[..N].try_into().unwrap())
}

/// Copies bytes into a granted page.
fn store(
    peer: &Domain,
    owner: DomId,
    reference: GrantRef,
    offset: usize,
    bytes: &[u8],
) -> Result<(), GrantStatus> {
    let mut local = pages(peer, 1);
    local.as_mut_slice()[..bytes.len()].copy_from_slice(bytes);
    let mut batch = CopyBatch::new(&mut local, owner);
    batch.copy_to_grant(0, reference, offset, bytes.len()).unwrap();
    status_of(batch.run())
}

fn status_of(result: Result<(), MapError>) -> Result<(), GrantStatus> {
    result.map_err(|error| match error {
        MapError::Refused { status, .. } => status,
        other => panic!("{other}"),
    })
}

#[test]
fn sub_page_grant_allows_copies_only() {
    let (world, front, back) = pair(4);
    let grants = table(&front, Version::V2);
    let mut page = pages(&front, 1);
    page.as_mut_slice()[..300].fill(b's');
    page.as_mut_slice()[100..110].copy_from_slice(b"0123456789");
    let shared = grants.grant_sub_page::<ReadWrite>(page, back.id(), 100, 10).unwrap();
    let fetch = |offset| fetch::<4>(&back, front.id(), shared.reference(), offset);
    assert_eq!((fetch(100), fetch(106)), (Ok(*b"0123"), Ok(*b"6789")));
    assert_eq!(
        (fetch(99), fetch(107)),
        (Err(GrantStatus::BAD_COPY_ARG), Err(GrantStatus::BAD_COPY_ARG))
    );
    let store = |offset| store(&back, front.id(), shared.reference(), offset, b"ab");
    assert_eq!((store(108), store(109)), (Ok(()), Err(GrantStatus::BAD_COPY_ARG)));
    let window = GrantMapArea::reserve(back.clone(), 1).unwrap();
    assert!(window.map::<ReadOnly>(front.id(), shared.refs()).is_err());
    let page = shared.end_access().unwrap();
    assert_eq!(&page.as_slice()[98..112], b"ss01234567abss");

    for (offset, len) in [(0, 0), (PAGE_SIZE, 1), (1, PAGE_SIZE), (usize::MAX, 2)] {
        let failed = grants
            .grant_sub_page::<ReadOnly>(pages(&front, 1), back.id(), offset, len)
            .unwrap_err();
        assert_eq!(failed.error, GrantError::Range { offset, len });
    }
    let whole = grants.grant_sub_page::<ReadOnly>(page, back.id(), 0, PAGE_SIZE).unwrap();
    assert_eq!(store_whole(&back, front.id(), whole.reference()), Err(GrantStatus::GENERAL_ERROR));
    drop(whole);
    drop(grants);
    world.check().unwrap();
}

fn store_whole(peer: &Domain, owner: DomId, reference: GrantRef) -> Result<(), GrantStatus> {
    store(peer, owner, reference, 0, &[7; PAGE_SIZE])
}

#[test]
fn transitive_grant_ends_with_either() {
    let (world, front, back) = pair(4);
    let third = world.create(DomainConfig::new("third"));
    let (ours, theirs) = (table(&front, Version::V2), table(&back, Version::V2));
    let mut page = pages(&front, 1);
    page.as_mut_slice()[..5].copy_from_slice(b"hello");
    let shared = ours.grant_writable(page, back.id()).unwrap();
    let passed =
        theirs.grant_transitive::<ReadOnly>(front.id(), shared.reference(), third.id()).unwrap();
    let writable =
        theirs.grant_transitive::<ReadWrite>(front.id(), shared.reference(), third.id()).unwrap();
    let fetch = |reference| fetch::<5>(&third, back.id(), reference, 0);
    let store = |reference| store(&third, back.id(), reference, 0, b"w");
    assert_eq!(fetch(passed.reference()), Ok(*b"hello"));
    assert!(store(passed.reference()).is_err() && store(writable.reference()).is_ok());
    let window = GrantMapArea::reserve(third.clone(), 1).unwrap();
    assert!(window.map::<ReadOnly>(back.id(), &[passed.reference()]).is_err(), "copies only");
    let (free, reference) = (theirs.free(), passed.reference());
    passed.end_access().unwrap();
    assert_eq!(theirs.free(), free + 1);
    assert!(fetch(reference).is_err() && fetch(writable.reference()).is_ok());
    assert_eq!(shared.end_access().unwrap().as_slice()[0], b'w');
    assert!(fetch(writable.reference()).is_err());
    drop(writable);
    drop((ours, theirs));
    world.check().unwrap();
}

/// An interposer that records the place of the frame of states.
#[derive(Default)]
struct States(AtomicU64);

impl Interpose for States {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        if call.op == HYPERVISOR_MEMORY_OP && call.command() == XENMEM_ADD_TO_PHYSMAP {
            let argument = core::ptr::with_exposed_provenance::<XenAddToPhysmap>(call.args[1]);
            // SAFETY: the caller's structure lives for the time of the call.
            let place = unsafe { argument.read() };
            if place.idx & XENMAPIDX_GRANT_TABLE_STATUS != 0 {
                self.0.store(place.gpfn, Relaxed);
            }
        }
        None
    }
}

#[test]
fn transitive_grant_in_use_is_deferred() {
    let (_world, front, back) = pair(4);
    let found = Arc::new(States::default());
    let platform = Interposed::new(front.clone(), found.clone());
    let grants = table(&platform, Version::V2);
    let passed = grants.grant_transitive::<ReadOnly>(DomId(9), GrantRef(8), back.id()).unwrap();
    let (free, reference) = (grants.free(), passed.reference());
    let gfn = Gfn(found.0.load(Relaxed));
    // SAFETY: the frame is the one with the states, which are reached by atomics only.
    let states = unsafe { Mapped::map(front, gfn, 1) }.unwrap();
    let state = states.as_ref().u16_at(reference.0 as usize * 2).unwrap();
    // As Xen has it during a copy.
    state.store(GrantFlags::READING.bits(), Relaxed);
    assert_eq!(passed.end_access(), Err(InUse { reference }));
    assert_eq!((grants.retry_deferred().waiting, grants.free()), (1, free));
    state.store(0, Relaxed);
    assert_eq!((grants.retry_deferred().waiting, grants.free()), (0, free + 1));
}

fn write_access_in_use_stays(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let shared = grants.grant_writable(pages(&front, 3), back.id()).unwrap();
    let refs = shared.refs().to_vec();
    let window = GrantMapArea::reserve(back.clone(), 1).unwrap();
    let mapping = window.map::<ReadOnly>(front.id(), &refs[1..2]).unwrap();
    // One of three is in use, so none changes.
    let shared = shared.into_read_only().unwrap_err();
    for &reference in &refs {
        store(&back, front.id(), reference, 0, b"x").unwrap();
    }
    drop(mapping);
    let shared = shared.into_read_only().unwrap();
    assert_eq!(shared.refs(), refs);
    for &reference in &refs {
        assert_eq!(store(&back, front.id(), reference, 0, b"y"), Err(GrantStatus::GENERAL_ERROR));
        assert_eq!(fetch(&back, front.id(), reference, 0), Ok(*b"x"));
    }
    drop(shared.end_access().unwrap());
    drop(grants);
    world.check().unwrap();
}

fn swapped_references_swap_their_pages(version: Version) {
    let (world, front, back) = pair(4);
    let third = world.create(DomainConfig::new("third"));
    let grants = table(&front, version);
    let filled = |byte: u8| -> Pages<Domain> {
        let mut page = pages(&front, 1);
        page.as_mut_slice().fill(byte);
        page
    };
    let mut a = grants.grant_writable(filled(b'a'), back.id()).unwrap();
    let mut b = grants.grant_read_only(filled(b'b'), third.id()).unwrap();
    let (first, second) = (a.reference(), b.reference());
    a.swap_grant_ref(&mut b).unwrap();
    assert_eq!((a.reference(), b.reference()), (second, first));
    assert_eq!((a.peer(), b.peer()), (Some(back.id()), Some(third.id())));
    assert_eq!(fetch(&back, front.id(), second, 9), Ok(*b"a"));
    assert_eq!(fetch(&third, front.id(), first, 9), Ok(*b"b"));
    assert!(fetch::<1>(&back, front.id(), first, 0).is_err());

    let window = GrantMapArea::reserve(third.clone(), 1).unwrap();
    let mapping = window.map::<ReadOnly>(front.id(), b.refs()).unwrap();
    let refused = MapError::Refused { reference: second, status: GrantStatus::EAGAIN };
    assert_eq!(a.swap_grant_ref(&mut b), Err(refused));
    assert_eq!((a.reference(), b.reference()), (second, first));
    let mut two = grants.grant_writable(pages(&front, 2), back.id()).unwrap();
    assert_eq!(a.swap_grant_ref(&mut two), Err(MapError::Count { found: 2, room: 1 }));
    drop(mapping);
    assert_eq!(a.end_access().unwrap().as_slice()[0], b'a');
    assert_eq!(b.end_access().unwrap().as_slice()[0], b'b');
    drop(two);
    drop(grants);
    world.check().unwrap();
}

fn persistent_pages_stay_mapped(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let free = grants.free();
    let mut pool = PersistentGrants::new(&grants, back.id(), 4).unwrap();
    assert!(pool.alloc(1).is_none());
    pool.grow(9).unwrap();
    assert_eq!((pool.len(), pool.idle(), grants.free()), (4, 4, free - 4));
    let taken = pool.alloc(4).unwrap();
    assert!(pool.alloc(1).is_none());
    let refs: Vec<_> = pool.iter(&taken).map(|(reference, _)| reference).collect();
    let area = GrantMapArea::reserve(back.clone(), 4).unwrap();
    let mapping = area.map::<ReadWrite>(front.id(), &refs).unwrap();
    pool.free(taken);
    for round in 1..4u8 {
        let [two, one] = [2, 1].map(|count| pool.alloc(count).unwrap());
        for (reference, memory) in pool.iter(&two).chain(pool.iter(&one)) {
            let page = refs.iter().position(|&other| other == reference).unwrap();
            memory.write(100, &[round; 50]).unwrap();
            let seen = mapping.as_ref().read::<[u8; 50]>(page * PAGE_SIZE + 100);
            assert_eq!(seen, Some([round; 50]));
        }
        pool.free(one);
        pool.free(two);
        assert_eq!((pool.idle(), grants.free()), (4, free - 4));
    }
    drop(pool);
    assert_eq!(grants.deferred(), DeferredGrants { waiting: 4, lost: 0 }, "the peer maps them");
    drop(mapping);
    assert_eq!(grants.retry_deferred(), DeferredGrants::default());
    assert_eq!(grants.free(), free);
    drop(grants);
    world.check().unwrap();
}

fn dma_buffer_is_granted_once(version: Version) {
    let (world, front, back) = pair(4);
    let other = world.create(DomainConfig::new("other"));
    let grants = table(&front, version);
    let free = grants.free();
    let mut buffer = DmaBuffer::alloc(front.clone(), 3).unwrap();
    assert_eq!((buffer.count(), buffer.refs().count()), (3, 0));
    buffer.as_ref().copy_from(4000, &[7; 200]).unwrap();
    buffer.grant(&grants, back.id(), 1).unwrap();
    let refs: Vec<_> = buffer.refs().collect();
    buffer.grant(&grants, back.id(), 1).unwrap();
    assert!(buffer.refs().eq(refs.iter().copied()));
    assert_eq!(grants.free(), free - 3);
    let area = GrantMapArea::reserve(back.clone(), 3).unwrap();
    let mapping = area.map::<ReadWrite>(front.id(), &refs).unwrap();
    assert_eq!(mapping.as_ref().read(4000), Some([7u8; 200]));
    // Another connection, to the same peer and then to another one: the content moves.
    for (peer, connection) in [(back.id(), 2), (other.id(), 2)] {
        buffer.grant(&grants, peer, connection).unwrap();
        mapping.as_ref().copy_from(4000, &[9; 200]).unwrap();
        assert_eq!(buffer.as_ref().read(4000), Some([7u8; 200]));
        assert!(buffer.refs().all(|reference| !refs.contains(&reference)));
        assert_eq!(grants.deferred(), DeferredGrants { waiting: 1, lost: 0 });
    }
    drop(mapping);
    assert_eq!(grants.retry_deferred(), DeferredGrants::default());
    let foreign = table(&other, version);
    assert_eq!(buffer.grant(&foreign, back.id(), 1), Err(GrantError::OtherDomain));
    assert!(DmaBuffer::alloc(front.clone(), 65).is_err());
    drop(buffer);
    assert_eq!(grants.free(), free);
    drop((grants, foreign));
    world.check().unwrap();
}

in_both_versions! {
    write_access_in_use_stays
    swapped_references_swap_their_pages
    persistent_pages_stay_mapped
    dma_buffer_is_granted_once
}
