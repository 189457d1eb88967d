//! Grants of frames that the caller owns.

use crate::common::{in_both_versions, pages, pair, per_frame, table};
use core::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use xen_grant::{
    Access, DeferredGrants, FrameGrants, GrantError, GrantMapArea, GrantMapping, GrantTable, InUse,
    MAX_FRAMES, MapError, OwnedFrames, ReadOnly, ReadWrite, Version,
};
use xen_hypercall::ops::sched::{SuspendOutcome, suspend};
use xen_hypercall::{Claims, DomId, Gfn, GrantRef, PAGE_SIZE, Pages, SharedPages};
use xen_sim::{Domain, DomainConfig, World};

/// Returns memory of a driver, which is not `Pages`.
fn buffer(domain: &Domain, count: usize) -> SharedPages<Domain> {
    pages(domain, count).into_shared()
}

fn frames(buffer: &SharedPages<Domain>, range: Range<usize>) -> Vec<Gfn> {
    range.map(|index| buffer.gfn(index).unwrap()).collect()
}

fn grant<A: Access>(
    grants: &GrantTable<Domain>,
    frames: &[Gfn],
    peer: DomId,
) -> Result<FrameGrants<Domain>, GrantError> {
    // SAFETY: the tests keep each buffer to their end and reach it through atomics.
    unsafe { grants.grant_frames::<A>(frames.iter().copied(), peer) }
}

fn map<A: Access>(
    peer: &Domain,
    owner: DomId,
    refs: &[GrantRef],
) -> Result<GrantMapping<Domain, A>, MapError> {
    let area = GrantMapArea::reserve(peer.clone(), refs.len()).unwrap();
    area.map(owner, refs).map_err(|failed| failed.error)
}

fn each_frame_has_its_reference(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let buffer = buffer(&front, 5);
    // Every other reference is in use, so those of the frames are not consecutive.
    let mut singles: Vec<_> =
        (0..16).map(|_| grants.grant_read_only(pages(&front, 1), back.id()).unwrap()).collect();
    let mut index = 0;
    singles.retain(|_| {
        index += 1;
        index % 2 == 0
    });
    let free = grants.free();
    let list: Vec<_> = [4, 0, 2].iter().map(|&index| buffer.gfn(index).unwrap()).collect();
    let granted = grant::<ReadWrite>(&grants, &list, back.id()).unwrap();
    let refs: Vec<_> = granted.refs().collect();
    assert_eq!(refs, [8, 10, 12].map(GrantRef));
    let mapping = map::<ReadWrite>(&back, front.id(), &refs).unwrap();
    for (number, index) in [4, 0, 2].into_iter().enumerate() {
        mapping.as_ref().write(number * PAGE_SIZE + 8, &(index as u32)).unwrap();
    }
    let found = |index| buffer.as_ref().read::<u32>(index * PAGE_SIZE + 8);
    assert_eq!([0, 1, 2, 3, 4].map(found), [0, 0, 2, 0, 4].map(Some));
    drop(mapping);
    assert_eq!((granted.end_access(), grants.free()), (Ok(()), free));
    assert!(map::<ReadOnly>(&back, front.id(), &refs).is_err());
    drop((singles, buffer, grants));
    world.check().unwrap();
}

fn read_only_frame_cannot_be_written(version: Version) {
    let (_world, front, back) = pair(4);
    let grants = table(&front, version);
    let buffer = buffer(&front, 1);
    let granted = grant::<ReadOnly>(&grants, &frames(&buffer, 0..1), back.id()).unwrap();
    let refs: Vec<_> = granted.refs().collect();
    assert!(map::<ReadWrite>(&back, front.id(), &refs).is_err());
    assert!(map::<ReadOnly>(&back, front.id(), &refs).is_ok());
}

fn frame_in_use_is_deferred(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let buffer = buffer(&front, 3);
    let free = grants.free();
    for by_drop in [false, true] {
        let granted = grant::<ReadWrite>(&grants, &frames(&buffer, 0..3), back.id()).unwrap();
        let reference = granted.refs().nth(1).unwrap();
        let mapping = map::<ReadWrite>(&back, front.id(), &[reference]).unwrap();
        if by_drop {
            drop(granted);
        } else {
            assert_eq!(granted.end_access(), Err(InUse { reference }));
        }
        assert_eq!(grants.retry_deferred(), DeferredGrants { waiting: 1, lost: 0 });
        assert_eq!(grants.free(), free - 1, "the other two references are free");
        drop(mapping);
        assert_eq!(grants.retry_deferred(), DeferredGrants::default());
        assert_eq!(grants.free(), free);
    }
    drop((grants, buffer));
    world.check().unwrap();
}

fn full_table_grants_no_frame(version: Version) {
    let (world, front, back) = pair(1);
    let grants = table(&front, version);
    let buffer = buffer(&front, MAX_FRAMES);
    let all = frames(&buffer, 0..MAX_FRAMES);
    // All but one group, and of that all but three references.
    let mut held: Vec<_> = (0..per_frame(version) / MAX_FRAMES - 1)
        .map(|_| grant::<ReadOnly>(&grants, &all, back.id()).unwrap())
        .collect();
    held.push(grant::<ReadOnly>(&grants, &all[..56 - 3], back.id()).unwrap());
    assert_eq!(grants.free(), 3);
    let failed = grant::<ReadOnly>(&grants, &all[..4], back.id());
    assert_eq!(failed.unwrap_err(), GrantError::Exhausted { frames: 1 });
    assert_eq!(grants.free(), 3);
    held.push(grant::<ReadOnly>(&grants, &all[..3], back.id()).unwrap());
    assert_eq!(grants.free(), 0);
    let refs: std::collections::BTreeSet<_> =
        held.iter().flat_map(|granted| granted.refs().map(|reference| reference.0)).collect();
    assert!(refs.into_iter().eq(8..per_frame(version) as u32));
    assert!(held.into_iter().all(|granted| granted.end_access().is_ok()));
    drop((grants, buffer));
    world.check().unwrap();
}

fn table_grows_for_frames(version: Version) {
    let (_world, front, back) = pair(2);
    let grants = table(&front, version);
    let buffer = buffer(&front, MAX_FRAMES);
    let all = frames(&buffer, 0..MAX_FRAMES);
    let groups = 2 * per_frame(version) / MAX_FRAMES - 1;
    let grant = || grant::<ReadOnly>(&grants, &all, back.id());
    let held: Vec<_> = (0..groups).map(|_| grant().unwrap()).collect();
    assert_eq!(grant().unwrap_err(), GrantError::Exhausted { frames: 2 });
    drop(held);
    assert_eq!(grants.free() as usize, 2 * per_frame(version) - 8);
}

fn unfit_frames_are_refused(version: Version) {
    let (_world, front, back) = pair(4);
    let grants = table(&front, version);
    let buffer = buffer(&front, MAX_FRAMES + 1);
    let free = grants.free();
    let many = frames(&buffer, 0..MAX_FRAMES + 1);
    let found = grant::<ReadOnly>(&grants, &many, back.id()).unwrap_err();
    assert_eq!(found, GrantError::TooManyFrames { found: MAX_FRAMES + 1 });
    let none = grant::<ReadOnly>(&grants, &[], back.id()).unwrap();
    assert_eq!((none.refs().count(), grants.free()), (0, free));
    none.end_access().unwrap();
    let high = [many[0], Gfn(1 << 32)];
    match grant::<ReadOnly>(&grants, &high, back.id()) {
        Ok(granted) => assert_eq!((version, granted.refs().count()), (Version::V2, 2)),
        Err(error) => {
            assert_eq!((version, error), (Version::V1, GrantError::FrameTooHigh(Gfn(1 << 32))));
        }
    }
    assert_eq!(grants.free(), free);
}

/// A list of frames that panics at its end, unless it is a clone.
#[derive(Debug)]
struct Panics<'f>(core::slice::Iter<'f, Gfn>, bool);

impl Clone for Panics<'_> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), false)
    }
}

impl Iterator for Panics<'_> {
    type Item = Gfn;

    fn next(&mut self) -> Option<Gfn> {
        let next = self.0.next().copied();
        assert!(!self.1 || next.is_some(), "the list ends");
        next
    }
}

fn panic_of_iterator_ends_grants(version: Version) {
    let (_world, front, back) = pair(4);
    let grants = table(&front, version);
    let buffer = buffer(&front, 2);
    let (all, free) = (frames(&buffer, 0..2), grants.free());
    let list = Panics(all.iter(), true);
    // SAFETY: as in `grant`.
    let attempt = || unsafe { grants.grant_frames::<ReadOnly>(list, back.id()).map(drop) };
    assert!(catch_unwind(AssertUnwindSafe(attempt)).is_err());
    assert_eq!(grants.free(), free);
    let refs: Vec<_> = (8..10).map(GrantRef).collect();
    assert!(refs.iter().all(|&one| map::<ReadOnly>(&back, front.id(), &[one]).is_err()));
}

fn frame_grants_end_after_migration(version: Version) {
    let (from, to) = (World::new(1), World::new(2));
    let guest = from.create_guest(DomainConfig::new("guest"));
    let peer = from.create(DomainConfig::new("peer"));
    let grants = table(&guest, version);
    let buffer = buffer(&guest, 6);
    let free = grants.free();
    let [used, deferred] = [0..3, 3..6]
        .map(|range| grant::<ReadWrite>(&grants, &frames(&buffer, range), peer.id()).unwrap());
    let mappings = [&used, &deferred].map(|granted| {
        map::<ReadWrite>(&peer, guest.id(), &granted.refs().collect::<Vec<_>>()).unwrap()
    });
    assert!(deferred.end_access().is_err());
    let (id, second) = (guest.id(), to.clone());
    from.suspend(id, move |world| drop(second.restore(world.save(id), None)));
    // SAFETY: no other vCPU runs, and the table is resumed before it is used.
    assert_eq!(unsafe { suspend(&guest) }, Ok(SuspendOutcome::Resumed));
    grants.resume().unwrap();
    assert_eq!(grants.deferred(), DeferredGrants::default());
    assert_eq!((used.end_access(), grants.free()), (Ok(()), free));
    drop(mappings);
    drop((grants, buffer));
    to.check().unwrap();
}

fn owned_buffer_returns_after_the_end(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let mut buffer = pages(&front, 3);
    buffer.as_mut_slice()[2 * PAGE_SIZE..][..5].copy_from_slice(b"hello");
    let granted = grants.grant_owned::<ReadWrite, _>(buffer, back.id()).unwrap();
    let refs: Vec<_> = granted.refs().collect();
    let mapping = map::<ReadWrite>(&back, front.id(), &refs).unwrap();
    assert_eq!(mapping.as_ref().read::<[u8; 5]>(2 * PAGE_SIZE), Some(*b"hello"));
    mapping.as_ref().write(PAGE_SIZE, b"world").unwrap();
    drop(mapping);
    assert_eq!(granted.end_access().unwrap().as_slice()[PAGE_SIZE..][..5], *b"world");
    let foreign = grants.grant_owned::<ReadOnly, _>(pages(&back, 1), back.id());
    assert_eq!(foreign.unwrap_err().0, GrantError::OtherDomain);
    let many = grants.grant_owned::<ReadOnly, _>(pages(&front, MAX_FRAMES + 1), back.id());
    let (error, buffer) = many.unwrap_err();
    assert_eq!(error, GrantError::TooManyFrames { found: MAX_FRAMES + 1 });
    assert_eq!(buffer.count(), MAX_FRAMES + 1);
    drop((buffer, grants));
    world.check().unwrap();
}

/// A buffer that is leaked if the peer still uses it.
#[derive(Debug)]
struct Leaked(Pages<Domain>);

// SAFETY: the frames are those of the pages, which the value owns.
unsafe impl OwnedFrames for Leaked {
    type Platform = Domain;

    fn claims(&self) -> &Claims {
        self.0.claims()
    }

    fn frames(&self) -> impl Iterator<Item = Gfn> + Clone {
        self.0.frames()
    }
}

fn owned_buffer_in_use_is_leaked(version: Version) {
    let (_world, front, back) = pair(4);
    let grants = table(&front, version);
    for by_drop in [false, true] {
        let buffer = Leaked(pages(&front, 2));
        let granted = grants.grant_owned::<ReadWrite, _>(buffer, back.id()).unwrap();
        let reference = granted.refs().nth(1).unwrap();
        let mapping = map::<ReadWrite>(&back, front.id(), &[reference]).unwrap();
        if by_drop {
            drop(granted);
        } else {
            assert_eq!(granted.end_access().unwrap_err(), InUse { reference });
        }
        let rest: Vec<_> = core::iter::from_fn(|| Pages::alloc(front.clone(), 1).ok()).collect();
        mapping.as_ref().write(0, b"late").unwrap();
        assert!(rest.iter().all(|page| page.as_slice()[..4] == [0; 4]), "none is its page");
        drop(mapping);
        assert_eq!(grants.retry_deferred(), DeferredGrants::default());
    }
}

fn owned_pages_in_use_are_deferred(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    let before = front.counters();
    let granted = grants.grant_owned::<ReadWrite, _>(pages(&front, 2), back.id()).unwrap();
    let reference = granted.refs().nth(1).unwrap();
    let mapping = map::<ReadWrite>(&back, front.id(), &[reference]).unwrap();
    assert_eq!(granted.end_access().unwrap_err(), InUse { reference });
    assert_eq!(grants.retry_deferred(), DeferredGrants { waiting: 1, lost: 0 });
    assert_eq!(front.counters().pages_freed, before.pages_freed);
    drop(mapping);
    assert_eq!(grants.retry_deferred(), DeferredGrants::default());
    // With them goes the page of the list.
    assert_eq!(front.counters().pages_freed, before.pages_freed + 3);
    drop(grants);
    world.check().unwrap();
}

fn owned_prefix_grants_its_frames_only(version: Version) {
    let (world, front, back) = pair(4);
    let grants = table(&front, version);
    for (count, expected) in [(0, 0), (1, 1), (2, 2), (3, 3)] {
        let free = grants.free();
        let buffer = pages(&front, 3);
        let granted = grants.grant_owned_prefix::<ReadOnly, _>(buffer, count, back.id()).unwrap();
        assert_eq!((granted.refs().count() as u32, free - grants.free()), (expected, expected));
        assert_eq!(granted.end_access().unwrap().count(), 3);
        assert_eq!(grants.free(), free);
    }
    for expected in [4, usize::MAX] {
        let refused =
            grants.grant_owned_prefix::<ReadOnly, _>(pages(&front, 3), expected, back.id());
        let (error, buffer) = refused.unwrap_err();
        assert_eq!(error, GrantError::TooFewFrames { found: 3, expected });
        assert_eq!(buffer.count(), 3);
    }
    let many = || pages(&front, MAX_FRAMES + 1);
    assert!(grants.grant_owned_prefix::<ReadOnly, _>(many(), MAX_FRAMES, back.id()).is_ok());
    drop(grants);
    world.check().unwrap();
}

in_both_versions! {
    owned_prefix_grants_its_frames_only
    owned_buffer_returns_after_the_end
    owned_pages_in_use_are_deferred
    owned_buffer_in_use_is_leaked
    each_frame_has_its_reference
    read_only_frame_cannot_be_written
    frame_in_use_is_deferred
    full_table_grants_no_frame
    table_grows_for_frames
    unfit_frames_are_refused
    panic_of_iterator_ends_grants
    frame_grants_end_after_migration
}
